"""Resource limits of a confined process: memory, time, open files and core files."""

from __future__ import annotations

import os
import re
import resource
import sys

from modelreg.domain.confinement import Limits
from modelreg.errors import InvalidInput, shown

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_MIN_MEMORY = 1 << 30  # bytes: Python with pandas and scikit-learn takes about that much address space
_MIN_DEFAULT_MEMORY = 8 << 30  # bytes; libraries reserve much address space even on machines with less memory
_MAX_MEMORY = (1 << 63) - 1  # bytes, as the kernel counts them
_OPEN_FILES = 256  # each socket or pipe holds kernel memory, which no memory limit counts
_QUEUED_SIGNALS = 64  # timers and queued signals, which the kernel counts over all processes of a user
_MEMORY_PER_CORE = 256 << 20  # bytes: a thread's stack, and what the C library and OpenBLAS reserve for it


def parse_memory(text: str | int | None) -> int | None:
    """Parse ``4GiB``, ``512M`` or a number of bytes into bytes; raises `InvalidInput`."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,15})\s*([KMGT]?)(i?B)?", str(text).strip(), re.IGNORECASE)
    if match is None:
        raise InvalidInput(f"{shown(str(text))} is not a memory size", "use a number and a unit: 4GiB, 1500MiB")
    memory = int(match[1]) * _UNITS[match[2].upper()]
    if memory < _MIN_MEMORY:
        raise InvalidInput(
            f"{shown(str(text))} is less memory than Python and its libraries need", "use 1GiB or more: 4GiB, 1500MiB"
        )
    if memory > _MAX_MEMORY:
        raise InvalidInput(f"{shown(str(text))} is more memory than a process can have", "use a smaller size: 64GiB")
    return memory


def parse_time(seconds: float | None) -> float | None:
    """Return a positive, finite number of seconds; raises `InvalidInput` for any other number."""
    if seconds is not None and not 0 < seconds < float("inf"):
        raise InvalidInput(f"{seconds} seconds is not a valid time limit", "use a finite number above 0")
    return seconds


def get_memory_limit(limits: Limits) -> int:
    """The limit of address space in bytes: the requested one, or by default the size of the machine's memory."""
    if limits.memory is not None:
        return limits.memory
    machine_memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(machine_memory, _MIN_DEFAULT_MEMORY + _MEMORY_PER_CORE * (os.cpu_count() or 1))


def format_size(size: int) -> str:
    """Format a number of bytes for people, in the largest unit in which it is at least 1."""
    unit = next((unit for unit in "TGM" if size >= _UNITS[unit]), "K")
    return f"{size / _UNITS[unit]:.4g} {unit}iB"


def apply_limits(limits: Limits) -> None:
    """Limit the resources of this process permanently, as far as the system can."""
    _lower_limit(resource.RLIMIT_AS, get_memory_limit(limits))
    _lower_limit(resource.RLIMIT_CORE, 0)
    _lower_limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    if sys.platform == "linux":
        _lower_limit(resource.RLIMIT_SIGPENDING, _QUEUED_SIGNALS)


def _lower_limit(kind: int, value: int) -> None:
    """Lower a limit to ``value``; never raise it, since an administrator may have set a lower one."""
    _, hard = resource.getrlimit(kind)
    lowest = value if hard == resource.RLIM_INFINITY else min(value, hard)
    try:
        resource.setrlimit(kind, (lowest, lowest))
    except (OSError, ValueError):  # macOS does not enforce a limit of address space
        return
