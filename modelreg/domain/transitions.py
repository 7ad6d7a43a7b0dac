"""Transitions: the stage changes of one request."""

from __future__ import annotations

from dataclasses import dataclass

from modelreg.domain.display import Displayed
from modelreg.domain.gates import GateCheck
from modelreg.domain.references import ModelName
from modelreg.domain.stages import Stage


@dataclass(frozen=True, slots=True)
class StageChange:
    """A version moves from one stage to another."""

    version: int
    from_stage: Stage
    to_stage: Stage


@dataclass(frozen=True, slots=True, repr=False)
class Transition(Displayed):
    """The stage changes of one request, in order."""

    table_columns = ("name", "version", "stage", "changes")

    name: ModelName
    version: int
    stage: Stage
    """The stage that the version has afterwards."""
    changes: tuple[StageChange, ...]
    """Empty when the version was in that stage already."""
    checks: tuple[GateCheck, ...] = ()
    """The gate checks of the version, and of the versions that it displaced."""
    forced: bool = False
    """Whether a failed gate was overridden."""
    notes: tuple[str, ...] = ()
    """Notes for the user, as sentences."""

    def label(self) -> str:
        """The changes of stages in one line: ``churn/3 Staging -> Production``."""
        changes = ", ".join(
            f"{self.name}/{change.version} {change.from_stage} -> {change.to_stage}" for change in self.changes
        )
        return changes or f"{self.name}/{self.version} is already in {self.stage}"
