"""Estimators become models of the active run, and versions if they are to: what all flavors do alike."""

from __future__ import annotations

import warnings
from typing import Any

from modelreg.clock import as_text
from modelreg.mlflow import fluent, location
from modelreg.mlflow.exceptions import MlflowException, speaks_mlflow
from modelreg.mlflow.models.model import ModelInfo
from modelreg.mlflow.models.signature import ModelSignature

DEFAULT_PATH = "model"
_WITHOUT_EFFECT = {
    "await_registration_for", "code_paths", "conda_env", "example_no_conversion", "extra_files",
    "extra_pip_requirements", "metadata", "model_format", "model_id", "model_type", "params", "pip_requirements",
    "pyfunc_predict_fn", "serialization_format", "skops_trusted_types", "step", "tags",
}  # fmt: skip
"""What MLflow takes, and what means nothing for a file that joblib wrote."""


@speaks_mlflow
def log_estimator(
    estimator: object,
    artifact_path: str | None = None,
    *,
    name: str | None = None,
    signature: ModelSignature | None = None,
    input_example: object = None,
    registered_model_name: str | None = None,
    **others: Any,
) -> ModelInfo:
    """Keep ``estimator`` in the active run, or in one of its own, and register it if it gets a name.

    ``input_example`` gives the signature where none is said. ``others`` are MLflow's further arguments, which have
    no effect here. Raises TypeError for what MLflow does not take either.
    """
    from modelreg.estimators import signature_by_example

    unknown = others.keys() - _WITHOUT_EFFECT
    if unknown:
        raise TypeError(f"log_model() got an unexpected keyword argument {min(unknown)!r}")
    if not isinstance(name or artifact_path or "", str):
        raise MlflowException.invalid_parameter_value("the name of a logged model is a text, behind the model")
    if name is not None and artifact_path is not None:
        raise MlflowException.invalid_parameter_value("artifact_path is the older word for name: give one of them")
    if signature is not None and signature.params:
        warnings.warn("the params of a signature are not stored", stacklevel=4)
    stated = None if signature is None else signature.stated()
    if stated is None and input_example is not None:
        stated = signature_by_example(estimator, input_example)
    version = None
    with fluent.run_of_a_model() as run_id:
        logged = location.opened().runs.log_model(
            run_id, name or artifact_path or DEFAULT_PATH, estimator, signature=stated
        )
        if registered_model_name is not None:
            version = int(fluent.register_model(logged.reference, registered_model_name).version)
    return ModelInfo(
        artifact_path=logged.path,
        run_id=run_id,
        model_uri=logged.reference,
        model_uuid=logged.digest,
        utc_time_created=as_text(logged.created_at),
        signature=None if stated is None else ModelSignature.of(stated),
        registered_model_version=version,
    )
