"""Gates: conditions for entering a stage, and the results of checking them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from modelreg.domain.references import ModelName
from modelreg.domain.stages import Stage

Value = float | str | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition for a stage of a model, or of every model."""

    id: int
    """Never reused."""
    name: str
    """The model's name, or ``*`` for every model."""
    stage: Stage
    expression: str
    description: str
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AddedGate:
    """A gate that was added, or that existed already."""

    gate: Gate
    is_new: bool
    is_described: bool
    """Whether an existing gate got another description."""
    warnings: tuple[str, ...]
    """Likely mistakes, as sentences: a field that no version has, or a version in Production that does not pass."""


@dataclass(frozen=True, slots=True)
class GateResult:
    """The result of one gate for one version."""

    id: int
    name: str
    expression: str
    description: str
    passed: bool
    found: Mapping[str, Value]
    """Field -> value; None for a missing value."""
    reason: str | None
    """Why it passed or failed, where the values do not show it."""
    incomparable: tuple[str, ...] = ()
    """The data sets whose scores cannot be compared with those of the version in Production."""


@dataclass(frozen=True, slots=True)
class GateCheck:
    """The results of all gates of a stage for one version."""

    name: ModelName
    version: int
    stage: Stage
    production: int | None
    """The version in Production, whose values the ``production.`` fields have."""
    passed: bool
    gates: tuple[GateResult, ...]

    @property
    def failures(self) -> tuple[GateResult, ...]:
        """The gates that did not pass."""
        return tuple(gate for gate in self.gates if not gate.passed)
