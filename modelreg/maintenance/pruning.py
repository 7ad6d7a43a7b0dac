"""Prune a registry: remove versions by retention rules, and files that no version refers to.

The plan is made without locks and made again in the write transaction; versions are removed only if both are equal.
Versions are deleted first, in one transaction, and files after its commit. If the process is killed in between, the
next prune removes the files.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from modelreg.domain.garbage import GarbageCandidate, GracePeriod
from modelreg.domain.pruning import PrunedBytes, Pruning, RetentionDecision
from modelreg.domain.references import Digest
from modelreg.errors import CatalogDamaged, OperationInterrupted, shown
from modelreg.lifecycle.rules.production_history import find_rollback_versions
from modelreg.maintenance.consistency import check_catalog, count_older_blobs, find_emptied_catalog
from modelreg.maintenance.retention import Retention, decide_retention
from modelreg.store.actor import current_actor
from modelreg.store.artifacts.blobs import BlobStore
from modelreg.store.artifacts.checkout import StaleCheckouts, find_stale_checkouts, remove_checkouts
from modelreg.store.artifacts.copying import digest_of_bytes
from modelreg.store.artifacts.manifest import Manifest, config_content
from modelreg.store.catalog import swap
from modelreg.store.catalog.reader import CatalogReader
from modelreg.store.folder import RegistryFolder
from modelreg.system import interrupts

_RESTORE = "put the right catalog there, or restore a backup: modelreg restore FOLDER"


@dataclass(frozen=True, slots=True)
class PruneRequest:
    """What to prune."""

    glob: str | None
    """Pattern of the models to which the retention rules apply; None for all."""
    retention: Retention
    grace: timedelta
    """How long unneeded files are kept, because a running process may be about to use them."""
    moment: datetime
    """The time of the request, from which ages are counted; the same for the plan and the prune."""
    agreed: frozenset[str] | None
    """References of the versions that the user confirmed; None if nobody was asked."""

    @property
    def command(self) -> str:
        """The retention rules as a command line: ``prune 'churn*' --keep-last 3``."""
        return shlex.join(["prune", *([] if self.glob is None else [self.glob]), *self.retention.options])


@dataclass(frozen=True, slots=True)
class _Plan:
    """A planned prune with the files to remove."""

    pruning: Pruning
    blobs: list[GarbageCandidate]
    """With expired temporaries."""
    checkouts: list[GarbageCandidate]
    catalogs: list[GarbageCandidate]
    """Expired temporaries of the catalog."""

    @property
    def removed_versions(self) -> list[RetentionDecision]:
        return [decision for decision in self.pruning.versions if decision.removed]


def plan(folder: RegistryFolder, request: PruneRequest) -> Pruning:
    """Plan a prune, for a dry run; raises `CatalogDamaged`."""
    return _plan(folder, request).pruning


def prune(folder: RegistryFolder, request: PruneRequest, message: str | None) -> Pruning:
    """Prune the registry; `Registry.prune` lists the errors.

    The journal entries have ``message``, or the retention rules if it is None.
    """
    with folder.pruning():
        while True:
            planned = _plan(folder, request)
            if not planned.removed_versions:
                break
            with folder.catalog.writing(current_actor(), request.command if message is None else message) as writer:
                is_current = tuple(_decide_versions(writer, request)) == planned.pruning.versions
                if is_current:
                    for decision in planned.removed_versions:
                        writer.delete_version(decision.name, decision.version)
            interrupts.allow_interrupts()  # from here Ctrl-C may stop the prune: the next one continues
            if is_current:  # else a version was changed since the plan was made
                break
        try:
            folder.artifacts.remove(planned.blobs)
            remove_checkouts(planned.checkouts)
            swap.remove_temporaries(planned.catalogs)
        except OSError as error:
            if planned.removed_versions:
                place = error.filename or folder.path
                raise OperationInterrupted(error, place, code="prune_interrupted") from error
            raise
    return replace(planned.pruning, dry_run=False)


def _plan(folder: RegistryFolder, request: PruneRequest) -> _Plan:
    """Plan a prune; the catalog is closed before the files are listed, so that writers do not wait."""
    with folder.catalog.reading() as catalog:
        check_catalog(catalog, "nothing was deleted")
        for finding in find_emptied_catalog(catalog, folder.artifacts):
            raise CatalogDamaged(
                f"{shown(str(folder.catalog.path))} is damaged: {finding.problem}; nothing was deleted", _RESTORE
            )
        decisions = _decide_versions(catalog, request)
        removed = {(decision.name, decision.version) for decision in decisions if decision.removed}
        present = catalog.storage.manifest_digests()
        manifests, files = catalog.storage.manifest_digests(removed), catalog.storage.file_digests(removed)
    blobs = dict(folder.artifacts.stored())
    _check_manifests_stored(folder, present, blobs)
    needed = manifests | files | _read_manifest_contents(folder, manifests)
    _check_no_older_blobs(folder, blobs, needed)
    return _build_plan(
        GracePeriod.at(request.moment, request.grace),
        decisions,
        [candidate for digest, candidate in blobs.items() if digest not in needed],
        folder.artifacts.temporaries(),
        find_stale_checkouts(folder.path / "checkouts", manifests),
        swap.find_temporaries(folder.catalog.path),
    )


def _check_manifests_stored(folder: RegistryFolder, manifests: set[Digest], stored: Collection[Digest]) -> None:
    """Raise `CatalogDamaged` if most manifests are missing: the catalog is probably that of another registry."""
    missing = sum(digest not in stored for digest in manifests)
    if 2 * missing > len(manifests):
        raise CatalogDamaged(
            f"{missing} of {len(manifests)} manifests in {shown(str(folder.catalog.path))} are missing from the store: "
            "the catalog may belong to another registry; nothing was deleted",
            _RESTORE,
        )


def _check_no_older_blobs(
    folder: RegistryFolder, blobs: Mapping[Digest, GarbageCandidate], needed: Container[Digest]
) -> None:
    """Raise `CatalogDamaged` if unneeded blobs are older than the catalog: another catalog may need them."""
    with folder.catalog.reading() as catalog:
        count = count_older_blobs(catalog, blobs, needed)
    if count:
        raise CatalogDamaged(
            f"{count} unreferenced stored files are older than {shown(str(folder.catalog.path))}: "
            "the catalog may belong to another registry; nothing was deleted",
            _RESTORE,
        )


def _decide_versions(catalog: CatalogReader, request: PruneRequest) -> list[RetentionDecision]:
    if not request.retention.has_rules:
        return []
    candidates = list(catalog.storage.prune_candidates(request.glob))
    needed = {}
    for name in {candidate.name for candidate in candidates}:
        entries = catalog.journal.into_production(name)
        stages = catalog.stages(name, {entry.version for entry in entries if entry.version is not None})
        needed[name] = find_rollback_versions(name, entries, stages)
    return decide_retention(candidates, request.retention, request.moment, needed, request.agreed)


def _read_manifest_contents(folder: RegistryFolder, manifests: Iterable[Digest]) -> set[Digest]:
    """The digests of the configs and files in the manifests.

    For a damaged manifest, the config is computed from the files in the catalog.
    """
    digests: set[Digest] = set()
    for digest in manifests:
        manifest = _read_manifest(folder.artifacts, digest)
        if manifest is not None:
            digests.add(manifest.config)
            digests.update(file.digest for file in manifest.files)
            continue
        with folder.catalog.reading() as catalog:
            digests.update(
                digest_of_bytes(config_content(version.files)) for version in catalog.storage.versions(digest)
            )
            digests.update(digest_of_bytes(config_content(model.files)) for model in catalog.runs.models(digest))
    return digests


def _read_manifest(store: BlobStore, digest: Digest) -> Manifest | None:
    """The manifest; None if it is missing or damaged."""
    try:
        content = store.read(digest)
        return Manifest.parse(content) if digest_of_bytes(content) == digest else None
    except (OSError, ValueError):
        return None


def _build_plan(
    grace: GracePeriod,
    decisions: Sequence[RetentionDecision],
    blobs: Iterable[GarbageCandidate],
    temporaries: Iterable[GarbageCandidate],
    checkouts: StaleCheckouts,
    catalogs: Iterable[GarbageCandidate],
) -> _Plan:
    old_blobs, young_blobs = grace.split(blobs)
    old_temporaries, young_temporaries = grace.split(temporaries)
    old_private, young_private = grace.split(checkouts.unfinished)
    old_catalogs, young_catalogs = grace.split(catalogs)
    old_checkouts = checkouts.stale + old_private
    unreferenced, killed = "belong to no version", "were left by killed processes"
    young = "are younger than the grace period"
    groups = [
        _group("blobs", True, old_blobs, unreferenced),
        _group("blobs", False, young_blobs, f"{unreferenced}, but {young}"),
        _group("temporaries", True, old_temporaries, killed),
        _group("temporaries", False, young_temporaries, young),
        _group("checkouts", True, old_checkouts, f"{unreferenced}, or {killed}"),
        _group("checkouts", False, young_private, young),
        _group("checkouts", False, checkouts.foreign, f"{unreferenced}, but belong to other users"),
        _group("catalog temporaries", True, old_catalogs, killed),
        _group("catalog temporaries", False, young_catalogs, young),
    ]
    pruning = Pruning(
        dry_run=True,
        versions=tuple(decisions),
        bytes=tuple(group for group in groups if group.removed or group.count),
        removed=sum(decision.removed for decision in decisions),
        freed=sum(group.size for group in groups if group.removed),
    )
    return _Plan(pruning, old_blobs + old_temporaries, old_checkouts, old_catalogs)


def _group(kind: str, removed: bool, candidates: Sequence[GarbageCandidate], reason: str) -> PrunedBytes:
    return PrunedBytes(kind, removed, len(candidates), sum(candidate.size for candidate in candidates), reason)
