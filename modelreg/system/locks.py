"""Kernel locks (flock) on files that are never deleted; the kernel releases a dead process's lock, so none is stale."""

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

from modelreg.errors import LockTimeout, StorageFailure, shown
from modelreg.system.files import change_mode, open_existing_file, open_or_make_file

DEFAULT_LOCK_TIMEOUT = 30.0  # seconds
_POLL_INTERVAL = 0.2  # seconds
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""Errors of flock(2) on file systems without locks."""


@contextmanager
def locked(path: Path, timeout: float, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock file ``path``, created if it is missing; waits at most ``timeout`` seconds.

    A shared lock works in a folder without write permission. Raises `LockTimeout`, which names the holders, and
    OSError.
    """
    descriptor, is_writable = _open_lock_file(path, shared)
    try:
        _acquire(descriptor, path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, timeout)
        if is_writable:
            _write_holder(descriptor)
        yield
    finally:
        os.close(descriptor)


def _open_lock_file(path: Path, shared: bool) -> tuple[int, bool]:
    """A descriptor of the lock file, and whether it is writable."""
    try:
        descriptor = open_or_make_file(path, mode_in(path.parent))
    except OSError as error:
        if not shared or error.errno not in (errno.EACCES, errno.EROFS):
            raise
        return open_existing_file(path), False
    status, mode = os.fstat(descriptor), mode_in(path.parent)
    if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) != mode:  # older releases let everybody read it
        change_mode(descriptor, mode)
    return descriptor, True


def mode_in(folder: Path) -> int:
    """The mode of a lock file: readable only by writers, since everyone who can open it can lock everybody else out."""
    return 0o660 if folder.stat().st_mode & stat.S_IWGRP else 0o600


def build_flock_error(error: OSError, path: Path) -> StorageFailure:
    """The error for a file system without locks."""
    return StorageFailure(
        f"{shown(os.fspath(path))}: {error.strerror or error}; nothing was changed",
        "the file system does not support flock, which a registry needs: use a local disk, or mount it with locks",
        code="no_locks",
    )


def _acquire(descriptor: int, path: Path, kind: int, timeout: float) -> None:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        return
    except BlockingIOError:
        pass
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            raise build_flock_error(error, path) from error
        raise
    if not _wait_for_lock(descriptor, kind, timeout):
        last_holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
        raise LockTimeout(timeout, _read_holders(descriptor) or last_holder or "another process")


def _wait_for_lock(descriptor: int, kind: int, timeout: float) -> bool:
    """Wait in the kernel's queue, which is fair as polling is not; returns whether the lock was acquired in time.

    A thread waits, because flock has no timeout.
    """
    thread_descriptor = os.dup(descriptor)  # the thread may outlive this call
    ended, failures = Event(), []

    def wait() -> None:
        try:
            fcntl.flock(thread_descriptor, kind)
        except OSError as error:
            failures.append(error)
        finally:
            ended.set()
            os.close(thread_descriptor)

    Thread(target=wait, name="lock", daemon=True).start()
    is_in_time = _wait_for_event(ended, timeout)
    if failures:
        raise failures[0]
    return is_in_time


def _wait_for_event(event: Event, timeout: float) -> bool:
    """Whether the event came in time; polls, because a Ctrl-C just before a wait is handled only after the wait."""
    until = monotonic() + timeout
    while not event.wait(max(0.0, min(_POLL_INTERVAL, until - monotonic()))):
        if monotonic() >= until:
            return event.is_set()
    return True


def _read_holders(descriptor: int) -> str:
    """The processes that hold the lock, from /proc/locks; empty on other systems than Linux.

    The lock file names only the last holder, and several processes may share a lock.
    """
    status = os.fstat(descriptor)
    process_ids: dict[str, None] = {}  # one process may hold it twice, and the list may change while it is read
    inode = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    with suppress(OSError), open("/proc/locks") as locks:
        for words in map(str.split, locks):
            # 7: FLOCK ADVISORY READ 4711 fe:00:2214262 0 EOF; a line with '7: ->' is of a waiting process
            if words[1:2] == ["FLOCK"] and words[5] == inode and int(words[4]) > 0:
                process_ids[words[4]] = None
    noun = "processes" if len(process_ids) > 1 else "process"
    return f"{noun} {' and '.join(process_ids)} on {os.uname().nodename}" if process_ids else ""


def _write_holder(descriptor: int) -> None:
    """Write this process into the lock file, for error messages of other processes only; so failure is ignored."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {os.uname().nodename}\n".encode(), 0)
