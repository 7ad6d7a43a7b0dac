"""Results of imports from MLflow and exports to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TransferOutcome(StrEnum):
    """The outcome for one model or version; on a dry run, the expected outcome."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    """Not transferred, because it was deleted at the destination."""
    FAILED = "failed"
    """It could not be read, or is not allowed at the destination; nothing of it was written."""


@dataclass(frozen=True, slots=True)
class TransferItem:
    """The result for one model or version."""

    name: str
    version: int | None
    """Its number at the origin; None for the model itself."""
    outcome: TransferOutcome
    notes: tuple[str, ...] = ()
    """Sentences about differences from the origin; for a failure, the reason."""

    @property
    def reference(self) -> str:
        """``NAME/VERSION``, or ``NAME`` for the model itself."""
        return self.name if self.version is None else f"{self.name}/{self.version}"


@dataclass(frozen=True, slots=True)
class Transfer:
    """The result of an import or export, or its plan on a dry run."""

    tracking_uri: str
    """MLflow's address, without a password."""
    dry_run: bool
    """Whether this is a plan only."""
    items: tuple[TransferItem, ...]
    """Each model, followed by its versions, oldest first."""
    added: int
    """Number of new versions; the other sums include models."""
    changed: int
    failed: int

    @classmethod
    def of(cls, tracking_uri: str, items: list[TransferItem], *, dry_run: bool) -> Transfer:
        """Build a result from its items."""
        return cls(
            tracking_uri=tracking_uri,
            dry_run=dry_run,
            items=tuple(items),
            added=sum(item.outcome is TransferOutcome.ADDED and item.version is not None for item in items),
            changed=sum(item.outcome is TransferOutcome.CHANGED for item in items),
            failed=sum(item.outcome is TransferOutcome.FAILED for item in items),
        )
