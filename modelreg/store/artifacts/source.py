"""The file or folder to register: finds its files without opening them, and refuses links and special files."""

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
    """One file to register."""

    path: str
    """Its path in the version: relative, with ``/``."""
    location: str
    """Its path on disk; below a registered folder it contains no link, unless links are followed."""
    size: int
    """Bytes, when it was found."""
    identity: tuple[int, int] | None = None
    """Device and inode when it was found, to detect a replaced file; None for a blob of the store."""


@dataclass(frozen=True, slots=True)
class Source:
    """All files to register as one version."""

    root: Path
    is_folder: bool
    files: tuple[SourceFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files, when they were found."""
        return sum(file.size for file in self.files)


def find_source(path: Path, registry: Path, *, follow_symlinks: bool = False) -> Source:
    """Find the file ``path``, or all files below the folder ``path``; no file is opened.

    ``path`` itself may be a link. Raises `SourceNotFound`, and `UnusableSource` for special files, for links inside a
    folder (unless ``follow_symlinks``), for names that are not UTF-8, for an empty file, for a folder without files
    and for a folder that contains the registry.
    """
    try:
        status = path.stat()  # before resolving links: a pipe of the shell (/dev/stdin) resolves to no path
        if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
            root = path.resolve(strict=True)
            status = root.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceNotFound(path) from error
    except OSError as error:
        raise UnusableSource(f"{shown(str(path))} cannot be read: {error.strerror}") from error
    except (RuntimeError, ValueError) as error:  # a circular link; a NUL byte in the path
        raise UnusableSource(f"{shown(str(path))} cannot be read: {error}") from error
    if stat.S_ISREG(status.st_mode):
        if status.st_size == 0:
            raise UnusableSource(f"{shown(str(path))} is an empty file", "check the program that writes it")
        file = SourceFile(_portable(path.name), str(root), status.st_size, identity_of(status))
        return Source(root, False, (file,))
    if not stat.S_ISDIR(status.st_mode):
        raise UnusableSource(
            f"{shown(str(path))} is {_get_kind(status.st_mode)}, not a file or folder",
            "save the model to a file, then register that",
        )
    if registry.resolve().is_relative_to(root):
        raise UnusableSource(f"{shown(str(path))} contains the registry itself", "register the model's own folder")
    files = tuple(sorted(_walk(str(root), identity_of(status), follow_symlinks), key=lambda file: file.path))
    if not files:
        raise UnusableSource(f"the folder {shown(str(path))} has no files", "register a folder that contains a model")
    return Source(root, True, files)


def identity_of(status: os.stat_result) -> tuple[int, int]:
    """Device and inode: they differ if the file was replaced."""
    return status.st_dev, status.st_ino


def _walk(root: str, identity: tuple[int, int], follow: bool) -> Iterator[SourceFile]:
    """Every file below ``root``; not recursive, since folders may be nested very deeply."""
    remaining = [(root, "", identity, frozenset({root}))]
    while remaining:
        folder, prefix, identity, parents = remaining.pop()
        for name, status in _list_entries(folder, prefix, identity):
            path, location = prefix + _portable(name), f"{folder}/{name}"
            if stat.S_ISLNK(status.st_mode):
                location, status = _resolve_link(location, path, follow)
                if any(f"{parent}/".startswith(f"{location}/") for parent in parents):
                    raise UnusableSource(
                        f"the link {shown(path)} leads back to a folder that contains it", "remove it from the folder"
                    )
            if stat.S_ISDIR(status.st_mode):
                inner_parents = parents | {location} if follow else parents  # only links can be circular
                remaining.append((location, f"{path}/", identity_of(status), inner_parents))
            elif stat.S_ISREG(status.st_mode):
                yield SourceFile(path, location, status.st_size, identity_of(status))
            else:
                kind = _get_kind(status.st_mode)
                raise UnusableSource(f"{shown(path)} is {kind}, not a file or folder", "remove it from the folder")


def _list_entries(folder: str, path: str, identity: tuple[int, int]) -> list[tuple[str, os.stat_result]]:
    """The entries of a folder; raises `SourceChanged` if it is not the one that was found with this identity.

    They are listed and examined through one descriptor, so that no part of the path can become a link meanwhile.
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


def _resolve_link(location: str, path: str, follow: bool) -> tuple[str, os.stat_result]:
    """The target of a link, and its status; raises `UnusableSource` unless links are followed."""
    if not follow:
        raise UnusableSource(
            f"{shown(path)} is a symbolic link", "register with --follow-symlinks to store the targets of links"
        )
    try:
        target = os.path.realpath(location, strict=True)
        return target, os.lstat(target)
    except OSError as error:
        raise UnusableSource(
            f"the target of the link {shown(path)} does not exist", "fix or remove the link"
        ) from error


def _portable(name: str) -> str:
    """A file name decoded as UTF-8 in any locale; raises `UnusableSource`."""
    try:
        return os.fsencode(name).decode()
    except UnicodeDecodeError as error:
        raise UnusableSource(f"the file name {shown(name)} is not UTF-8", "rename the file") from error


def _get_kind(mode: int) -> str:
    kinds = {
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a character device",
        stat.S_IFBLK: "a block device",
        stat.S_IFLNK: "a symbolic link",
    }
    return kinds.get(stat.S_IFMT(mode), "a special file")
