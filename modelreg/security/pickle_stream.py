"""The bytes of a pickle, read once from front to back within fixed bounds."""

from __future__ import annotations

import os
from typing import BinaryIO

LINE_KEPT = 4096
"""Bytes; nothing that is looked at is longer, and a text of protocol 0 may be."""

_LONGEST_LINE = 64 << 20  # bytes
_SHORT, _LONG = 4 * 1024, 64 * 1024  # bytes read ahead: behind an array that was passed over, and further on
_NO_FRAME = 1 << 63


class UnreadablePickle(Exception):
    """Python would read no further than here either."""


class LimitReached(Exception):
    """More would have to be read than is worth the time."""


class PickleStream:
    """What the pickle machine reads from; skipping costs no memory, and no time where the file can seek."""

    def __init__(self, file: BinaryIO, size: int | None, most_bytes: int, *, at: int = 0, drops: bool = False) -> None:
        """``size`` is that of a file that can seek and stands ``at`` a place, else None.

        ``most_bytes`` bounds what is read; what such a file seeks over is not counted. With ``drops`` it is read as
        Python's unpickler in C reads a file that it cannot look ahead in: of a frame that does not hold the whole of
        what is read next, the rest is dropped.
        """
        self._file = file
        self._size = size
        self._left = most_bytes
        self.buffer = b""
        self.at = 0
        """Where the next byte stands in the buffer."""
        self.ready = 0
        """Up to where in the buffer whoever is in a hurry may take single bytes, and set ``at`` behind them."""
        self._base = at  # where the buffer stands in the file
        self._drops = drops
        self._ahead = _LONG
        self._frame_end = _NO_FRAME
        self._frame_end_here = _NO_FRAME  # as a place in the buffer
        self._frame_was_crossed = False

    @property
    def position(self) -> int:
        """Bytes read or skipped."""
        return self._base + self.at

    def read(self, count: int) -> bytes:
        """Exactly ``count`` bytes; raises `UnreadablePickle` when there are fewer."""
        if self._drops:
            self._drop_unless_it_holds(count)
        end = self.at + count
        if end > len(self.buffer):
            self._fill(count)
            end = count
        data = self.buffer[self.at : end]
        self.at = end
        return data

    def operation(self) -> int:
        """The code of the next operation; raises `UnreadablePickle` at the end."""
        at = self.at
        if at >= self._frame_end_here:
            self._frame_was_crossed |= at > self._frame_end_here
            self._set_frame_end(_NO_FRAME)
        if at == len(self.buffer):
            self._fill(1)
            at = 0
        self.at = at + 1
        return self.buffer[at]

    def byte(self) -> int:
        """The next byte as a number; raises `UnreadablePickle` at the end."""
        at = self.at
        if at == len(self.buffer):
            self._fill(1)
            at = 0
        self.at = at + 1
        return self.buffer[at]

    def unsigned(self, width: int) -> int:
        """A little-endian number of ``width`` bytes."""
        return int.from_bytes(self.read(width), "little")

    def line(self) -> bytes:
        """The text up to the next newline, without it; only its first 4 KiB are kept."""
        if self._drops and not self._holds_a_line():
            self._drop()
        kept, begun = b"", self.position
        while self.position - begun < _LONGEST_LINE:
            end = self.buffer.find(b"\n", self.at)
            piece = self.buffer[self.at : end if end >= 0 else None]
            if len(kept) < LINE_KEPT:
                kept = (kept + piece)[:LINE_KEPT]
            self.at += len(piece)
            if end >= 0:
                self.at += 1
                return kept
            self._fill(1)
        raise LimitReached

    def skip(self, count: int) -> None:
        """Go ``count`` bytes forward; raises `UnreadablePickle` when there are fewer."""
        if self._drops:
            self._drop_unless_it_holds(count)
        ready = len(self.buffer) - self.at
        if count <= ready:
            self.at += count
        elif self._size is None:
            self.at += ready
            self._read_away(count - ready)
        else:
            target = self.position + count
            if target > self._size:
                raise UnreadablePickle("it ends too early")
            self._file.seek(count - ready, os.SEEK_CUR)
            self._ahead = _SHORT
            self._hold(b"", target)

    def enter_frame(self, length: int) -> bool:
        """A frame of ``length`` bytes begins here; returns whether that is where one may begin."""
        if self._drops and self.position < self._frame_end < _NO_FRAME:
            if self.position + length <= self._frame_end:
                return False
            self._drop()
        outside = self.leave_frame()
        self._set_frame_end(self.position + length)
        return outside

    def leave_frame(self) -> bool:
        """What follows stands outside of frames; returns whether that can be so."""
        outside = self._frame_end in (_NO_FRAME, self.position)
        self._frame_was_crossed |= not outside
        self._set_frame_end(_NO_FRAME)
        return outside

    def crossed_a_frame(self) -> bool:
        """Whether an operation stood across the end of a frame, where Python's unpicklers differ."""
        return self._frame_was_crossed or self.position > self._frame_end

    def rest(self) -> bytes:
        """What was read ahead, or some of what follows; empty at the end alone."""
        if self.at == len(self.buffer):
            self._hold(self._file.read(_SHORT), self.position)
        return self.buffer[self.at :]

    def _fill(self, count: int) -> None:
        """Have ``count`` bytes in the buffer, which then begins at the next one."""
        kept = self.buffer[self.at :]
        needed = count - len(kept)
        data = self._file.read(max(needed, self._ahead))
        while data and len(data) < needed and (more := self._file.read(needed - len(data))):
            data += more
        self._ahead = min(self._ahead * 4, _LONG)
        self._left -= len(data)
        if self._left < 0:
            raise LimitReached
        self._hold(kept + data, self.position)
        if len(self.buffer) < count:
            raise UnreadablePickle("it ends too early")

    def _read_away(self, count: int) -> None:
        self._hold(b"", self.position + count)
        while count:
            piece = self._file.read(min(count, _LONG))
            if not piece:
                raise UnreadablePickle("it ends too early")
            count -= len(piece)
            self._left -= len(piece)
            if self._left < 0:
                raise LimitReached

    def _drop_unless_it_holds(self, count: int) -> None:
        if self.at < self._frame_end_here < self.at + count:
            self._drop()

    def _holds_a_line(self) -> bool:
        """Whether a newline comes before the frame ends; also where there is no frame."""
        rest = self._frame_end - self.position
        if self._frame_end == _NO_FRAME or rest <= 0:
            return True
        if len(self.buffer) - self.at < rest:
            self._fill(min(rest, _LONGEST_LINE))
        return self.buffer.find(b"\n", self.at, self.at + rest) >= 0

    def _drop(self) -> None:
        """Go to the end of the frame."""
        length = self._frame_end - self.position
        self._set_frame_end(_NO_FRAME)
        self.skip(length)

    def _hold(self, data: bytes, position: int) -> None:
        """Go on with ``data``, which stands at ``position``."""
        self.buffer, self.at, self._base = data, 0, position
        self._set_frame_end(self._frame_end)

    def _set_frame_end(self, position: int) -> None:
        self._frame_end = position
        self._frame_end_here = position - self._base
        self.ready = min(len(self.buffer), self._frame_end_here)
