"""Reads the bytes of a pickle once, from front to back, within fixed limits."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

_MAX_READ_SIZE = 64 << 20  # bytes at once
_SHORT_READ, _LONG_READ = 4 * 1024, 64 * 1024  # bytes read ahead: right after a skipped array, and otherwise
_NO_FRAME = 1 << 63


class UnreadablePickle(Exception):
    """The bytes are not a pickle as Python's picklers write it. The message continues the sentence 'it …'."""


class LimitReached(Exception):
    """The pickle needs more time or memory than its analysis may take."""


class PickleStream:
    """The input of the pickle reader. Skipping needs no memory, and no time in a seekable file.

    Frames (PEP 3154) must be as Python writes them: consecutive, and ending between two opcodes. Python's two
    unpicklers read any other frames differently.
    """

    def __init__(self, file: BinaryIO, size: int | None, max_bytes: int) -> None:
        """``size`` is the size of a seekable file at its beginning, or None if the file cannot seek.

        At most ``max_bytes`` are read. Bytes that are skipped by seeking do not count.
        """
        self._file = file
        self._size = size
        self._bytes_left = max_bytes
        self.buffer = b""
        self.offset = 0
        """Offset of the next byte in the buffer."""
        self.operations_end = 0
        """End of the part of the buffer from which callers may take opcodes themselves, advancing ``offset``."""
        self._buffer_start = 0  # position of the buffer in the file
        self._read_ahead_size = _LONG_READ
        self._frame_end = _NO_FRAME

    @property
    def position(self) -> int:
        """Number of bytes read or skipped so far."""
        return self._buffer_start + self.offset

    def read(self, count: int) -> bytes:
        """Read exactly ``count`` bytes; raises `UnreadablePickle` if there are fewer."""
        end = self.offset + count
        if end > len(self.buffer):
            self._fill(count)
            end = count
        data = self.buffer[self.offset : end]
        self.offset = end
        return data

    def read_opcode(self) -> int:
        """Read the next opcode; raises `UnreadablePickle` at the end of the file."""
        position = self.position
        if position >= self._frame_end:
            if position > self._frame_end:
                raise UnreadablePickle("has an opcode across the end of a frame")
            self._set_frame_end(_NO_FRAME)
        if self.offset == len(self.buffer):
            self._fill(1)
        offset = self.offset
        self.offset = offset + 1
        return self.buffer[offset]

    def read_byte(self) -> int:
        """Read one byte as a number; raises `UnreadablePickle` at the end of the file."""
        if self.offset == len(self.buffer):
            self._fill(1)
        offset = self.offset
        self.offset = offset + 1
        return self.buffer[offset]

    def read_unsigned(self, width: int) -> int:
        """Read an unsigned little-endian integer of ``width`` bytes."""
        return int.from_bytes(self.read(width), "little")

    def read_line(self, max_length: int) -> bytes:
        """Read up to the next newline, which is dropped; raises `UnreadablePickle` beyond ``max_length`` bytes."""
        line = bytearray()
        while True:
            end = self.buffer.find(b"\n", self.offset)
            chunk = self.buffer[self.offset : end if end >= 0 else None]
            line += chunk
            if len(line) > max_length:
                raise UnreadablePickle("has a line that is too long")
            self.offset += len(chunk)
            if end >= 0:
                self.offset += 1
                return bytes(line)
            self._fill(1)

    def skip(self, count: int) -> None:
        """Skip ``count`` bytes; raises `UnreadablePickle` if there are fewer."""
        buffered = len(self.buffer) - self.offset
        if count <= buffered:
            self.offset += count
        elif self._size is None:
            self.offset += buffered
            self._discard(count - buffered)
        else:
            target = self.position + count
            if target > self._size:
                raise UnreadablePickle("ends too early")
            self._file.seek(count - buffered, os.SEEK_CUR)
            self._read_ahead_size = _SHORT_READ
            self._set_buffer(b"", target)

    def peek(self, count: int) -> bytes:
        """The next ``count`` bytes, or fewer at the end of the file, without consuming them."""
        if len(self.buffer) - self.offset < count:
            with suppress(UnreadablePickle):
                self._fill(count)
        return self.buffer[self.offset : self.offset + count]

    @contextmanager
    def look_ahead(self) -> Iterator[tuple[BinaryIO, bool]]:
        """Open the following bytes as a file without consuming them; the flag says whether they reach the end."""
        if self._size is None:
            yield io.BytesIO(self.peek(_LONG_READ)), False
            return
        original_position = self._file.tell()
        self._file.seek(self.position)
        try:
            yield self._file, True
        finally:
            self._file.seek(original_position)

    def skip_and_digest(self, count: int, searched: bytes) -> tuple[bool, bytes]:
        """Skip ``count`` bytes; returns whether they contain ``searched``, and their SHA-256 digest."""
        is_found, tail, digest = False, b"", hashlib.sha256()
        while count:
            chunk = self.read(min(count, _LONG_READ))
            count -= len(chunk)
            digest.update(chunk)
            is_found = is_found or searched in tail + chunk
            tail = chunk[-len(searched) :]
        return is_found, digest.digest()

    def enter_frame(self, length: int) -> None:
        """Begin a frame of ``length`` bytes; raises `UnreadablePickle` inside of another frame."""
        self.leave_frame()
        self._set_frame_end(self.position + length)

    def leave_frame(self) -> None:
        """End the current frame; raises `UnreadablePickle` before its stated end."""
        if self._frame_end not in (_NO_FRAME, self.position):
            raise UnreadablePickle("has a frame that does not end where it should")
        self._set_frame_end(_NO_FRAME)

    def peek_rest(self) -> bytes:
        """Some of the following bytes, without consuming them; empty only at the end of the file."""
        if self.offset == len(self.buffer):
            self._set_buffer(self._file.read(_SHORT_READ), self.position)
        return self.buffer[self.offset :]

    def _fill(self, count: int) -> None:
        """Read until the buffer has the next ``count`` bytes. It then begins at the next byte."""
        unread = self.buffer[self.offset :]
        missing = count - len(unread)
        data = self._file.read(max(min(missing, _MAX_READ_SIZE), self._read_ahead_size))
        while data and len(data) < missing and (more := self._file.read(min(missing - len(data), _MAX_READ_SIZE))):
            data += more
        self._read_ahead_size = min(self._read_ahead_size * 4, _LONG_READ)
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            raise LimitReached
        self._set_buffer(unread + data, self.position)
        if len(self.buffer) < count:
            raise UnreadablePickle("ends too early")

    def _discard(self, count: int) -> None:
        start, left = self.position, count
        try:
            while left:
                chunk = self._file.read(min(left, _LONG_READ))
                if not chunk:
                    raise UnreadablePickle("ends too early")
                left -= len(chunk)
                self._bytes_left -= len(chunk)
                if self._bytes_left < 0:
                    raise LimitReached
        finally:
            self._set_buffer(b"", start + count - left)

    def _set_buffer(self, data: bytes, position: int) -> None:
        """Replace the buffer by ``data``, which begins at ``position`` of the file."""
        self.buffer, self.offset, self._buffer_start = data, 0, position
        self._set_frame_end(self._frame_end)

    def _set_frame_end(self, position: int) -> None:
        self._frame_end = position
        self.operations_end = min(len(self.buffer), position - self._buffer_start)
