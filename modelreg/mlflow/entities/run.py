"""Runs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import IntEnum

from modelreg.domain.runs import MISSING
from modelreg.domain.runs import Run as StoredRun
from modelreg.mlflow.entities.dataset import Dataset, DatasetInput, InputTag, RunInputs
from modelreg.mlflow.entities.entity import Entity
from modelreg.system.clock import as_milliseconds

EXPERIMENT_NAME = "mlflow.experimentName"
RUN_NAME = "mlflow.runName"
USER = "mlflow.user"
PARENT_RUN_ID = "mlflow.parentRunId"
OWN_PREFIX = "modelreg."
"""Prefix of the tags that store data which MLflow keeps outside of tags; they are hidden from users."""
LIFECYCLE = "modelreg.lifecycle_stage"
DATASET = "modelreg.dataset."
MODEL_TAGS = "modelreg.model_tags."
"""Prefix of the tag with a logged model's tags, as JSON."""
DEFAULT_EXPERIMENT = "0"
DEFAULT_NAME = "Default"


class ViewType(IntEnum):
    """Filter for deleted runs or experiments."""

    ACTIVE_ONLY = 1
    DELETED_ONLY = 2
    ALL = 3


class LifecycleStage:
    """Whether a run or experiment is deleted."""

    ACTIVE = "active"
    DELETED = "deleted"


class RunStatus(IntEnum):
    """The status of a run, with MLflow's numbers; `RunInfo.status` has the name."""

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
        """The status with this name; raises KeyError."""
        return cls[status]

    @staticmethod
    def is_terminated(status: str | int) -> bool:
        """Whether a run with this status has ended."""
        name = status if isinstance(status, str) else RunStatus(status).name
        return name in ("FINISHED", "FAILED", "KILLED")


@dataclass(frozen=True)
class RunInfo(Entity):
    """The identity and the status of a run."""

    run_id: str
    run_name: str
    experiment_id: str
    user_id: str
    status: str
    start_time: int
    end_time: int | None
    artifact_uri: str
    """``runs:/RUN``: the base URI of the run's files and models."""
    lifecycle_stage: str = "active"


@dataclass(frozen=True)
class RunData(Entity):
    """The latest logged values of a run."""

    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run(Entity):
    """A run, as of the time of the request."""

    info: RunInfo
    data: RunData
    inputs: RunInputs = field(default_factory=RunInputs)

    @classmethod
    def of(cls, run: StoredRun) -> Run:
        """Convert from modelreg's record."""
        all_tags = {RUN_NAME: run.name, USER: run.created_by} | dict(run.tags)
        tags = {name: value for name, value in all_tags.items() if not name.startswith(OWN_PREFIX)}
        non_finite = {
            name.removeprefix(MISSING): float(reason) for name, reason in all_tags.items() if name.startswith(MISSING)
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
            lifecycle_stage=all_tags.get(LIFECYCLE, LifecycleStage.ACTIVE),
        )
        return cls(info, RunData(dict(run.metrics) | non_finite, dict(run.params), tags), _parse_inputs(all_tags))


def _parse_inputs(tags: dict[str, str]) -> RunInputs:
    """The datasets of a run, which are stored in tags."""
    values = [json.loads(value) for name, value in sorted(tags.items()) if name.startswith(DATASET)]
    return RunInputs(
        [
            DatasetInput(Dataset(**value["dataset"]), [InputTag(*pair) for pair in value["tags"].items()])
            for value in values
        ]
    )
