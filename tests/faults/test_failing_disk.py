"""A full or failing disk at any system call: exit 8 and no partial change, or success without that call."""

from __future__ import annotations

from itertools import cycle

import pytest

from . import strace
from .changing_commands import every_command
from .conftest import EXHAUSTIVE, assert_sound, contents_of, leftovers, stderr_of

pytestmark = pytest.mark.fault

WORDS = {"ENOSPC": "No space left on device", "EDQUOT": "Disk quota exceeded", "EIO": "Input/output error"}
SQLITE = "(SQLITE_"
"""SQLite reports the failed operation, and not the error of the system."""
UNCHANGED = (
    "nothing was changed",
    "the backup is incomplete; the same command completes it",
    "the restoration is incomplete; the same command completes it",
)
CHANGED = ("the change is committed", "earlier changes of this command are committed", "the versions were removed")
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
"""System call -> its possible errors."""
PERSISTENT = ("pwrite64", "fsync", "fdatasync", "rename", "mkdir")
"""Calls that may also fail from then on; the others have other uses besides the disk."""


def faults(moment):
    """The faults for a system call: call, error, and whether all later calls fail, too."""
    for error in ERRORS.get(moment.call, ()):
        yield moment, error, False
        if moment.call in PERSISTENT:
            yield moment, error, True


def choose_faults(moments, case):
    """Every fault at every call in exhaustive runs; otherwise one at some calls, in turn, so that all kinds occur."""
    if EXHAUSTIVE:
        return [fault for moment in moments for fault in faults(moment)]
    turns = {}
    chosen = []
    for moment in strace.every_nth(moments, 2 * case.stride, 2 * case.stride_of_pages):
        if moment.call in ERRORS:
            chosen.append(next(turns.setdefault(moment.call, cycle(kind[1:] for kind in faults(moment)))))
            chosen[-1] = (moment, *chosen[-1])
    return chosen


@every_command
def test_failing_system_call_leaves_no_partial_change(case, copy_registry, empty_folder, can_trace):
    make = empty_folder if case.makes_registry else copy_registry
    whole = make("whole")
    before = contents_of(make("before").registry)
    moments = [moment for moment in whole.moments(*case.words) if not moment.is_output]
    after = contents_of(whole.registry)
    for moment, error, is_persistent in choose_faults(moments, case):
        fault = f"{error}{' from then on' if is_persistent else ''} at {moment}"
        run = make(f"{moment.call}-{moment.nth}-{error}-{is_persistent}")
        result = run(*case.words, before=strace.at(moment, f"error={error}", from_then_on=is_persistent))
        words = stderr_of(result)
        assert_sound(run)
        assert leftovers(run.registry) == [], fault
        if result.returncode == 0:
            assert contents_of(run.registry) == after, fault
            continue
        assert (result.returncode, result.stdout) == (8, ""), f"{fault}: {words}"
        assert str(run.registry.parent) in words, f"{fault}: {words}"
        assert WORDS[error] in words or SQLITE in words, f"{fault}: {words}"
        assert error == "EIO" or "bytes are free" in words, f"{fault}: {words}"
        is_changed = any(phrase in words for phrase in CHANGED)
        assert is_changed != any(phrase in words for phrase in UNCHANGED), f"{fault}: {words}"
        assert contents_of(run.registry) == (after if is_changed else before), f"{fault}: {words}"
        again = run(*case.words)
        assert again.returncode in (case.repeated_status if is_changed else (0,)), again.stderr
        assert contents_of(run.registry) == after, fault
