"""Flushing many files, and parts of large files, to disk."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelreg.system.files import sync_path

WRITE_BACK = 32 * 1024 * 1024  # bytes of a large file to write before the kernel is told to start flushing them

_SYNC_FILE_SYSTEM_FROM = 32  # files; from here on one sync of the whole file system is cheaper
_SYNC_FILE_RANGE_WRITE = 2  # sync_file_range(2)


def sync_files(paths: Sequence[str], folder: Path) -> None:
    """Wait until the files at ``paths`` are on disk; all must be on the file system of ``folder``."""
    if len(paths) >= _SYNC_FILE_SYSTEM_FROM and sys.platform == "linux":
        _sync_file_system(folder)
        return
    for path in paths:
        sync_path(path)


def start_write_back(descriptor: int, offset: int, length: int) -> None:
    """Start flushing a part of a file that is still being written, to shorten the final fsync."""
    if sys.platform == "linux":
        _c_library().sync_file_range(descriptor, offset, length, _SYNC_FILE_RANGE_WRITE)


def _sync_file_system(folder: Path) -> None:
    """Flush the file system of ``folder`` with syncfs(2), which reports write errors since Linux 5.8."""
    import ctypes

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if _c_library().syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(folder))
    finally:
        os.close(descriptor)


def _c_library() -> Any:
    """The C library, for two Linux calls that Python does not offer."""
    import ctypes  # 10 ms; only for large files and large folders

    library = ctypes.CDLL(None, use_errno=True)
    library.sync_file_range.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    return library
