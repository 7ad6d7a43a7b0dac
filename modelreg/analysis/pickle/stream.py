"""The bytes of a pickle, read once from front to back within fixed bounds."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

_LONGEST_READ = 64 << 20  # bytes at once
_SHORT, _LONG = 4 * 1024, 64 * 1024  # bytes read ahead: behind an array that was passed over, and further on
_NO_FRAME = 1 << 63


class UnreadablePickle(Exception):
    """The bytes are not what a pickler writes; the message goes on from 'it …'."""


class LimitReached(Exception):
    """More would have to be read or kept than is worth the time."""


class PickleStream:
    """What the pickle reader reads from; skipping costs no memory, and no time where the file can seek.

    Frames (PEP 3154) have to be as Python writes them: one behind the other, and ending between two operations. Where
    they are not, Python's unpicklers read different things.
    """

    def __init__(self, file: BinaryIO, size: int | None, most_bytes: int) -> None:
        """``size`` is that of a file that can seek and stands at its beginning, else None.

        ``most_bytes`` bounds what is read; what such a file seeks over is not counted.
        """
        self._file = file
        self._size = size
        self._left = most_bytes
        self.buffer = b""
        self.at = 0
        """Where the next byte stands in the buffer."""
        self.ready = 0
        """Up to where in the buffer the reader may take operations, and set ``at`` behind them."""
        self._base = 0  # where the buffer stands in the file
        self._ahead = _LONG
        self._frame_end = _NO_FRAME

    @property
    def position(self) -> int:
        """Bytes read or skipped."""
        return self._base + self.at

    def read(self, count: int) -> bytes:
        """Exactly ``count`` bytes; raises `UnreadablePickle` when there are fewer."""
        end = self.at + count
        if end > len(self.buffer):
            self._fill(count)
            end = count
        data = self.buffer[self.at : end]
        self.at = end
        return data

    def operation(self) -> int:
        """The code of the next operation; raises `UnreadablePickle` at the end."""
        position = self.position
        if position >= self._frame_end:
            if position > self._frame_end:
                raise UnreadablePickle("has an operation across the end of a frame")
            self._set_frame_end(_NO_FRAME)
        if self.at == len(self.buffer):
            self._fill(1)
        at = self.at
        self.at = at + 1
        return self.buffer[at]

    def byte(self) -> int:
        """The next byte as a number; raises `UnreadablePickle` at the end."""
        if self.at == len(self.buffer):
            self._fill(1)
        at = self.at
        self.at = at + 1
        return self.buffer[at]

    def unsigned(self, width: int) -> int:
        """A little-endian number of ``width`` bytes."""
        return int.from_bytes(self.read(width), "little")

    def line(self, most: int) -> bytes:
        """The text up to the next newline, without it; raises `UnreadablePickle` beyond ``most`` bytes."""
        line = bytearray()
        while True:
            end = self.buffer.find(b"\n", self.at)
            piece = self.buffer[self.at : end if end >= 0 else None]
            line += piece
            if len(line) > most:
                raise UnreadablePickle("has a line that is too long")
            self.at += len(piece)
            if end >= 0:
                self.at += 1
                return bytes(line)
            self._fill(1)

    def skip(self, count: int) -> None:
        """Go ``count`` bytes forward; raises `UnreadablePickle` when there are fewer."""
        ready = len(self.buffer) - self.at
        if count <= ready:
            self.at += count
        elif self._size is None:
            self.at += ready
            self._read_away(count - ready)
        else:
            target = self.position + count
            if target > self._size:
                raise UnreadablePickle("ends too early")
            self._file.seek(count - ready, os.SEEK_CUR)
            self._ahead = _SHORT
            self._hold(b"", target)

    def peek(self, count: int) -> bytes:
        """The next ``count`` bytes, or fewer at the end; nothing is passed over."""
        if len(self.buffer) - self.at < count:
            with suppress(UnreadablePickle):
                self._fill(count)
        return self.buffer[self.at : self.at + count]

    @contextmanager
    def looking_ahead(self) -> Iterator[tuple[BinaryIO, bool]]:
        """What follows, as a file, and whether it is all that follows; nothing is passed over."""
        if self._size is None:
            yield io.BytesIO(self.peek(_LONG)), False
            return
        place = self._file.tell()
        self._file.seek(self.position)
        try:
            yield self._file, True
        finally:
            self._file.seek(place)

    def skip_text(self, count: int, sought: bytes) -> tuple[bool, bytes]:
        """Go ``count`` bytes forward: whether ``sought`` stands in them, and their digest."""
        found, tail, digest = False, b"", hashlib.sha256()
        while count:
            piece = self.read(min(count, _LONG))
            count -= len(piece)
            digest.update(piece)
            found = found or sought in tail + piece
            tail = piece[-len(sought) :]
        return found, digest.digest()

    def enter_frame(self, length: int) -> None:
        """A frame of ``length`` bytes begins here; raises `UnreadablePickle` within another one."""
        self.leave_frame()
        self._set_frame_end(self.position + length)

    def leave_frame(self) -> None:
        """What follows stands outside of frames; raises `UnreadablePickle` where a frame goes on."""
        if self._frame_end not in (_NO_FRAME, self.position):
            raise UnreadablePickle("has a frame that does not end where it should")
        self._set_frame_end(_NO_FRAME)

    def rest(self) -> bytes:
        """What was read ahead, or some of what follows; empty at the end alone."""
        if self.at == len(self.buffer):
            self._hold(self._file.read(_SHORT), self.position)
        return self.buffer[self.at :]

    def _fill(self, count: int) -> None:
        """Have ``count`` bytes in the buffer, which then begins at the next one."""
        kept = self.buffer[self.at :]
        needed = count - len(kept)
        data = self._file.read(max(min(needed, _LONGEST_READ), self._ahead))
        while data and len(data) < needed and (more := self._file.read(min(needed - len(data), _LONGEST_READ))):
            data += more
        self._ahead = min(self._ahead * 4, _LONG)
        self._left -= len(data)
        if self._left < 0:
            raise LimitReached
        self._hold(kept + data, self.position)
        if len(self.buffer) < count:
            raise UnreadablePickle("ends too early")

    def _read_away(self, count: int) -> None:
        start, left = self.position, count
        try:
            while left:
                piece = self._file.read(min(left, _LONG))
                if not piece:
                    raise UnreadablePickle("ends too early")
                left -= len(piece)
                self._left -= len(piece)
                if self._left < 0:
                    raise LimitReached
        finally:
            self._hold(b"", start + count - left)  # no further than there are bytes

    def _hold(self, data: bytes, position: int) -> None:
        """Go on with ``data``, which stands at ``position``."""
        self.buffer, self.at, self._base = data, 0, position
        self._set_frame_end(self._frame_end)

    def _set_frame_end(self, position: int) -> None:
        self._frame_end = position
        self.ready = min(len(self.buffer), position - self._base)
