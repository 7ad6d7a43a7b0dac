"""Decompresses files in small chunks, so that decompression bombs cannot fill the memory.

Formats are recognised by the magic bytes that joblib uses (``joblib/compressor.py``).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from modelreg.analysis.containers.bounds import Bounds

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_COST_OF_BZIP2 = 4  # per byte, relative to zlib
_CHUNK_SIZE = 64 * 1024
_ZLIB_OR_GZIP_HEADER, _NO_HEADER = 15 | 32, -15  # window sizes that select the header in zlib
_MAX_LZMA_MEMORY = 256 << 20  # bytes; a header can request 4 GiB, xz -9 requests 65 MiB


class MissingDecompressor(Exception):
    """The package that decompresses the file is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(package)
        self.package = package


class BadCompression(Exception):
    """The data is not in the compression format that its first bytes announce."""


class _Decompressor(Protocol):
    """The common interface of ``bz2``, ``lzma`` and ``lz4.frame``."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...


def is_compressed(start: bytes) -> bool:
    """Whether a file that starts with ``start`` may be compressed."""
    return _decompressor_for(start) is not None


def open_decompressed(file: BinaryIO, bounds: Bounds | None = None) -> BinaryIO:
    """Open a stream that decompresses ``file`` from its beginning.

    If the first chunk is damaged, the read raises `BadCompression`. Later damage ends the stream, and `is_damaged`
    is then True. Exhausted ``bounds`` end it, too. Raises `MissingDecompressor` if the library is not installed.
    """
    make = _decompressor_for(file.read(8))
    file.seek(0)
    if make is None:
        raise BadCompression
    return cast("BinaryIO", io.BufferedReader(_DecompressedStream(file, make, bounds), _CHUNK_SIZE))


def is_damaged(content: BinaryIO) -> bool:
    """Whether a decompressed stream ended at damaged data instead of the end of the file."""
    return bool(getattr(getattr(content, "raw", None), "is_damaged", False))


def open_deflated(file: BinaryIO, bounds: Bounds) -> BinaryIO:
    """Open a stream that inflates ``file`` from its current position: raw deflate data, as in zip archives."""
    return cast(
        "BinaryIO",
        io.BufferedReader(_DecompressedStream(file, lambda: _Zlib(_NO_HEADER), bounds, members=1), _CHUNK_SIZE),
    )


def open_bzip2(file: BinaryIO, bounds: Bounds) -> BinaryIO:
    """Open a stream that decompresses one bzip2 stream from the current position of ``file``, as in zip archives."""
    return cast("BinaryIO", io.BufferedReader(_DecompressedStream(file, _bz2, bounds, members=1), _CHUNK_SIZE))


class _DecompressedStream(io.RawIOBase):
    """The decompressed content of one or more concatenated compressed members."""

    def __init__(
        self, file: BinaryIO, make: Callable[[], _Decompressor], bounds: Bounds | None, members: int = 1 << 62
    ) -> None:
        self._file = file
        self._make = make
        self._bounds = bounds
        self._cost = _COST_OF_BZIP2 if make is _bz2 else 1
        self._members_left = members
        self._decompressor = make()
        self._input = b""
        self._has_output = False
        self.is_damaged = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        try:
            data = b"" if self.is_damaged else self._read_chunk(len(view))
        except BadCompression:
            if not self._has_output:
                raise
            self.is_damaged, data = True, b""  # data before the damage stays readable
        if self._bounds is not None and not self._bounds.take(bytes=self._cost * len(data)):
            data = b""
        self._has_output = self._has_output or bool(data)
        view[: len(data)] = data
        return len(data)

    def _read_chunk(self, max_length: int) -> bytes:
        while True:
            if self._decompressor.eof and not self._start_next_member():
                return b""
            if self._decompressor.needs_input and not self._input:
                self._input = self._file.read(_CHUNK_SIZE)
                if not self._input:
                    return b""
            compressed, self._input = self._input, b""
            if data := self._decompress(compressed, max_length):
                return data

    def _start_next_member(self) -> bool:
        self._members_left -= 1
        if self._members_left < 1:
            return False
        self._input = (self._decompressor.unused_data or b"") or self._file.read(_CHUNK_SIZE)
        self._decompressor = self._make()
        return bool(self._input)

    def _decompress(self, data: bytes, max_length: int) -> bytes:
        from lzma import LZMAError
        from zlib import error as zlib_error

        try:
            return self._decompressor.decompress(data, max_length)
        except (zlib_error, LZMAError, OSError, ValueError, EOFError, RuntimeError, MemoryError) as error:
            raise BadCompression from error


class _Zlib:
    """Decompresses zlib and gzip data with the interface of `_Decompressor`."""

    def __init__(self, window: int = _ZLIB_OR_GZIP_HEADER) -> None:
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


def _decompressor_for(start: bytes) -> Callable[[], _Decompressor] | None:
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

    return lzma.LZMADecompressor(memlimit=_MAX_LZMA_MEMORY)


def _lz4() -> _Decompressor:
    try:
        from lz4.frame import LZ4FrameDecompressor
    except ImportError:
        raise MissingDecompressor("lz4") from None
    return cast("_Decompressor", LZ4FrameDecompressor())
