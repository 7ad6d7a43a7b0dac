"""Landlock: give up access to files, TCP ports and other processes permanently.

It takes three system calls: create a rule set, add a rule for each path, restrict the calling thread and the threads
that it starts later. All numbers are from the kernel's documentation, 'Landlock: unprivileged access control'
(Documentation/userspace-api/landlock.rst), and from ``include/uapi/linux/landlock.h``.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
from collections.abc import Iterable
from enum import IntFlag

from modelreg.loading.confined.kernel import system_call

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on all architectures
_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
_PATH_BENEATH = 1


class Right(IntFlag):
    """Access rights on files and folders (``LANDLOCK_ACCESS_FS_*``)."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15


_FILE_RIGHTS = Right.EXECUTE | Right.WRITE_FILE | Right.READ_FILE | Right.TRUNCATE | Right.IOCTL_DEV
_SINCE = {Right.REFER: 2, Right.TRUNCATE: 3, Right.IOCTL_DEV: 5}
"""Right -> the first ABI version that has it; version 1 for rights that are not listed."""
_BIND_TCP, _CONNECT_TCP = 1, 2  # since ABI version 4
_ABSTRACT_SOCKETS, _SIGNALS = 1, 2  # since ABI version 6


class _RuleSet(ctypes.Structure):
    """``struct landlock_ruleset_attr``; older kernels take only the first fields."""

    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathRule(ctypes.Structure):
    """``struct landlock_path_beneath_attr``."""

    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def get_abi_version() -> int:
    """The kernel's Landlock ABI version; 0 when the kernel has no Landlock, or when it is disabled.

    Raises OSError for any other failure: that does not mean that Landlock is missing.
    """
    if sys.platform != "linux":
        return 0
    try:
        return system_call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP):
            return 0
        raise


def restrict(version: int, rules: Iterable[tuple[int, Right]], *, may_connect: bool) -> None:
    """Remove all rights from this thread except ``rules``: pairs of a descriptor and the rights on it and below.

    ``version`` is the result of `get_abi_version`. Requires ``no_new_privs``. When it raises OSError, nothing was
    restricted.
    """
    handled = Right(sum(right for right in Right if _SINCE.get(right, 1) <= version))
    network = 0 if version < 4 else _BIND_TCP if may_connect else _BIND_TCP | _CONNECT_TCP
    scoped = _ABSTRACT_SOCKETS | _SIGNALS if version >= 6 else 0
    attributes = _RuleSet(handled, network, scoped)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rule_set = system_call(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for descriptor, rights in rules:
            _add_rule(rule_set, descriptor, rights & handled)
        system_call(_RESTRICT_SELF, ctypes.c_int(rule_set), ctypes.c_uint32(0))
    finally:
        os.close(rule_set)


def _add_rule(rule_set: int, descriptor: int, rights: Right) -> None:
    if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
        rights &= _FILE_RIGHTS
    if rights:
        rule = _PathRule(rights, descriptor)
        arguments = ctypes.c_int(_PATH_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0)
        system_call(_ADD_RULE, ctypes.c_int(rule_set), *arguments)
