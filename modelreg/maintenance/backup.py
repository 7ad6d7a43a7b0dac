"""Back up a registry to another folder, which becomes a registry itself, and restore it.

Both copy all blobs first and check each one, then put the catalog in place by one rename. If the process is killed,
the previous catalog is still in place, and the next run continues.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from modelreg.domain.registries import Backup, Finding, Restoration
from modelreg.domain.versions import ModelVersion
from modelreg.errors import (
    CatalogDamaged,
    Conflict,
    Damaged,
    ModelregError,
    NoRegistry,
    OperationInterrupted,
    RegistryNotFound,
    WriteFailed,
    quoted,
    shown,
)
from modelreg.maintenance.consistency import check_catalog, find_logged_model_differences, find_manifest_differences
from modelreg.store.actor import current_actor
from modelreg.store.artifacts.copying import Progress, counting
from modelreg.store.artifacts.replication import replicating
from modelreg.store.catalog import Catalog, swap
from modelreg.store.catalog.reader import CatalogReader
from modelreg.store.folder import SHARED, RegistryFolder
from modelreg.store.safety import (
    LOCKS,
    UNFINISHED_BACKUP,
    UNFINISHED_RESTORATION,
    check_before_creating,
    check_no_foreign_files,
)
from modelreg.system.clock import now
from modelreg.system.files import (
    find_obstacle,
    flush,
    make_folder,
    open_new_file,
    open_or_make_file,
    read_content,
    sync_path,
)

_EMPTY_HEAD = "0:"
"""The head of a journal without entries."""
_TEMPORARY_MARKER = re.compile(rf"\.{UNFINISHED_BACKUP}\.[0-9]+\.[0-9a-f]{{8}}")
"""The name of a marker file before it is renamed to `UNFINISHED_BACKUP`."""
_CHOOSE_FOLDER = "choose a new or empty folder"


def back_up(registry: RegistryFolder, folder: Path, progress: Progress | None) -> Backup:
    """Copy the registry to ``folder``, or update the backup there; `Registry.backup` lists the errors."""
    target = RegistryFolder(folder.absolute(), registry.lock_timeout)
    _check_not_nested(registry.path, target.path)
    with registry.ingesting():
        with registry.catalog.reading() as catalog:
            _check_target(target, catalog)
            head = _get_head(catalog) or _EMPTY_HEAD
        with _reporting_interruption(target), _locking_backup(target):
            with registry.catalog.reading() as catalog:
                _check_target(target, catalog)  # again: another backup may have run while this one waited
            if not os.path.lexists(target.catalog.path):
                _write_marker(target, head)
            with swap.temporary_copy(registry.catalog, target.catalog.path) as private:
                backup = _copy_blobs(registry, target, private, "no backup was made", progress, all_or_nothing=False)
                swap.install(private, target.catalog.path, target.file_mode())
            _remove_markers(target)
    return backup


@contextmanager
def _reporting_interruption(target: RegistryFolder) -> Iterator[None]:
    """Raise `OperationInterrupted` for OS errors once the target has a marker or catalog: then it can be continued."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, WriteFailed) as failure:
        if not (os.path.lexists(target.catalog.path) or os.path.lexists(target.path / UNFINISHED_BACKUP)):
            raise
        error = failure.error if isinstance(failure, WriteFailed) else failure
        needed = failure.needed if isinstance(failure, WriteFailed) else None
        raise OperationInterrupted(error, target.path, code="backup_interrupted", needed=needed) from failure


def restore(registry: RegistryFolder, folder: Path, progress: Progress | None, *, force: bool) -> Restoration:
    """Copy the backup in ``folder`` into the registry's folder; `Registry.restore` lists the errors."""
    source = RegistryFolder(folder.absolute(), registry.lock_timeout)
    _check_not_nested(source.path, registry.path)
    with _reading_backup(source):
        _check_replaceable(registry, force)
        with source.preventing_pruning(), _locking_registry(registry):
            _check_replaceable(registry, force)  # again: a registry may have been created while this waited
            backup, replaced = _replace_registry(source, registry, progress)
    return Restoration(**{name: getattr(backup, name) for name in Backup.__slots__}, replaced=replaced)


def _replace_registry(
    source: RegistryFolder, folder: RegistryFolder, progress: Progress | None
) -> tuple[Backup, str | None]:
    """Copy all blobs, and swap the catalog; also returns the path to which the old catalog was moved.

    If this fails before the swap, the folder is left as it was, except for lock files.
    """
    was_bare, had_catalog = folder.has_only_locks(), os.path.lexists(folder.catalog.path)
    marker = folder.path / UNFINISHED_RESTORATION
    try:
        os.close(open_or_make_file(marker, 0o666))
        with swap.temporary_copy(source.catalog, folder.catalog.path) as private:
            backup = _copy_blobs(source, folder, private, "nothing was restored", progress, all_or_nothing=True)
            replaced = _move_old_catalog(folder)
            swap.install(private, folder.catalog.path, folder.file_mode())
        with suppress(OSError):  # beside a catalog the marker has no effect
            marker.unlink(missing_ok=True)
    except (ModelregError, OSError) as failure:
        has_catalog = os.path.lexists(folder.catalog.path)
        if was_bare and not has_catalog:
            with _undoing_restoration(folder):
                folder.remove_layout()
        elif has_catalog or not (had_catalog or isinstance(failure, OperationInterrupted)):
            marker.unlink(missing_ok=True)
        raise
    return backup, replaced


@contextmanager
def _undoing_restoration(folder: RegistryFolder) -> Iterator[None]:
    """Raise `OperationInterrupted` if undoing a failed restoration fails as well: running it again completes it."""
    try:
        yield
    except OSError as error:
        raise OperationInterrupted(error, folder.path, code="restoration_interrupted") from error


@contextmanager
def _reading_backup(source: RegistryFolder) -> Iterator[None]:
    """Raise errors about the backup as such, so that nobody looks for the damage in the registry."""
    try:
        source.check()
        yield
    except RegistryNotFound as error:
        raise NoRegistry(
            f"there is no backup in {shown(str(source.path))}; nothing was restored",
            "name the folder to which 'modelreg backup' wrote",
            code="backup_not_found",
        ) from error
    except Damaged as damage:
        raise Damaged(
            f"the backup in {shown(str(source.path))} cannot be used: {damage.message}",
            f"modelreg verify --registry {quoted(source.path)} lists the damage; use another backup",
            code="backup_damaged",
        ) from damage


def _copy_blobs(
    source: RegistryFolder,
    target: RegistryFolder,
    private: Path,
    outcome: str,
    progress: Progress | None,
    *,
    all_or_nothing: bool,
) -> Backup:
    """Check the catalog ``private``, and copy every blob to which it refers.

    Raises `Damaged`, with ``outcome`` at the end of the message, and `WriteFailed`. ``all_or_nothing`` removes the
    copied blobs then.
    """
    with Catalog(private, target.writing, target.lock_timeout, current_actor).reading() as catalog:
        check_catalog(catalog, outcome)
        target.create_layout(shared=_is_shared(catalog))
        target.artifacts.remove(target.artifacts.temporaries())  # left by killed processes: the target is locked
        advance = progress and counting(progress, catalog.storage.size_of_files())
        with replicating(source.artifacts, target.artifacts, outcome, advance) as replication:
            try:
                for version in _read_versions(catalog):
                    for finding in find_manifest_differences(version, replication.copy_version(version)):
                        raise _build_catalog_damaged(finding, outcome)
                for model in catalog.runs.models():
                    for finding in find_logged_model_differences(model, replication.copy_version(model)):
                        raise _build_catalog_damaged(finding, outcome)
                replication.publish()
            except (Damaged, OSError) as failure:
                if all_or_nothing:
                    with _undoing_restoration(target):
                        replication.undo()
                if isinstance(failure, OSError):
                    place = None if isinstance(failure.filename, str) else target.path
                    raise WriteFailed(failure, place, catalog.storage.size_of_files()) from failure
                raise
        models, versions = catalog.counts()
        return Backup(
            path=str(target.path),
            models=models,
            versions=versions,
            blobs=replication.blobs,
            copied=replication.copied,
            bytes=replication.bytes,
            journal_head=_get_head(catalog),
        )


def _read_versions(catalog: CatalogReader) -> Iterator[ModelVersion]:
    for model in catalog.models():
        yield from catalog.versions(model.name)


def _build_catalog_damaged(finding: Finding, outcome: str) -> CatalogDamaged:
    return CatalogDamaged(
        f"the catalog is damaged: {finding.subject}: {finding.problem}; {outcome}", "list all damage: modelreg verify"
    )


def _get_head(catalog: CatalogReader) -> str | None:
    """The journal's head as ``SEQ:HASH``; None without entries."""
    head = catalog.journal.head()
    return None if head is None else f"{head.seq}:{head.hash}"


def _is_shared(catalog: CatalogReader) -> bool:
    return catalog.setting(SHARED) == "yes"


# Checks before anything is written


def _check_not_nested(folder: Path, other: Path) -> None:
    first, second = folder.resolve(), other.resolve()
    if first.is_relative_to(second) or second.is_relative_to(first):
        relation = "are the same folder" if first == second else "contain one another"
        raise Conflict(
            f"{shown(str(folder))} and {shown(str(other))} {relation}; nothing was changed",
            "choose a folder elsewhere, best on another disk",
            code="unusable_backup",
        )


def _check_target(target: RegistryFolder, catalog: CatalogReader) -> None:
    """Raise `Conflict` unless the folder is new, empty, or a backup of this registry, finished or not."""
    obstacle = find_obstacle(target.path)
    if obstacle is not None:
        raise Conflict(
            f"{shown(str(obstacle))} is not a folder; nothing was changed", _CHOOSE_FOLDER, code="unusable_backup"
        )
    if not os.path.lexists(target.path) or _is_empty(target.path):
        return
    if not os.path.lexists(target.catalog.path):
        _check_head(target, catalog, _read_marker(target))
        check_before_creating(target.path)
        return
    try:
        target.check()
        with target.catalog.reading() as backup:
            head, is_shared = _get_head(backup) or _EMPTY_HEAD, _is_shared(backup)
    except (Damaged, NoRegistry) as error:
        raise Conflict(
            f"{shown(str(target.path))} is not a backup that can be updated: {error.message}",
            _CHOOSE_FOLDER,
            code="unusable_backup",
        ) from error
    _check_head(target, catalog, head if is_shared == _is_shared(catalog) else None)


def _is_empty(folder: Path) -> bool:
    """Whether the folder has nothing but what a backup leaves that was killed at its start."""
    return all(
        name in LOCKS or _TEMPORARY_MARKER.fullmatch(name) or swap.is_temporary(name) for name in os.listdir(folder)
    )


def _check_head(target: RegistryFolder, catalog: CatalogReader, head: str | None) -> None:
    """Raise `Conflict` unless ``head`` is in the registry's journal.

    If it is, the backup's journal is the beginning of the registry's journal, because entries are chained by hashes.
    """
    if head is not None:
        seq, _, digest = head.partition(":")
        if head == _EMPTY_HEAD or (seq.isdecimal() and catalog.journal.has_entry(int(seq), digest)):
            return
    raise Conflict(
        f"{shown(str(target.path))} is not empty and not a backup of this registry; nothing was changed",
        _CHOOSE_FOLDER,
        code="unusable_backup",
    )


def _check_replaceable(folder: RegistryFolder, force: bool) -> None:
    if os.path.lexists(folder.catalog.path) and not force:
        raise Conflict(
            f"{shown(str(folder.path))} is a registry already; nothing was restored",
            "--force replaces its catalog, and keeps the old one beside it",
            code="registry_exists",
        )


# The marker of an unfinished backup


def _write_marker(target: RegistryFolder, head: str) -> None:
    """Mark the folder as an unfinished backup of the registry whose journal has this head."""
    private = target.path / f".{UNFINISHED_BACKUP}.{os.getpid()}.{os.urandom(4).hex()}"
    with os.fdopen(open_new_file(private, 0o666), "w") as file:
        file.write(head)
        file.flush()
        flush(file.fileno())
    with suppress(FileNotFoundError):  # another backup has just finished, and removed all markers
        os.rename(private, target.path / UNFINISHED_BACKUP)
    sync_path(target.path)
    sync_path(target.path.parent)


def _read_marker(target: RegistryFolder) -> str | None:
    """The journal's head when the unfinished backup began; None if there is no marker."""
    try:
        return read_content(target.path / UNFINISHED_BACKUP).decode()
    except (OSError, ValueError):
        return None


def _remove_markers(target: RegistryFolder) -> None:
    temporaries = [name for name in os.listdir(target.path) if _TEMPORARY_MARKER.fullmatch(name)]
    for name in (UNFINISHED_BACKUP, *temporaries):
        (target.path / name).unlink(missing_ok=True)


# Locks, and the old catalog


@contextmanager
def _locking_backup(target: RegistryFolder) -> Iterator[None]:
    """Create the backup's folder if it is missing, and lock it against other writers."""
    make_folder(target.path)
    with target.pruning(), target.writing():
        swap.remove_temporaries(swap.find_temporaries(target.catalog.path))  # left by a killed backup
        yield


@contextmanager
def _locking_registry(folder: RegistryFolder) -> Iterator[None]:
    """Create the registry's folder if it is missing, and lock it against other writers."""
    check_no_foreign_files(folder.path)
    check_before_creating(folder.path, include_catalog=False)  # the catalog may be anything: it is moved, not read
    make_folder(folder.path)
    with folder.pruning(), folder.writing():
        swap.remove_temporaries(swap.find_temporaries(folder.catalog.path))
        yield


def _move_old_catalog(folder: RegistryFolder) -> str | None:
    """Rename the present catalog to an unused name with the time; returns its new path, or None without a catalog."""
    first = folder.path / f"catalog-before-restore-{now():%Y%m%dT%H%M%S}.db"
    path, count = first, 1
    while os.path.lexists(path):
        count += 1
        path = first.with_stem(f"{first.stem}-{count}")
    return str(path) if swap.set_aside(folder.catalog.path, path) else None
