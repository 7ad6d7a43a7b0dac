"""Backups: one moment of a registry in another folder, which is a registry itself; and the way back.

The order is what makes both safe: first every byte, checked on its way and on disk under its digest, and the catalog
last, by one rename. So a kill leaves what was there before, and doing it again goes on where it ended.
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
    BackupInterrupted,
    BackupNotFound,
    CatalogDamaged,
    Damaged,
    DamagedBackup,
    ModelregError,
    NoRegistry,
    RegistryExists,
    RegistryNotFound,
    RestorationInterrupted,
    UnusableBackup,
    WriteFailed,
    shown,
)
from modelreg.maintenance.consistency import logged_findings, manifest_findings
from modelreg.maintenance.pruning import refuse_unbelievable
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

_EMPTY = "0:"
"""Stands for the head of a journal without entries."""
_PRIVATE_MARK = re.compile(rf"\.{UNFINISHED_BACKUP}\.[0-9]+\.[0-9a-f]{{8}}")
"""The name of a marker on its way."""


def back_up(home: RegistryFolder, folder: Path, progress: Progress | None) -> Backup:
    """Copy the registry into ``folder``; `Registry.backup` says what is raised."""
    target = RegistryFolder(folder.absolute(), home.lock_timeout)
    _refuse_nested(home.path, target.path)
    with home.ingesting():
        with home.catalog.reading() as catalog:
            _refuse_foreign(target, catalog)
            head = _head(catalog) or _EMPTY
        with _saying_so(target), _holding_backup(target):
            with home.catalog.reading() as catalog:
                _refuse_foreign(target, catalog)  # another backup may have been made while this one waited
            if not os.path.lexists(target.catalog.path):
                _mark(target, head)
            outcome = "no backup was made of what is there now"
            with swap.temporary_copy(home.catalog, target.catalog.path) as private:
                done = _copied(home, target, private, outcome, progress, all_or_nothing=False)
                swap.install(private, target.catalog.path, target.file_mode())
            _unmark(target)
    return done


@contextmanager
def _saying_so(target: RegistryFolder) -> Iterator[None]:
    """What the operating system refuses once a backup was begun: it stays as far as it came."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, WriteFailed) as failure:
        if not (os.path.lexists(target.catalog.path) or os.path.lexists(target.path / UNFINISHED_BACKUP)):
            raise
        error = failure.error if isinstance(failure, WriteFailed) else failure
        needed = failure.needed if isinstance(failure, WriteFailed) else None
        raise BackupInterrupted(error, target.path, needed) from failure


def restore(home: RegistryFolder, folder: Path, progress: Progress | None, *, force: bool) -> Restoration:
    """Copy the backup in ``folder`` into the registry's folder; `Registry.restore` says what is raised."""
    source = RegistryFolder(folder.absolute(), home.lock_timeout)
    _refuse_nested(source.path, home.path)
    with _reading_backup(source):
        _refuse_to_replace(home, force)
        with source.preventing_pruning(), _holding_registry(home):
            _refuse_to_replace(home, force)  # a registry may have been made while this waited
            done, replaced = _taken_over(source, home, progress)
    return Restoration(**{name: getattr(done, name) for name in Backup.__slots__}, replaced=replaced)


def _taken_over(source: RegistryFolder, home: RegistryFolder, progress: Progress | None) -> tuple[Backup, str | None]:
    """Copy everything and put the catalog in place; also returns where the one is now that was there before.

    What fails before the catalog is in place leaves the folder as it was, but for its locks.
    """
    was_bare, had_catalog = home.has_only_locks(), os.path.lexists(home.catalog.path)
    marker = home.path / UNFINISHED_RESTORATION
    try:
        os.close(open_or_make_file(marker, 0o666))
        with swap.temporary_copy(source.catalog, home.catalog.path) as private:
            done = _copied(source, home, private, "nothing was restored", progress, all_or_nothing=True)
            replaced = _keep_aside(home)
            swap.install(private, home.catalog.path, home.file_mode())
        with suppress(OSError):  # beside a catalog it says nothing
            marker.unlink(missing_ok=True)
    except (ModelregError, OSError) as failure:
        has_catalog = os.path.lexists(home.catalog.path)
        if was_bare and not has_catalog:
            with _not_taken_back(home):
                home.remove_layout()
        elif has_catalog or not (had_catalog or isinstance(failure, RestorationInterrupted)):
            marker.unlink(missing_ok=True)
        raise
    return done, replaced


@contextmanager
def _not_taken_back(home: RegistryFolder) -> Iterator[None]:
    """Around what takes back a restoration that failed: where that fails, too, the restoration can be completed."""
    try:
        yield
    except OSError as error:
        raise RestorationInterrupted(error, home.path) from error


@contextmanager
def _reading_backup(source: RegistryFolder) -> Iterator[None]:
    """Around what reads a backup: what is wrong with it is not to be mended in the registry."""
    try:
        source.require()
        yield
    except RegistryNotFound as missing:
        raise BackupNotFound(source.path) from missing
    except Damaged as damage:
        raise DamagedBackup(source.path, damage) from damage


def _copied(
    source: RegistryFolder,
    target: RegistryFolder,
    private: Path,
    outcome: str,
    progress: Progress | None,
    *,
    all_or_nothing: bool,
) -> Backup:
    """Copy every blob that the catalog ``private`` refers to, once it is known that it can be believed.

    Raises `Damaged`; ``all_or_nothing`` says that what was copied until then is taken away again.
    """
    with Catalog(private, target.writing, target.lock_timeout, current_actor).reading() as catalog:
        refuse_unbelievable(catalog, outcome)
        target.create_layout(shared=catalog.setting(SHARED) == "yes")
        target.artifacts.remove(target.artifacts.temporaries())  # nobody else writes there now
        advance = progress and counting(progress, catalog.storage.size_of_files())
        with replicating(source.artifacts, target.artifacts, outcome, advance) as replication:
            try:
                for version in _versions(catalog):
                    for finding in manifest_findings(version, replication.copy_version(version)):
                        raise _damage(finding, outcome)
                for model in catalog.runs.models():
                    for finding in logged_findings(model, replication.copy_version(model)):
                        raise _damage(finding, outcome)
                replication.publish()
            except (Damaged, OSError) as failure:
                if all_or_nothing:
                    with _not_taken_back(target):
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
            journal_head=_head(catalog),
        )


def _versions(catalog: CatalogReader) -> Iterator[ModelVersion]:
    for model in catalog.models():
        yield from catalog.versions(model.name)


def _damage(finding: Finding, outcome: str) -> CatalogDamaged:
    return CatalogDamaged(
        f"the catalog is damaged: {finding.subject}: {finding.problem}; {outcome}",
        "'modelreg verify' shows everything that is damaged",
    )


# What may be written to


def _refuse_nested(one: Path, other: Path) -> None:
    first, second = one.resolve(), other.resolve()
    if first.is_relative_to(second) or second.is_relative_to(first):
        what = "are the same folder" if first == second else "contain one another"
        raise UnusableBackup(
            f"{shown(str(one))} and {shown(str(other))} {what}; nothing was changed",
            "name a folder elsewhere, best on another disk",
        )


def _refuse_foreign(target: RegistryFolder, catalog: CatalogReader) -> None:
    """Raise `UnusableBackup` unless the folder is new, empty, or a backup of this registry, finished or not."""
    obstacle = find_obstacle(target.path)
    if obstacle is not None:
        raise UnusableBackup(
            f"{shown(str(obstacle))} is not a folder; nothing was changed", "name a new folder or an empty one"
        )
    if not os.path.lexists(target.path) or _is_empty(target.path):
        return
    if not os.path.lexists(target.catalog.path):
        _refuse_head(target, catalog, _unfinished_head(target))
        check_before_creating(target.path)
        return
    try:
        target.require()
        with target.catalog.reading() as kept:
            head, shared = _head(kept) or _EMPTY, _is_shared(kept)
    except (Damaged, NoRegistry) as error:
        raise UnusableBackup(
            f"{shown(str(target.path))} is no backup that can be brought up to date: {error.message}",
            "name a new folder or an empty one",
        ) from error
    _refuse_head(target, catalog, head if shared == _is_shared(catalog) else None)


def _is_empty(folder: Path) -> bool:
    """Whether there is nothing in it but what a backup leaves that was killed at its very beginning."""
    return all(name in LOCKS or _PRIVATE_MARK.fullmatch(name) or swap.is_temporary(name) for name in os.listdir(folder))


def _refuse_head(target: RegistryFolder, catalog: CatalogReader, head: str | None) -> None:
    """Raise unless ``head`` is an entry of the registry's own journal: then what it stands for is its beginning."""
    if head is not None:
        seq, _, digest = head.partition(":")
        if head == _EMPTY or (seq.isdecimal() and catalog.journal.has_entry(int(seq), digest)):
            return
    raise UnusableBackup(
        f"{shown(str(target.path))} holds something else than an earlier backup of this registry; nothing was changed",
        "name a new folder or an empty one",
    )


def _unfinished_head(target: RegistryFolder) -> str | None:
    """The journal's head when the backup was begun that is not finished yet; None where none was."""
    try:
        return read_content(target.path / UNFINISHED_BACKUP).decode()
    except (OSError, ValueError):
        return None


def _refuse_to_replace(home: RegistryFolder, force: bool) -> None:
    if os.path.lexists(home.catalog.path) and not force:
        raise RegistryExists(
            f"{shown(str(home.path))} is a registry already; nothing was restored",
            "--force puts the backup in its place, and keeps the catalog that is there beside it",
        )


# Holding the folders


@contextmanager
def _holding_backup(target: RegistryFolder) -> Iterator[None]:
    """Let nobody else write to a backup's folder, which is made if need be."""
    make_folder(target.path)
    with target.pruning(), target.writing():
        swap.remove_temporaries(swap.find_temporaries(target.catalog.path))  # of a backup that was killed
        yield


def _mark(target: RegistryFolder, head: str) -> None:
    """Say that the folder is a backup which was begun."""
    private = target.path / f".{UNFINISHED_BACKUP}.{os.getpid()}.{os.urandom(4).hex()}"
    with os.fdopen(open_new_file(private, 0o666), "w") as file:
        file.write(head)
        file.flush()
        flush(file.fileno())
    with suppress(FileNotFoundError):  # another backup has just been finished, and taken all marks away
        os.rename(private, target.path / UNFINISHED_BACKUP)
    sync_path(target.path)
    sync_path(target.path.parent)


def _unmark(target: RegistryFolder) -> None:
    private = [name for name in os.listdir(target.path) if _PRIVATE_MARK.fullmatch(name)]
    for name in (UNFINISHED_BACKUP, *private):
        (target.path / name).unlink(missing_ok=True)


@contextmanager
def _holding_registry(home: RegistryFolder) -> Iterator[None]:
    """Let nobody else write to the folder of a registry, which is made if need be."""
    check_no_foreign_files(home.path)
    check_before_creating(home.path, include_catalog=False)  # that one is kept aside, whatever it is
    make_folder(home.path)
    with home.pruning(), home.writing():
        swap.remove_temporaries(swap.find_temporaries(home.catalog.path))
        yield


def _keep_aside(home: RegistryFolder) -> str | None:
    """Keep the catalog that is there under a name that says what happened to it; returns its path."""
    kept = _unused(home.path / f"catalog-before-restore-{now():%Y%m%dT%H%M%S}.db")
    return str(kept) if swap.set_aside(home.catalog.path, kept) else None


def _unused(path: Path) -> Path:
    count, free = 1, path
    while os.path.lexists(free):
        count += 1
        free = path.with_stem(f"{path.stem}-{count}")
    return free


def _head(catalog: CatalogReader) -> str | None:
    head = catalog.journal.head()
    return None if head is None else f"{head.seq}:{head.hash}"


def _is_shared(catalog: CatalogReader) -> bool:
    return catalog.setting(SHARED) == "yes"
