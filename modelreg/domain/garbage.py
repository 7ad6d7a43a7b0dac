"""What may be cleaned away: how old it has to be, whatever the clock did."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class GarbageCandidate:
    """Something on disk that perhaps nobody needs."""

    path: str
    size: int
    modified: int
    """When its bytes were written, in nanoseconds (st_mtime)."""
    changed: int
    """When anything was done to it, in nanoseconds (st_ctime), which nobody can set."""

    @classmethod
    def of(cls, path: str, status: os.stat_result) -> GarbageCandidate:
        """What `stat` told of the file at ``path``."""
        return cls(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class GracePeriod:
    """How long leftovers are kept: somebody may be about to need them."""

    now: int
    """Nanoseconds since 1970."""
    grace: timedelta

    @classmethod
    def at(cls, moment: datetime, grace: timedelta) -> GracePeriod:
        """The patience that one has at ``moment``."""
        return cls(int(moment.timestamp() * 10**6) * 1000, grace)

    def is_over(self, leftover: GarbageCandidate) -> bool:
        """Whether it is older than the grace time.

        What lies in the future is young: it was written before the clock was set back.
        """
        if max(leftover.modified, leftover.changed) > self.now:
            return False
        return self.now - leftover.modified >= self.grace // timedelta(microseconds=1) * 1000

    def divide(self, leftovers: Iterable[GarbageCandidate]) -> tuple[list[GarbageCandidate], list[GarbageCandidate]]:
        """Those that are old, and those that are young."""
        old: list[GarbageCandidate] = []
        young: list[GarbageCandidate] = []
        for each in leftovers:
            (old if self.is_over(each) else young).append(each)
        return old, young
