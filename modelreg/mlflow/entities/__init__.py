"""What MLflow hands out, under MLflow's names; times are milliseconds since 1970."""

from __future__ import annotations

from modelreg.mlflow.entities.model_registry import ModelVersion, RegisteredModel
from modelreg.mlflow.entities.paged_list import PagedList
from modelreg.mlflow.entities.run import Experiment, Run, RunData, RunInfo, ViewType

__all__ = ["Experiment", "ModelVersion", "PagedList", "RegisteredModel", "Run", "RunData", "RunInfo", "ViewType"]
