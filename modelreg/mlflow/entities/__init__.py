"""MLflow's records, under MLflow's names; times are in milliseconds since 1970."""

from __future__ import annotations

from modelreg.mlflow.entities.dataset import Dataset, DatasetInput, InputTag, RunInputs
from modelreg.mlflow.entities.experiment import Experiment, ExperimentTag
from modelreg.mlflow.entities.file_info import FileInfo
from modelreg.mlflow.entities.logged_model import LoggedModel
from modelreg.mlflow.entities.metric import Metric, Param, RunTag
from modelreg.mlflow.entities.model_registry import ModelVersion, RegisteredModel
from modelreg.mlflow.entities.paged_list import PagedList
from modelreg.mlflow.entities.run import LifecycleStage, Run, RunData, RunInfo, RunStatus, ViewType

__all__ = [
    "Dataset", "DatasetInput", "Experiment", "ExperimentTag", "FileInfo", "InputTag", "LifecycleStage", "LoggedModel",
    "Metric", "ModelVersion", "PagedList", "Param", "RegisteredModel", "Run", "RunData", "RunInfo", "RunInputs",
    "RunStatus", "RunTag", "ViewType",
]  # fmt: skip
