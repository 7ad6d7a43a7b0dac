"""Transitions: the stage changes of one request."""

from __future__ import annotations

from dataclasses import dataclass

from modelreg.domain.gates import GateCheck
from modelreg.domain.references import ModelName
from modelreg.domain.stages import Stage


@dataclass(frozen=True, slots=True)
class StageChange:
    """A version moves from one stage to another."""

    version: int
    from_stage: Stage
    to_stage: Stage


@dataclass(frozen=True, slots=True)
class Transition:
    """The stage changes of one request, in order."""

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
