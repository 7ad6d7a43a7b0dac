"""Limits on what is read from containers: one shared budget for all files of a model and everything nested in them.

A limit per member would not help: a small archive can hold many members, and those can be archives, too.
"""

from __future__ import annotations

from dataclasses import dataclass

_MIN_BYTES, _BYTES_PER_MODEL_BYTE = 256 << 20, 200  # zlib inflates 256 MiB in about 0.5 s
_MIN_MEMBERS, _MODEL_BYTES_PER_MEMBER, _MAX_MEMBERS = 2_000, 250, 100_000  # zip needs 76 bytes and two names each
_MIN_UNLISTED, _MODEL_BYTES_PER_UNLISTED, _MAX_UNLISTED = 100, 10_000, 1_000
_MIN_VALUES, _MAX_VALUES = 50_000, 4_000_000


@dataclass(slots=True)
class Bounds:
    """The remaining budget. Once any part of it is exceeded, every further `take` fails, so all reading ends."""

    bytes: int
    """Bytes to decompress, or to read from stored members."""
    members: int = _MAX_MEMBERS
    unlisted_members: int = _MAX_UNLISTED
    """Zip members that the directory does not list. Each could contain all members that follow it."""
    values: int = _MAX_VALUES
    """Values to parse in JSON and in array headers."""
    is_exhausted: bool = False

    @classmethod
    def of_model(cls, size: int) -> Bounds:
        """The budget for a model of ``size`` bytes. It grows with the size, so that small models are scanned fast."""
        return cls(
            bytes=max(_MIN_BYTES, _BYTES_PER_MODEL_BYTE * size),
            members=min(_MIN_MEMBERS + size // _MODEL_BYTES_PER_MEMBER, _MAX_MEMBERS),
            unlisted_members=min(_MIN_UNLISTED + size // _MODEL_BYTES_PER_UNLISTED, _MAX_UNLISTED),
            values=min(_MIN_VALUES + size, _MAX_VALUES),
        )

    def take(self, *, bytes: int = 0, members: int = 0, unlisted_members: int = 0, values: int = 0) -> bool:
        """Subtract from the budget; returns whether it was sufficient."""
        self.bytes -= bytes
        self.members -= members
        self.unlisted_members -= unlisted_members
        self.values -= values
        self.is_exhausted = self.is_exhausted or min(self.bytes, self.members, self.unlisted_members, self.values) < 0
        return not self.is_exhausted
