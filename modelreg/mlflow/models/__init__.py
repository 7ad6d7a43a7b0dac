"""What a model takes and gives, and what became of one that was logged."""

from __future__ import annotations

from modelreg.mlflow.absent import absent
from modelreg.mlflow.models.asking import get_model_info, predict
from modelreg.mlflow.models.model import ModelInfo
from modelreg.mlflow.models.signature import ModelSignature, infer_signature

__all__ = ["ModelInfo", "ModelSignature", "get_model_info", "infer_signature", "predict"]


def __getattr__(name: str) -> object:
    raise absent(__name__, name)
