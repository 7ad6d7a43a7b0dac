"""Estimators of scikit-learn, and all that joblib can write."""

from __future__ import annotations

from typing import Any

from modelreg.mlflow.exceptions import speaks_mlflow
from modelreg.mlflow.loading import loaded
from modelreg.mlflow.logging import log_estimator
from modelreg.mlflow.models.model import ModelInfo
from modelreg.mlflow.models.signature import ModelSignature


@speaks_mlflow
def log_model(
    sk_model: object,
    artifact_path: str | None = None,
    *,
    name: str | None = None,
    signature: ModelSignature | None = None,
    input_example: object = None,
    registered_model_name: str | None = None,
    **others: Any,
) -> ModelInfo:
    """Keep a model in the active run, which is started if there is none, and register it if it gets a name.

    ``input_example`` gives the signature where none is said. ``others`` are MLflow's further arguments, which have
    no effect here.
    """
    return log_estimator(sk_model, artifact_path, name, signature, input_example, registered_model_name, others)


@speaks_mlflow
def load_model(model_uri: str, dst_path: object = None) -> Any:
    """The model itself, as it was logged; see `modelreg.mlflow.pyfunc.load_model`."""
    return loaded(model_uri).model
