"""What may be read out of containers: one account for everything that a model's files hold, however it is nested.

A limit for each member would be none, since a small archive may have many members, and archives in them.
"""

from __future__ import annotations

from dataclasses import dataclass

_LEAST_BYTES, _BYTES_FOR_EACH = 256 << 20, 200  # zlib inflates the first in about half a second
_LEAST_MEMBERS, _SIZE_OF_MEMBER, _MOST_MEMBERS = 2_000, 250, 100_000  # zip itself takes 76 bytes and two names for each
_LEAST_STRAYS, _SIZE_OF_STRAY, _MOST_STRAYS = 100, 10_000, 1_000
_LEAST_VALUES, _MOST_VALUES = 50_000, 4_000_000


@dataclass(slots=True)
class Bounds:
    """What is left; once something was not enough, nothing more is to be had, so that every reading ends."""

    bytes: int
    """Decompressed, or read of what is stored in an archive."""
    members: int = _MOST_MEMBERS
    strays: int = _MOST_STRAYS
    """Members that no directory lists, each of which could hold all that follow it."""
    values: int = _MOST_VALUES
    """Of JSON, and of headers of arrays."""
    is_spent: bool = False

    @classmethod
    def of_model(cls, size: int) -> Bounds:
        """What a model of ``size`` bytes may take: a small one must not keep anybody busy for long."""
        return cls(
            bytes=max(_LEAST_BYTES, _BYTES_FOR_EACH * size),
            members=min(_LEAST_MEMBERS + size // _SIZE_OF_MEMBER, _MOST_MEMBERS),
            strays=min(_LEAST_STRAYS + size // _SIZE_OF_STRAY, _MOST_STRAYS),
            values=min(_LEAST_VALUES + size, _MOST_VALUES),
        )

    def take(self, *, bytes: int = 0, members: int = 0, strays: int = 0, values: int = 0) -> bool:
        """Take some of it; returns whether it may be used."""
        self.bytes -= bytes
        self.members -= members
        self.strays -= strays
        self.values -= values
        self.is_spent = self.is_spent or min(self.bytes, self.members, self.strays, self.values) < 0
        return not self.is_spent
