"""Semaphores of threads where Python has those of processes: a confined process has no others.

``multiprocessing`` makes its locks of files in ``/dev/shm``, which must not be written here, and joblib's threads need
such locks as well. So `ThreadSemaphore` takes the place of ``_multiprocessing.SemLock``, whose interface it has.
"""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Any, Self

_RECURSIVE_MUTEX = 0


class ThreadSemaphore:
    """A semaphore or, as a recursive mutex, a lock that one thread may take several times."""

    SEM_VALUE_MAX = 2**31 - 1

    def __init__(self, kind: int, value: int, maxvalue: int, name: str | None = None, unlink: bool = True) -> None:
        self.kind = kind
        self.maxvalue = maxvalue
        self.name = None  # so that nobody starts a process to remove it
        self.handle = 0
        self._semaphore = threading.BoundedSemaphore(value) if value == maxvalue else threading.Semaphore(value)
        self._owner: int | None = None
        self._depth = 0

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take it, waiting ``timeout`` seconds at most; returns whether that was possible."""
        if self.kind != _RECURSIVE_MUTEX or not self._is_mine():
            if not self._semaphore.acquire(block, timeout if block else None):
                return False
            self._owner = threading.get_ident()
        self._depth += 1
        return True

    def release(self) -> None:
        """Let go of it; raises AssertionError for a lock of another thread, ValueError for one that nobody holds."""
        if self.kind == _RECURSIVE_MUTEX and not self._is_mine():
            raise AssertionError("attempt to release recursive lock not owned by thread")
        self._depth -= 1
        if self.kind != _RECURSIVE_MUTEX or self._depth == 0:
            self._owner = None
            self._semaphore.release()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _is_mine(self) -> bool:
        return self._depth > 0 and self._owner == threading.get_ident()

    def _count(self) -> int:
        return self._depth

    def _get_value(self) -> int:
        return self._semaphore._value

    def _is_zero(self) -> bool:
        return self._get_value() == 0

    def _after_fork(self) -> None:
        """Nothing can fork."""


def use_threads() -> None:
    """Let everything in this process that wants semaphores of processes have those of threads."""
    multiprocessing: Any = import_module("_multiprocessing")
    multiprocessing.SemLock = ThreadSemaphore
