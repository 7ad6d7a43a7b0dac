"""A filter of system calls: what Landlock leaves open, refused by the kernel before anything is done.

Classic BPF, as seccomp(2) and the kernel's 'Seccomp BPF (SECure COMPuting with filters)' describe it. The filter is a
list of instructions that ends with the kernel's answer to one call. Refused calls fail with EPERM, so that a library
that can do without goes on; calls newer than this list fail with ENOSYS, as on an older kernel.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import sys

from modelreg.loading.confined.kernel import PR_SET_SECCOMP, prctl
from modelreg.loading.confined.syscalls import ABSENT, ALLOWED, JUDGED, NETWORK, NEWEST

Instruction = tuple[int, int, int, int]
"""``struct sock_filter``: code, jump if true, jump if false, value."""

_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Machine -> its column in `syscalls`, and its number in ``linux/audit.h``."""

_LOAD, _AND = 0x20, 0x54  # BPF_LD | BPF_W | BPF_ABS, BPF_ALU | BPF_AND | BPF_K
_IF_EQUAL, _IF_GREATER, _IF_AT_LEAST, _IF_SET = 0x15, 0x25, 0x35, 0x45  # BPF_JMP | … | BPF_K
_RETURN = 0x06
_ALLOW: Instruction = (_RETURN, 0, 0, 0x7FFF0000)
_KILL: Instruction = (_RETURN, 0, 0, 0x80000000)
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # bytes into ``struct seccomp_data``
_FILTER_MODE = 2
_X32 = 0x40000000  # the calls of x86_64's other interface, which would get past a list of numbers

_CLONE_THREAD = 0x10000 | 0x400  # CLONE_THREAD, CLONE_FILES
_CLONE_OTHERS = 0xFFFFFFFF & ~(_CLONE_THREAD | 0x17C0B00)
"""Flags that neither glibc nor musl nor Go sets for a thread: namespaces, tracing, processes."""
_CLOSE_RANGE = (0, 4)  # and CLOSE_RANGE_CLOEXEC; CLOSE_RANGE_UNSHARE (2) copies the table of open files
_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS and TIOCGWINSZ (which tell whether something is a terminal), FIONREAD, FIONBIO, FIONCLEX, FIOCLEX."""
_FCNTLS = (*range(8), 36, 37, 38, 1030, 1032)
"""Duplicating, flags, locks and asking for the size of a pipe; not who gets a signal (F_SETOWN, F_SETSIG), leases,
F_NOTIFY and larger pipes, which are memory of the kernel that no limit counts."""
_SIGN = 0x80000000  # of a number of 32 bits
_SET_FLAGS = 4  # F_SETFL
_DIRECT_OR_SIGNALS = {"x86_64": 0o40000 | 0o20000, "aarch64": 0o200000 | 0o20000}  # O_DIRECT, O_ASYNC
_SET_PDEATHSIG = 1  # by which a process would outlive whoever started it
_ACCESS_MODE, _TRUNCATE = 0o3, 0o1000  # O_ACCMODE, O_TRUNC
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_STREAM, _DATAGRAM, _KIND = 1, 2, 0xF
_PROTOCOLS = (0, 6, 17)  # the usual one, TCP and UDP; Landlock has no say in MPTCP, SCTP, SMC and ICMP


def is_known_machine() -> bool:
    """Whether there is a list of system calls for this machine."""
    return sys.platform == "linux" and platform.machine() in _ARCHITECTURES and sys.maxsize > 2**32


def install(*, network: bool) -> None:
    """Filter every further system call of this process; raises OSError. It needs ``no_new_privs``."""
    load(build(platform.machine(), os.getpid(), network=network))


def load(program: list[Instruction]) -> None:
    """Hand a filter to the kernel, for this thread and those that it makes; raises OSError."""
    filters = (_Filter * len(program))(*(_Filter(*instruction) for instruction in program))
    whole = _Program(len(program), ctypes.cast(filters, ctypes.POINTER(_Filter)))
    prctl(PR_SET_SECCOMP, _FILTER_MODE, ctypes.byref(whole))


def build(machine: str, pid: int, *, network: bool) -> list[Instruction]:
    """The filter for a process on a machine of this kind."""
    column, architecture = _ARCHITECTURES[machine]
    program = [_load(_ARCHITECTURE), (_IF_EQUAL, 1, 0, architecture), _KILL, _load(_NUMBER)]
    if machine == "x86_64":
        program += [(_IF_AT_LEAST, 0, 1, _X32), _refuse(errno.ENOSYS)]
    conditions = _conditions(machine, pid, network=network)
    for name, numbers in (ALLOWED | JUDGED | ABSENT | (NETWORK if network else {})).items():
        number = numbers[column]
        answer = [_refuse(errno.ENOSYS)] if name in ABSENT else conditions.get(name, [_ALLOW])
        if number is not None:
            program += [(_IF_EQUAL, 0, len(answer), number), *answer]
    return [*program, (_IF_GREATER, 0, 1, NEWEST), _refuse(errno.ENOSYS), _refuse(errno.EPERM)]


def _conditions(machine: str, pid: int, *, network: bool) -> dict[str, list[Instruction]]:
    """Call -> instructions that judge its arguments; each list ends with an answer."""
    refused = _refuse(errno.EPERM)
    kind = [_load_argument(1), (_AND, 0, 0, _KIND)]
    # asked for, not set: both halves of the pointer to new limits are 0
    asking = [_load_argument(2), (_IF_EQUAL, 0, 3, 0), _load_argument(2, upper=True), (_IF_EQUAL, 0, 1, 0)]
    # connected for good to its other end, unlike a pair of datagram sockets
    pair = [_load_argument(0), (_IF_EQUAL, 1, 0, _AF_UNIX), refused, *kind, (_IF_EQUAL, 0, 1, _STREAM)]
    internet = [_load_argument(0), (_IF_EQUAL, 2, 0, _AF_INET), (_IF_EQUAL, 1, 0, _AF_INET6), refused]
    internet += [*kind, (_IF_EQUAL, 2, 0, _STREAM), (_IF_EQUAL, 1, 0, _DATAGRAM), refused, *_only(2, _PROTOCOLS)]
    thread = [_load_argument(0), (_IF_SET, 3, 0, _CLONE_OTHERS)]
    thread += [(_AND, 0, 0, _CLONE_THREAD), (_IF_EQUAL, 0, 1, _CLONE_THREAD)]
    return {
        "open": _opening(1),
        "openat": _opening(2),
        "clone": [*thread, _ALLOW, refused],
        "close_range": _only(2, _CLOSE_RANGE),
        "ioctl": _only(1, _IOCTLS),
        "fcntl": _fcntl(_DIRECT_OR_SIGNALS[machine]),
        **dict.fromkeys(("timer_create", "clock_gettime", "clock_getres", "clock_nanosleep"), _own_clock()),
        "prctl": [_load_argument(0), (_IF_EQUAL, 0, 1, _SET_PDEATHSIG), refused, _ALLOW],
        "prlimit64": [*asking, _ALLOW, refused],
        "kill": _only(0, (pid,)),
        "tgkill": _only(0, (pid,)),
        "sched_setaffinity": _only(0, (0,)),
        "socketpair": [*pair, _ALLOW, refused],
        "socket": internet if network else [refused],
    }


def _opening(argument: int) -> list[Instruction]:
    """Refuse the ways of opening a file about which Landlock decides nothing.

    It asks for rights by the modes that a file has when it is open (``f_mode``): reading, writing, or both. Access mode
    3 gives none of them (open(2)): such a file is open for ``ioctl`` and locks, and ``O_TRUNC`` empties it. A file that
    is opened to read is emptied by ``O_TRUNC`` as well: Landlock has a say in that only since version 3.
    """
    flags = [_load_argument(argument), (_AND, 0, 0, _ACCESS_MODE | _TRUNCATE)]
    refused = (_ACCESS_MODE, _ACCESS_MODE | _TRUNCATE, _TRUNCATE)
    checks = [(_IF_EQUAL, len(refused) - place, 0, value) for place, value in enumerate(refused)]
    return [*flags, *checks, _ALLOW, _refuse(errno.EACCES)]


def _fcntl(flags: int) -> list[Instruction]:
    """Allow some commands, and of flags to be set all but ``flags``, which the parent would meet in a shared file."""
    setting = [_load_argument(2), (_IF_SET, 0, 1, flags), _refuse(errno.EPERM), _ALLOW]
    others = _only(1, tuple(command for command in _FCNTLS if command != _SET_FLAGS))
    return [_load_argument(1), (_IF_EQUAL, 0, len(setting), _SET_FLAGS), *setting, *others]


def _own_clock() -> list[Instruction]:
    """Refuse negative clocks, which are those of other processes and threads, and of devices (clock_getres(2))."""
    return [_load_argument(0), (_IF_AT_LEAST, 0, 1, _SIGN), _refuse(errno.EPERM), _ALLOW]


def _only(argument: int, values: tuple[int, ...]) -> list[Instruction]:
    """Allow the call when its argument is one of ``values``."""
    checks = [(_IF_EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)]
    return [_load_argument(argument), *checks, _refuse(errno.EPERM), _ALLOW]


def _load(offset: int) -> Instruction:
    return _LOAD, 0, 0, offset


def _load_argument(place: int, *, upper: bool = False) -> Instruction:
    """The lower or upper half of an argument; both architectures are little-endian."""
    return _load(_ARGUMENTS + 8 * place + 4 * upper)


def _refuse(number: int) -> Instruction:
    return _RETURN, 0, 0, 0x00050000 | number  # SECCOMP_RET_ERRNO


class _Filter(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("true", ctypes.c_uint8), ("false", ctypes.c_uint8), ("k", ctypes.c_uint32)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("filters", ctypes.POINTER(_Filter))]
