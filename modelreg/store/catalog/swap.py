"""Whole catalogs: copied from one moment of another, and put in a place by one rename.

``FOLDER/.catalog.db.…`` is a catalog on its way; a kill leaves it behind, and cleaning takes it away.
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

_BESIDE = ("-journal", "-wal", "-shm")
"""What SQLite may have left beside a catalog, and would take for that of the next one."""

_PRIVATE_NAME = re.compile(rf"\.catalog\.db\.[0-9]+\.[0-9a-f]{{8}}({'|'.join(_BESIDE)})?")


def private_path(path: Path) -> Path:
    """A name beside the catalog at ``path`` that nobody else has."""
    return path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")


def is_private(name: str) -> bool:
    """Whether a file is named as a catalog on its way is, or what SQLite writes beside that."""
    return _PRIVATE_NAME.fullmatch(name) is not None


def temporaries(path: Path) -> list[GarbageCandidate]:
    """Catalogs beside ``path`` that are on their way, or were when their makers were killed."""
    found = []
    for each in path.parent.glob(f".{path.name}.*"):
        with suppress(FileNotFoundError):
            if is_private(each.name) and not each.is_dir():
                found.append(GarbageCandidate.of(str(each), each.lstat()))
    return found


def remove_temporaries(leftovers: list[GarbageCandidate]) -> None:
    """Take those away that nobody works on any more."""
    for each in leftovers:
        Path(each.path).unlink(missing_ok=True)


@contextmanager
def copied(source: Catalog, path: Path) -> Iterator[Path]:
    """One moment of ``source`` in a private file beside ``path``, current and on disk.

    It is removed at the end unless `put_in_place` was called. Raises what reading a catalog raises.
    """
    private = private_path(path)
    try:
        source.copy_to(private)
        yield private
    finally:
        for each in (private, *_beside(private)):
            each.unlink(missing_ok=True)


def put_in_place(private: Path, path: Path, mode: int) -> None:
    """Let the catalog at ``private`` take the place of whatever is at ``path``, on disk."""
    change_mode(private, mode)
    interrupts.begin_commit()
    try:
        os.rename(private, path)
    except OSError:
        interrupts.fail_commit()
        raise
    connection.confirm(path.parent)
    interrupts.finish_commit()


def keep_aside(path: Path, kept: Path) -> bool:
    """Keep the catalog at ``path`` as ``kept``, with what SQLite left beside it; returns whether there is one.

    A catalog without the journal of a killed writer would be read with half of what that wrote. So both are under
    their new names before either is taken from the old one, and the catalog goes first.
    """
    was_there = os.path.lexists(path)
    beside = [(found, aside) for found, aside in zip(_beside(path), _beside(kept), strict=True) if found.exists()]
    names = [(path, kept)] * was_there + beside
    try:
        for place, aside in names:
            os.link(place, aside, follow_symlinks=False)
    except OSError:  # a file system without hard links, or something that is no file
        for place, aside in names:
            os.replace(place, aside)
        return was_there
    if beside:
        for place, _ in names:
            os.unlink(place)
    return was_there


def _beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in _BESIDE]
