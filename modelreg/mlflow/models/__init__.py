"""MLflow's module ``mlflow.models``: signatures, information about models, and predictions."""

from __future__ import annotations

from modelreg.mlflow.missing_names import build_attribute_error
from modelreg.mlflow.models.model import ModelInfo
from modelreg.mlflow.models.model_info import get_model_info, predict
from modelreg.mlflow.models.signature import ModelSignature, infer_signature

__all__ = ["ModelInfo", "ModelSignature", "get_model_info", "infer_signature", "predict"]


def __getattr__(name: str) -> object:
    raise build_attribute_error(__name__, name)
