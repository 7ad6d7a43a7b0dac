"""Kernel locks on files that are never deleted: whoever dies lets go, so no lock is ever stale."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from modelreg.errors import LockTimeout

_MODE = 0o666  # less the umask; a group registry sets its own


@contextmanager
def locked(path: Path, timeout: float, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock on ``path``, which is made if need be; waits ``timeout`` seconds at most.

    Raises `LockTimeout`, which names the holder, and OSError.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, _MODE)
    try:
        _acquire(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, timeout)
        if not shared:
            _name_holder(descriptor)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, kind: int, timeout: float) -> None:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        return
    if not _acquired_in_turn(descriptor, kind, timeout):
        raise LockTimeout(timeout, os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "another process")


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
    in_time = ended.wait(timeout)
    if failures:
        raise failures[0]
    return in_time


def _name_holder(descriptor: int) -> None:
    """Write down who holds the lock, for those who wait in vain; nothing else ever reads it."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"process {os.getpid()} on {os.uname().nodename}\n".encode(), 0)
