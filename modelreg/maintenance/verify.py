"""Verification: reads everything, changes nothing, and yields what is wrong."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from modelreg.domain.references import Digest, ModelName, Reference
from modelreg.domain.registries import Finding
from modelreg.domain.runs import LoggedModel
from modelreg.domain.versions import ModelFile, ModelVersion
from modelreg.errors import BlobDamaged, CatalogDamaged, ModelNotFound
from modelreg.maintenance.consistency import (
    journal_findings,
    logged_findings,
    loss_findings,
    manifest_findings,
    older_blobs,
)
from modelreg.store.artifacts.blobs import BlobStore
from modelreg.store.artifacts.copying import Advance, Progress, counting
from modelreg.store.artifacts.manifest import Manifest
from modelreg.store.catalog.reader import CatalogReader
from modelreg.store.folder import RegistryFolder


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What is to be checked besides the catalog and the journal."""

    references: tuple[Reference, ...] | None
    """The versions whose bytes are read; None for all."""
    head: tuple[int, str] | None
    """The number and hash of a journal entry that there was at some time."""


def verify(home: RegistryFolder, request: VerifyRequest, progress: Progress | None) -> Iterator[Finding]:
    """Check the catalog by SQLite's own means, the journal against the catalog, and versions' bytes.

    The catalog is let go before the bytes are read, so nobody waits for that but who cleans.
    """
    with home.preventing_pruning():
        try:
            with home.catalog.reading() as catalog:
                problems = catalog.integrity_problems()
                chosen = [] if problems else _chosen(catalog, request)
                logged = [] if problems or request.references is not None else list(catalog.runs.models())
                findings = [] if problems else _catalog_findings(home, catalog, request.head)
                size = 0 if problems else catalog.storage.size_of_files()
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
        for model in logged:
            yield from bytes_check.of_logged(model)
        if request.references is None and not problems:
            yield from _foreign_blobs(home, bytes_check.needed)


def _foreign_blobs(home: RegistryFolder, needed: set[Digest]) -> Iterator[Finding]:
    with home.catalog.reading() as catalog:
        count = older_blobs(catalog, dict(home.artifacts.stored()), needed)
    if count:
        problem = f"{count} stored files that no version refers to are older than it: it may be that of other files"
        yield Finding("catalog", None, problem)


def _catalog_findings(home: RegistryFolder, catalog: CatalogReader, head: tuple[int, str] | None) -> list[Finding]:
    found = [*journal_findings(catalog), *loss_findings(catalog, home.artifacts)]
    return [*found, *_check_head(catalog, head)]


def _chosen(catalog: CatalogReader, request: VerifyRequest) -> list[tuple[ModelName, set[int] | None]]:
    """The models to be read, with the numbers of the versions; None for all."""
    if request.references is None:
        return [(model.name, None) for model in catalog.models()]
    return [(each.name, {catalog.number(each)}) for each in request.references]


def _check_head(catalog: CatalogReader, head: tuple[int, str] | None) -> Iterator[Finding]:
    if head is not None and not catalog.journal.has_entry(*head):
        yield Finding("journal", None, f"entry {head[0]} is not the one that was expected: it was cut off or rewritten")


def _check_model(
    home: RegistryFolder, name: ModelName, numbers: set[int] | None, bytes_check: _BytesCheck
) -> Iterator[Finding]:
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


class _BytesCheck:
    """Reads what versions' digests cover, and every blob once."""

    def __init__(self, store: BlobStore, advance: Advance | None) -> None:
        self._store = store
        self._advance = advance
        self._known: dict[Digest, str | None] = {}
        self.needed: set[Digest] = set()
        """The digests that were looked at, and those that manifests name."""

    def of(self, version: ModelVersion) -> Iterator[Finding]:
        """What is wrong with the files of one version."""
        manifest = yield from self._of(version)
        if manifest is not None:
            yield from manifest_findings(version, manifest)

    def of_logged(self, model: LoggedModel) -> Iterator[Finding]:
        """What is wrong with the file of a run's model."""
        manifest = yield from self._of(model)
        if manifest is not None:
            yield from logged_findings(model, manifest)

    def _of(self, version: ModelVersion | LoggedModel) -> Generator[Finding, None, Manifest | None]:
        """The manifest, where it is sound."""
        manifest = None
        self.needed |= {version.digest, *(file.digest for file in version.files)}
        try:
            manifest = self._store.manifest(version)
            self.needed |= {manifest.config, *(file.digest for file in manifest.files)}
            yield from _check_config(self._store, version, manifest)
        except BlobDamaged as damage:
            yield Finding(version.reference, None, f"its manifest is {damage.problem}")
        for file in version.files:
            if file.digest not in self._known:
                self._known[file.digest] = self._store.problem(file, advance=self._advance)
            problem = self._known[file.digest]
            if problem is not None:
                yield Finding(version.reference, file.path, f"is {problem}")
        return manifest


def _check_config(store: BlobStore, version: ModelVersion | LoggedModel, manifest: Manifest) -> Iterator[Finding]:
    problem = store.problem(ModelFile("config", manifest.config, manifest.config_size))
    if problem is not None:
        yield Finding(version.reference, None, f"its config is {problem}")
