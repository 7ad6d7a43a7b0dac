"""What may be read out of containers: one account for everything that a model's files hold, however it is nested.

A limit for each member would be none, since a small archive may have many members, and archives in them.
"""

from __future__ import annotations

from dataclasses import dataclass

_LEAST_BYTES = 4 << 30  # some seconds
_BYTES_FOR_EACH = 50  # of a model's own; genuine arrays seldom shrink to less than a tenth


@dataclass(slots=True)
class Bounds:
    """What is left; once something was not enough, nothing more is to be had, so that every reading ends."""

    bytes: int
    """Decompressed, or read of what is stored in an archive."""
    members: int = 100_000
    strays: int = 1_000
    """Members that no directory lists, each of which could hold all that follow it."""
    values: int = 4_000_000
    """Of JSON."""
    is_spent: bool = False

    @classmethod
    def of_model(cls, size: int) -> Bounds:
        """What a model of ``size`` bytes may take."""
        return cls(max(_LEAST_BYTES, _BYTES_FOR_EACH * size))

    def take(self, *, bytes: int = 0, members: int = 0, strays: int = 0, values: int = 0) -> bool:
        """Take some of it; returns whether it may be used."""
        self.bytes -= bytes
        self.members -= members
        self.strays -= strays
        self.values -= values
        self.is_spent = self.is_spent or min(self.bytes, self.members, self.strays, self.values) < 0
        return not self.is_spent
