"""Runs: what was tried, with which parameters, how well it did, and the models that came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from modelreg.errors import InvalidReference
from modelreg.records.version import ModelFile
from modelreg.references import Digest

RUNNING = "RUNNING"
FINISHED = "FINISHED"
FAILED = "FAILED"
STATUSES = ("RUNNING", "SCHEDULED", FINISHED, FAILED, "KILLED")
"""What a run may be, in MLflow's words."""

_RUNS = "runs:/"


@dataclass(frozen=True, slots=True)
class RunReference:
    """A run's id, and what the run calls a model that it logged."""

    run_id: str
    path: str

    @classmethod
    def is_one(cls, text: str) -> bool:
        """Whether ``text`` is meant to name a run's model."""
        return text.startswith(_RUNS)

    @classmethod
    def parse(cls, text: str) -> RunReference:
        """Read ``runs:/RUN/PATH``; raises `InvalidReference`."""
        run_id, _, path = text.removeprefix(_RUNS).strip("/").partition("/")
        if not (cls.is_one(text) and run_id and path):
            raise InvalidReference(text, "write runs:/RUN/PATH, where PATH is what the run calls the model")
        return cls(run_id, path)


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """A model that a run made: stored, and not a version of anything yet."""

    run_id: str
    path: str
    """What the run calls it."""
    digest: Digest
    """The digest of its manifest, which has the signature; metrics and parameters are the run's."""
    file: ModelFile
    created_at: datetime

    @property
    def files(self) -> tuple[ModelFile, ...]:
        """The one file that it is."""
        return (self.file,)

    @property
    def reference(self) -> str:
        """``runs:/RUN/PATH``."""
        return f"{_RUNS}{self.run_id}/{self.path}"


@dataclass(frozen=True, slots=True)
class Run:
    """One run, with the latest value of everything that was logged."""

    run_id: str
    name: str
    status: str
    """One of `STATUSES`."""
    created_by: str
    started_at: datetime
    ended_at: datetime | None
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    models: Mapping[str, LoggedModel]
    """Path -> model."""
