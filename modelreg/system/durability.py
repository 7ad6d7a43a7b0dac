"""Making what was written survive a loss of power."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelreg.system.files import sync_path

WRITE_BACK = 32 * 1024 * 1024  # bytes; how much of a large file is written before the disk is set to work on it

_SYNC_FILE_SYSTEM_FROM = 32  # files; one sync of the file system is cheaper than so many of single files
_SYNC_FILE_RANGE_WRITE = 2  # sync_file_range(2)


def sync_files(paths: Sequence[str], folder: Path) -> None:
    """Wait until the files at ``paths``, all on the file system of ``folder``, are on disk."""
    if len(paths) >= _SYNC_FILE_SYSTEM_FROM and sys.platform == "linux":
        _sync_file_system(folder)
        return
    for path in paths:
        sync_path(path)


def start_write_back(descriptor: int, offset: int, length: int) -> None:
    """Let the disk begin with a part of a file that is still being written, so that the sync at the end is short."""
    if sys.platform == "linux":
        _c_library().sync_file_range(descriptor, offset, length, _SYNC_FILE_RANGE_WRITE)


def _sync_file_system(folder: Path) -> None:
    """syncfs(2); since Linux 5.8 it reports errors of writing as fsync does."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if _c_library().syncfs(descriptor) != 0:
            code = _last_error()
            raise OSError(code, os.strerror(code), str(folder))
    finally:
        os.close(descriptor)


def _c_library() -> Any:
    """The C library, for two calls of Linux that Python does not offer."""
    import ctypes  # 10 ms, for large files and folders alone

    library = ctypes.CDLL(None, use_errno=True)
    library.sync_file_range.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    return library


def _last_error() -> int:
    import ctypes

    return ctypes.get_errno()
