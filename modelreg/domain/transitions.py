"""Stage changes."""

from __future__ import annotations

from dataclasses import dataclass

from modelreg.domain.gates import GateCheck
from modelreg.domain.references import ModelName
from modelreg.domain.stages import Stage


@dataclass(frozen=True, slots=True)
class StageChange:
    """One version goes from one stage to another."""

    version: int
    from_stage: Stage
    to_stage: Stage


@dataclass(frozen=True, slots=True)
class Transition:
    """The stage changes that one request makes, in the order in which they are made."""

    name: ModelName
    version: int
    stage: Stage
    """The stage that the version has afterwards."""
    changes: tuple[StageChange, ...]
    """Empty when the version was in that stage already."""
    checks: tuple[GateCheck, ...] = ()
    """What gates said of the version, and of those that made room for it, where there are gates."""
    forced: bool = False
    """Whether it was made although a gate was not passed."""
    notes: tuple[str, ...] = ()
    """Sentences that whoever asked for it should read."""
