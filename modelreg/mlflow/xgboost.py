"""Models of XGBoost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelreg.mlflow.absent import absent
from modelreg.mlflow.autologging.boosters import autolog_xgboost as autolog
from modelreg.mlflow.loading import load_model
from modelreg.mlflow.logging import log_estimator, save_estimator
from modelreg.mlflow.models.model import ModelInfo

__all__ = ["autolog", "load_model", "log_model", "save_model"]


def log_model(xgb_model: object, artifact_path: str | None = None, **stated: Any) -> ModelInfo:
    """Keep a model in the active run; ``stated`` is what `modelreg.mlflow.logging.log_estimator` takes."""
    return log_estimator(xgb_model, artifact_path, **stated)


def save_model(xgb_model: object, path: str | Path, **stated: Any) -> None:
    """Write a model to a new folder; ``stated`` is what `modelreg.mlflow.logging.save_estimator` takes."""
    save_estimator(xgb_model, path, **stated)


def __getattr__(name: str) -> object:
    raise absent(__name__, name)
