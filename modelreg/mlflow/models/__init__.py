"""What a model takes and gives, and what became of one that was logged."""

from __future__ import annotations

from modelreg.mlflow.models.model import ModelInfo
from modelreg.mlflow.models.signature import ModelSignature, infer_signature

__all__ = ["ModelInfo", "ModelSignature", "infer_signature"]
