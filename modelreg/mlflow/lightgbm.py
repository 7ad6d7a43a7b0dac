"""MLflow's flavor for models of LightGBM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelreg.mlflow.autologging.boosters import autolog_lightgbm as autolog
from modelreg.mlflow.loading import load_model
from modelreg.mlflow.logging import log_estimator, save_estimator
from modelreg.mlflow.missing_names import build_attribute_error
from modelreg.mlflow.models.model import ModelInfo

__all__ = ["autolog", "load_model", "log_model", "save_model"]


def log_model(lgb_model: object, artifact_path: str | None = None, **options: Any) -> ModelInfo:
    """Log a model to the active run; ``options`` are those of `modelreg.mlflow.logging.log_estimator`."""
    return log_estimator(lgb_model, artifact_path, **options)


def save_model(lgb_model: object, path: str | Path, **options: Any) -> None:
    """Write a model to a new folder; ``options`` are those of `modelreg.mlflow.logging.save_estimator`."""
    save_estimator(lgb_model, path, **options)


def __getattr__(name: str) -> object:
    raise build_attribute_error(__name__, name)
