"""A disk that is full or fails, at any system call: exit 8 and nothing half done, or it was done without."""

from __future__ import annotations

from itertools import cycle

import pytest

from . import strace
from .conftest import EXHAUSTIVE, assert_sound, facts, leftovers, said
from .undertakings import every_undertaking

pytestmark = pytest.mark.fault

WORDS = {"ENOSPC": "No space left on device", "EDQUOT": "Disk quota exceeded", "EIO": "Input/output error"}
SQLITE = "(SQLITE_"
"""SQLite keeps to itself what the system said, and tells only what it was doing."""
UNCHANGED = (
    "nothing was changed",
    "the backup is incomplete; the same command completes it",
    "the restoration is incomplete; the same command completes it",
)
MADE = ("the change is committed", "earlier changes of this command are committed", "the versions were removed")
ERRORS = {
    "openat": ("ENOSPC", "EIO", "EDQUOT"),
    "write": ("ENOSPC", "EIO", "EDQUOT"),
    "pwrite64": ("ENOSPC", "EIO", "EDQUOT"),
    "copy_file_range": ("ENOSPC", "EIO"),
    "ftruncate": ("EIO",),
    "fsync": ("EIO", "ENOSPC", "EDQUOT"),
    "fdatasync": ("EIO", "ENOSPC", "EDQUOT"),
    "syncfs": ("EIO",),
    "rename": ("ENOSPC", "EIO"),
    "link": ("ENOSPC", "EIO"),
    "unlink": ("EIO",),
    "mkdir": ("ENOSPC", "EDQUOT", "EIO"),
    "chmod": ("EIO",),
    "fchmod": ("EIO",),
    "utimensat": ("EIO",),
}
"""System call -> what it may say."""
LASTING = ("pwrite64", "fsync", "fdatasync", "rename", "mkdir")
"""Calls that fail from then on when the disk stays as it is; others are made for other things, too."""


def faults(moment):
    """Each fault to be tried at a moment: what the call says, and whether it goes on saying so."""
    for error in ERRORS.get(moment.call, ()):
        yield moment, error, False
        if moment.call in LASTING:
            yield moment, error, True


def some_of_each_call(found, undertaking):
    """Every fault at every moment; else at some moments one each, in turn, so that all kinds come."""
    if EXHAUSTIVE:
        return [fault for moment in found for fault in faults(moment)]
    turns = {}
    chosen = []
    for moment in strace.thinned(found, undertaking.stride - 1, undertaking.stride_of_pages):
        if moment.call in ERRORS:
            chosen.append(next(turns.setdefault(moment.call, cycle(kind[1:] for kind in faults(moment)))))
            chosen[-1] = (moment, *chosen[-1])
    return chosen


@every_undertaking
def test_a_command_whose_system_call_fails_has_done_nothing_or_could_do_without(
    undertaking, stock, nothing_yet, can_trace
):
    make = nothing_yet if undertaking.makes_registry else stock
    whole = make("whole")
    before = facts(make("before").registry)
    found = [moment for moment in whole.moments(*undertaking.words) if not moment.is_answer]
    after = facts(whole.registry)
    for moment, error, lasting in some_of_each_call(found, undertaking):
        what = f"{error}{' from then on' if lasting else ''} at {moment}"
        run = make(f"{moment.call}-{moment.nth}-{error}-{lasting}")
        done = run(*undertaking.words, before=strace.at(moment, f"error={error}", from_then_on=lasting))
        words = said(done)
        assert_sound(run)
        assert leftovers(run.registry) == [], what
        if done.returncode == 0:
            assert facts(run.registry) == after, what
            continue
        assert (done.returncode, done.stdout) == (8, ""), f"{what}: {words}"
        assert str(run.registry.parent) in words, f"{what}: {words}"
        assert WORDS[error] in words or SQLITE in words, f"{what}: {words}"
        assert error == "EIO" or "bytes are free" in words, f"{what}: {words}"
        was_done = any(each in words for each in MADE)
        assert was_done != any(each in words for each in UNCHANGED), f"{what}: {words}"
        assert facts(run.registry) == (after if was_done else before), f"{what}: {words}"
        again = run(*undertaking.words)
        assert again.returncode in (undertaking.again if was_done else (0,)), again.stderr
        assert facts(run.registry) == after, what
