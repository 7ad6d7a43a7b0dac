"""Replace process semaphores by thread semaphores: a confined process cannot make process semaphores.

``multiprocessing`` makes its locks as files in ``/dev/shm``, where a confined process must not write; joblib needs such
locks even when it only uses threads. `ThreadSemaphore` has the interface of ``_multiprocessing.SemLock``.
"""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Any, Self

_RECURSIVE_MUTEX = 0


class ThreadSemaphore:
    """A semaphore or, with the kind recursive mutex, a lock that its owner thread may acquire several times."""

    SEM_VALUE_MAX = 2**31 - 1

    def __init__(self, kind: int, value: int, maxvalue: int, name: str | None = None, unlink: bool = True) -> None:
        self.kind = kind
        self.maxvalue = maxvalue
        self.name = None  # a name would make multiprocessing start a process that removes it
        self.handle = 0
        self._semaphore = threading.BoundedSemaphore(value) if value == maxvalue else threading.Semaphore(value)
        self._owner: int | None = None
        self._depth = 0

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Acquire it, waiting at most ``timeout`` seconds; returns whether it was acquired."""
        if self.kind != _RECURSIVE_MUTEX or not self._is_mine():
            if not self._semaphore.acquire(block, timeout if block else None):
                return False
            self._owner = threading.get_ident()
        self._depth += 1
        return True

    def release(self) -> None:
        """Release it; raises AssertionError for another thread's lock, ValueError when it was not acquired."""
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
        """Do nothing: a confined process cannot fork."""


def replace_process_semaphores() -> None:
    """Make ``multiprocessing`` and joblib use thread semaphores in this process."""
    multiprocessing: Any = import_module("_multiprocessing")
    multiprocessing.SemLock = ThreadSemaphore
