"""Runs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import IntEnum

from modelreg.domain.runs import MISSING
from modelreg.domain.runs import Run as KnownRun
from modelreg.mlflow.entities.dataset import Dataset, DatasetInput, InputTag, RunInputs
from modelreg.mlflow.entities.entity import Entity
from modelreg.system.clock import as_milliseconds

EXPERIMENT_NAME = "mlflow.experimentName"
RUN_NAME = "mlflow.runName"
USER = "mlflow.user"
PARENT_RUN_ID = "mlflow.parentRunId"
OURS = "modelreg."
"""What the tags begin with that hold what a run of MLflow's has besides tags."""
LIFECYCLE = "modelreg.lifecycle_stage"
DATASET = "modelreg.dataset."
MODEL_TAGS = "modelreg.model_tags."
"""What the tag begins with that has the tags of a logged model, as JSON."""
DEFAULT_EXPERIMENT = "0"
DEFAULT_NAME = "Default"


class ViewType(IntEnum):
    """Which runs or experiments are meant."""

    ACTIVE_ONLY = 1
    DELETED_ONLY = 2
    ALL = 3


class LifecycleStage:
    """Whether a run or an experiment was deleted."""

    ACTIVE = "active"
    DELETED = "deleted"


class RunStatus(IntEnum):
    """How a run goes, under MLflow's numbers; `RunInfo.status` has the name."""

    RUNNING = 1
    SCHEDULED = 2
    FINISHED = 3
    FAILED = 4
    KILLED = 5

    @staticmethod
    def to_string(status: int) -> str:
        """The name of a status."""
        return RunStatus(status).name

    @classmethod
    def from_string(cls, status: str) -> RunStatus:
        """The status of a name; raises KeyError."""
        return cls[status]

    @staticmethod
    def is_terminated(status: str | int) -> bool:
        """Whether a run with this status is over."""
        name = status if isinstance(status, str) else RunStatus(status).name
        return name in ("FINISHED", "FAILED", "KILLED")


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
    inputs: RunInputs = field(default_factory=RunInputs)

    @classmethod
    def of(cls, run: KnownRun) -> Run:
        """The same as modelreg has it."""
        known = {RUN_NAME: run.name, USER: run.created_by} | dict(run.tags)
        tags = {name: value for name, value in known.items() if not name.startswith(OURS)}
        missing = {
            name.removeprefix(MISSING): float(reason) for name, reason in known.items() if name.startswith(MISSING)
        }
        info = RunInfo(
            run_id=run.run_id,
            run_name=tags[RUN_NAME],
            experiment_id=tags.get(EXPERIMENT_NAME, DEFAULT_EXPERIMENT),
            user_id=run.created_by,
            status=run.status,
            start_time=as_milliseconds(run.started_at),
            end_time=None if run.ended_at is None else as_milliseconds(run.ended_at),
            artifact_uri=f"runs:/{run.run_id}",
            lifecycle_stage=known.get(LIFECYCLE, LifecycleStage.ACTIVE),
        )
        return cls(info, RunData(dict(run.metrics) | missing, dict(run.params), tags), _inputs(known))


def _inputs(tags: dict[str, str]) -> RunInputs:
    """The datasets that were logged, from the tags that keep them."""
    found = [json.loads(value) for name, value in sorted(tags.items()) if name.startswith(DATASET)]
    return RunInputs(
        [DatasetInput(Dataset(**kept["dataset"]), [InputTag(*pair) for pair in kept["tags"].items()]) for kept in found]
    )
