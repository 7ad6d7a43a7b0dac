"""The seccomp filter on both architectures, run by an interpreter of its instructions."""

from __future__ import annotations

import errno

import pytest

from modelreg.loading.confined import syscalls
from modelreg.loading.confined.seccomp import build_filter

ALLOW, KILL = 0x7FFF0000, 0x80000000
DENY = 0x00050000 | errno.EACCES
REFUSE, MISSING = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
REFUSED = {
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "io_uring_setup": (425, 425),
    "bpf": (321, 280),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "fchownat": (260, 54),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "mount": (165, 40),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bind": (49, 200),
    "listen": (50, 201),
    "memfd_create": (319, 279),
    "ftruncate": (77, 46),
    "fallocate": (285, 47),
    "shmget": (29, 194),
    "mq_open": (240, 180),
    "pidfd_send_signal": (424, 424),
    "rt_sigqueueinfo": (129, 138),
    "open_by_handle_at": (304, 265),
    "userfaultfd": (323, 282),
    "unlinkat": (263, 35),
    "renameat2": (316, 276),
    "mkdirat": (258, 34),
    "fork": (57, None),
    "vfork": (58, None),
    "chmod": (90, None),
    "unlink": (87, None),
}


def answer(machine: str, number: int, *arguments: int, network: bool = False, architecture: int | None = None) -> int:
    """The answer of the filter of process 7 to a system call."""
    words = {0: number, 4: MACHINES[machine][1] if architecture is None else architecture}
    for index, argument in enumerate([*arguments, *[0] * (6 - len(arguments))]):
        words |= {16 + 8 * index: argument & 0xFFFFFFFF, 20 + 8 * index: argument >> 32}
    program, position, register = build_filter(machine, 7, network=network), 0, 0
    while True:
        code, if_true, if_false, value = program[position]
        position += 1
        match code:
            case 0x20:
                register = words[value]
            case 0x54:
                register &= value
            case 0x06:
                return value
            case _:
                conditions = {
                    0x15: register == value,
                    0x25: register > value,
                    0x35: register >= value,
                    0x45: register & value != 0,
                }
                position += if_true if conditions[code] else if_false


@pytest.fixture(params=MACHINES)
def machine(request):
    return request.param


def call_number(machine: str, name: str) -> int:
    return (syscalls.ALLOWED | syscalls.CONDITIONAL | syscalls.NETWORK | syscalls.MISSING)[name][MACHINES[machine][0]]


@pytest.mark.parametrize("network", [False, True])
@pytest.mark.parametrize("name", REFUSED)
def test_calls_that_affect_other_processes_or_files_are_refused(machine, name, network):
    number = REFUSED[name][MACHINES[machine][0]]
    if number is not None:
        assert answer(machine, number, network=network) == REFUSE


def test_calls_needed_for_computing_are_allowed(machine):
    column = MACHINES[machine][0]
    for numbers in syscalls.ALLOWED.values():
        if numbers[column] is not None:
            assert answer(machine, numbers[column], 1, 2, 3) == ALLOW


def test_call_numbers_are_unique():
    for column in (0, 1):
        groups = (syscalls.ALLOWED, syscalls.CONDITIONAL, syscalls.NETWORK, syscalls.MISSING)
        numbers = [numbers[column] for group in groups for numbers in group.values() if numbers[column] is not None]
        assert len(numbers) == len(set(numbers))


CONDITIONAL = [
    ("clone", (0x3D0F00,), ALLOW),  # pthread_create of glibc
    ("clone", (0x7D0F00,), ALLOW),  # pthread_create of musl
    ("clone", (0x50F00,), ALLOW),  # a thread of Go
    ("clone", (0x3D0B00,), REFUSE),  # a thread with its own table of open files
    ("clone", (0x2CF00,), REFUSE),  # a process with the same table
    *(("clone", (0x3D0F00 | namespace,), REFUSE) for namespace in (0x20000, 1 << 25, 1 << 28, 1 << 30)),
    ("close_range", (3, 0xFFFFFFFF, 0), ALLOW),
    ("close_range", (3, 0xFFFFFFFF, 4), ALLOW),
    ("close_range", (3, 0xFFFFFFFF, 2), REFUSE),  # CLOSE_RANGE_UNSHARE
    ("close_range", (3, 0xFFFFFFFF, 6), REFUSE),
    ("clone", (0x1200011,), REFUSE),  # fork
    ("clone", (0x4111,), REFUSE),  # posix_spawn
    ("clone3", (), MISSING),
    ("openat2", (), MISSING),
    ("ioctl", (0, 0x5401), ALLOW),
    ("ioctl", (0, 0x5412), REFUSE),  # TIOCSTI
    ("ioctl", (3, 0x40086602), REFUSE),  # FS_IOC_SETFLAGS
    ("fcntl", (3, 1030), ALLOW),
    ("fcntl", (3, 1031, 1 << 20), REFUSE),  # F_SETPIPE_SZ
    ("fcntl", (3, 8, 1), REFUSE),  # F_SETOWN
    ("prctl", (15,), ALLOW),
    ("prctl", (1, 0), REFUSE),
    ("prlimit64", (0, 7, 0, 4096), ALLOW),
    ("prlimit64", (0, 7, 4096, 0), REFUSE),
    ("prlimit64", (0, 7, 1 << 32, 0), REFUSE),
    ("kill", (7, 9), ALLOW),
    ("kill", (6, 9), REFUSE),
    ("kill", (0, 9), REFUSE),
    ("kill", (0xFFFFFFFFFFFFFFFF, 9), REFUSE),
    ("tgkill", (7, 8, 6), ALLOW),
    ("tgkill", (6, 6, 6), REFUSE),
    ("sched_setaffinity", (0,), ALLOW),
    ("sched_setaffinity", (6,), REFUSE),
    ("timer_create", (1,), ALLOW),
    ("timer_create", (-58 & 0xFFFFFFFF,), REFUSE),  # the CPU time of process 7
    ("clock_gettime", (2,), ALLOW),
    ("clock_gettime", (-58 & 0xFFFFFFFFFFFFFFFF,), REFUSE),
    ("clock_nanosleep", (-6 & 0xFFFFFFFF,), REFUSE),
    ("fcntl", (3, 4, 0o4000), ALLOW),  # F_SETFL, O_NONBLOCK
    ("fcntl", (3, 4, 0o20000), REFUSE),  # O_ASYNC
    ("openat", (-100 & 0xFFFFFFFF, 0, 0o100000), ALLOW),
    ("openat", (-100 & 0xFFFFFFFF, 0, 0o1000), DENY),
    ("openat", (-100 & 0xFFFFFFFF, 0, 0o1101), ALLOW),  # checked by Landlock
    ("openat", (-100 & 0xFFFFFFFF, 0, 0o2), ALLOW),
    ("openat", (-100 & 0xFFFFFFFF, 0, 0o3), DENY),
    ("openat", (-100 & 0xFFFFFFFF, 0, 0o1003), DENY),
    ("openat", (-100 & 0xFFFFFFFF, 0, 0o2004103), DENY),
    ("socketpair", (1, 1), ALLOW),
    ("socketpair", (1, 0o2000001), ALLOW),
    ("socketpair", (1, 2), REFUSE),
    ("socketpair", (2, 1), REFUSE),
]


@pytest.mark.parametrize(("name", "arguments", "expected"), CONDITIONAL)
@pytest.mark.parametrize("network", [False, True])
def test_conditional_calls_depend_on_their_arguments(machine, name, arguments, expected, network):
    assert answer(machine, call_number(machine, name), *arguments, network=network) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((2, 1), ALLOW),
        ((10, 2), ALLOW),
        ((2, 0o2004002), ALLOW),
        ((2, 1, 6), ALLOW),
        ((10, 2, 17), ALLOW),
        ((2, 1, 262), REFUSE),  # MPTCP
        ((2, 1, 132), REFUSE),  # SCTP
        ((2, 1, 256), REFUSE),  # SMC
        ((10, 2, 1), REFUSE),  # ICMP
        ((2, 3), REFUSE),
        ((1, 1), REFUSE),
        ((16, 3), REFUSE),
        ((17, 3), REFUSE),
    ],
)
def test_only_internet_sockets_are_allowed_and_only_with_the_network(machine, arguments, expected):
    assert answer(machine, call_number(machine, "socket"), *arguments, network=True) == expected
    assert answer(machine, call_number(machine, "socket"), *arguments) == REFUSE
    for name in ("connect", "sendto", "sendmsg"):
        assert answer(machine, call_number(machine, name), 3) == REFUSE
        assert answer(machine, call_number(machine, name), 3, network=True) == ALLOW


def test_other_system_call_interfaces_are_refused():
    assert answer("x86_64", 59, architecture=0x40000003) == KILL  # 32-bit calls
    assert answer("x86_64", 0x40000000 | 59) == MISSING  # x32
    assert answer("aarch64", 11, architecture=0x40000028) == KILL


def test_newer_calls_are_reported_as_missing(machine):
    for unknown in (463, 469, 500, 100_000):
        assert answer(machine, unknown) == MISSING


@pytest.mark.parametrize("flags", [0o3, 0o1000, 0o1003, 0o2000003])
def test_flags_of_the_older_open_call_are_checked(flags):
    assert answer("x86_64", call_number("x86_64", "open"), 0, flags) == DENY
    assert answer("x86_64", call_number("x86_64", "open"), 0, flags & ~0o1003) == ALLOW


def test_direct_io_is_refused():
    for name, direct in {"x86_64": 0o40000, "aarch64": 0o200000}.items():
        assert answer(name, call_number(name, "fcntl"), 3, 4, direct | 0o4000) == REFUSE
