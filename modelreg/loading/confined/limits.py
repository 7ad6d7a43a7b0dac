"""What a confined process may use up: memory, time, open files and core files."""

from __future__ import annotations

import os
import re
import resource
import sys

from modelreg.domain.confinement import Limits
from modelreg.errors import InvalidInput, shown

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_LEAST_MEMORY = 1 << 30  # bytes: Python with pandas and scikit-learn takes about that much address space
_LEAST_DEFAULT = 8 << 30  # bytes; address space is reserved generously, also where there is less memory
_MOST_MEMORY = (1 << 63) - 1  # bytes, as the kernel counts them
_OPEN_FILES = 256  # each socket or pipe holds memory of the kernel, which no limit of memory counts
_QUEUED_SIGNALS = 64  # timers and queued signals, which the kernel counts for all processes of a user
_FOR_EACH_CORE = 256 << 20  # bytes: a thread's stack, and what the C library and OpenBLAS reserve for it


def parse_memory(text: str | int | None) -> int | None:
    """Bytes from ``4GiB``, ``512M`` or a number of bytes; raises `InvalidInput`."""
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,15})\s*([KMGT]?)(i?B)?", str(text).strip(), re.IGNORECASE)
    if found is None:
        raise InvalidInput(f"{shown(str(text))} is not a size of memory", "write a number and a unit: 4GiB, 1500MiB")
    memory = int(found[1]) * _UNITS[found[2].upper()]
    if memory < _LEAST_MEMORY:
        raise InvalidInput(
            f"{shown(str(text))} is less than Python and its libraries take", "write 1GiB or more: 4GiB, 1500MiB"
        )
    if memory > _MOST_MEMORY:
        raise InvalidInput(
            f"{shown(str(text))} is more memory than a process can have", "write a smaller number: 64GiB"
        )
    return memory


def parse_time(seconds: float | None) -> float | None:
    """A positive number of seconds; raises `InvalidInput`."""
    if seconds is not None and not 0 < seconds < float("inf"):
        raise InvalidInput(f"a time limit of {seconds} seconds cannot be kept", "write a number above 0")
    return seconds


def memory_of(limits: Limits) -> int:
    """Bytes of address space."""
    if limits.memory is not None:
        return limits.memory
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(machine, _LEAST_DEFAULT + _FOR_EACH_CORE * (os.cpu_count() or 1))


def size_as_text(size: int) -> str:
    """A number of bytes for people, in the unit in which it is at least 1."""
    unit = next((unit for unit in "TGM" if size >= _UNITS[unit]), "K")
    return f"{size / _UNITS[unit]:.4g} {unit}iB"


def apply(limits: Limits) -> None:
    """Limit this process for good, as far as the system can."""
    _lower(resource.RLIMIT_AS, memory_of(limits))
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    if sys.platform == "linux":
        _lower(resource.RLIMIT_SIGPENDING, _QUEUED_SIGNALS)


def _lower(kind: int, most: int) -> None:
    """Never raised: an administrator may have set less."""
    _, hard = resource.getrlimit(kind)
    lowest = most if hard == resource.RLIM_INFINITY else min(most, hard)
    try:
        resource.setrlimit(kind, (lowest, lowest))
    except (OSError, ValueError):  # macOS knows no limit of address space that it keeps
        return
