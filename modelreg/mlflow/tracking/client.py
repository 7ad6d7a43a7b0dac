"""MLflow's other import path of its client."""

from __future__ import annotations

from modelreg.mlflow.client import MlflowClient

__all__ = ["MlflowClient"]
