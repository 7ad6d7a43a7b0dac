"""Files and folders, opened and made safely: usable whatever the umask, never waiting, and never through a link."""

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

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def refuse_address(path: os.PathLike[str] | str) -> None:
    """Raise `InvalidInput` for ``s3://bucket/models`` and the like, which would become a folder named ``s3:``."""
    text = os.fspath(path)
    if address := _ADDRESS.match(text):
        local = "/" + text[address.end() :].lstrip("/")
        hint = (
            f"write {quoted(local)}" if text.startswith("file:") else "name a folder of this machine, and copy it then"
        )
        raise InvalidInput(f"{shown(text)} is an address, and a local path is needed", hint)


_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Make a folder, with those above it, unless it is there, with ``mode`` less the umask; its owner may use it."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for each in reversed(missing):
        try:
            os.mkdir(each, mode)
        except FileExistsError:
            if not each.is_dir():
                raise
            continue
        found = stat.S_IMODE(os.lstat(each).st_mode)
        if found & 0o700 != 0o700:
            change_mode(each, found | 0o700)


def remove_folder(path: Path) -> None:
    """Remove a folder with everything in it, however deep it is; follows no link, whatever others do meanwhile.

    Unlike `shutil.rmtree`, which calls itself and holds a descriptor for each level. Raises OSError.
    """
    top = os.open(path, _FOLDER)
    try:
        waiting = _emptied(top, top)
        while waiting:
            name = waiting.pop()
            inner = os.open(name, _FOLDER, dir_fd=top)
            try:
                waiting += _emptied(inner, top)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)
    os.rmdir(path)


def _emptied(folder: int, top: int) -> list[str]:
    """Remove the files in an open folder and move its folders into ``top``; returns their names there."""
    change_mode(folder, 0o700)
    moved = []
    with os.scandir(folder) as entries:
        for entry in list(entries):
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.name, dir_fd=folder)
            elif folder == top:
                moved.append(entry.name)
            else:
                moved.append(os.urandom(8).hex())
                os.rename(entry.name, moved[-1], src_dir_fd=folder, dst_dir_fd=top)
    return moved


def change_mode(place: Path | str | int, mode: int) -> None:
    """chmod(2) of a path or descriptor, where the file system has modes.

    Some have one fixed mode for everything (CIFS, FAT, WSL's drives) and refuse. Whether what is there is safe is
    checked whenever a registry is used.
    """
    try:
        os.fchmod(place, mode) if isinstance(place, int) else os.chmod(place, mode)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
            raise


def sync_path(path: Path | str) -> None:
    """Wait until a file, or a folder's entries, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        flush(descriptor)
    finally:
        os.close(descriptor)


def flush(descriptor: int) -> None:
    """Wait until what was written is on disk: fsync(2), and on macOS what empties the cache of the drive, too.

    There fsync leaves the bytes in the drive, by its own manual page; F_FULLFSYNC is not on every file system.
    """
    if sys.platform == "darwin":
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def require_folder(path: Path) -> None:
    """Raise `InvalidInput` unless ``path`` is a folder, for something to be written into it."""
    if path.is_dir():
        return
    obstacle = find_obstacle(path)
    if obstacle is not None:
        raise InvalidInput(
            f"{shown(str(obstacle))} is not a folder, so nothing can be written into it", "name a folder"
        )
    raise InvalidInput(f"there is no folder {shown(str(path))} to write to", "make the folder first")


def find_obstacle(path: Path) -> Path | None:
    """What stands where a folder is needed for a folder ``path``, and is none; None where nothing does."""
    nearest = next(each for each in (path, *path.parents) if os.path.lexists(each) or each == each.parent)
    return nearest if os.path.lexists(nearest) and not nearest.is_dir() else None


def open_new_file(path: Path | str, mode: int) -> int:
    """A descriptor, to write and read, of a file that was not there; raises FileExistsError where anything is."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
    try:
        found = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if found & 0o600 != 0o600:
            change_mode(descriptor, found | 0o600)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def open_or_make_file(path: Path | str, mode: int) -> int:
    """A descriptor, to write and read, of a regular file, which is made if need be; never waits.

    Raises OSError for a link, and for anything else in its place.
    """
    while True:
        try:
            return open_new_file(path, mode)
        except FileExistsError:
            pass
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:  # it was taken away just now
            continue
        _require_regular(descriptor, path)
        return descriptor


def open_existing_file(path: Path | str) -> int:
    """A descriptor, to read, of a regular file that is there; never waits. Raises what `open_or_make_file` raises."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    _require_regular(descriptor, path)
    return descriptor


def read_content(path: Path | str) -> bytes:
    """The bytes of a small regular file. Raises what `open_or_make_file` raises."""
    with os.fdopen(open_existing_file(path), "rb") as opened:
        return opened.read()


def _require_regular(descriptor: int, path: Path | str) -> None:
    """Close it and raise OSError unless it is open on a regular file."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is no regular file, and one is needed there", str(path))
