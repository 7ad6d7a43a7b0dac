"""Gates: what must hold of a version before it goes into a stage."""

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
    """Never given out again."""
    name: str
    """The model's name, or ``*`` for every model."""
    stage: Stage
    expression: str
    description: str
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AddedGate:
    """A gate that was added, or that was there already."""

    gate: Gate
    is_new: bool
    is_described: bool
    """Whether a gate that was there has got another description."""
    warnings: tuple[str, ...]
    """What may keep every version out, as sentences: a field that no version has, or a version in Production that does
    not pass."""


@dataclass(frozen=True, slots=True)
class GateResult:
    """What one gate said of one version."""

    id: int
    name: str
    expression: str
    description: str
    passed: bool
    found: Mapping[str, Value]
    """Field -> the value that it had; None where it is missing."""
    reason: str | None
    """Why it passed or failed, where the values alone do not say it."""
    incomparable: tuple[str, ...] = ()
    """The data sets on which the version and that in Production were measured with different data."""


@dataclass(frozen=True, slots=True)
class GateCheck:
    """What all gates of a stage said of one version, at one moment."""

    name: ModelName
    version: int
    stage: Stage
    production: int | None
    """The version in Production at that moment, with which ``production.`` fields were compared."""
    passed: bool
    gates: tuple[GateResult, ...]

    @property
    def failures(self) -> tuple[GateResult, ...]:
        """The gates that did not pass."""
        return tuple(gate for gate in self.gates if not gate.passed)
