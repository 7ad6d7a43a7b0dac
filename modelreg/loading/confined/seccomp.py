"""The seccomp filter of system calls, which refuses what Landlock does not cover.

The filter is a program in classic BPF, as seccomp(2) and the kernel's 'Seccomp BPF (SECure COMPuting with filters)'
describe it. The kernel runs it for each system call, and it returns the answer to that call. Refused calls fail with
EPERM, so that a library that can do without them goes on. Calls newer than `syscalls.NEWEST` fail with ENOSYS, as on
an older kernel.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import sys

from modelreg.loading.confined.kernel import PR_SET_SECCOMP, prctl
from modelreg.loading.confined.syscalls import ALLOWED, CONDITIONAL, MISSING, NETWORK, NEWEST

Instruction = tuple[int, int, int, int]
"""``struct sock_filter``: code, instructions to skip if true, instructions to skip if false, value."""

_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Machine -> its column in `syscalls`, its number in ``linux/audit.h``."""

_LOAD, _AND = 0x20, 0x54  # BPF_LD | BPF_W | BPF_ABS, BPF_ALU | BPF_AND | BPF_K
_IF_EQUAL, _IF_GREATER, _IF_AT_LEAST, _IF_SET = 0x15, 0x25, 0x35, 0x45  # BPF_JMP | … | BPF_K
_RETURN = 0x06
_ALLOW: Instruction = (_RETURN, 0, 0, 0x7FFF0000)
_KILL: Instruction = (_RETURN, 0, 0, 0x80000000)
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # byte offsets in ``struct seccomp_data``
_FILTER_MODE = 2
_X32 = 0x40000000  # bit of x86_64's second interface, x32, which numbers the same calls differently

_CLONE_THREAD = 0x10000 | 0x400  # CLONE_THREAD, CLONE_FILES
_CLONE_FORBIDDEN = 0xFFFFFFFF & ~(_CLONE_THREAD | 0x17C0B00)
"""Flags that glibc, musl and Go do not set for a thread: namespaces, tracing, processes."""
_CLOSE_RANGE = (0, 4)  # 0, CLOSE_RANGE_CLOEXEC; not CLOSE_RANGE_UNSHARE (2), which copies the table of open files
_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS and TIOCGWINSZ (to test for a terminal), FIONREAD, FIONBIO, FIONCLEX, FIOCLEX."""
_FCNTLS = (*range(8), 36, 37, 38, 1030, 1032)
"""Duplicating, flags, locks and getting the size of a pipe. Not: choosing who gets a signal (F_SETOWN, F_SETSIG),
leases, F_NOTIFY, and enlarging pipes, which takes kernel memory that no limit counts."""
_SIGN_BIT = 0x80000000  # of a 32-bit number
_SET_FLAGS = 4  # F_SETFL
_DIRECT_OR_SIGNALS = {"x86_64": 0o40000 | 0o20000, "aarch64": 0o200000 | 0o20000}  # O_DIRECT, O_ASYNC
_SET_PDEATHSIG = 1  # PR_SET_PDEATHSIG: clearing that signal would let a process outlive its parent
_ACCESS_MODE, _TRUNCATE = 0o3, 0o1000  # O_ACCMODE, O_TRUNC
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_STREAM, _DATAGRAM, _SOCKET_TYPE = 1, 2, 0xF
_PROTOCOLS = (0, 6, 17)  # default, TCP, UDP; not MPTCP, SCTP, SMC and ICMP, which Landlock does not cover


def is_supported_machine() -> bool:
    """Whether `syscalls` has the numbers of this machine."""
    return sys.platform == "linux" and platform.machine() in _ARCHITECTURES and sys.maxsize > 2**32


def install(*, network: bool) -> None:
    """Filter all further system calls of this process; raises OSError. Requires ``no_new_privs``."""
    load_filter(build_filter(platform.machine(), os.getpid(), network=network))


def load_filter(program: list[Instruction]) -> None:
    """Load a filter into the kernel, for this thread and the threads that it starts later; raises OSError."""
    instructions = (_Filter * len(program))(*(_Filter(*instruction) for instruction in program))
    loaded = _Program(len(program), ctypes.cast(instructions, ctypes.POINTER(_Filter)))
    prctl(PR_SET_SECCOMP, _FILTER_MODE, ctypes.byref(loaded))


def build_filter(machine: str, pid: int, *, network: bool) -> list[Instruction]:
    """Build the filter for the process ``pid`` on a machine such as ``x86_64``."""
    column, architecture = _ARCHITECTURES[machine]
    program = [_load(_ARCHITECTURE), (_IF_EQUAL, 1, 0, architecture), _KILL, _load(_NUMBER)]
    if machine == "x86_64":
        program += [(_IF_AT_LEAST, 0, 1, _X32), _return_error(errno.ENOSYS)]
    conditions = _build_conditions(machine, pid, network=network)
    for name, numbers in (ALLOWED | CONDITIONAL | MISSING | (NETWORK if network else {})).items():
        number = numbers[column]
        answer = [_return_error(errno.ENOSYS)] if name in MISSING else conditions.get(name, [_ALLOW])
        if number is not None:
            program += [(_IF_EQUAL, 0, len(answer), number), *answer]
    return [*program, (_IF_GREATER, 0, 1, NEWEST), _return_error(errno.ENOSYS), _return_error(errno.EPERM)]


def _build_conditions(machine: str, pid: int, *, network: bool) -> dict[str, list[Instruction]]:
    """Call -> instructions that check its arguments; each list ends with an answer."""
    refused = _return_error(errno.EPERM)
    socket_type = [_load_argument(1), (_AND, 0, 0, _SOCKET_TYPE)]
    # only reads limits: both halves of the pointer to new limits are 0
    reading = [_load_argument(2), (_IF_EQUAL, 0, 3, 0), _load_argument(2, upper=True), (_IF_EQUAL, 0, 1, 0)]
    # a stream socket stays connected to its peer; a datagram socket could send elsewhere
    pair = [_load_argument(0), (_IF_EQUAL, 1, 0, _AF_UNIX), refused, *socket_type, (_IF_EQUAL, 0, 1, _STREAM)]
    internet = [_load_argument(0), (_IF_EQUAL, 2, 0, _AF_INET), (_IF_EQUAL, 1, 0, _AF_INET6), refused]
    internet += [*socket_type, (_IF_EQUAL, 2, 0, _STREAM), (_IF_EQUAL, 1, 0, _DATAGRAM), refused]
    internet += _allow_values(2, _PROTOCOLS)
    thread = [_load_argument(0), (_IF_SET, 3, 0, _CLONE_FORBIDDEN)]
    thread += [(_AND, 0, 0, _CLONE_THREAD), (_IF_EQUAL, 0, 1, _CLONE_THREAD)]
    return {
        "open": _build_open_filter(1),
        "openat": _build_open_filter(2),
        "clone": [*thread, _ALLOW, refused],
        "close_range": _allow_values(2, _CLOSE_RANGE),
        "ioctl": _allow_values(1, _IOCTLS),
        "fcntl": _build_fcntl_filter(_DIRECT_OR_SIGNALS[machine]),
        **dict.fromkeys(("timer_create", "clock_gettime", "clock_getres", "clock_nanosleep"), _build_clock_filter()),
        "prctl": [_load_argument(0), (_IF_EQUAL, 0, 1, _SET_PDEATHSIG), refused, _ALLOW],
        "prlimit64": [*reading, _ALLOW, refused],
        "kill": _allow_values(0, (pid,)),
        "tgkill": _allow_values(0, (pid,)),
        "sched_setaffinity": _allow_values(0, (0,)),
        "socketpair": [*pair, _ALLOW, refused],
        "socket": internet if network else [refused],
    }


def _build_open_filter(argument: int) -> list[Instruction]:
    """Refuse the flags of ``open`` that Landlock does not check.

    Landlock checks the modes of the opened file (``f_mode``): reading, writing, or both. Access mode 3 has neither
    (open(2)): such a file can be used for ``ioctl`` and locks, and ``O_TRUNC`` empties it. ``O_TRUNC`` also empties a
    file that is opened for reading, which Landlock checks only since ABI version 3.
    """
    flags = [_load_argument(argument), (_AND, 0, 0, _ACCESS_MODE | _TRUNCATE)]
    refused = (_ACCESS_MODE, _ACCESS_MODE | _TRUNCATE, _TRUNCATE)
    checks = [(_IF_EQUAL, len(refused) - index, 0, value) for index, value in enumerate(refused)]
    return [*flags, *checks, _ALLOW, _return_error(errno.EACCES)]


def _build_fcntl_filter(flags: int) -> list[Instruction]:
    """Allow the commands in `_FCNTLS`; refuse to set one of ``flags``, which would affect the parent's shared files."""
    setting = [_load_argument(2), (_IF_SET, 0, 1, flags), _return_error(errno.EPERM), _ALLOW]
    others = _allow_values(1, tuple(command for command in _FCNTLS if command != _SET_FLAGS))
    return [_load_argument(1), (_IF_EQUAL, 0, len(setting), _SET_FLAGS), *setting, *others]


def _build_clock_filter() -> list[Instruction]:
    """Refuse negative clock IDs: the clocks of other processes and threads, and of devices (clock_getres(2))."""
    return [_load_argument(0), (_IF_AT_LEAST, 0, 1, _SIGN_BIT), _return_error(errno.EPERM), _ALLOW]


def _allow_values(argument: int, values: tuple[int, ...]) -> list[Instruction]:
    """Allow the call when an argument is one of ``values``."""
    checks = [(_IF_EQUAL, len(values) - index, 0, value) for index, value in enumerate(values)]
    return [_load_argument(argument), *checks, _return_error(errno.EPERM), _ALLOW]


def _load(offset: int) -> Instruction:
    return _LOAD, 0, 0, offset


def _load_argument(index: int, *, upper: bool = False) -> Instruction:
    """Load the lower or upper 32 bits of an argument; both architectures are little-endian."""
    return _load(_ARGUMENTS + 8 * index + 4 * upper)


def _return_error(number: int) -> Instruction:
    return _RETURN, 0, 0, 0x00050000 | number  # SECCOMP_RET_ERRNO


class _Filter(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("true", ctypes.c_uint8), ("false", ctypes.c_uint8), ("k", ctypes.c_uint32)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("filters", ctypes.POINTER(_Filter))]
