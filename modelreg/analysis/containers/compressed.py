"""Decompresses a file a small piece at a time, so that no bomb has a use.

The magic bytes are those by which joblib knows its compressors (``joblib/compressor.py``).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from modelreg.analysis.containers.bounds import Bounds

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_WORK_OF_BZIP2 = 4  # times that of zlib for a byte
_PIECE = 64 * 1024
_EITHER_HEADER, _RAW = 15 | 32, -15  # zlib's names for what goes before the data
_LZMA_MEMORY = 256 << 20  # bytes; a header may ask for 4 GiB, xz's strongest setting for 65 MiB


class MissingDecompressor(Exception):
    """The file is compressed by a program that isn't installed."""

    def __init__(self, package: str) -> None:
        super().__init__(package)
        self.package = package


class BadCompression(Exception):
    """The file begins as a compressed one, but isn't."""


class _Decompressor(Protocol):
    """What ``bz2``, ``lzma`` and ``lz4.frame`` have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...


def is_compressed(start: bytes) -> bool:
    """Whether a file that starts with ``start`` may be a compressed one."""
    return _maker(start) is not None


def decompressing(file: BinaryIO, bounds: Bounds | None = None) -> BinaryIO:
    """``file``, from its beginning, decompressed as it is read; the first read raises `BadCompression`.

    Damage further on ends it, as `is_damaged` tells then, and so do ``bounds`` that are spent.

    Raises `MissingDecompressor` where the library isn't installed.
    """
    make = _maker(file.read(8))
    file.seek(0)
    if make is None:
        raise BadCompression
    return cast("BinaryIO", io.BufferedReader(_Decompressed(file, make, bounds), _PIECE))


def is_damaged(content: BinaryIO) -> bool:
    """Whether the reading of a decompressed file ended where it is damaged, rather than at its end."""
    return bool(getattr(getattr(content, "raw", None), "is_damaged", False))


def inflating(file: BinaryIO, bounds: Bounds) -> BinaryIO:
    """``file``, from where it stands, inflated as it is read: deflate without a header, as zip archives have it."""
    return cast("BinaryIO", io.BufferedReader(_Decompressed(file, lambda: _Zlib(_RAW), bounds, members=1), _PIECE))


def unpacking_bzip2(file: BinaryIO, bounds: Bounds) -> BinaryIO:
    """``file``, from where it stands, unpacked as it is read: one stream of bzip2, as zip archives have it."""
    return cast("BinaryIO", io.BufferedReader(_Decompressed(file, _bz2, bounds, members=1), _PIECE))


class _Decompressed(io.RawIOBase):
    """A stream of one or more compressed members, one behind the other."""

    def __init__(
        self, file: BinaryIO, make: Callable[[], _Decompressor], bounds: Bounds | None, members: int = 1 << 62
    ) -> None:
        self._file = file
        self._make = make
        self._bounds = bounds
        self._work = _WORK_OF_BZIP2 if make is _bz2 else 1
        self._members_left = members
        self._decompressor = make()
        self._waiting = b""
        self._has_begun = False
        self.is_damaged = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        try:
            data = b"" if self.is_damaged else self._next(len(view))
        except BadCompression:
            if not self._has_begun:
                raise
            self.is_damaged, data = True, b""  # what came before the damage is read all the same
        if self._bounds is not None and not self._bounds.take(bytes=self._work * len(data)):
            data = b""
        self._has_begun = self._has_begun or bool(data)
        view[: len(data)] = data
        return len(data)

    def _next(self, most: int) -> bytes:
        while True:
            if self._decompressor.eof and not self._next_member():
                return b""
            if self._decompressor.needs_input and not self._waiting:
                self._waiting = self._file.read(_PIECE)
                if not self._waiting:
                    return b""
            taken, self._waiting = self._waiting, b""
            data = self._decompress(taken, most)
            if data:
                return data

    def _next_member(self) -> bool:
        self._members_left -= 1
        if self._members_left < 1:
            return False
        self._waiting = (self._decompressor.unused_data or b"") or self._file.read(_PIECE)
        self._decompressor = self._make()
        return bool(self._waiting)

    def _decompress(self, data: bytes, most: int) -> bytes:
        from lzma import LZMAError
        from zlib import error as zlib_error

        try:
            return self._decompressor.decompress(data, most)
        except (zlib_error, LZMAError, OSError, ValueError, EOFError, RuntimeError, MemoryError) as error:
            raise BadCompression from error


class _Zlib:
    """``zlib`` and ``gzip`` with the interface of the others."""

    def __init__(self, window: int = _EITHER_HEADER) -> None:
        import zlib

        self._inflate = zlib.decompressobj(window)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def needs_input(self) -> bool:
        return not self._inflate.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        return self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)


def _maker(start: bytes) -> Callable[[], _Decompressor] | None:
    if start[:1] == b"\x78" or start[:2] == b"\x1f\x8b":
        return _Zlib
    if start[:3] == b"BZh":
        return _bz2
    if start[:5] == b"\xfd7zXZ" or start[:2] == b"\x5d\x00":
        return _lzma
    return _lz4 if start[:4] == b"\x04\x22\x4d\x18" else None


def _bz2() -> _Decompressor:
    import bz2

    return bz2.BZ2Decompressor()


def _lzma() -> _Decompressor:
    import lzma

    return lzma.LZMADecompressor(memlimit=_LZMA_MEMORY)


def _lz4() -> _Decompressor:
    try:
        from lz4.frame import LZ4FrameDecompressor
    except ImportError:
        raise MissingDecompressor("lz4") from None
    return cast("_Decompressor", LZ4FrameDecompressor())
