"""Gates: conditions for entering a stage, and the results of checking them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from modelreg.domain.display import Displayed
from modelreg.domain.references import ModelName
from modelreg.domain.stages import Stage

Value = float | str | tuple[str, ...] | None


@dataclass(frozen=True, slots=True, repr=False)
class Gate(Displayed):
    """One condition for a stage of a model, or of every model."""

    table_columns = ("id", "name", "stage", "expression", "description", "created_by")

    id: int
    """Never reused."""
    name: str
    """The model's name, or ``*`` for every model."""
    stage: Stage
    expression: str
    description: str
    created_by: str
    created_at: datetime

    def label(self) -> str:
        """The identity and most important values."""
        return f"{self.id} {self.name} {self.stage}: {self.expression}"


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


@dataclass(frozen=True, slots=True, repr=False)
class GateCheck(Displayed):
    """The results of all gates of a stage for one version."""

    table_columns = ("name", "version", "stage", "passed")

    name: ModelName
    version: int
    stage: Stage
    production: int | None
    """The version in Production, whose values the ``production.`` fields have."""
    passed: bool
    gates: tuple[GateResult, ...]

    def label(self) -> str:
        """The identity and most important values."""
        failed = f"failed {len(self.failures)} of {len(self.gates)} gates"
        return f"{self.name}/{self.version} for {self.stage}: {'passed' if self.passed else failed}"

    @property
    def failures(self) -> tuple[GateResult, ...]:
        """The gates that did not pass."""
        return tuple(gate for gate in self.gates if not gate.passed)
