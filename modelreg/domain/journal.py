"""The journal: its entries and their actors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from modelreg.domain.display import Displayed
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
"""The actions of journal entries.

``refuse``, ``load`` and some entries of ``import`` change nothing.
"""


@dataclass(frozen=True, slots=True)
class Actor:
    """The user of a change: the OS user, and the name in ``MODELREG_USER``."""

    user: str
    """The OS user."""
    claimed_user: str | None
    """``MODELREG_USER``."""
    ci_job: str | None
    """The address of the CI job, if the environment names one."""


@dataclass(frozen=True, slots=True, repr=False)
class JournalEntry(Displayed):
    """One change of the registry, written in the same transaction."""

    table_columns = ("seq", "at", "action", "name", "version", "from_stage", "to_stage", "user", "message")

    seq: int
    at: datetime
    """Never earlier than in the previous entry."""
    batch: int
    """The ``seq`` of the first entry of the same transaction."""
    action: str
    """``register``, ``transition``, ``refuse``, ``rollback``, …"""
    model: int
    """The catalog's number of the model, which a rename keeps; 0 for entries about all models."""
    name: str
    """The model's name at that time; ``*`` for entries about all models."""
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
    """The new values of all changed fields, as JSON."""
    previous_hash: str
    hash: str

    def label(self) -> str:
        """The identity and most important values."""
        subject = self.name if self.version is None else f"{self.name}/{self.version}"
        return f"{self.seq} {self.at:%Y-%m-%d %H:%M:%S} {self.action} {subject} by {self.user}"


@dataclass(frozen=True, slots=True, repr=False)
class StageAtMoment(Displayed):
    """The stage of a version at one moment, and who had set it."""

    table_columns = ("name", "version", "stage", "since", "user", "message")

    name: ModelName
    """The model's name at that moment."""
    version: int
    stage: Stage
    since: datetime
    user: str
    """The OS user who set the stage, or registered the version."""
    claimed_user: str | None
    message: str | None

    def label(self) -> str:
        """The identity and most important values."""
        return f"{self.name}/{self.version} {self.stage} since {self.since:%Y-%m-%d %H:%M:%S}"
