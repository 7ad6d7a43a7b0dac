"""Cleaning: versions that nobody needs by the rules that were given, and bytes that no version refers to.

A plan is made, and carried out only if it is still the same under the locks. Rows go first, in one transaction, and
bytes after its commit: a kill in between leaves bytes that the next cleaning takes.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from modelreg.domain.garbage import GarbageCandidate, GracePeriod
from modelreg.domain.pruning import PruneCandidate, PrunedBytes, Pruning, RetentionDecision
from modelreg.domain.references import Digest, ModelName
from modelreg.domain.registries import Finding
from modelreg.errors import CatalogDamaged, PruneInterrupted, shown
from modelreg.lifecycle.rules.tenures import needed_versions
from modelreg.maintenance.consistency import journal_findings, loss_findings, older_blobs
from modelreg.maintenance.retention import Retention, decide_fates
from modelreg.store.actor import current_actor
from modelreg.store.artifacts.blobs import BlobStore
from modelreg.store.artifacts.checkout import StaleCheckouts, find_stale_checkouts, remove_checkouts
from modelreg.store.artifacts.copying import digest_of_bytes
from modelreg.store.artifacts.manifest import Manifest, config_content
from modelreg.store.catalog import swap
from modelreg.store.catalog.reader import CatalogReader
from modelreg.store.folder import RegistryFolder
from modelreg.system import interrupts


@dataclass(frozen=True, slots=True)
class PruneRequest:
    """What is to be cleaned."""

    glob: str | None
    """The models to which the retention is limited."""
    retention: Retention
    grace: timedelta
    """How long bytes are kept after they were written: somebody may be about to need them."""
    moment: datetime
    """When it is asked for: the same moment for the plan and the work."""
    agreed: frozenset[str] | None
    """The versions that may be removed at all, by reference; None where nobody was asked."""

    @property
    def command(self) -> str:
        """The rules as somebody would write them: ``prune 'churn*' --keep-last 3``."""
        return shlex.join(["prune", *([] if self.glob is None else [self.glob]), *self.retention.options])


@dataclass(frozen=True, slots=True)
class _Plan:
    """A cleaning, and where its bytes are."""

    pruning: Pruning
    blobs: list[GarbageCandidate]
    """With old temporaries among them."""
    checkouts: list[GarbageCandidate]
    catalogs: list[GarbageCandidate]

    @property
    def removed(self) -> list[RetentionDecision]:
        return [fate for fate in self.pruning.versions if fate.removed]


def plan(home: RegistryFolder, request: PruneRequest) -> Pruning:
    """What `prune` would do now; raises `CatalogDamaged` when the catalog cannot be believed."""
    return _plan(home, request).pruning


def prune(home: RegistryFolder, request: PruneRequest, message: str | None) -> Pruning:
    """Clean; `Registry.prune` says what is raised. Without ``message`` the journal says by which rules."""
    why = request.command if message is None else message
    with home.pruning():
        while True:
            planned = _plan(home, request)
            if not planned.removed:
                break
            with home.catalog.writing(current_actor(), why) as change:
                is_current = tuple(_fates(change, request)) == planned.pruning.versions
                for fate in planned.removed if is_current else ():
                    change.delete_version(fate.name, fate.version)
            interrupts.allow_interrupts()  # Ctrl-C may end what follows: the same command goes on with it
            if is_current:  # else somebody moved, named or deleted a version just now
                break
        _remove_bytes(home, planned)
    return replace(planned.pruning, dry_run=False)


def _plan(home: RegistryFolder, request: PruneRequest) -> _Plan:
    """The catalog is let go before the disk is looked at, so nobody waits for that."""
    with home.catalog.reading() as catalog:
        refuse_unbelievable(catalog)
        _refuse_lost(home, catalog)
        fates = _fates(catalog, request)
        removed = {(fate.name, fate.version) for fate in fates if fate.removed}
        present = catalog.storage.manifest_digests()
        manifests, files = catalog.storage.manifest_digests(removed), catalog.storage.file_digests(removed)
    blobs = dict(home.artifacts.stored())
    _refuse_catalog_of_other_blobs(home, present, blobs)
    needed = manifests | files | _named_by(home, manifests)
    _refuse_older_blobs(home, blobs, needed)
    return _sorted_out(
        GracePeriod.at(request.moment, request.grace),
        fates,
        [leftover for digest, leftover in blobs.items() if digest not in needed],
        home.artifacts.temporaries(),
        find_stale_checkouts(home.path / "checkouts", manifests),
        swap.find_temporaries(home.catalog.path),
    )


def refuse_unbelievable(catalog: CatalogReader, outcome: str = "nothing was deleted") -> None:
    """Raise `CatalogDamaged` unless the catalog may be believed when it says which bytes are needed."""
    problems = catalog.integrity_problems()
    for finding in [Finding("catalog", None, each) for each in problems] or journal_findings(catalog):
        subject = "" if finding.subject == "catalog" else f"{finding.subject}: "
        raise CatalogDamaged(
            f"the catalog is damaged: {subject}{finding.problem}; {outcome}",
            "'modelreg verify' shows everything that is damaged, 'modelreg restore' brings a backup back",
        )


def _refuse_lost(home: RegistryFolder, catalog: CatalogReader) -> None:
    for finding in loss_findings(catalog, home.artifacts):
        raise CatalogDamaged(
            f"{shown(str(home.catalog.path))} is damaged: {finding.problem}; nothing was deleted",
            "put the right catalog there: 'modelreg restore' brings a backup back",
        )


def _refuse_catalog_of_other_blobs(home: RegistryFolder, manifests: set[Digest], stored: Collection[Digest]) -> None:
    """Raise when most versions have no manifest there: then the catalog is hardly that of these blobs."""
    missing = sum(digest not in stored for digest in manifests)
    if 2 * missing > len(manifests):
        raise CatalogDamaged(
            f"{missing} of {len(manifests)} manifests that {shown(str(home.catalog.path))} names are not in the store, "
            "so it may be the catalog of other files; nothing was deleted",
            "put the right catalog there: 'modelreg restore' brings a backup back",
        )


def _refuse_older_blobs(
    home: RegistryFolder, blobs: Mapping[Digest, GarbageCandidate], needed: Container[Digest]
) -> None:
    """Raise for a catalog that was put beside blobs of another one, all of which would go."""
    with home.catalog.reading() as catalog:
        count = older_blobs(catalog, blobs, needed)
    if count:
        raise CatalogDamaged(
            f"{count} stored files that no version refers to are older than {shown(str(home.catalog.path))}, so it may "
            "be the catalog of other files; nothing was deleted",
            "put the right catalog there: 'modelreg restore' brings a backup back",
        )


def _fates(catalog: CatalogReader, request: PruneRequest) -> list[RetentionDecision]:
    if not request.retention.is_given:
        return []
    candidates = list(catalog.storage.prune_candidates(request.glob))
    needed = {name: _needed_versions(catalog, name) for name in _names(candidates)}
    return decide_fates(candidates, request.retention, request.moment, needed, request.agreed)


def _names(candidates: Iterable[PruneCandidate]) -> Iterable[ModelName]:
    return dict.fromkeys(candidate.name for candidate in candidates)


def _needed_versions(catalog: CatalogReader, name: ModelName) -> dict[int, str]:
    entries = catalog.journal.into_production(name)
    stages = catalog.stages(name, {entry.version for entry in entries if entry.version is not None})
    return needed_versions(name, entries, stages)


def _named_by(home: RegistryFolder, manifests: Iterable[Digest]) -> set[Digest]:
    """The configs and files that manifests name; where one is damaged, the config that its version must have had."""
    store, named = home.artifacts, set()
    for digest in manifests:
        manifest = _manifest(store, digest)
        if manifest is not None:
            named.add(manifest.config)
            named.update(file.digest for file in manifest.files)
            continue
        with home.catalog.reading() as catalog:
            named.update(digest_of_bytes(config_content(each.files)) for each in catalog.storage.versions(digest))
            named.update(digest_of_bytes(config_content(each.files)) for each in catalog.runs.models(digest))
    return named


def _manifest(store: BlobStore, digest: Digest) -> Manifest | None:
    try:
        content = store.read(digest)
        return Manifest.parse(content) if digest_of_bytes(content) == digest else None
    except (OSError, ValueError):
        return None


def _sorted_out(
    patience: GracePeriod,
    fates: Sequence[RetentionDecision],
    blobs: Iterable[GarbageCandidate],
    temporaries: Iterable[GarbageCandidate],
    checkouts: StaleCheckouts,
    catalogs: Iterable[GarbageCandidate],
) -> _Plan:
    old_blobs, young_blobs = patience.divide(blobs)
    old_temporaries, young_temporaries = patience.divide(temporaries)
    old_folders, young_folders = patience.divide(checkouts.unfinished)
    old_catalogs, young_catalogs = patience.divide(catalogs)
    old_checkouts = checkouts.stale + old_folders
    young = "are younger than the grace time"
    rows = [
        _row("blobs", True, old_blobs, "are of no version"),
        _row("blobs", False, young_blobs, f"are of no version, and {young}"),
        _row("temporaries", True, old_temporaries, "were left by killed processes"),
        _row("temporaries", False, young_temporaries, young),
        _row("checkouts", True, old_checkouts, "are of no version, or were left by killed processes"),
        _row("checkouts", False, young_folders, young),
        _row("checkouts", False, checkouts.foreign, "are of no version, and belong to other users"),
        _row("catalog temporaries", True, old_catalogs, "were left by killed processes"),
        _row("catalog temporaries", False, young_catalogs, young),
    ]
    pruning = Pruning(
        dry_run=True,
        versions=tuple(fates),
        bytes=tuple(row for row in rows if row.removed or row.count),
        removed=sum(fate.removed for fate in fates),
        freed=sum(row.size for row in rows if row.removed),
    )
    return _Plan(pruning, old_blobs + old_temporaries, old_checkouts, old_catalogs)


def _row(kind: str, removed: bool, leftovers: Sequence[GarbageCandidate], reason: str) -> PrunedBytes:
    return PrunedBytes(kind, removed, len(leftovers), sum(each.size for each in leftovers), reason)


def _remove_bytes(home: RegistryFolder, planned: _Plan) -> None:
    try:
        home.artifacts.remove(planned.blobs)
        remove_checkouts(planned.checkouts)
        swap.remove_temporaries(planned.catalogs)
    except OSError as error:
        if planned.removed:
            raise PruneInterrupted(error, home.path) from error
        raise
