"""A byte range of a file, opened as a file."""

from __future__ import annotations

import errno
import io
import os
from typing import TYPE_CHECKING, BinaryIO, cast

from modelreg.analysis.containers.bounds import Bounds

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


def open_section(file: BinaryIO, start: int, size: int, bounds: Bounds) -> BinaryIO:
    """Open ``size`` bytes of ``file`` from offset ``start``. Several sections can share one file.

    The section ends early if ``bounds`` are exhausted.
    """
    return cast("BinaryIO", io.BufferedReader(_Section(file, start, size, bounds)))


class _Section(io.RawIOBase):
    def __init__(self, file: BinaryIO, start: int, size: int, bounds: Bounds) -> None:
        self._file = file
        self._start = start
        self._size = size
        self._bounds = bounds
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        position = offset + (0, self._position, self._size)[whence]
        if position < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._position = position
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self._size - self._position))
        self._file.seek(self._start + self._position)
        data = self._file.read(count)
        if not self._bounds.take(bytes=len(data)):
            return 0
        view[: len(data)] = data
        self._position += len(data)
        return len(data)
