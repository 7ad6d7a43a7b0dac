"""Which stage a version had at some moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from modelreg.references import ModelName
from modelreg.stages import Stage


@dataclass(frozen=True, slots=True)
class StageHeld:
    """The stage in which a version was at one moment, and who had put it there."""

    name: ModelName
    """The model's name at that moment."""
    version: int
    stage: Stage
    since: datetime
    user: str
    """The OS user who put it there, or registered it."""
    claimed_user: str | None
    message: str | None
