"""What is to be registered: one file, or a folder of files, found without following anything by surprise."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modelreg.errors import SourceChanged, SourceNotFound, UnusableSource, shown


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to be registered."""

    path: str
    """Its name in the version: relative, with ``/``."""
    location: str
    """Where its bytes are; no part that was found in a folder is a link that nobody asked to follow."""
    size: int
    """Bytes when it was found; what is stored is counted again."""
    identity: tuple[int, int] | None = None
    """Device and inode when it was found, so that no other file is read in its place; None for stored bytes."""


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
        status = path.stat()  # before links are resolved: a pipe of the shell (/dev/stdin) leads to no path
        if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
            root = path.resolve(strict=True)
            status = root.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceNotFound(path) from error
    except OSError as error:
        raise UnusableSource(f"{shown(str(path))} cannot be read: {error.strerror}") from error
    except (RuntimeError, ValueError) as error:  # a link that leads to itself; a NUL in the path
        raise UnusableSource(f"{shown(str(path))} cannot be read: {error}") from error
    if stat.S_ISREG(status.st_mode):
        if status.st_size == 0:
            raise UnusableSource(f"{shown(str(path))} is an empty file", "check what was meant to write it")
        file = SourceFile(_portable(path.name), str(root), status.st_size, identity_of(status))
        return Source(root, False, (file,))
    if not stat.S_ISDIR(status.st_mode):
        raise UnusableSource(
            f"{shown(str(path))} is {_kind(status.st_mode)}, not a file or folder",
            "save the model to a file, then register that",
        )
    if registry.resolve().is_relative_to(root):
        raise UnusableSource(f"{shown(str(path))} contains the registry itself", "register the model's own folder")
    files = tuple(sorted(_walk(str(root), identity_of(status), follow_symlinks), key=lambda file: file.path))
    if not files:
        raise UnusableSource(f"the folder {shown(str(path))} has no files", "register a folder that holds a model")
    return Source(root, True, files)


def identity_of(status: os.stat_result) -> tuple[int, int]:
    """Device and inode, which tell a file from one that takes its place."""
    return status.st_dev, status.st_ino


def _walk(root: str, identity: tuple[int, int], follow: bool) -> Iterator[SourceFile]:
    """Every file below ``root``; a stack rather than recursion, since folders may be nested deeper than calls."""
    waiting = [(root, "", identity, frozenset({root}))]
    while waiting:
        here, prefix, identity, above = waiting.pop()
        for name, status in _entries(here, prefix, identity):
            path, location = prefix + _portable(name), f"{here}/{name}"
            if stat.S_ISLNK(status.st_mode):
                location, status = _followed(location, path, follow)
                if any(f"{folder}/".startswith(f"{location}/") for folder in above):
                    raise UnusableSource(
                        f"the link {shown(path)} leads back to a folder that contains it", "take it out of the folder"
                    )
            if stat.S_ISDIR(status.st_mode):
                around = above | {location} if follow else above  # only links lead back
                waiting.append((location, f"{path}/", identity_of(status), around))
            elif stat.S_ISREG(status.st_mode):
                yield SourceFile(path, location, status.st_size, identity_of(status))
            else:
                kind = _kind(status.st_mode)
                raise UnusableSource(f"{shown(path)} is {kind}, not a file or folder", "take it out of the folder")


def _entries(folder: str, path: str, identity: tuple[int, int]) -> list[tuple[str, os.stat_result]]:
    """What is in the folder that was found with this identity, by name; raises `SourceChanged` for another one.

    It is listed and its entries are looked at through one descriptor: no part of the path can become a link meanwhile.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if identity_of(os.fstat(descriptor)) != identity:
                raise SourceChanged(path or folder)
            with os.scandir(descriptor) as entries:
                return [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceChanged(path or folder) from error
    except OSError as error:
        kind = SourceChanged(path or folder) if error.errno == errno.ELOOP else None
        raise kind or UnusableSource(f"{shown(path or folder)} cannot be read: {error.strerror}") from error


def _followed(location: str, path: str, follow: bool) -> tuple[str, os.stat_result]:
    """Where the link leads, and what is there."""
    if not follow:
        raise UnusableSource(
            f"{shown(path)} is a symbolic link", "--follow-symlinks stores the files that links lead to"
        )
    try:
        target = os.path.realpath(location, strict=True)
        return target, os.lstat(target)
    except OSError as error:
        raise UnusableSource(f"the link {shown(path)} leads nowhere", "mend or remove it") from error


def _portable(name: str) -> str:
    """The bytes of ``name`` as UTF-8, whatever the locale takes them for; raises `UnusableSource`."""
    try:
        return os.fsencode(name).decode()
    except UnicodeDecodeError as error:
        raise UnusableSource(f"the file name {shown(name)} is not UTF-8", "rename the file") from error


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a character device",
        stat.S_IFBLK: "a block device",
        stat.S_IFLNK: "a symbolic link",
    }
    return kinds.get(stat.S_IFMT(mode), "a special file")
