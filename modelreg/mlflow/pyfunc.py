"""Models that are asked alike, whatever library made them, with data that is held to their signature."""

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
from modelreg.mlflow import artifacts as stored_files
from modelreg.mlflow.absent import absent
from modelreg.mlflow.exceptions import MlflowException, all_speak_mlflow, speaks_mlflow
from modelreg.mlflow.loading import Loaded, loaded
from modelreg.mlflow.logging import _name, check_others, keep_folder, log, save_folder, with_type
from modelreg.mlflow.model_folder import MLmodelSummary, write_description
from modelreg.mlflow.models.model import ModelInfo
from modelreg.mlflow.models.signature import ModelSignature

_PICKLE = "python_model.pkl"
_FROM_OTHERS = {
    "loader_module": "give the object itself as python_model",
    "data_path": "give the files as artifacts",
    "resources": "leave it out",
    "streamable": "leave it out",
    "auth_policy": "leave it out",
    "prompts": "leave it out",
}


class PythonModel:
    """What a class of one's own inherits to become a model: it has ``predict``, and perhaps ``load_context``."""

    def load_context(self, context: PythonModelContext) -> None:
        """Called once when the model is loaded."""

    def predict(self, context: Any, model_input: Any, params: Mapping[str, Any] | None = None) -> Any:
        """What the model makes of ``model_input``; also without ``context``, or without ``params``."""
        raise NotImplementedError("a PythonModel has a method predict(self, context, model_input, params=None)")


@dataclass(frozen=True)
class ModelMetadata:
    """What is known of a loaded model."""

    signature: ModelSignature | None
    run_id: str | None
    model_uuid: str
    """The digest of its manifest."""
    utc_time_created: str
    metadata: Mapping[str, Any] | None = None
    flavors: Mapping[str, Any] = field(default_factory=dict)

    def get_input_schema(self) -> Any:
        """What goes in."""
        return self.signature and self.signature.inputs

    def get_output_schema(self) -> Any:
        """What comes out."""
        return self.signature and self.signature.outputs


@all_speak_mlflow
class PyFuncModel:
    """A model that predicts; made by `load_model`."""

    def __init__(self, known: Loaded) -> None:
        found = known.found
        self._model = known.model
        self._found = found
        signature = None if found.signature is None else ModelSignature.of(found.signature)
        self.metadata = ModelMetadata(signature, found.run_id, found.digest, found.created_at, found.metadata)

    def __repr__(self) -> str:
        return f"<PyFuncModel of {type(self.unwrap_python_model()).__name__}, run {self.metadata.run_id}>"

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """What the model makes of ``data``, which is put into the order and types of the signature first.

        Columns that the model does not know are left out. Raises `MlflowException` with ``INVALID_PARAMETER_VALUE``
        for a column that is missing or of another type; what the model itself raises comes through as it is.
        """
        from modelreg.data.inference.enforcement import convert_inputs
        from modelreg.data.inference.predictor import build_predictor

        rows = convert_inputs(data, self._found.signature)
        if isinstance(self._model, PythonFunction):
            if params and not self._model.takes_params:
                raise InvalidInput("predict of this model takes no params", "leave params out")
            return self._model.predict(rows, params)
        if params:
            raise InvalidInput("this model takes no params", "unwrap_python_model() gives the model itself")
        if self._found.predict_fn != "predict":
            return getattr(self._model, self._found.predict_fn)(rows)
        return build_predictor(self._model).predict(rows)

    def unwrap_python_model(self) -> Any:
        """The model itself, as its library or its class made it."""
        return self._model.python_model if isinstance(self._model, PythonFunction) else self._model

    def get_raw_model(self) -> Any:
        """The same."""
        return self.unwrap_python_model()

    @property
    def model_id(self) -> str | None:
        """The id of the logged model; None for a version."""
        from modelreg.mlflow.models.asking import get_model_info

        return get_model_info(self._found.uri).model_id


@speaks_mlflow
def load_model(
    model_uri: str,
    suppress_warnings: bool = False,
    dst_path: object = None,
    model_config: Mapping[str, Any] | None = None,
) -> PyFuncModel:
    """The model at ``models:/NAME/Production``, ``models:/NAME/3``, ``models:/NAME@ALIAS`` or ``runs:/RUN/PATH``.

    Its bytes are checked, and it imports nothing that nobody vouched for (``PERMISSION_DENIED``), unless this very
    process wrote it.
    """
    if model_config:
        raise InvalidInput("model_config is stated when a model is logged", "log_model(model_config=...) keeps it")
    with warnings.catch_warnings():
        if suppress_warnings:
            warnings.simplefilter("ignore")
        return PyFuncModel(loaded(model_uri))


@speaks_mlflow
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
    """Keep a `PythonModel`, or a function of the input, in the active run, with the files of ``artifacts``.

    It is a folder: the object by cloudpickle, the files, and an ``MLmodel``. Its class is code of its own, so another
    process loads it with full trust alone.
    """
    model = _PythonModelFiles.checked(python_model, artifacts, model_config, metadata, signature, others)
    model.infer_signature(input_example)
    return log(
        lambda registry, run_id, path: keep_folder(registry, run_id, path, model.write),
        _name(name, artifact_path),
        model.signature,
        registered_model_name,
        params,
        with_type(tags, model_type),
        metadata,
    )


@speaks_mlflow
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
    model = _PythonModelFiles.checked(python_model, artifacts, model_config, metadata, signature, others)
    model.infer_signature(input_example)
    save_folder(Path(path), model.write)


@dataclass
class _PythonModelFiles:
    """What a Python model is made of."""

    python_model: Any
    artifacts: Mapping[str, Path]
    model_config: Mapping[str, Any]
    metadata: Mapping[str, object] | None
    signature: Signature | None

    @classmethod
    def checked(
        cls,
        python_model: object,
        artifacts: Mapping[str, str] | None,
        model_config: Mapping[str, Any] | None,
        metadata: Mapping[str, object] | None,
        signature: ModelSignature | None,
        others: Mapping[str, Any],
    ) -> _PythonModelFiles:
        """Raises `InvalidInput` for what is no model, and for arguments whose effect would be lost."""
        for key in sorted(key for key in others.keys() & _FROM_OTHERS.keys() if others[key] is not None):
            raise MlflowException.invalid_parameter_value(f"{key} is not there: {_FROM_OTHERS[key]}")
        check_others({key: value for key, value in others.items() if key not in _FROM_OTHERS})
        if isinstance(python_model, str | Path):
            raise InvalidInput("a model is not kept as a script", "give the object itself as python_model")
        if not (callable(python_model) or hasattr(python_model, "predict")):
            raise InvalidInput(
                f"a {type(python_model).__name__} is no Python model", "give an object with predict, or a function"
            )
        if isinstance(model_config, str):
            raise InvalidInput("model_config is a dictionary, and not a path", "read the file first")
        paths = {key: stored_files.checked_path(str(uri)) for key, uri in (artifacts or {}).items()}
        return cls(
            python_model, paths, dict(model_config or {}), metadata, None if signature is None else signature.stated()
        )

    def infer_signature(self, example: Any) -> None:
        """The signature that an example gives, where none was stated."""
        from modelreg.data.signatures import infer_signature

        if self.signature is not None or example is None:
            return
        rows = example[0] if isinstance(example, tuple) else example
        context = PythonModelContext({key: str(path) for key, path in self.artifacts.items()}, self.model_config)
        self.signature = infer_signature(rows, PythonFunction(self.python_model, context).predict(rows))

    def write(self, folder: Path) -> Path:
        """Fill a folder; returns the file that holds the object."""
        from modelreg.registration.serialization import dump_pickle

        dump_pickle(self.python_model, folder / _PICKLE)
        places = {key: f"artifacts/{_plain(key, number)}/{path.name}" for number, (key, path) in enumerate(self._items)}
        for key, path in self._items:
            _copy(path, folder / places[key])
        generic: dict[str, Any] = {"loader_module": LOADER, OBJECT: _PICKLE}
        if places:
            generic[ARTIFACTS] = places
        if self.model_config:
            generic[CONFIG] = json.dumps(self.model_config)
        write_description(folder, MLmodelSummary(generic, signature=self.signature, metadata=self.metadata))
        return folder / _PICKLE

    @property
    def _items(self) -> list[tuple[str, Path]]:
        return list(self.artifacts.items())


def _plain(key: str, number: int) -> str:
    """A folder's name for an artifact: its own where that is plain."""
    return key if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", key) else str(number)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    copy: Callable[..., object] = shutil.copytree if source.is_dir() else shutil.copyfile
    copy(source, target)


def __getattr__(name: str) -> object:
    raise absent(__name__, name)
