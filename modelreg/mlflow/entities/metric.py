"""Metrics, parameters and tags, as `MlflowClient.log_batch` takes them."""

from __future__ import annotations

from dataclasses import dataclass

from modelreg.mlflow.entities.entity import Entity


@dataclass(frozen=True)
class Metric(Entity):
    """One value of a metric."""

    key: str
    value: float
    timestamp: int
    """Milliseconds since 1970."""
    step: int = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
    run_id: str | None = None


@dataclass(frozen=True)
class Param(Entity):
    """A parameter."""

    key: str
    value: object


@dataclass(frozen=True)
class RunTag(Entity):
    """A tag of a run."""

    key: str
    value: object
