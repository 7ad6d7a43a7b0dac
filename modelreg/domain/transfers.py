"""What was brought over from MLflow, or to it: one line for each model and version, and the sums."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TransferOutcome(StrEnum):
    """What became of one model or version on its way; on a dry run, what would become of it."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    """On purpose: it was deleted where it was to go to."""
    FAILED = "failed"
    """It could not be read, or may not be where it was to go to; nothing of it was written."""


@dataclass(frozen=True, slots=True)
class TransferItem:
    """What became of one model, or of one version."""

    name: str
    version: int | None
    """The number that it has where it came from; None for what is about the model itself."""
    outcome: TransferOutcome
    notes: tuple[str, ...] = ()
    """Sentences about what is otherwise than where it came from, and for a failure the reason."""

    @property
    def reference(self) -> str:
        """``NAME/VERSION``, or ``NAME`` for the model itself."""
        return self.name if self.version is None else f"{self.name}/{self.version}"


@dataclass(frozen=True, slots=True)
class Transfer:
    """Everything that an import or export did; the same whether it was done or is only planned."""

    tracking_uri: str
    """MLflow's address, without a password."""
    dry_run: bool
    """Whether nothing was done."""
    items: tuple[TransferItem, ...]
    """Model after model, each before its versions; oldest version first."""
    added: int
    """How many versions are new; the other sums count models, too."""
    changed: int
    failed: int

    @classmethod
    def of(cls, tracking_uri: str, items: list[TransferItem], *, dry_run: bool) -> Transfer:
        """The items, and their sums."""
        return cls(
            tracking_uri=tracking_uri,
            dry_run=dry_run,
            items=tuple(items),
            added=sum(each.outcome is TransferOutcome.ADDED and each.version is not None for each in items),
            changed=sum(each.outcome is TransferOutcome.CHANGED for each in items),
            failed=sum(each.outcome is TransferOutcome.FAILED for each in items),
        )
