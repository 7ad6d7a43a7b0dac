"""Models that are asked alike, whatever library made them, with data that is held to their signature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from modelreg.mlflow.absent import absent
from modelreg.mlflow.exceptions import all_speak_mlflow, speaks_mlflow
from modelreg.mlflow.loading import Loaded, loaded
from modelreg.mlflow.models.signature import ModelSignature


@dataclass(frozen=True)
class ModelMetadata:
    """What is known of a loaded model."""

    signature: ModelSignature | None
    run_id: str | None
    model_uuid: str
    """The digest of its manifest."""
    utc_time_created: str

    def get_input_schema(self) -> Any:
        """What goes in."""
        return self.signature and self.signature.inputs

    def get_output_schema(self) -> Any:
        """What comes out."""
        return self.signature and self.signature.outputs


@all_speak_mlflow
class PyFuncModel:
    """A model that predicts; made by `load_model`."""

    def __init__(self, found: Loaded) -> None:
        self._found = found
        known = None if found.signature is None else ModelSignature.of(found.signature)
        self.metadata = ModelMetadata(known, found.run_id, found.digest, found.created_at)

    def __repr__(self) -> str:
        return f"<PyFuncModel of {type(self._found.model).__name__}, run {self.metadata.run_id}>"

    def predict(self, data: object, params: object = None) -> Any:
        """What the model makes of ``data``, which is put into the order and types of the signature first.

        Columns that the model does not know are left out. Raises `MlflowException` with ``INVALID_PARAMETER_VALUE``
        for a column that is missing or of another type; what the model itself raises comes through as it is.
        """
        from modelreg.errors import InvalidInput
        from modelreg.inference.enforcement import enforced
        from modelreg.inference.predictor import predictor_of

        if params:
            raise InvalidInput("modelreg hands no parameters to predict", "take the model by unwrap_python_model()")
        return predictor_of(self._found.model).predict(enforced(data, self._found.signature))

    def unwrap_python_model(self) -> Any:
        """The model itself, as its library made it."""
        return self._found.model

    def get_raw_model(self) -> Any:
        """The same."""
        return self._found.model


@speaks_mlflow
def load_model(model_uri: str, suppress_warnings: bool = False, dst_path: object = None) -> PyFuncModel:
    """The model at ``models:/NAME/Production``, ``models:/NAME/3``, ``models:/NAME@ALIAS`` or ``runs:/RUN/PATH``.

    Its bytes are checked, and it imports nothing that nobody vouched for (``PERMISSION_DENIED``).
    """
    import warnings

    with warnings.catch_warnings():
        if suppress_warnings:
            warnings.simplefilter("ignore")
        return PyFuncModel(loaded(model_uri))


def __getattr__(name: str) -> object:
    raise absent(__name__, name)
