"""Replacing a whole catalog: copy another one to a temporary file, and rename it into place.

A temporary catalog is named ``FOLDER/.catalog.db.…``. A killed process leaves it behind, and pruning removes it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from modelreg.domain.garbage import GarbageCandidate
from modelreg.store.catalog import Catalog, connection
from modelreg.system import interrupts
from modelreg.system.files import change_mode

_SQLITE_SUFFIXES = ("-journal", "-wal", "-shm")
"""Files that SQLite may leave beside a catalog, and would apply to whatever catalog it finds there next."""

_TEMPORARY_NAME = re.compile(rf"\.catalog\.db\.[0-9]+\.[0-9a-f]{{8}}({'|'.join(_SQLITE_SUFFIXES)})?")


def temporary_path(path: Path) -> Path:
    """A unique name beside the catalog at ``path``."""
    return path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")


def is_temporary(name: str) -> bool:
    """Whether a file name is that of a temporary catalog, or of a file that SQLite writes beside it."""
    return _TEMPORARY_NAME.fullmatch(name) is not None


def find_temporaries(path: Path) -> list[GarbageCandidate]:
    """The temporary catalogs beside ``path``, of running and of killed processes."""
    candidates = []
    for temporary in path.parent.glob(f".{path.name}.*"):
        with suppress(FileNotFoundError):
            if is_temporary(temporary.name) and not temporary.is_dir():
                candidates.append(GarbageCandidate.of(str(temporary), temporary.lstat()))
    return candidates


def remove_temporaries(candidates: list[GarbageCandidate]) -> None:
    """Remove temporary catalogs that no process uses any more."""
    for candidate in candidates:
        Path(candidate.path).unlink(missing_ok=True)


@contextmanager
def temporary_copy(source: Catalog, path: Path) -> Iterator[Path]:
    """A consistent copy of ``source`` in a temporary file beside ``path``, flushed to disk.

    It is removed at the end unless `install` has renamed it. Raises what reading a catalog raises.
    """
    temporary = temporary_path(path)
    try:
        source.copy_to(temporary)
        yield temporary
    finally:
        for leftover in (temporary, *_list_sqlite_files(temporary)):
            leftover.unlink(missing_ok=True)


def install(temporary: Path, path: Path, mode: int) -> None:
    """Rename a temporary catalog to ``path``, in place of anything there, and flush that to disk."""
    change_mode(temporary, mode)
    interrupts.begin_commit()
    try:
        os.rename(temporary, path)
    except OSError:
        interrupts.fail_commit()
        raise
    connection.sync_committed(path.parent)
    interrupts.finish_commit()


def set_aside(path: Path, new_path: Path) -> bool:
    """Rename the catalog at ``path``, and SQLite's files beside it, to ``new_path``; returns whether there was one.

    A catalog separated from the journal of a killed writer would be read with half of that transaction. So both are
    linked to their new names before either old name is removed, and the catalog's is removed first.
    """
    has_catalog = os.path.lexists(path)
    sqlite_files = [
        (old, new)
        for old, new in zip(_list_sqlite_files(path), _list_sqlite_files(new_path), strict=True)
        if old.exists()
    ]
    names = [(path, new_path)] * has_catalog + sqlite_files
    try:
        for old, new in names:
            os.link(old, new, follow_symlinks=False)
    except OSError:  # no hard links on this file system, or not a regular file
        for old, new in names:
            os.replace(old, new)
        return has_catalog
    if sqlite_files:
        for old, _ in names:
            os.unlink(old)
    return has_catalog


def _list_sqlite_files(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in _SQLITE_SUFFIXES]
