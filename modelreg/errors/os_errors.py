"""What to do about an error of the operating system."""

from __future__ import annotations

import errno
import os

COMMITTED = "what was done until then is committed"


def storage_hint(error: OSError, place: str, needed: int | None) -> str | None:
    """What may help against ``error`` at ``place``; ``needed`` is the space that it takes, in bytes."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            free = f"; {_free_space(place)} bytes are free" if os.path.isabs(place) else ""
            return f"make room on that disk{_need(needed)}{free}"
        case errno.EIO if os.path.isabs(place):
            return disk_hint(place)
        case errno.EFBIG:
            return f"no file of this size may be written there (ulimit -f, or the file system){_need(needed)}"
        case errno.EROFS:
            return "it can be read there, and not written"
        case errno.EACCES | errno.EPERM:
            return "this user may not do that there: look at the permissions"
        case _:
            return _HINTS.get(error.errno or 0)


_HINTS = {
    errno.ENAMETOOLONG: "the path is longer than the system takes: use a shorter one",
    errno.EISDIR: "a folder is there: name a file, or take the folder away",
    errno.ENOTDIR: "a part of the path is a file: name another folder",
    errno.ENOENT: "a part of the path is missing: check it; 'modelreg verify' checks a registry",
    errno.ELOOP: "links on the path lead to each other: name another path",
    errno.EMFILE: "this process has too many files open: raise the limit with 'ulimit -n'",
    errno.ENFILE: "the system has too many files open: end some programs, and try again",
    errno.EBUSY: "another program uses it, or it is a mount point: name another path",
}
"""What the system says -> what to do, where the place does not matter."""


def _need(needed: int | None) -> str:
    return "" if needed is None else f"; {needed} bytes are needed"


def disk_hint(place: str) -> str:
    """The hint for an error of the device."""
    return f"look at the disk: {_free_space(place)} bytes are free"


def _free_space(path: str) -> int:
    """Bytes that are free where ``path`` is, or would be."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize
