"""How a model's files become a version: copied, recognised, published, and only then written into the catalog."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, fields, replace
from pathlib import Path

from modelreg.analysis.scan import scan
from modelreg.domain.references import Digest, DigestPrefix, ModelName, Reference
from modelreg.domain.registrations import RecognisedModel, Registration
from modelreg.domain.scans import Scan, Verdict
from modelreg.domain.stages import Stage
from modelreg.domain.statements import Statement
from modelreg.domain.versions import READY, REFERENCE, ModelFile, ModelVersion
from modelreg.errors import BlobDamaged, UnsafeModel, VersionNotFound
from modelreg.lifecycle.promotion import carry_out, decide, promoting
from modelreg.lifecycle.rules.transitions import Terms
from modelreg.loading.flavors import recognise
from modelreg.loading.trust import honoured, to_be_moved, trustable
from modelreg.registration import provenance
from modelreg.store.artifacts.blobs import StagedFiles
from modelreg.store.artifacts.copying import Progress, counting
from modelreg.store.artifacts.manifest import LARGEST_FOR_REGISTRIES, Facts, config_content, manifest_content
from modelreg.store.artifacts.source import Source
from modelreg.store.catalog.writer import CatalogWriter, NewVersion
from modelreg.store.folder import RegistryFolder

_REFERENCE = RecognisedModel("reference", "reference")
_TOLD = 3  # findings in a note; 'show' has all
_MEANINGS = {
    Verdict.UNKNOWN: "loading it requires --trust full",
    Verdict.UNREADABLE: "not scanned to its end: loading it requires --trust full",
    Verdict.DANGEROUS: "it runs code when it is loaded: loading it requires --trust full",
}


@dataclass(frozen=True, slots=True)
class RegistrationRequest:
    """What is to be registered, and under which name."""

    name: ModelName
    source: Source
    statement: Statement
    origin: str
    """Where it came from, for the version's ``source``."""
    allow_unsafe: str | None
    """Why it is registered although it is dangerous to load; None refuses that."""
    new_version: bool
    """Whether a version with the same digest is no reason not to make another."""
    expected: tuple[ModelFile, ...] | None = None
    """What the files must be, when they come from a registry; None for any."""
    location: str | None = None
    """Where the files are, when they are not to be stored; there are none in ``source`` then."""


@dataclass(frozen=True, slots=True)
class PublishedFiles:
    """A model's files, on disk under their digests, and what was found out about them."""

    digest: Digest
    files: tuple[ModelFile, ...]
    described: RecognisedModel
    scan: Scan | None
    """None for files that are not here."""
    manifest: bytes


def publish(receipt: StagedFiles, root: Path, facts: Facts, *, allow_unsafe: bool) -> PublishedFiles:
    """Recognise received files, look through them, and store them with their manifest; raises `UnsafeModel`.

    ``root`` is what the error calls them.
    """
    described, found = _REFERENCE, None
    if facts.location is None:
        contents = receipt.contents()
        described = recognise(contents, facts.is_folder)
        found = scan(contents, facts.is_folder, described.format)
    if found and found.verdict is Verdict.DANGEROUS and not allow_unsafe:
        raise UnsafeModel(root, found.findings)
    files = tuple(receipt.files)
    config = config_content(files)
    manifest = manifest_content(config, files, facts)
    receipt.add("config", config)
    digest = receipt.add("manifest", manifest)
    receipt.publish()
    return PublishedFiles(digest, files, described, found, manifest)


def register(home: RegistryFolder, request: RegistrationRequest, progress: Progress | None) -> Registration:
    """Store the files and add the version; `Registry.register` says what is raised.

    The order is what makes it safe: every byte is on disk under its digest before the catalog names it, and the
    catalog's commit is the one moment at which the version comes to be. Cleaning is kept away throughout.
    """
    source, statement = request.source, request.statement
    facts = Facts(source.is_folder, statement.signature, statement.metrics, statement.params, request.location)
    with home.catalog.reading() as catalog:
        catalog.refuse_name(request.name)  # before gigabytes are copied for nothing
        for alias in statement.aliases:
            catalog.refuse_alias(alias)
    advance = progress and counting(progress, source.size)
    with home.ingesting(), home.artifacts.receiving(source.files, advance) as receipt:
        _require_expected(receipt, request)
        published = publish(receipt, source.root, facts, allow_unsafe=request.allow_unsafe is not None)
        described, found = published.described, published.scan
        observed = provenance.observe(request.origin, statement.run_id or described.run_id, described.libraries)
        new = NewVersion(
            digest=published.digest,
            files=published.files,
            described=described,
            scan=found,
            signature=statement.signature or described.signature,
            metrics=facts.metrics,
            params=facts.params,
            tags=statement.tags,
            description=statement.description or "",
            provenance=observed,
            status=READY if request.location is None else REFERENCE,
        )
        with promoting(home, statement.message) as change:
            require_published(receipt, request.name)
            with change.savepoint():
                version, created = _find_or_add(change, request, new)
                displaced = _apply(change, request, version)
            notes = *observed.notes, *described.notes, *scan_notes(found, change), *_size_notes(published.manifest)
            return _registration(change.version(version), created, notes, displaced)


def require_published(receipt: StagedFiles, name: str) -> None:
    """Nothing may have taken the files away since they were published; raises `BlobDamaged`."""
    for path in receipt.missing():
        raise BlobDamaged(name, path, "gone from the store again")


def _require_expected(receipt: StagedFiles, request: RegistrationRequest) -> None:
    for found, expected in zip(receipt.files, request.expected or receipt.files, strict=True):
        if found != expected:
            problem = "damaged: its bytes are not those that were registered"
            raise BlobDamaged(request.origin, found.path, problem, "nothing was registered")


def _find_or_add(change: CatalogWriter, request: RegistrationRequest, new: NewVersion) -> tuple[Reference, bool]:
    number = None if request.new_version else _find(change, request.name, new.digest)
    if number is None:
        return Reference(request.name, add_version(change, request.name, new, request.allow_unsafe)), True
    reference = Reference(request.name, number)
    known, statement = change.version(reference), request.statement
    if statement.description not in (None, known.description):
        change.describe(request.name, number, statement.description or "")
    if not statement.tags.items() <= known.tags.items():
        change.tag(request.name, number, statement.tags)
    return reference, False


def add_version(
    change: CatalogWriter, name: ModelName, new: NewVersion, allow_unsafe: str | None, number: int | None = None
) -> int:
    """Add a version, whose verdict is that of what is trusted now; returns its number, which is ``number`` if given."""
    if new.scan is None:
        return change.add_version(name, new, number=number)
    known = replace(new, scan=new.scan.trusting(honoured(change.trusted_names())))
    why = allow_unsafe if new.scan.verdict is Verdict.DANGEROUS else None
    return change.add_version(name, known, why, number)


def _find(change: CatalogWriter, name: ModelName, digest: Digest) -> int | None:
    """The highest version of the model with this digest."""
    if not change.has_model(name):
        return None
    try:
        return change.number(Reference(name, DigestPrefix(digest)))
    except VersionNotFound:
        return None


def _apply(change: CatalogWriter, request: RegistrationRequest, reference: Reference) -> int | None:
    """Give the version its aliases and its stage, by the rules of a transition; returns which one left Production."""
    known = change.version(reference)
    for alias in request.statement.aliases:
        if alias not in known.aliases:
            change.set_alias(request.name, alias, known.version)
    if request.statement.stage is None:
        return None
    room = Stage.ARCHIVED if request.statement.archive_existing else None
    terms = Terms(request.statement.stage, room)
    transition = decide(change, Reference(request.name, known.version), terms)
    carry_out(change, transition)
    displaced = [each.version for each in transition.changes if each.from_stage is Stage.PRODUCTION]
    return displaced[0] if displaced and displaced != [known.version] else None


def _registration(version: ModelVersion, created: bool, notes: tuple[str, ...], displaced: int | None) -> Registration:
    values = {field.name: getattr(version, field.name) for field in fields(version)}
    return Registration(**values, created=created, notes=notes, displaced=displaced)


def scan_notes(scan: Scan | None, change: CatalogWriter) -> tuple[str, ...]:
    """What whoever registers should know of the verdict."""
    if scan is None:
        return ()
    trusted = honoured(change.trusted_names())
    scan = scan.trusting(trusted)
    scan = replace(scan, imports=tuple(each for each in scan.imports if not scan.trusts(each, trusted)))
    if scan.verdict is Verdict.SAFE:
        return ()
    if names := trustable(scan):
        return (f"loading it requires: modelreg trust add {shlex.join(names)}",)
    if code := to_be_moved(scan.imports):
        return (f"no other program can load it: define {', '.join(code)} in a module that can be imported",)
    more = len(scan.findings) - _TOLD
    others = f"; and {more} more" if more > 0 else ""
    return (f"{_MEANINGS[scan.verdict]}: {'; '.join(scan.findings[:_TOLD])}{others}",)


def _size_notes(manifest: bytes) -> tuple[str, ...]:
    if len(manifest) <= LARGEST_FOR_REGISTRIES:
        return ()
    return (f"its manifest has {len(manifest)} bytes: more than the 4 MiB that OCI registries take",)
