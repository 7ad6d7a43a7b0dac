"""Whether this process has begun to commit a change: from then on Ctrl-C comes too late, and the answer is due.

The catalog says so, and the command line asks. A program that uses `Registry` has its own way with Ctrl-C.
"""

from __future__ import annotations

import threading

_begun = False
_of_thread = threading.local()


def begin() -> None:
    """A commit comes next, or the renaming of what was built aside."""
    global _begun
    _begun = True


def fail() -> None:
    """It did not come about: everything is as it was."""
    global _begun
    _begun = False


def go_on() -> None:
    """What was committed is but the beginning of what was asked for: Ctrl-C ends the rest."""
    global _begun
    _begun = False


def done() -> None:
    """A commit was made in this thread."""
    _of_thread.count = count() + 1


def count() -> int:
    """How many commits were made in this thread: whoever compares two counts knows whether one was made between."""
    found: int = getattr(_of_thread, "count", 0)
    return found


def begun() -> bool:
    """Whether something was changed for good, or is being changed right now."""
    return _begun
