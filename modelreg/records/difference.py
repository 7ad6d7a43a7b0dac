"""What differs between two versions."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from modelreg.records.version import ModelFile


@dataclass(frozen=True, slots=True)
class FileDifference:
    """One file that only one of the versions has, or that has other bytes."""

    path: str
    before: ModelFile | None
    """None when it was added."""
    after: ModelFile | None
    """None when it was removed."""


@dataclass(frozen=True, slots=True)
class ValueDifference:
    """One value that is not the same; None stands for a missing one."""

    name: str
    before: Any
    after: Any
    delta: float | None = None
    """``after - before``, of numbers."""
    better: str | None = None
    """``before`` or ``after``, where it is known whether more or less of it is better."""
    reason: str | None = None
    """Why two values are not held against each other."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that differs between two versions."""

    before: str
    """The one version as ``NAME/VERSION``."""
    after: str
    files: tuple[FileDifference, ...]
    metrics: tuple[ValueDifference, ...]
    evaluations: tuple[ValueDifference, ...]
    """Named ``DATASET.METRIC``."""
    params: tuple[ValueDifference, ...]
    signature: tuple[ValueDifference, ...]
    """Named ``inputs.COLUMN`` and ``outputs.COLUMN``, or by their place where columns have no names."""
    environment: tuple[ValueDifference, ...]
    """Python and the installed libraries."""
    model: tuple[ValueDifference, ...]
    """Flavor, format, class, and what the scan said."""

    @property
    def nothing(self) -> bool:
        """Whether the two are the same in all of this."""
        return not any(getattr(self, field.name) for field in fields(self)[2:])
