"""The plan and the result of a prune: which versions and files are removed, and which are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from modelreg.domain.references import ModelName
from modelreg.domain.stages import Stage


@dataclass(frozen=True, slots=True)
class RetentionDecision:
    """Whether a version is removed, and why."""

    name: ModelName
    version: int
    stage: Stage
    created_at: datetime
    size: int
    """Bytes of its files; other versions may share them."""
    removed: bool
    reason: str
    """The end of a sentence: 'is in Production', 'is not among the newest 3', …"""

    @property
    def reference(self) -> str:
        """``NAME/VERSION``."""
        return f"{self.name}/{self.version}"


@dataclass(frozen=True, slots=True)
class PrunedBytes:
    """A group of files that no version refers to: all of one kind that are removed, or kept for the same reason."""

    kind: str
    """``blobs``, ``temporaries``, ``checkouts`` or ``catalog temporaries``."""
    removed: bool
    count: int
    size: int
    """Bytes."""
    reason: str


@dataclass(frozen=True, slots=True)
class Pruning:
    """A prune, planned or done; both have the same values but for ``dry_run``."""

    dry_run: bool
    """Whether this is only a plan."""
    versions: tuple[RetentionDecision, ...]
    """Every version of the matching models; empty without retention rules."""
    bytes: tuple[PrunedBytes, ...]
    removed: int
    """Number of removed versions."""
    freed: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class PruneCandidate:
    """A version with the values that retention rules need."""

    name: ModelName
    version: int
    stage: Stage
    created_at: datetime
    size: int
    """Bytes."""
    aliases: str | None
    """Comma-separated; None if it has none."""
