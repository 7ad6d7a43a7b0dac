"""Registered models and their versions."""

from __future__ import annotations

from modelreg.mlflow.entities.model_registry.model_version import ModelVersion
from modelreg.mlflow.entities.model_registry.registered_model import RegisteredModel

__all__ = ["ModelVersion", "RegisteredModel"]
