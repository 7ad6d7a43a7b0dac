"""Kernel locks on files that are never deleted: whoever dies lets go, so no lock is ever stale."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from time import monotonic

from modelreg.errors import LockTimeout, NoLocks
from modelreg.system.files import change_mode, open_existing_file, open_or_make_file

_BETWEEN_LOOKS = 0.2  # seconds
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What flock(2) says on file systems without locks."""


@contextmanager
def locked(path: Path, timeout: float, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock on ``path``, which is made if need be; waits ``timeout`` seconds at most.

    Whoever only reads may share the lock of a folder that cannot be written. Raises `LockTimeout`, which names the
    holders, and OSError.
    """
    descriptor, writable = _opened(path, shared)
    try:
        _acquire(descriptor, path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, timeout)
        if writable:
            _name_holder(descriptor)
        yield
    finally:
        os.close(descriptor)


def _opened(path: Path, shared: bool) -> tuple[int, bool]:
    """A descriptor of the lock's file, and whether it can be written to."""
    try:
        descriptor = open_or_make_file(path, mode_in(path.parent))
        _restrict(descriptor, path)
        return descriptor, True
    except OSError as error:
        if not shared or error.errno not in (errno.EACCES, errno.EROFS):
            raise
        return open_existing_file(path), False


def mode_in(folder: Path) -> int:
    """The mode of a lock's file: who may open it can keep everybody else out, so only those who may write to it can."""
    return 0o660 if folder.stat().st_mode & stat.S_IWGRP else 0o600


def _restrict(descriptor: int, path: Path) -> None:
    """Let nobody else open a lock's file of ours, which older programs let everybody read."""
    status, mode = os.fstat(descriptor), mode_in(path.parent)
    if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) != mode:
        change_mode(descriptor, mode)


def _acquire(descriptor: int, path: Path, kind: int, timeout: float) -> None:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        return
    except BlockingIOError:
        pass
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise NoLocks(error, path) from error
        raise
    if not _acquired_in_turn(descriptor, kind, timeout):
        raise LockTimeout(timeout, _holders(descriptor) or _last_named(descriptor) or "another process")


def _acquired_in_turn(descriptor: int, kind: int, timeout: float) -> bool:
    """Wait in the kernel's queue, which is fair, where polling is not; in a thread, since flock knows no time limit."""
    own = os.dup(descriptor)  # the thread may outlive this call, and its descriptor must be its own
    ended, failures = Event(), []

    def wait() -> None:
        try:
            fcntl.flock(own, kind)
        except OSError as error:
            failures.append(error)
        finally:
            ended.set()
            os.close(own)

    Thread(target=wait, name="lock", daemon=True).start()
    in_time = _waited(ended, timeout)
    if failures:
        raise failures[0]
    return in_time


def _waited(ended: Event, timeout: float) -> bool:
    """Whether it ended in time; looked at now and then, since Ctrl-C that comes just before a wait is seen after it."""
    until = monotonic() + timeout
    while not ended.wait(max(0.0, min(_BETWEEN_LOOKS, until - monotonic()))):
        if monotonic() >= until:
            return ended.is_set()
    return True


def _holders(descriptor: int) -> str:
    """Who holds the lock, as the kernel tells where it does: any number may share it, and the file names the last."""
    status = os.fstat(descriptor)
    found: dict[str, None] = {}  # one process may hold it twice, and the kernel's list may change while it is read
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    with suppress(OSError), open("/proc/locks") as locks:
        for words in map(str.split, locks):
            # 7: FLOCK ADVISORY READ 4711 fe:00:2214262 0 EOF; '7: ->' are those who wait
            if words[1:2] == ["FLOCK"] and words[5] == place and int(words[4]) > 0:
                found[words[4]] = None
    many = "processes" if len(found) > 1 else "process"
    return f"{many} {' and '.join(found)} on {os.uname().nodename}" if found else ""


def _last_named(descriptor: int) -> str:
    return os.pread(descriptor, 200, 0).decode(errors="replace").strip()


def _name_holder(descriptor: int) -> None:
    """Write down who holds the lock, for those who wait in vain; nothing else ever reads it, so it may fail."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {os.uname().nodename}\n".encode(), 0)
