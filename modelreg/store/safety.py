"""Refuses a registry folder that is unsafe, or that is no registry: links, wrong file types, other users' files.

A folder that other people had a hand in, such as a cloned repository, may hold a link or a FIFO where the registry
writes a file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from modelreg.errors import CatalogDamaged, UnsafeRegistry, UnusableFolder, quoted, shown
from modelreg.system.files import find_obstacle

LOCKS = {"write.lock", "prune.lock"}
"""Never deleted: another process may be waiting for one of them."""
UNFINISHED_BACKUP = "unfinished-backup"
"""Marks a backup that has no catalog yet, as opposed to a registry that lost its catalog."""
UNFINISHED_RESTORATION = "unfinished-restoration"
"""Marks a restoration that has no catalog yet, as opposed to a registry that lost its catalog."""
OWN_NAMES = {"artifacts", "checkouts", ".gitignore", UNFINISHED_RESTORATION, *LOCKS}
"""What a registry folder contains besides the catalog."""
CATALOG_FILES = ("catalog.db", "catalog.db-journal", "catalog.db-wal", "catalog.db-shm")

_FOLDERS = ("artifacts", "artifacts/blobs", "artifacts/blobs/sha256", "artifacts/ingest", "checkouts")
_FILES = ("write.lock", "prune.lock", ".gitignore", "artifacts/oci-layout", "artifacts/index.json")
_PRIVATE = {"", "catalog.db", *_FOLDERS}
"""Paths that only the owner may write to, or the group of a shared registry; "" is the registry folder itself."""


def check_before_creating(folder: Path, *, include_catalog: bool = True) -> None:
    """Raise `UnsafeRegistry` for a link or a wrong file type where the registry in ``folder`` would write."""
    for name, path, mode in _list_existing_paths(folder, include_catalog):
        _check_no_link(path, mode)
        if not _has_expected_type(name, mode):
            raise UnsafeRegistry(
                f"{shown(str(path))} is not a {_get_expected_type(name)}, and a registry needs one there; "
                "nothing was changed",
                "remove it, or choose another folder with --registry",
            )


def check_before_using(folder: Path, is_shared: Callable[[], bool]) -> None:
    """Raise unless the registry in ``folder`` consists of plain files and folders that only the right people can write.

    Raises `UnsafeRegistry` for a link and for a path that others may write to, `CatalogDamaged` for a wrong file
    type. ``is_shared`` is asked only where the group may write.
    """
    for name, path, mode in _list_existing_paths(folder, include_catalog=True):
        _check_no_link(path, mode)
        if not _has_expected_type(name, mode):
            raise CatalogDamaged(
                f"{shown(str(path))} is not a {_get_expected_type(name)}, and a registry needs one there; "
                "nothing was changed",
                "remove it",
            )
        if name in _PRIVATE:
            _check_writers(path, mode, is_shared)


def check_no_foreign_files(folder: Path) -> None:
    """Raise `UnusableFolder` if ``folder`` cannot become a registry: it is a file, or holds other files."""
    obstacle = find_obstacle(folder)
    if obstacle is not None:
        raise UnusableFolder(f"{shown(str(obstacle))} is not a folder", "choose another folder with --registry")
    if not os.path.lexists(folder):
        return
    # The catalog's temporary files come and go while another process creates the registry.
    foreign = [
        name for name in os.listdir(folder) if name not in OWN_NAMES and not name.lstrip(".").startswith("catalog")
    ]
    if foreign:
        raise UnusableFolder(
            f"{shown(str(folder))} is not a registry, and contains other files, such as {shown(foreign[0])}",
            "choose an empty or new folder with --registry",
        )


def _list_existing_paths(folder: Path, include_catalog: bool) -> Iterator[tuple[str, Path, int]]:
    """The registry folder and the paths in it that are written to: relative name, path and mode (st_mode).

    The folder itself may be reached through a link. A missing path is left for the code that needs it to report.
    """
    for name in ("", *_FOLDERS, *_FILES, *(CATALOG_FILES if include_catalog else ())):
        path = folder / name
        try:
            yield name, path, (path.lstat() if name else path.stat()).st_mode
        except FileNotFoundError:
            continue


def _get_expected_type(name: str) -> str:
    return "folder" if name == "" or name in _FOLDERS else "file"


def _has_expected_type(name: str, mode: int) -> bool:
    return stat.S_ISDIR(mode) if _get_expected_type(name) == "folder" else stat.S_ISREG(mode)


def _check_no_link(path: Path, mode: int) -> None:
    if stat.S_ISLNK(mode):
        raise UnsafeRegistry(
            f"{shown(str(path))} is a link, and its target is not part of the registry",
            "replace the link with the file or folder itself; only the registry folder may be reached through a link",
        )


def _check_writers(path: Path, mode: int, is_shared: Callable[[], bool]) -> None:
    if mode & stat.S_IWOTH:
        raise UnsafeRegistry(
            f"everybody may write to {shown(str(path))}, so its contents cannot be trusted",
            f"chmod o-w {quoted(path)}",
        )
    if mode & stat.S_IWGRP and not is_shared():
        raise UnsafeRegistry(
            f"the group may write to {shown(str(path))}, but the registry was not created for a group",
            f"chmod g-w {quoted(path)}, or create a registry for the group with 'modelreg init --shared'",
        )
