"""Where MLflow has its client, too."""

from __future__ import annotations

from modelreg.mlflow.client import MlflowClient

__all__ = ["MlflowClient"]
