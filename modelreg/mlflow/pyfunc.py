"""MLflow's ``pyfunc``: load and log models with one ``predict`` for all libraries, which checks data by signature."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelreg.domain.python_models import ARTIFACTS, CONFIG, LOADER, OBJECT, PythonFunction, PythonModelContext
from modelreg.domain.signatures import Signature
from modelreg.errors import InvalidInput
from modelreg.mlflow import artifacts as run_artifacts
from modelreg.mlflow.exceptions import MlflowException, translate_errors, translate_method_errors
from modelreg.mlflow.loading import LoadedModel, load_resolved
from modelreg.mlflow.logging import (
    add_model_type,
    check_arguments,
    log_and_register,
    log_model_folder,
    resolve_name,
    save_folder,
)
from modelreg.mlflow.missing_names import build_attribute_error
from modelreg.mlflow.model_folder import MLmodelSummary, write_mlmodel
from modelreg.mlflow.models.model import ModelInfo
from modelreg.mlflow.models.signature import ModelSignature

_PICKLE = "python_model.pkl"
_UNSUPPORTED = {
    "loader_module": "pass the object itself as python_model",
    "data_path": "pass the files as artifacts",
    "resources": "leave it out",
    "streamable": "leave it out",
    "auth_policy": "leave it out",
    "prompts": "leave it out",
}


class PythonModel:
    """Base class for models with code of their own: implement ``predict``, and ``load_context`` if needed."""

    def load_context(self, context: PythonModelContext) -> None:
        """Hook that runs once when the model is loaded."""

    def predict(self, context: Any, model_input: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Predict for ``model_input``; an implementation may omit ``context`` or ``params``."""
        raise NotImplementedError("a PythonModel must define predict(self, context, model_input, params=None)")


@dataclass(frozen=True)
class ModelMetadata:
    """Metadata of a loaded model."""

    signature: ModelSignature | None
    run_id: str | None
    model_uuid: str
    """The digest of its manifest."""
    utc_time_created: str
    metadata: Mapping[str, Any] | None = None
    flavors: Mapping[str, Any] = field(default_factory=dict)

    def get_input_schema(self) -> Any:
        """The schema of the inputs."""
        return self.signature and self.signature.inputs

    def get_output_schema(self) -> Any:
        """The schema of the outputs."""
        return self.signature and self.signature.outputs


@translate_method_errors
class PyFuncModel:
    """A loaded model with a uniform ``predict``; created by `load_model`."""

    def __init__(self, loaded: LoadedModel) -> None:
        resolved = loaded.resolved
        self._model = loaded.model
        self._resolved = resolved
        signature = None if resolved.signature is None else ModelSignature.of(resolved.signature)
        self.metadata = ModelMetadata(
            signature, resolved.run_id, resolved.digest, resolved.created_at, resolved.metadata
        )

    def __repr__(self) -> str:
        return f"<PyFuncModel of {type(self.unwrap_python_model()).__name__}, run {self.metadata.run_id}>"

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Predict for ``data``, whose columns are first put into the order and types of the signature.

        Extra columns are dropped. Raises `MlflowException` with ``INVALID_PARAMETER_VALUE`` for a missing column or a
        column of another type; exceptions of the model itself are passed through.
        """
        from modelreg.data.inference.enforcement import convert_inputs
        from modelreg.data.inference.predictor import build_predictor

        rows = convert_inputs(data, self._resolved.signature)
        if isinstance(self._model, PythonFunction):
            if params and not self._model.takes_params:
                raise InvalidInput("this model's predict takes no params", "omit params")
            return self._model.predict(rows, params)
        if params:
            raise InvalidInput("this model takes no params", "use unwrap_python_model() to call the model itself")
        if self._resolved.predict_fn != "predict":
            return getattr(self._model, self._resolved.predict_fn)(rows)
        return build_predictor(self._model).predict(rows)

    def unwrap_python_model(self) -> Any:
        """The object of the model's library or class."""
        return self._model.python_model if isinstance(self._model, PythonFunction) else self._model

    def get_raw_model(self) -> Any:
        """Same as `unwrap_python_model`."""
        return self.unwrap_python_model()

    @property
    def model_id(self) -> str | None:
        """The id of the logged model; None for a registered version."""
        from modelreg.mlflow.models.model_info import get_model_info

        return get_model_info(self._resolved.uri).model_id


@translate_errors
def load_model(
    model_uri: str,
    suppress_warnings: bool = False,
    dst_path: object = None,
    model_config: Mapping[str, Any] | None = None,
) -> PyFuncModel:
    """Load a model from ``models:/NAME/Production``, ``models:/NAME/3``, ``models:/NAME@ALIAS`` or ``runs:/RUN/PATH``.

    Its files are verified. It may import only trusted names (else ``PERMISSION_DENIED``), unless this process wrote it.
    """
    if model_config:
        raise InvalidInput("model_config cannot be set when a model is loaded", "pass it to log_model")
    with warnings.catch_warnings():
        if suppress_warnings:
            warnings.simplefilter("ignore")
        return PyFuncModel(load_resolved(model_uri))


@translate_errors
def log_model(
    artifact_path: str | None = None,
    *,
    python_model: object = None,
    name: str | None = None,
    artifacts: Mapping[str, str] | None = None,
    signature: ModelSignature | None = None,
    input_example: object = None,
    registered_model_name: str | None = None,
    model_config: Mapping[str, Any] | None = None,
    metadata: Mapping[str, object] | None = None,
    params: Mapping[str, object] | None = None,
    tags: Mapping[str, object] | None = None,
    model_type: str | None = None,
    **others: Any,
) -> ModelInfo:
    """Log a `PythonModel`, or a prediction function, to the active run, with the files in ``artifacts``.

    It is stored as a folder: the object as a cloudpickle, the files, and an ``MLmodel``. It contains code of its own,
    so other processes can load it only with full trust.
    """
    model = _PythonModelFiles.parse(python_model, artifacts, model_config, metadata, signature, others)
    model.infer_signature(input_example)
    return log_and_register(
        lambda registry, run_id, path: log_model_folder(registry, run_id, path, model.write),
        resolve_name(name, artifact_path),
        model.signature,
        registered_model_name,
        params,
        add_model_type(tags, model_type),
        metadata,
    )


@translate_errors
def save_model(
    path: str | Path,
    *,
    python_model: object = None,
    artifacts: Mapping[str, str] | None = None,
    signature: ModelSignature | None = None,
    input_example: object = None,
    model_config: Mapping[str, Any] | None = None,
    metadata: Mapping[str, object] | None = None,
    **others: Any,
) -> None:
    """Write a `PythonModel` to a new folder; see `log_model`."""
    model = _PythonModelFiles.parse(python_model, artifacts, model_config, metadata, signature, others)
    model.infer_signature(input_example)
    save_folder(Path(path), model.write)


@dataclass
class _PythonModelFiles:
    """The parts of a Python model."""

    python_model: Any
    artifacts: Mapping[str, Path]
    model_config: Mapping[str, Any]
    metadata: Mapping[str, object] | None
    signature: Signature | None

    @classmethod
    def parse(
        cls,
        python_model: object,
        artifacts: Mapping[str, str] | None,
        model_config: Mapping[str, Any] | None,
        metadata: Mapping[str, object] | None,
        signature: ModelSignature | None,
        others: Mapping[str, Any],
    ) -> _PythonModelFiles:
        """Validate the arguments; raises `InvalidInput` for an invalid model and for arguments that would be lost."""
        for key in sorted(key for key in others.keys() & _UNSUPPORTED.keys() if others[key] is not None):
            raise MlflowException.invalid_parameter_value(f"{key} is not supported: {_UNSUPPORTED[key]}")
        check_arguments({key: value for key, value in others.items() if key not in _UNSUPPORTED})
        if isinstance(python_model, str | Path):
            raise InvalidInput("a model cannot be logged as a script", "pass the object itself as python_model")
        if not (callable(python_model) or hasattr(python_model, "predict")):
            raise InvalidInput(
                f"a {type(python_model).__name__} is not a Python model",
                "pass an object with a predict method, or a function",
            )
        if isinstance(model_config, str):
            raise InvalidInput("model_config must be a dictionary, not a path", "read the file first")
        paths = {key: run_artifacts.get_verified_path(str(uri)) for key, uri in (artifacts or {}).items()}
        return cls(
            python_model,
            paths,
            dict(model_config or {}),
            metadata,
            None if signature is None else signature.to_signature(),
        )

    def infer_signature(self, example: Any) -> None:
        """Infer the signature from an input example, if none was given."""
        from modelreg.data.signatures import infer_signature

        if self.signature is not None or example is None:
            return
        rows = example[0] if isinstance(example, tuple) else example
        context = PythonModelContext({key: str(path) for key, path in self.artifacts.items()}, self.model_config)
        self.signature = infer_signature(rows, PythonFunction(self.python_model, context).predict(rows))

    def write(self, folder: Path) -> Path:
        """Write the model to a folder; returns the path of the pickle."""
        from modelreg.registration.serialization import dump_pickle

        dump_pickle(self.python_model, folder / _PICKLE)
        items = list(self.artifacts.items())
        paths = {
            key: f"artifacts/{_get_folder_name(key, number)}/{path.name}" for number, (key, path) in enumerate(items)
        }
        for key, path in items:
            target = folder / paths[key]
            target.parent.mkdir(parents=True, exist_ok=True)
            copy: Callable[..., object] = shutil.copytree if path.is_dir() else shutil.copyfile
            copy(path, target)
        generic: dict[str, Any] = {"loader_module": LOADER, OBJECT: _PICKLE}
        if paths:
            generic[ARTIFACTS] = paths
        if self.model_config:
            generic[CONFIG] = json.dumps(self.model_config)
        write_mlmodel(folder, MLmodelSummary(generic, signature=self.signature, metadata=self.metadata))
        return folder / _PICKLE


def _get_folder_name(key: str, number: int) -> str:
    """The folder name of an artifact: its key if that is a safe file name, else its number."""
    return key if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", key) else str(number)


def __getattr__(name: str) -> object:
    raise build_attribute_error(__name__, name)
