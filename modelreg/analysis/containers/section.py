"""A part of a file as a file of its own."""

from __future__ import annotations

import errno
import io
import os
from typing import TYPE_CHECKING, BinaryIO, cast

from modelreg.analysis.containers.bounds import Bounds

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


def section(file: BinaryIO, start: int, size: int, bounds: Bounds) -> BinaryIO:
    """``size`` bytes of ``file`` from ``start`` on; several may take turns on one file.

    It ends where ``bounds`` are spent.
    """
    return cast("BinaryIO", io.BufferedReader(_Section(file, start, size, bounds)))


class _Section(io.RawIOBase):
    def __init__(self, file: BinaryIO, start: int, size: int, bounds: Bounds) -> None:
        self._file = file
        self._start = start
        self._size = size
        self._bounds = bounds
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        at = offset + (0, self._at, self._size)[whence]
        if at < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._at = at
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        wanted = max(0, min(len(view), self._size - self._at))
        self._file.seek(self._start + self._at)
        data = self._file.read(wanted)
        if not self._bounds.take(bytes=len(data)):
            return 0
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
