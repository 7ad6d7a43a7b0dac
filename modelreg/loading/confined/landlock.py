"""Landlock: a process gives up rights on files, TCP ports and other processes, for good.

The kernel's documentation, 'Landlock: unprivileged access control' (Documentation/userspace-api/landlock.rst), and
``include/uapi/linux/landlock.h`` are the source of all numbers here. Three system calls: create a rule set, add a rule
for each path, restrict the calling thread (and the threads that it makes from then on).
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

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # on every architecture
_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
_PATH_BENEATH = 1


class Right(IntFlag):
    """Rights on files and folders (``LANDLOCK_ACCESS_FS_*``)."""

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


_OF_FILES = Right.EXECUTE | Right.WRITE_FILE | Right.READ_FILE | Right.TRUNCATE | Right.IOCTL_DEV
_SINCE = {Right.REFER: 2, Right.TRUNCATE: 3, Right.IOCTL_DEV: 5}
"""Right -> the version of the interface that has it, where that is not the first."""
_BIND_TCP, _CONNECT_TCP = 1, 2  # since version 4
_ABSTRACT_SOCKETS, _SIGNALS = 1, 2  # since version 6


class _RuleSet(ctypes.Structure):
    """``struct landlock_ruleset_attr``; older kernels know its beginning."""

    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathRule(ctypes.Structure):
    """``struct landlock_path_beneath_attr``."""

    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def abi() -> int:
    """The version of the kernel's interface; 0 where the kernel has no Landlock, or where it is switched off.

    Raises OSError for any other failure, which does not say that Landlock is missing.
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
    """Take every right from this thread but those of ``rules`` (descriptor -> rights on it and below).

    ``version`` is that of `abi`. It needs ``no_new_privs``. Raises OSError, and then nothing was restricted.
    """
    handled = Right(sum(right for right in Right if _SINCE.get(right, 1) <= version))
    network = 0 if version < 4 else _BIND_TCP if may_connect else _BIND_TCP | _CONNECT_TCP
    scoped = _ABSTRACT_SOCKETS | _SIGNALS if version >= 6 else 0
    attributes = _RuleSet(handled, network, scoped)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rule_set = system_call(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for descriptor, rights in rules:
            _allow(rule_set, descriptor, rights & handled)
        system_call(_RESTRICT_SELF, ctypes.c_int(rule_set), ctypes.c_uint32(0))
    finally:
        os.close(rule_set)


def _allow(rule_set: int, descriptor: int, rights: Right) -> None:
    if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
        rights &= _OF_FILES
    if rights:
        rule = _PathRule(rights, descriptor)
        arguments = ctypes.c_int(_PATH_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0)
        system_call(_ADD_RULE, ctypes.c_int(rule_set), *arguments)
