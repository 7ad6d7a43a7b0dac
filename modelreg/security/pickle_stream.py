"""The bytes of a pickle, read once from front to back within fixed bounds.

Frames (protocol 4 and later) are kept to the byte: an operation, or an array of joblib's, that crosses the end of
one is refused. Python's two unpicklers differ there, and what they may read differently is not worth reading.
"""

from __future__ import annotations

import os
from typing import BinaryIO

_LINE_KEPT = 4096  # bytes; nothing that is looked at is longer, and a text of protocol 0 may be
_PIECE = 64 * 1024


class UnreadablePickle(Exception):
    """These bytes are not a pickle that Python would read to its end."""


class LimitReached(Exception):
    """More would have to be read than is worth the time."""


class PickleStream:
    """What the pickle machine reads from; skipping costs no memory, and no time where the file can seek."""

    def __init__(self, file: BinaryIO, size: int | None, most_bytes: int) -> None:
        """``size`` is that of a file that can seek, else None.

        ``most_bytes`` bounds what is read; what such a file seeks over is not counted.
        """
        self.position = 0
        self._file = file
        self._size = size
        self._left = most_bytes
        self._frame_end: int | None = None

    def read(self, count: int) -> bytes:
        """Exactly ``count`` bytes; raises `UnreadablePickle` when there are fewer."""
        data = self._file.read(count)
        if len(data) != count:
            raise UnreadablePickle("it ends too early")
        self._left -= count
        self._advance(count)
        return data

    def unsigned(self, width: int) -> int:
        """A little-endian number of ``width`` bytes."""
        return int.from_bytes(self.read(width), "little")

    def line(self) -> bytes:
        """The text up to the next newline, without it; only its first 4 KiB are kept."""
        kept = b""
        while True:
            piece = self._file.readline(_PIECE)
            self._left -= len(piece)
            self._advance(len(piece))
            kept = (kept + piece)[:_LINE_KEPT] if len(kept) < _LINE_KEPT else kept
            if piece.endswith(b"\n"):
                return kept.removesuffix(b"\n")
            if not piece:
                raise UnreadablePickle("it ends too early")

    def skip(self, count: int) -> None:
        """Go ``count`` bytes forward; raises `UnreadablePickle` when there are fewer."""
        self._left -= count if self._size is None else 0
        self._advance(count)
        if self._size is None:
            self._read_away(count)
        elif self.position > self._size:
            raise UnreadablePickle("it ends too early")
        else:
            self._file.seek(count, os.SEEK_CUR)

    def enter_frame(self, length: int) -> None:
        """A frame of ``length`` bytes begins here."""
        self.leave_frame()
        self._frame_end = self.position + length if length else None

    def leave_frame(self) -> None:
        """What follows stands outside of frames; raises `UnreadablePickle` within one."""
        if self._frame_end is not None:
            raise UnreadablePickle("a frame goes on where it must have ended")

    def at_end(self) -> bool:
        """Whether no byte follows; nothing can be read afterwards."""
        return not self._file.read(1)

    def _advance(self, count: int) -> None:
        self.position += count
        if self._left < 0:
            raise LimitReached
        if self._frame_end is not None and self.position >= self._frame_end:
            if self.position > self._frame_end:
                raise UnreadablePickle("an operation crosses the end of its frame")
            self._frame_end = None

    def _read_away(self, count: int) -> None:
        while count:
            piece = self._file.read(min(count, _PIECE))
            if not piece:
                raise UnreadablePickle("it ends too early")
            count -= len(piece)
