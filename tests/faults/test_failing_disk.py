"""A full or failing disk at any system call: exit 8 and no partial change, or success without that call."""

from __future__ import annotations

from itertools import cycle

import pytest

from . import strace
from .changing_commands import every_command
from .conftest import EXHAUSTIVE, assert_sound, contents_of, leftovers, stderr_of

pytestmark = pytest.mark.fault

MESSAGES = {"ENOSPC": "No space left on device", "EDQUOT": "Disk quota exceeded", "EIO": "Input/output error"}
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
    cycles = {}
    chosen = []
    for moment in strace.every_nth(moments, 2 * case.stride, 2 * case.stride_of_pages):
        if moment.call in ERRORS:
            chosen.append(next(cycles.setdefault(moment.call, cycle(kind[1:] for kind in faults(moment)))))
            chosen[-1] = (moment, *chosen[-1])
    return chosen


@every_command
def test_failing_system_call_leaves_no_partial_change(case, copy_registry, empty_folder, can_trace):
    make = empty_folder if case.creates_registry else copy_registry
    reference = make("reference")
    before = contents_of(make("before").registry)
    moments = [moment for moment in reference.moments(*case.arguments) if not moment.is_output]
    after = contents_of(reference.registry)
    for moment, error, is_persistent in choose_faults(moments, case):
        fault = f"{error}{' from then on' if is_persistent else ''} at {moment}"
        run = make(f"{moment.call}-{moment.nth}-{error}-{is_persistent}")
        result = run(*case.arguments, prefix=strace.at(moment, f"error={error}", from_then_on=is_persistent))
        message = stderr_of(result)
        assert_sound(run)
        assert leftovers(run.registry) == [], fault
        if result.returncode == 0:
            assert contents_of(run.registry) == after, fault
            continue
        assert (result.returncode, result.stdout) == (8, ""), f"{fault}: {message}"
        assert str(run.registry.parent) in message, f"{fault}: {message}"
        assert MESSAGES[error] in message or SQLITE in message, f"{fault}: {message}"
        assert error == "EIO" or "bytes are free" in message, f"{fault}: {message}"
        is_changed = any(phrase in message for phrase in CHANGED)
        assert is_changed != any(phrase in message for phrase in UNCHANGED), f"{fault}: {message}"
        assert contents_of(run.registry) == (after if is_changed else before), f"{fault}: {message}"
        repeated = run(*case.arguments)
        assert repeated.returncode in (case.repeated_status if is_changed else (0,)), repeated.stderr
        assert contents_of(run.registry) == after, fault
