"""Verification: reads everything, changes nothing, and yields what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from modelreg.artifacts.blobs import BlobStore
from modelreg.artifacts.copying import Advance, Progress, counting
from modelreg.artifacts.manifest import Manifest
from modelreg.catalog.snapshot import Snapshot
from modelreg.errors import BlobDamaged, CatalogDamaged, ModelNotFound, shown
from modelreg.home import Home
from modelreg.lifecycle.journal import State, Values, broken_links, replay
from modelreg.records.inspection import Finding
from modelreg.records.version import ModelFile, ModelVersion
from modelreg.references import ModelName, Reference
from modelreg.signatures import signature_as_json


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What is to be checked besides the catalog and the journal."""

    references: tuple[Reference, ...] | None
    """The versions whose bytes are read; None for all."""
    head: tuple[int, str] | None
    """The number and hash of a journal entry that there was at some time."""


def verify(home: Home, request: VerifyRequest, progress: Progress | None) -> Iterator[Finding]:
    """Check the catalog by SQLite's own means, the journal against the catalog, and versions' bytes.

    The catalog is let go before the bytes are read, so nobody waits for that but who cleans.
    """
    with home.keeping_still():
        try:
            with home.catalog.reading() as catalog:
                problems = catalog.integrity_problems()
                chosen = [] if problems else _chosen(catalog, request)
                findings = [] if problems else [*_check_journal(catalog), *_check_head(catalog, request.head)]
                size = 0 if problems else catalog.size_of_files()
        except CatalogDamaged as damage:
            yield Finding("catalog", None, damage.message)
            return
        yield from (Finding("catalog", None, problem) for problem in problems)
        yield from findings
        yield from (Finding("artifacts", None, problem) for problem in home.artifacts.layout_problems())
        advance = counting(progress, size) if progress and request.references is None else None
        bytes_check = _BytesCheck(home.artifacts, advance)
        for name, numbers in chosen:
            yield from _check_model(home, name, numbers, bytes_check)


def _chosen(catalog: Snapshot, request: VerifyRequest) -> list[tuple[ModelName, set[int] | None]]:
    """The models to be read, with the numbers of the versions; None for all."""
    if request.references is None:
        return [(model.name, None) for model in catalog.models()]
    return [(each.name, {catalog.number(each)}) for each in request.references]


def _check_head(catalog: Snapshot, head: tuple[int, str] | None) -> Iterator[Finding]:
    if head is not None and not catalog.has_entry(*head):
        yield Finding("journal", None, f"entry {head[0]} is not the one that was expected: it was cut off or rewritten")


def _check_journal(catalog: Snapshot) -> Iterator[Finding]:
    if catalog.journal_head() is None and catalog.counts() == (0, 0):
        return  # of a registry that was just made nobody has told anything
    told, unclear = replay(catalog.journal())  # read twice rather than kept whole
    for seq, problem in (*broken_links(catalog.journal()), *unclear):
        yield Finding("journal", None, f"entry {seq} {problem}")
    yield from _compare(told, catalog.state())


def _check_model(home: Home, name: ModelName, numbers: set[int] | None, bytes_check: _BytesCheck) -> Iterator[Finding]:
    try:
        with home.catalog.reading() as catalog:
            versions = catalog.versions(name)
    except ModelNotFound:  # deleted meanwhile
        return
    except CatalogDamaged as damage:
        yield Finding(name, None, damage.message)
        return
    for version in versions:
        if numbers is None or version.version in numbers:
            yield from bytes_check.of(version)


def _compare(told: State, found: State) -> Iterator[Finding]:
    for model in sorted(told.models.keys() | found.models.keys()):
        yield from _compare_values(_name(model, told, found), told.models.get(model), found.models.get(model))
    for key in sorted(told.versions.keys() | found.versions.keys()):
        reference = f"{_name(key[0], told, found)}/{key[1]}"
        yield from _compare_values(reference, told.versions.get(key), found.versions.get(key))
    for gate in sorted(told.gates.keys() | found.gates.keys()):
        yield from _compare_values(f"gate {gate}", told.gates.get(gate), found.gates.get(gate))
    for what in ("evaluations", "approvals"):
        kept, present = getattr(told, what), getattr(found, what)
        for bound in sorted(kept.keys() | present.keys()):
            model, digest, key = bound
            subject = f"{_name(model, told, found)}: {what.removesuffix('s')} {shown(key)} of {digest[:19]}"
            yield from _compare_values(subject, kept.get(bound), present.get(bound))
    for name in sorted(told.trusted.keys() | found.trusted.keys()):
        yield from _compare_values(f"trusted name {'.'.join(name)}", told.trusted.get(name), found.trusted.get(name))
    for what, meaning in _WHOLE.items():
        if getattr(told, what) != getattr(found, what):
            yield Finding("catalog", None, f"{meaning} are not what the journal tells")


_WHOLE = {
    "settings": "the settings",
    "migrations": "the steps of the schema",
    "counters": "the counters of numbers that are never given out again",
    "retired": "the counters of deleted models",
    "runs": "the runs",
}


def _name(model: int, told: State, found: State) -> str:
    values = found.models.get(model) or told.models.get(model) or {}
    return str(values.get("name", f"model {model}"))


def _compare_values(subject: str, told: Values | None, found: Values | None) -> Iterator[Finding]:
    if told is None or found is None:
        where, elsewhere = ("journal", "catalog") if found is None else ("catalog", "journal")
        yield Finding(subject, None, f"is in the {where} and not in the {elsewhere}")
        return
    for field in sorted(told.keys() | found.keys()):
        if told.get(field) != found.get(field):
            yield Finding(
                subject, None, f"{field} is {found.get(field)!r} in the catalog and {told.get(field)!r} in the journal"
            )


class _BytesCheck:
    """Reads what versions' digests cover, and every blob once."""

    def __init__(self, store: BlobStore, advance: Advance | None) -> None:
        self._store = store
        self._advance = advance
        self._known: dict[str, str | None] = {}

    def of(self, version: ModelVersion) -> Iterator[Finding]:
        """What is wrong with the files of one version."""
        try:
            manifest = self._store.manifest(version)
        except BlobDamaged as damage:
            yield Finding(version.reference, None, f"its manifest is {damage.problem}")
        else:
            yield from _check_against_manifest(version, manifest)
            yield from _check_config(self._store, version, manifest)
        for file in version.files:
            if file.digest not in self._known:
                self._known[file.digest] = self._store.problem(file, advance=self._advance)
            problem = self._known[file.digest]
            if problem is not None:
                yield Finding(version.reference, file.path, f"is {problem}")


def _check_against_manifest(version: ModelVersion, manifest: Manifest) -> Iterator[Finding]:
    facts = manifest.facts
    stated: Iterable[tuple[str, object, object]] = (
        ("files", sorted(manifest.files, key=_by_path), sorted(version.files, key=_by_path)),
        ("size", sum(file.size for file in manifest.files), version.size),
        ("metrics", facts["metrics"], dict(version.metrics)),
        ("params", facts["params"], dict(version.params)),
    )
    for what, registered, found in stated:
        if registered != found:
            yield Finding(version.reference, None, f"its {what} in the catalog are not those of its manifest")
    signature = version.signature and signature_as_json(version.signature)
    if facts["signature"] not in (None, signature):
        yield Finding(version.reference, None, "its signature in the catalog is not that of its manifest")


def _check_config(store: BlobStore, version: ModelVersion, manifest: Manifest) -> Iterator[Finding]:
    problem = store.problem(ModelFile("config", manifest.config, manifest.config_size))
    if problem is not None:
        yield Finding(version.reference, None, f"its config is {problem}")


def _by_path(file: ModelFile) -> str:
    return file.path
