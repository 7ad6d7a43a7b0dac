"""MLflow's import path of its client and tracking URI functions."""

from __future__ import annotations

from modelreg.mlflow.client import MlflowClient
from modelreg.mlflow.location import get_registry_uri, get_tracking_uri, set_registry_uri, set_tracking_uri

__all__ = ["MlflowClient", "get_registry_uri", "get_tracking_uri", "set_registry_uri", "set_tracking_uri"]
