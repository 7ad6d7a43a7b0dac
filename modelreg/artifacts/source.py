"""What is to be registered: one file, or a folder of files, found without following anything by surprise."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modelreg.errors import SourceNotFound, UnusableSource, shown


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to be registered."""

    path: str
    """Its name in the version: relative, with ``/``."""
    location: str
    """Where its bytes are; no part that was found in a folder is a link that nobody asked to follow."""
    size: int
    """Bytes when it was found; what is stored is counted again."""


@dataclass(frozen=True, slots=True)
class Source:
    """Everything to be registered as one version."""

    root: Path
    is_folder: bool
    files: tuple[SourceFile, ...]

    @property
    def size(self) -> int:
        """Bytes in all files when they were found."""
        return sum(file.size for file in self.files)


def find_source(path: Path, registry: Path, *, follow_symlinks: bool = False) -> Source:
    """Walk ``path`` and name every file below it; nothing is opened.

    ``path`` itself may be a link. Raises `SourceNotFound`, or `UnusableSource` for what is neither a regular file
    nor a folder, for links inside a folder (unless ``follow_symlinks``), for names that are not UTF-8, for a folder
    without files and for one that contains the registry.
    """
    try:
        root = path.resolve(strict=True)
        status = root.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceNotFound(path) from error
    except (OSError, RuntimeError, ValueError) as error:  # a link that leads to itself; a NUL in the path
        raise UnusableSource(f"{shown(str(path))} cannot be read: {error}") from error
    if stat.S_ISREG(status.st_mode):
        if status.st_size == 0:
            raise UnusableSource(f"{shown(str(path))} is an empty file", "check what was meant to write it")
        return Source(root, False, (SourceFile(_portable(path.name), str(root), status.st_size),))
    if not stat.S_ISDIR(status.st_mode):
        raise UnusableSource(
            f"{shown(str(path))} is {_kind(status.st_mode)}, not a file or folder",
            "save the model to a file, then register that",
        )
    if registry.resolve().is_relative_to(root):
        raise UnusableSource(f"{shown(str(path))} contains the registry itself", "register the model's own folder")
    files = tuple(sorted(_walk(str(root), follow_symlinks), key=lambda file: file.path))
    if not files:
        raise UnusableSource(f"the folder {shown(str(path))} has no files", "register a folder that holds a model")
    return Source(root, True, files)


def _walk(root: str, follow: bool) -> Iterator[SourceFile]:
    """Every file below ``root``; a stack rather than recursion, since folders may be nested deeper than calls."""
    waiting = [(root, "", frozenset({root}))]
    while waiting:
        here, prefix, above = waiting.pop()
        for entry in _entries(here):
            path = prefix + _portable(entry.name)
            location = _followed(entry, path, follow)
            status = os.lstat(location)
            if stat.S_ISDIR(status.st_mode):
                if any(f"{folder}/".startswith(f"{location}/") for folder in above):
                    raise UnusableSource(
                        f"the link {shown(path)} leads back to a folder that contains it", "take it out of the folder"
                    )
                waiting.append((location, f"{path}/", above | {location}))
            elif stat.S_ISREG(status.st_mode):
                yield SourceFile(path, location, status.st_size)
            else:
                kind = _kind(status.st_mode)
                raise UnusableSource(f"{shown(path)} is {kind}, not a file or folder", "take it out of the folder")


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise UnusableSource(f"{shown(folder)} cannot be read: {error.strerror}") from error


def _followed(entry: os.DirEntry[str], path: str, follow: bool) -> str:
    if not entry.is_symlink():
        return entry.path
    if not follow:
        raise UnusableSource(
            f"{shown(path)} is a symbolic link", "--follow-symlinks stores the files that links lead to"
        )
    try:
        return os.path.realpath(entry.path, strict=True)
    except OSError as error:
        raise UnusableSource(f"the link {shown(path)} leads nowhere", "mend or remove it") from error


def _portable(name: str) -> str:
    """``name`` when it is UTF-8, since manifests are."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise UnusableSource(f"the file name {shown(name)} is not UTF-8", "rename the file") from error
    return name


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a character device",
        stat.S_IFBLK: "a block device",
        stat.S_IFLNK: "a symbolic link",
    }
    return kinds.get(stat.S_IFMT(mode), "a special file")
