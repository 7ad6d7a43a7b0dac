"""Hints for errors of the operating system."""

from __future__ import annotations

import errno
import os

COMMITTED = "earlier changes of this command are committed"


def storage_hint(error: OSError, place: str, needed: int | None) -> str | None:
    """A hint for ``error`` at ``place``; ``needed`` is the space needed, in bytes."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            free = f"; {_free_space(place)} bytes are free" if os.path.isabs(place) else ""
            return f"free some space on that disk{_need(needed)}{free}"
        case errno.EIO if os.path.isabs(place):
            return disk_hint(place)
        case errno.EFBIG:
            return f"files of this size cannot be written there (ulimit -f, or the file system){_need(needed)}"
        case errno.EROFS:
            return "the file system is read-only"
        case errno.EACCES | errno.EPERM:
            return "this user has no permission for that: check the permissions"
        case _:
            return _HINTS.get(error.errno or 0)


_HINTS = {
    errno.ENAMETOOLONG: "the path is too long: use a shorter one",
    errno.EISDIR: "it is a folder: name a file, or remove the folder",
    errno.ENOTDIR: "a part of the path is a file: name another folder",
    errno.ENOENT: "a part of the path is missing: check it; 'modelreg verify' checks a registry",
    errno.ELOOP: "symbolic links in the path form a loop: use another path",
    errno.EMFILE: "this process has too many files open: raise the limit with 'ulimit -n'",
    errno.ENFILE: "the system has too many files open: end some programs, and try again",
    errno.EBUSY: "another program uses it, or it is a mount point: use another path",
}
"""errno -> hint, where the place does not matter."""


def _need(needed: int | None) -> str:
    return "" if needed is None else f"; {needed} bytes are needed"


def disk_hint(place: str) -> str:
    """The hint for an error of the device."""
    return f"check the disk: {_free_space(place)} bytes are free"


def _free_space(path: str) -> int:
    """Free bytes on the file system of ``path``, which need not exist."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize
