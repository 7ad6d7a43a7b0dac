"""Runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from modelreg.clock import as_milliseconds
from modelreg.mlflow.entities.entity import Entity
from modelreg.records.run import Run as KnownRun

EXPERIMENT_NAME = "mlflow.experimentName"
RUN_NAME = "mlflow.runName"
USER = "mlflow.user"
PARENT_RUN_ID = "mlflow.parentRunId"
DEFAULT_EXPERIMENT = "0"
DEFAULT_NAME = "Default"


class ViewType(IntEnum):
    """Which runs are meant: here none is ever deleted."""

    ACTIVE_ONLY = 1
    DELETED_ONLY = 2
    ALL = 3


@dataclass(frozen=True)
class Experiment(Entity):
    """What runs are for: a name, which each run of it has as a tag."""

    experiment_id: str
    name: str
    artifact_location: str | None = None
    """None: a run keeps its models in the registry."""
    lifecycle_stage: str = "active"
    creation_time: int | None = None
    last_update_time: int | None = None
    tags: dict[str, str] = field(default_factory=dict)

    @classmethod
    def named(cls, name: str | None) -> Experiment:
        """The experiment of this name or id; the default one without any."""
        if name in (None, DEFAULT_EXPERIMENT, DEFAULT_NAME):
            return cls(DEFAULT_EXPERIMENT, DEFAULT_NAME)
        return cls(str(name), str(name))


@dataclass(frozen=True)
class RunInfo(Entity):
    """Which run it is, and how it goes."""

    run_id: str
    run_name: str
    experiment_id: str
    user_id: str
    status: str
    start_time: int
    end_time: int | None
    artifact_uri: str
    """What the run's models are below: ``runs:/RUN``."""
    lifecycle_stage: str = "active"


@dataclass(frozen=True)
class RunData(Entity):
    """The latest value of everything that was logged."""

    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run(Entity):
    """One run, as it was when it was asked for."""

    info: RunInfo
    data: RunData

    @classmethod
    def of(cls, run: KnownRun) -> Run:
        """The same as modelreg has it."""
        tags = {RUN_NAME: run.name, USER: run.created_by} | dict(run.tags)
        info = RunInfo(
            run_id=run.run_id,
            run_name=tags[RUN_NAME],
            experiment_id=tags.get(EXPERIMENT_NAME, DEFAULT_EXPERIMENT),
            user_id=run.created_by,
            status=run.status,
            start_time=as_milliseconds(run.started_at),
            end_time=None if run.ended_at is None else as_milliseconds(run.ended_at),
            artifact_uri=f"runs:/{run.run_id}",
        )
        return cls(info, RunData(dict(run.metrics), dict(run.params), tags))
