"""Register a model: copy its files, recognise the format, scan, store, and then add the version to the catalog."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, fields, replace
from pathlib import Path

from modelreg.analysis.scan import scan
from modelreg.domain.facts import Facts
from modelreg.domain.metadata import VersionMetadata
from modelreg.domain.references import Digest, DigestPrefix, ModelName, Reference
from modelreg.domain.registrations import RecognisedModel, Registration
from modelreg.domain.scans import Scan, Verdict
from modelreg.domain.stages import Stage
from modelreg.domain.versions import READY, REFERENCE, ModelFile, ModelVersion
from modelreg.errors import BlobDamaged, UnsafeModel, VersionNotFound
from modelreg.lifecycle.promotion import apply_transition, plan_gated_transition, writing_with_gates
from modelreg.lifecycle.rules.transitions import TransitionRequest
from modelreg.loading.flavors import recognise
from modelreg.loading.trust import filter_trusted, find_trustable, find_unimportable
from modelreg.registration.provenance import collect_provenance
from modelreg.store.artifacts.blobs import StagedFiles
from modelreg.store.artifacts.copying import Progress, counting
from modelreg.store.artifacts.manifest import LARGEST_FOR_REGISTRIES, config_content, manifest_content
from modelreg.store.artifacts.source import Source
from modelreg.store.catalog.writer import CatalogWriter, NewVersion
from modelreg.store.folder import RegistryFolder

_REFERENCE = RecognisedModel("reference", "reference")
_MOST_FINDINGS = 3  # in a note; 'show' lists all
_MEANINGS = {
    Verdict.UNKNOWN: "loading it requires --trust full",
    Verdict.UNREADABLE: "not scanned completely; loading it requires --trust full",
    Verdict.DANGEROUS: "it runs code when it is loaded; loading it requires --trust full",
}


@dataclass(frozen=True, slots=True)
class RegistrationRequest:
    """A registration: the files, the facts and metadata, and the name."""

    name: ModelName
    source: Source
    facts: Facts
    metadata: VersionMetadata
    origin: str
    """The version's ``source``."""
    allow_unsafe: str | None
    """The reason for registering dangerous files; None refuses them."""
    new_version: bool
    """Whether to add a version even if one has the same digest."""
    expected: tuple[ModelFile, ...] | None = None
    """The expected files, when they come from a registry; None for any."""


@dataclass(frozen=True, slots=True)
class PublishedFiles:
    """A model's stored files, with the results of recognition and scan."""

    digest: Digest
    files: tuple[ModelFile, ...]
    described: RecognisedModel
    scan: Scan | None
    """None for a reference."""
    manifest: bytes


def publish(staged: StagedFiles, root: Path, facts: Facts, *, allow_unsafe: bool) -> PublishedFiles:
    """Recognise, scan and store staged files with their manifest; raises `UnsafeModel`, which names ``root``."""
    described, scan_result = _REFERENCE, None
    if facts.location is None:
        contents = staged.contents()
        described = recognise(contents, facts.is_folder)
        scan_result = scan(contents, facts.is_folder, described.format)
    if scan_result and scan_result.verdict is Verdict.DANGEROUS and not allow_unsafe:
        raise UnsafeModel(root, scan_result.findings)
    files = tuple(staged.files)
    config = config_content(files)
    manifest = manifest_content(config, files, facts)
    staged.add("config", config)
    digest = staged.add("manifest", manifest)
    staged.publish()
    return PublishedFiles(digest, files, described, scan_result, manifest)


def register(folder: RegistryFolder, request: RegistrationRequest, progress: Progress | None) -> Registration:
    """Store the files and add the version; `Registry.register` documents the errors.

    Every byte is on disk under its digest before the catalog refers to it, and the version exists from the moment of
    the catalog's commit. Pruning is locked out meanwhile.
    """
    source, facts, metadata = request.source, request.facts, request.metadata
    with folder.catalog.reading() as catalog:
        catalog.check_name(request.name)  # before copying gigabytes
        for alias in metadata.aliases:
            catalog.check_alias(alias)
    advance = progress and counting(progress, source.size)
    with folder.ingesting(), folder.artifacts.receiving(source.files, advance) as staged:
        _check_expected(staged, request)
        published = publish(staged, source.root, facts, allow_unsafe=request.allow_unsafe is not None)
        described, scan_result = published.described, published.scan
        provenance = collect_provenance(request.origin, metadata.run_id or described.run_id, described.libraries)
        new = NewVersion(
            digest=published.digest,
            files=published.files,
            described=described,
            scan=scan_result,
            facts=replace(facts, signature=facts.signature or described.signature),
            tags=metadata.tags,
            description=metadata.description or "",
            provenance=provenance,
            status=READY if facts.location is None else REFERENCE,
        )
        with writing_with_gates(folder, metadata.message) as writer:
            check_published(staged, request.name)
            with writer.savepoint():
                version, created = _find_or_add(writer, request, new)
                displaced = _apply_metadata(writer, request, version)
            notes = (
                *provenance.notes,
                *described.notes,
                *scan_notes(scan_result, writer),
                *_describe_size(published.manifest),
            )
            return _build_registration(writer.version(version), created, notes, displaced)


def check_published(staged: StagedFiles, name: str) -> None:
    """Raise `BlobDamaged` if a stored file was removed meanwhile."""
    for path in staged.missing():
        raise BlobDamaged(name, path, "missing from the store")


def _check_expected(staged: StagedFiles, request: RegistrationRequest) -> None:
    for file, expected in zip(staged.files, request.expected or staged.files, strict=True):
        if file != expected:
            problem = "damaged: its bytes are not those that were registered"
            raise BlobDamaged(request.origin, file.path, problem, "nothing was registered")


def _find_or_add(writer: CatalogWriter, request: RegistrationRequest, new: NewVersion) -> tuple[Reference, bool]:
    number = None if request.new_version else _find_by_digest(writer, request.name, new.digest)
    if number is None:
        return Reference(request.name, add_version(writer, request.name, new, request.allow_unsafe)), True
    reference = Reference(request.name, number)
    existing, metadata = writer.version(reference), request.metadata
    if metadata.description not in (None, existing.description):
        writer.describe(request.name, number, metadata.description or "")
    if not metadata.tags.items() <= existing.tags.items():
        writer.tag(request.name, number, metadata.tags)
    return reference, False


def add_version(
    writer: CatalogWriter, name: ModelName, new: NewVersion, allow_unsafe: str | None, number: int | None = None
) -> int:
    """Add a version, judged with the names trusted now; returns its number, which is ``number`` if given."""
    if new.scan is None:
        return writer.add_version(name, new, number=number)
    judged = replace(new, scan=new.scan.trusting(filter_trusted(writer.trusted_names())))
    reason = allow_unsafe if new.scan.verdict is Verdict.DANGEROUS else None
    return writer.add_version(name, judged, reason, number)


def _find_by_digest(writer: CatalogWriter, name: ModelName, digest: Digest) -> int | None:
    """Find the highest version of the model with this digest."""
    if not writer.has_model(name):
        return None
    try:
        return writer.number(Reference(name, DigestPrefix(digest)))
    except VersionNotFound:
        return None


def _apply_metadata(writer: CatalogWriter, request: RegistrationRequest, reference: Reference) -> int | None:
    """Set aliases and stage of the version, like a transition; returns the version displaced from Production."""
    version = writer.version(reference)
    for alias in request.metadata.aliases:
        if alias not in version.aliases:
            writer.set_alias(request.name, alias, version.version)
    if request.metadata.stage is None:
        return None
    move_existing = Stage.ARCHIVED if request.metadata.archive_existing else None
    transition_request = TransitionRequest(request.metadata.stage, move_existing)
    transition = plan_gated_transition(writer, Reference(request.name, version.version), transition_request)
    apply_transition(writer, transition)
    displaced = [change.version for change in transition.changes if change.from_stage is Stage.PRODUCTION]
    return displaced[0] if displaced and displaced != [version.version] else None


def _build_registration(
    version: ModelVersion, created: bool, notes: tuple[str, ...], displaced: int | None
) -> Registration:
    values = {field.name: getattr(version, field.name) for field in fields(version)}
    return Registration(**values, created=created, notes=notes, displaced=displaced)


def scan_notes(scan: Scan | None, writer: CatalogWriter) -> tuple[str, ...]:
    """Describe a verdict other than safe, with the command that allows loading."""
    if scan is None:
        return ()
    trusted = filter_trusted(writer.trusted_names())
    scan = scan.trusting(trusted)
    scan = replace(scan, imports=tuple(imported for imported in scan.imports if not scan.trusts(imported, trusted)))
    if scan.verdict is Verdict.SAFE:
        return ()
    if names := find_trustable(scan):
        return (f"loading it requires: modelreg trust add {shlex.join(names)}",)
    if code := find_unimportable(scan.imports):
        return (f"no other program can load it: define {', '.join(code)} in an importable module",)
    hidden_count = len(scan.findings) - _MOST_FINDINGS
    rest = f"; and {hidden_count} more" if hidden_count > 0 else ""
    return (f"{_MEANINGS[scan.verdict]}: {'; '.join(scan.findings[:_MOST_FINDINGS])}{rest}",)


def _describe_size(manifest: bytes) -> tuple[str, ...]:
    if len(manifest) <= LARGEST_FOR_REGISTRIES:
        return ()
    return (f"the manifest has {len(manifest)} bytes; OCI registries accept 4 MiB",)
