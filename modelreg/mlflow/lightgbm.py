"""Models of LightGBM, through its interface of scikit-learn."""

from __future__ import annotations

from typing import Any

from modelreg.mlflow.absent import absent
from modelreg.mlflow.loading import load_model
from modelreg.mlflow.logging import log_estimator
from modelreg.mlflow.models.model import ModelInfo

__all__ = ["load_model", "log_model"]


def log_model(lgb_model: object, artifact_path: str | None = None, **stated: Any) -> ModelInfo:
    """Keep a model in the active run; ``stated`` is what `modelreg.mlflow.logging.log_estimator` takes."""
    return log_estimator(lgb_model, artifact_path, **stated)


def __getattr__(name: str) -> object:
    raise absent(__name__, name)
