"""Linux system calls that Python has no function for, made through the C library."""

from __future__ import annotations

import ctypes
import errno
import os

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38

_CAPABILITY_VERSION_3 = 0x20080522
_DAC_READ_SEARCH = 2

_libc = ctypes.CDLL(None, use_errno=True)


def system_call(number: int, *arguments: object) -> int:
    """Make a system call by its number; raises OSError."""
    result: int = _libc.syscall(ctypes.c_long(number), *arguments)
    return _unwrap_result(result)


def prctl(option: int, argument: int, pointer: object = 0) -> int:
    """Change an attribute of this process; raises OSError."""
    values = (ctypes.c_ulong(argument), pointer or ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))
    result: int = _libc.prctl(ctypes.c_int(option), *values)
    return _unwrap_result(result)


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Capabilities(ctypes.Structure):
    """``struct __user_cap_data_struct``; version 3 uses two, for the lower and the upper 32 capabilities."""

    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def drop_capabilities() -> None:
    """Drop all capabilities except ``CAP_DAC_READ_SEARCH``; raises OSError.

    That one stays because the files of a Python installation may belong to another user.
    """
    header, data = _Header(_CAPABILITY_VERSION_3, 0), (_Capabilities * 2)()
    _unwrap_result(_libc.capget(ctypes.byref(header), ctypes.byref(data)))
    kept = data[0].permitted & (1 << _DAC_READ_SEARCH)
    data[0] = _Capabilities(kept, kept, 0)
    data[1] = _Capabilities(0, 0, 0)
    _unwrap_result(_libc.capset(ctypes.byref(header), ctypes.byref(data)))


def _unwrap_result(result: int) -> int:
    if result >= 0:
        return result
    number = ctypes.get_errno()
    raise OSError(number, f"{errno.errorcode.get(number, number)}: {os.strerror(number)}")
