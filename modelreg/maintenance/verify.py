"""Verify a whole registry: check the catalog, the journal and every blob (consistency.py has the comparisons)."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from modelreg.domain.references import Digest, ModelName, Reference
from modelreg.domain.registries import Finding
from modelreg.domain.runs import LoggedModel
from modelreg.domain.versions import ModelFile, ModelVersion
from modelreg.errors import BlobDamaged, CatalogDamaged, ModelNotFound
from modelreg.maintenance.consistency import (
    count_older_blobs,
    find_emptied_catalog,
    find_journal_problems,
    find_logged_model_differences,
    find_manifest_differences,
)
from modelreg.store.artifacts.blobs import BlobStore
from modelreg.store.artifacts.copying import Advance, Progress, counting
from modelreg.store.artifacts.manifest import Manifest
from modelreg.store.catalog.reader import CatalogReader
from modelreg.store.folder import RegistryFolder


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What to verify besides the catalog and the journal."""

    references: tuple[Reference, ...] | None
    """The versions whose bytes are read; None for all."""
    head: tuple[int, str] | None
    """Number and hash of an entry that the journal must contain."""


def verify(folder: RegistryFolder, request: VerifyRequest, progress: Progress | None) -> Iterator[Finding]:
    """Yield everything that is wrong with the catalog, the journal, and the versions' bytes.

    The catalog is closed before the bytes are read, so that writers do not wait; only pruning does.
    """
    with folder.preventing_pruning():
        versions: list[tuple[ModelName, set[int] | None]] = []
        logged_models: list[LoggedModel] = []
        findings: list[Finding] = []
        size = 0
        try:
            with folder.catalog.reading() as catalog:
                problems = catalog.integrity_problems()
                if not problems:
                    versions = _select_versions(catalog, request)
                    logged_models = [] if request.references is not None else list(catalog.runs.models())
                    findings = _verify_catalog(folder, catalog, request.head)
                    size = catalog.storage.size_of_files()
        except CatalogDamaged as damage:
            yield Finding("catalog", None, damage.message)
            return
        yield from (Finding("catalog", None, problem) for problem in problems)
        yield from findings
        yield from (Finding("artifacts", None, problem) for problem in folder.artifacts.layout_problems())
        advance = counting(progress, size) if progress and request.references is None else None
        checker = _BytesChecker(folder.artifacts, advance)
        for name, numbers in versions:
            yield from _verify_model(folder, name, numbers, checker)
        for model in logged_models:
            yield from checker.verify_logged_model(model)
        if request.references is None and not problems:
            with folder.catalog.reading() as catalog:
                count = count_older_blobs(catalog, dict(folder.artifacts.stored()), checker.needed)
            if count:
                problem = f"{count} unreferenced stored files are older than it: it may belong to another registry"
                yield Finding("catalog", None, problem)


def _verify_catalog(folder: RegistryFolder, catalog: CatalogReader, head: tuple[int, str] | None) -> list[Finding]:
    findings = [*find_journal_problems(catalog), *find_emptied_catalog(catalog, folder.artifacts)]
    if head is not None and not catalog.journal.has_entry(*head):
        problem = f"entry {head[0]} does not have the expected hash: the journal was cut off or rewritten"
        findings.append(Finding("journal", None, problem))
    return findings


def _select_versions(catalog: CatalogReader, request: VerifyRequest) -> list[tuple[ModelName, set[int] | None]]:
    """The models whose bytes are read, with the version numbers; None for all versions."""
    if request.references is None:
        return [(model.name, None) for model in catalog.models()]
    return [(reference.name, {catalog.number(reference)}) for reference in request.references]


def _verify_model(
    folder: RegistryFolder, name: ModelName, numbers: set[int] | None, checker: _BytesChecker
) -> Iterator[Finding]:
    try:
        with folder.catalog.reading() as catalog:
            versions = catalog.versions(name)
    except ModelNotFound:  # deleted meanwhile
        return
    except CatalogDamaged as damage:
        yield Finding(name, None, damage.message)
        return
    for version in versions:
        if numbers is None or version.version in numbers:
            yield from checker.verify_version(version)


class _BytesChecker:
    """Checks manifests, configs and files; reads each file's blob once, however many versions have it."""

    def __init__(self, store: BlobStore, advance: Advance | None) -> None:
        self._store = store
        self._advance = advance
        self._problems: dict[Digest, str | None] = {}
        self.needed: set[Digest] = set()
        """The digests of all checked blobs, and of the blobs in their manifests."""

    def verify_version(self, version: ModelVersion) -> Iterator[Finding]:
        manifest = yield from self._verify_files(version)
        if manifest is not None:
            yield from find_manifest_differences(version, manifest)

    def verify_logged_model(self, model: LoggedModel) -> Iterator[Finding]:
        """Check the file of a run's model."""
        manifest = yield from self._verify_files(model)
        if manifest is not None:
            yield from find_logged_model_differences(model, manifest)

    def _verify_files(self, version: ModelVersion | LoggedModel) -> Generator[Finding, None, Manifest | None]:
        """Yield the problems of the blobs; returns the manifest, or None if it is damaged."""
        manifest = None
        self.needed |= {version.digest, *(file.digest for file in version.files)}
        try:
            manifest = self._store.manifest(version)
            self.needed |= {manifest.config, *(file.digest for file in manifest.files)}
            problem = self._store.problem(ModelFile("config", manifest.config, manifest.config_size))
            if problem is not None:
                yield Finding(version.reference, None, f"its config is {problem}")
        except BlobDamaged as damage:
            yield Finding(version.reference, None, f"its manifest is {damage.problem}")
        for file in version.files:
            if file.digest not in self._problems:
                self._problems[file.digest] = self._store.problem(file, advance=self._advance)
            problem = self._problems[file.digest]
            if problem is not None:
                yield Finding(version.reference, file.path, f"is {problem}")
        return manifest
