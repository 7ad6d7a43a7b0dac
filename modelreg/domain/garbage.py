"""Files that pruning may remove, and the grace period that protects young ones."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class GarbageCandidate:
    """A file or folder on disk that may be unneeded."""

    path: str
    size: int
    """Bytes."""
    modified: int
    """When its content was written: st_mtime, in nanoseconds."""
    changed: int
    """When its inode changed: st_ctime, in nanoseconds; programs cannot set it."""

    @classmethod
    def of(cls, path: str, status: os.stat_result) -> GarbageCandidate:
        """The candidate for the file at ``path``, from its `os.stat` result."""
        return cls(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class GracePeriod:
    """How long unneeded files are kept, because a running process may be about to use them."""

    now: int
    """Nanoseconds since 1970."""
    grace: timedelta

    @classmethod
    def at(cls, moment: datetime, grace: timedelta) -> GracePeriod:
        """The grace period as seen at ``moment``."""
        return cls(int(moment.timestamp() * 10**6) * 1000, grace)

    def has_expired(self, candidate: GarbageCandidate) -> bool:
        """Whether the file is older than the grace period.

        A file from the future counts as young: it was written before the clock was set back.
        """
        if max(candidate.modified, candidate.changed) > self.now:
            return False
        return self.now - candidate.modified >= self.grace // timedelta(microseconds=1) * 1000

    def split(self, candidates: Iterable[GarbageCandidate]) -> tuple[list[GarbageCandidate], list[GarbageCandidate]]:
        """Split into the candidates whose grace period has expired, and the younger ones."""
        expired: list[GarbageCandidate] = []
        young: list[GarbageCandidate] = []
        for candidate in candidates:
            (expired if self.has_expired(candidate) else young).append(candidate)
        return expired, young
