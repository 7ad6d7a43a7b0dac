"""Logged models."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256

from modelreg.domain.runs import LoggedModel as StoredModel
from modelreg.domain.runs import Run
from modelreg.mlflow.entities.entity import Entity
from modelreg.mlflow.entities.metric import Metric
from modelreg.mlflow.entities.run import DEFAULT_EXPERIMENT, EXPERIMENT_NAME, MODEL_TAGS
from modelreg.system.clock import as_milliseconds

RUN_ID_LENGTH = 32  # characters
HASH_LENGTH = 8


def build_model_id(run_id: str, name: str) -> str:
    """The id of the model called ``name`` in a run; it contains the run's id, so finding the run needs no search."""
    return f"m-{run_id}{sha256(name.encode()).hexdigest()[:HASH_LENGTH]}"


@dataclass(frozen=True)
class LoggedModel(Entity):
    """A logged model of a run, with the run's metrics and parameters."""

    model_id: str
    name: str
    experiment_id: str
    source_run_id: str
    artifact_location: str
    creation_timestamp: int
    last_updated_timestamp: int
    model_type: str | None = None
    status: str = "READY"
    status_message: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: list[Metric] = field(default_factory=list)

    @property
    def model_uri(self) -> str:
        """``models:/m-…``, for loading and registering the model."""
        return f"models:/{self.model_id}"

    @classmethod
    def of(cls, run: Run, name: str, stored: StoredModel) -> LoggedModel:
        """The model called ``name`` in a run; for a folder, ``stored`` is one of its files."""
        time = as_milliseconds(stored.created_at)
        model_id = build_model_id(run.run_id, name)
        return cls(
            model_id=model_id,
            name=name,
            experiment_id=run.tags.get(EXPERIMENT_NAME, DEFAULT_EXPERIMENT),
            source_run_id=run.run_id,
            artifact_location=f"runs:/{run.run_id}/{name}",
            creation_timestamp=time,
            last_updated_timestamp=time,
            tags=json.loads(run.tags.get(f"{MODEL_TAGS}{name}", "{}")),
            params=dict(run.params),
            metrics=[
                Metric(metric, value, time, 0, model_id=model_id, run_id=run.run_id)
                for metric, value in run.metrics.items()
            ],
        )
