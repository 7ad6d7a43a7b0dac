"""Safe file operations: usable whatever the umask, never blocking on a FIFO, never following a link."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import sys
from contextlib import suppress
from pathlib import Path

from modelreg.errors import InvalidInput, quoted, shown

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def check_local_path(path: os.PathLike[str] | str) -> None:
    """Raise `InvalidInput` for a URL such as ``s3://bucket/models``, which would become a folder named ``s3:``."""
    text = os.fspath(path)
    if url := _URL.match(text):
        local = "/" + text[url.end() :].lstrip("/")
        hint = f"use {quoted(local)}" if text.startswith("file:") else "use a local folder, and copy it afterwards"
        raise InvalidInput(f"{shown(text)} is a URL, and a local path is needed", hint)


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Create a folder and its missing parents with ``mode`` less the umask, always usable by the owner."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        try:
            os.mkdir(folder, mode)
        except FileExistsError:
            if not folder.is_dir():
                raise
            continue
        actual_mode = stat.S_IMODE(os.lstat(folder).st_mode)
        if actual_mode & 0o700 != 0o700:
            change_mode(folder, actual_mode | 0o700)


def remove_folder(path: Path) -> None:
    """Remove a folder with its contents, at any depth; never follows a link, even one put there meanwhile.

    `shutil.rmtree` recurses and holds one descriptor per level, so it fails for deep folders. Raises OSError.
    """
    top = os.open(path, _OPEN_FOLDER)
    try:
        remaining = _empty_folder(top, top)
        while remaining:
            name = remaining.pop()
            inner = os.open(name, _OPEN_FOLDER, dir_fd=top)
            try:
                remaining += _empty_folder(inner, top)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)
    os.rmdir(path)


def _empty_folder(folder: int, top: int) -> list[str]:
    """Remove the files in an open folder, and move its subfolders into ``top``; returns their names there."""
    change_mode(folder, 0o700)
    names = []
    with os.scandir(folder) as entries:
        for entry in list(entries):
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.name, dir_fd=folder)
            elif folder == top:
                names.append(entry.name)
            else:
                names.append(os.urandom(8).hex())
                os.rename(entry.name, names[-1], src_dir_fd=folder, dst_dir_fd=top)
    return names


def change_mode(path: Path | str | int, mode: int) -> None:
    """chmod(2) of a path or descriptor; does nothing on a file system with fixed modes (CIFS, FAT, WSL's drives).

    Whether the resulting modes are safe is checked each time a registry is used.
    """
    try:
        os.fchmod(path, mode) if isinstance(path, int) else os.chmod(path, mode)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
            raise


def sync_path(path: Path | str) -> None:
    """Wait until a file, or the entries of a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        flush(descriptor)
    finally:
        os.close(descriptor)


def flush(descriptor: int) -> None:
    """fsync(2); on macOS also empty the drive's cache.

    By its manual page, fsync on macOS leaves the bytes in the drive. F_FULLFSYNC does not exist on every file system.
    """
    if sys.platform == "darwin":
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def check_folder(path: Path) -> None:
    """Raise `InvalidInput` unless ``path`` is a folder to write into."""
    if path.is_dir():
        return
    obstacle = find_obstacle(path)
    if obstacle is not None:
        raise InvalidInput(
            f"{shown(str(obstacle))} is not a folder, so nothing can be written into it", "choose a folder"
        )
    raise InvalidInput(f"there is no folder {shown(str(path))} to write to", f"create it: mkdir -p {quoted(path)}")


def find_obstacle(path: Path) -> Path | None:
    """``path`` or the nearest existing parent, if it is not a folder and so prevents creating ``path``; else None."""
    nearest = next(parent for parent in (path, *path.parents) if os.path.lexists(parent) or parent == parent.parent)
    return nearest if os.path.lexists(nearest) and not nearest.is_dir() else None


def open_new_file(path: Path | str, mode: int) -> int:
    """Create a file to write and read; returns its descriptor. Raises FileExistsError if anything is at ``path``."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
    try:
        actual_mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if actual_mode & 0o600 != 0o600:
            change_mode(descriptor, actual_mode | 0o600)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def open_or_make_file(path: Path | str, mode: int) -> int:
    """Open a regular file to write and read, or create it; returns its descriptor. Never blocks.

    Raises OSError for a link, and for anything else that is not a regular file.
    """
    while True:
        try:
            return open_new_file(path, mode)
        except FileExistsError:
            pass
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:  # removed just now
            continue
        _check_regular(descriptor, path)
        return descriptor


def open_existing_file(path: Path | str) -> int:
    """Open a regular file to read; returns its descriptor. Never blocks. Raises OSError as `open_or_make_file` does."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    _check_regular(descriptor, path)
    return descriptor


def read_content(path: Path | str) -> bytes:
    """The content of a small regular file. Raises OSError as `open_or_make_file` does."""
    with os.fdopen(open_existing_file(path), "rb") as file:
        return file.read()


def _check_regular(descriptor: int, path: Path | str) -> None:
    """Close the descriptor and raise OSError unless it is of a regular file."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file, and one is needed there", str(path))
