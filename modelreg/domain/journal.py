"""The journal: who did what, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from modelreg.domain.references import ModelName
from modelreg.domain.stages import Stage

MIGRATE = "migrate"
REGISTER = "register"
TRANSITION = "transition"
REFUSE = "refuse"
ROLLBACK = "rollback"
EVALUATE = "evaluate"
APPROVE = "approve"
WITHDRAW = "withdraw"
ALIAS = "alias"
TAG = "tag"
DESCRIBE = "describe"
RENAME = "rename"
DELETE = "delete"
ADD_GATE = "add gate"
REMOVE_GATE = "remove gate"
TRUST = "trust"
DISTRUST = "distrust"
LOAD = "load"
SET = "set"
CREATE = "create"
IMPORT = "import"
START_RUN = "start run"
LOG = "log"
LOG_MODEL = "log model"
END_RUN = "end run"
ACTIONS = (
    *(MIGRATE, REGISTER, TRANSITION, REFUSE, ROLLBACK, EVALUATE, APPROVE, WITHDRAW, ALIAS, TAG, DESCRIBE, RENAME),
    *(DELETE, ADD_GATE, REMOVE_GATE, TRUST, DISTRUST, LOAD, SET, CREATE, IMPORT, START_RUN, LOG, LOG_MODEL, END_RUN),
)
"""What an entry can say was done.

A refusal by a gate, loading with full trust, and what was said where something was imported from, change nothing.
"""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: what the system says, and apart from it what the environment claims."""

    user: str
    """The OS user."""
    claimed_user: str | None
    """``MODELREG_USER``."""
    ci_job: str | None
    """The address of the CI job, where the environment names one."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One change of the registry, as it was written down in the transaction that made it."""

    seq: int
    at: datetime
    """Never earlier than the entry before."""
    batch: int
    """The ``seq`` of the first entry of the same transaction."""
    action: str
    """``register``, ``transition``, ``refuse``, ``rollback``, …"""
    model: int
    """The catalog's number for the model, which outlives its name; 0 for what is about every model."""
    name: str
    """The model's name at that time; ``*`` for what is about every model."""
    version: int | None
    from_stage: Stage | None
    to_stage: Stage | None
    message: str | None
    user: str
    claimed_user: str | None
    ci_job: str | None
    tool: str
    """``modelreg`` and its version."""
    after: str
    """The new values of everything that changed, as JSON."""
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class StageAtMoment:
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
