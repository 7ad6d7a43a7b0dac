"""Log models to the active run and register them: the part that all flavors share."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modelreg.domain.runs import LoggedModel
from modelreg.domain.signatures import Signature
from modelreg.errors import InvalidInput
from modelreg.mlflow import fluent, location, own_files
from modelreg.mlflow.entities.logged_model import build_model_id
from modelreg.mlflow.entities.run import MODEL_TAGS
from modelreg.mlflow.exceptions import MlflowException, translate_errors
from modelreg.mlflow.hint_translation import translate_note
from modelreg.mlflow.model_folder import PREDICT_FN, MLmodelSummary, write_estimator
from modelreg.mlflow.models.model import ModelInfo
from modelreg.mlflow.models.signature import ModelSignature
from modelreg.registry import Registry
from modelreg.system.clock import as_text

DEFAULT_PATH = "model"
_IGNORED = {
    "await_registration_for", "example_no_conversion", "model_format", "model_id", "serialization_format",
    "skops_trusted_types", "step",
}  # fmt: skip
"""MLflow's arguments that have no effect: a model is ready at once, and is scanned and checked when it is loaded."""
_REPLACED = {"conda_env", "extra_pip_requirements", "pip_requirements"}
"""MLflow's arguments about required libraries; each version records the installed ones instead."""
_UNSUPPORTED = {
    "code_paths": "install the modules where the model is loaded",
    "extra_files": "log them with log_artifact",
    "infer_code_paths": "install the modules where the model is loaded",
}
"""MLflow's arguments that are refused -> what to do instead."""


@translate_errors
def log_estimator(
    estimator: object,
    artifact_path: str | None = None,
    *,
    name: str | None = None,
    signature: ModelSignature | None = None,
    input_example: object = None,
    registered_model_name: str | None = None,
    pyfunc_predict_fn: str = "predict",
    metadata: Mapping[str, object] | None = None,
    params: Mapping[str, object] | None = None,
    tags: Mapping[str, object] | None = None,
    model_type: str | None = None,
    **others: Any,
) -> ModelInfo:
    """Log ``estimator`` to the active run, or to a new one, and register it if ``registered_model_name`` is given.

    The signature is inferred from ``input_example`` if none is given. ``pyfunc_predict_fn`` names the method that
    `modelreg.mlflow.pyfunc` calls; with it, or with ``metadata``, the model is stored as a folder with an ``MLmodel``.
    ``params`` are logged to the run; ``tags`` and ``model_type`` become tags of the logged model. ``others`` are
    further arguments of MLflow: those that would be lost are refused. Raises TypeError for unknown arguments.
    """
    check_arguments(others)
    if not callable(getattr(estimator, pyfunc_predict_fn, None)) and pyfunc_predict_fn != "predict":
        raise InvalidInput(f"the model has no method {pyfunc_predict_fn!r}: correct pyfunc_predict_fn")
    model_signature = _resolve_signature(signature, estimator, input_example)
    summary = MLmodelSummary({PREDICT_FN: pyfunc_predict_fn}, signature=model_signature, metadata=metadata)
    needs_folder = pyfunc_predict_fn != "predict" or metadata is not None

    def store(registry: Registry, run_id: str, path: str) -> LoggedModel:
        if not needs_folder:
            with _translate_warnings():
                logged = registry.runs.log_model(run_id, path, estimator, signature=model_signature)
            own_files.remember(logged.files)
            return logged
        return log_model_folder(registry, run_id, path, lambda folder: write_estimator(folder, estimator, summary))

    return log_and_register(
        store,
        resolve_name(name, artifact_path),
        model_signature,
        registered_model_name,
        params,
        add_model_type(tags, model_type),
        metadata,
    )


def log_and_register(
    store: Callable[[Registry, str, str], LoggedModel],
    path: str,
    signature: Signature | None,
    registered_model_name: str | None,
    params: Mapping[str, object] | None,
    tags: Mapping[str, object],
    metadata: Mapping[str, object] | None,
) -> ModelInfo:
    """Call ``store`` to store a model in the active run, or in a new one; register it if a name is given for that."""
    registry, version = location.open_registry(), None
    with fluent.active_or_new_run() as run_id:
        if params:
            registry.runs.log(run_id, params=params)
        logged = store(registry, run_id, path)
        if tags:
            texts = {key: str(value) for key, value in tags.items()}
            registry.runs.log(run_id, tags={f"{MODEL_TAGS}{path}": json.dumps(texts)})
        uri = f"runs:/{run_id}/{path}"
        if registered_model_name is not None:
            version = int(fluent.register_model(uri, registered_model_name).version)
    fluent.set_last_logged_model(build_model_id(run_id, path))
    return ModelInfo(
        artifact_path=path,
        run_id=run_id,
        model_uri=uri,
        model_uuid=logged.digest,
        utc_time_created=as_text(logged.created_at),
        signature=None if signature is None else ModelSignature.of(signature),
        registered_model_version=version,
        model_id=build_model_id(run_id, path),
        metadata=None if metadata is None else dict(metadata),
    )


def log_model_folder(registry: Registry, run_id: str, path: str, write: Callable[[Path], Path]) -> LoggedModel:
    """Store a folder as a run's model: ``write`` fills the folder and returns the path of the pickle.

    Returns the record of the pickle, which stands for the model.
    """
    with TemporaryDirectory(prefix="modelreg-") as temporary:
        folder = Path(temporary) / "model"
        folder.mkdir()
        pickle_path = write(folder)
        files = {
            f"{path}/{file.relative_to(folder).as_posix()}": file
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        }
        records = registry.runs.log_files(run_id, files)
    (logged,) = [record for record in records if record.path == f"{path}/{pickle_path.relative_to(folder).as_posix()}"]
    own_files.remember(logged.files)
    return logged


@translate_errors
def save_estimator(
    estimator: object,
    path: str | Path,
    *,
    signature: ModelSignature | None = None,
    input_example: object = None,
    pyfunc_predict_fn: str = "predict",
    metadata: Mapping[str, object] | None = None,
    **others: Any,
) -> None:
    """Write a model to a new local folder, which `load_model` and `register_model` accept."""
    check_arguments(others)
    model_signature = _resolve_signature(signature, estimator, input_example)
    save_folder(
        Path(path),
        lambda folder: write_estimator(
            folder,
            estimator,
            MLmodelSummary({PREDICT_FN: pyfunc_predict_fn}, signature=model_signature, metadata=metadata),
        ),
    )


def save_folder(path: Path, write: Callable[[Path], Path]) -> None:
    """Create a folder and call ``write`` to fill it; raises `MlflowException` if the folder exists and is not empty."""
    from modelreg.domain.versions import ModelFile
    from modelreg.store.artifacts.copying import digest_of_bytes

    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise MlflowException.invalid_parameter_value(f"Path '{path}' already exists and is not empty")
    path.mkdir(parents=True, exist_ok=True)
    pickle_path = write(path)
    content = pickle_path.read_bytes()
    own_files.remember([ModelFile(pickle_path.name, digest_of_bytes(content), len(content))])


def check_arguments(others: Mapping[str, Any]) -> None:
    """Check MLflow's further arguments: refuse those that would be lost, and warn of those that are replaced.

    Raises TypeError for arguments that MLflow does not have.
    """
    used = {key for key, value in others.items() if value not in (None, False, [], {})}
    for key in sorted(used & _UNSUPPORTED.keys()):
        raise MlflowException.invalid_parameter_value(f"{key} is not stored with a model: {_UNSUPPORTED[key]}")
    unknown = others.keys() - _IGNORED - _REPLACED - _UNSUPPORTED.keys()
    if unknown:
        raise TypeError(f"log_model() got an unexpected keyword argument {min(unknown)!r}")
    for key in sorted(used & _REPLACED):
        warnings.warn(f"{key} is not stored: each version records the installed libraries", stacklevel=_CALLER)


@contextmanager
def _translate_warnings() -> Iterator[None]:
    """Replace command-line hints in warnings by Python calls."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        warnings.warn(translate_note(str(warning.message)), warning.category, stacklevel=_CALLER)


_CALLER = 6


def add_model_type(tags: Mapping[str, object] | None, model_type: str | None) -> dict[str, object]:
    """The tags of a logged model, including its type."""
    return dict(tags or {}) | ({} if model_type is None else {"mlflow.modelType": model_type})


def resolve_name(name: str | None, artifact_path: str | None) -> str:
    """The name of a logged model, from MLflow's current and old parameter for it."""
    if not isinstance(name or artifact_path or "", str):
        raise MlflowException.invalid_parameter_value(
            "the name of a logged model must be a text; pass it after the model"
        )
    if name is not None and artifact_path is not None:
        raise MlflowException.invalid_parameter_value(
            "artifact_path is the former name of 'name': pass only one of them"
        )
    return name or artifact_path or DEFAULT_PATH


def _resolve_signature(signature: ModelSignature | None, estimator: object, input_example: object) -> Signature | None:
    """The given signature, or the one that an input example implies."""
    from modelreg.registration.serialization import signature_by_example

    if signature is not None:
        if signature.params:
            warnings.warn("the params of a signature are not stored", stacklevel=_CALLER)
        return signature.to_signature()
    if input_example is None:
        return None
    example = input_example[0] if isinstance(input_example, tuple) else input_example  # MLflow allows (rows, params)
    return signature_by_example(estimator, example)
