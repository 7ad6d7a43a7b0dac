"""Tracks commits, so that Ctrl-C during or after a commit does not hide the result.

The catalog reports its commits here; the command line asks before it ends on Ctrl-C. Programs that use `Registry`
handle Ctrl-C themselves.
"""

from __future__ import annotations

import threading

_has_begun = False
_thread_local = threading.local()


def begin_commit() -> None:
    """A commit, or the rename that publishes a finished catalog, comes next."""
    global _has_begun
    _has_begun = True


def fail_commit() -> None:
    """The commit failed: nothing has changed."""
    global _has_begun
    _has_begun = False


def allow_interrupts() -> None:
    """The commit was only the first part of the command: Ctrl-C may end the rest."""
    global _has_begun
    _has_begun = False


def finish_commit() -> None:
    """A commit succeeded in this thread."""
    _thread_local.count = commit_count() + 1


def commit_count() -> int:
    """The number of commits in this thread; two equal counts mean that nothing was committed in between."""
    count: int = getattr(_thread_local, "count", 0)
    return count


def has_begun_commit() -> bool:
    """Whether a change is committed, or being committed right now."""
    return _has_begun
