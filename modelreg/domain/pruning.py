"""What cleaning takes away, and what it leaves: planned first, and then done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from modelreg.domain.references import ModelName
from modelreg.domain.stages import Stage


@dataclass(frozen=True, slots=True)
class RetentionDecision:
    """What becomes of one version."""

    name: ModelName
    version: int
    stage: Stage
    created_at: datetime
    size: int
    """Bytes in all its files, which others may share."""
    removed: bool
    reason: str
    """Why, as the end of a sentence: 'is in Production', 'is not among the newest 3', …"""

    @property
    def reference(self) -> str:
        """``NAME/VERSION``."""
        return f"{self.name}/{self.version}"


@dataclass(frozen=True, slots=True)
class PrunedBytes:
    """What becomes of the files of one kind that no version refers to."""

    kind: str
    """``blobs``, ``temporaries``, ``checkouts`` or ``catalog temporaries``."""
    removed: bool
    count: int
    size: int
    """Bytes."""
    reason: str


@dataclass(frozen=True, slots=True)
class Pruning:
    """Everything that a cleaning does; the same whether it was done or is only planned."""

    dry_run: bool
    """Whether nothing was done."""
    versions: tuple[RetentionDecision, ...]
    """Every version of the models that were asked about; none where no retention was."""
    bytes: tuple[PrunedBytes, ...]
    removed: int
    """How many versions are removed."""
    freed: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class PruneCandidate:
    """A version that might go."""

    name: ModelName
    version: int
    stage: Stage
    created_at: datetime
    size: int
    aliases: str | None
    """Its aliases, None without any."""
