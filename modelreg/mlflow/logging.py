"""Models become models of the active run, and versions if they are to: what all flavors do alike."""

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
from modelreg.mlflow import fluent, location, written_here
from modelreg.mlflow.advice import in_words_of_python
from modelreg.mlflow.entities.logged_model import id_of
from modelreg.mlflow.entities.run import MODEL_TAGS
from modelreg.mlflow.exceptions import MlflowException, speaks_mlflow
from modelreg.mlflow.model_folder import PREDICT_FN, MLmodelSummary, write_estimator
from modelreg.mlflow.models.model import ModelInfo
from modelreg.mlflow.models.signature import ModelSignature
from modelreg.registry import Registry
from modelreg.system.clock import as_text

DEFAULT_PATH = "model"
_NO_MATTER = {
    "await_registration_for", "example_no_conversion", "model_format", "model_id", "serialization_format",
    "skops_trusted_types", "step",
}  # fmt: skip
"""What MLflow takes, and what changes nothing here: a model is ready at once, and is judged when it is loaded."""
_RECORDED = {"conda_env", "extra_pip_requirements", "pip_requirements"}
"""What says which libraries a model needs; those that are installed are recorded with each version."""
_REFUSED = {
    "code_paths": "install the modules where the model is loaded",
    "extra_files": "keep them by log_artifact",
    "infer_code_paths": "install the modules where the model is loaded",
}
"""What would be lost -> what to do instead."""


@speaks_mlflow
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
    """Keep ``estimator`` in the active run, or in one of its own, and register it if it gets a name.

    ``input_example`` gives the signature where none is stated. ``pyfunc_predict_fn`` names the method that
    `modelreg.mlflow.pyfunc` calls; it and ``metadata`` are kept in a folder beside the model. ``params`` are logged to
    the run, ``tags`` and ``model_type`` are tags of the logged model. Of ``others``, MLflow's further arguments, those
    are refused whose effect would be lost. Raises TypeError for what MLflow does not take either.
    """
    check_others(others)
    if not callable(getattr(estimator, pyfunc_predict_fn, None)) and pyfunc_predict_fn != "predict":
        raise InvalidInput(f"the model has no method {pyfunc_predict_fn!r}, which pyfunc_predict_fn names")
    stated = _stated(signature, estimator, input_example)
    described = MLmodelSummary({PREDICT_FN: pyfunc_predict_fn}, signature=stated, metadata=metadata)
    needs_folder = pyfunc_predict_fn != "predict" or metadata is not None

    def keep(registry: Registry, run_id: str, path: str) -> LoggedModel:
        if not needs_folder:
            with _warnings_for_programs():
                logged = registry.runs.log_model(run_id, path, estimator, signature=stated)
            written_here.remember(logged.files)
            return logged
        return keep_folder(registry, run_id, path, lambda folder: write_estimator(folder, estimator, described))

    return log(
        keep, _name(name, artifact_path), stated, registered_model_name, params, with_type(tags, model_type), metadata
    )


def log(
    keep: Callable[[Registry, str, str], LoggedModel],
    path: str,
    signature: Signature | None,
    registered_model_name: str | None,
    params: Mapping[str, object] | None,
    tags: Mapping[str, object],
    metadata: Mapping[str, object] | None,
) -> ModelInfo:
    """Let ``keep`` store a model in the active run, or in one of its own, and register it if it gets a name."""
    registry, version = location.opened(), None
    with fluent.run_of_a_model() as run_id:
        if params:
            registry.runs.log(run_id, params=params)
        logged = keep(registry, run_id, path)
        if tags:
            texts = {key: str(value) for key, value in tags.items()}
            registry.runs.log(run_id, tags={f"{MODEL_TAGS}{path}": json.dumps(texts)})
        uri = f"runs:/{run_id}/{path}"
        if registered_model_name is not None:
            version = int(fluent.register_model(uri, registered_model_name).version)
    fluent.note_model(id_of(run_id, path))
    return ModelInfo(
        artifact_path=path,
        run_id=run_id,
        model_uri=uri,
        model_uuid=logged.digest,
        utc_time_created=as_text(logged.created_at),
        signature=None if signature is None else ModelSignature.of(signature),
        registered_model_version=version,
        model_id=id_of(run_id, path),
        metadata=None if metadata is None else dict(metadata),
    )


def keep_folder(registry: Registry, run_id: str, path: str, write: Callable[[Path], Path]) -> LoggedModel:
    """Store a folder as a run's model; ``write`` fills it and returns the file that this process pickled.

    The answer is the record of the pickled file, which stands for the model.
    """
    with TemporaryDirectory(prefix="modelreg-") as temporary:
        folder = Path(temporary) / "model"
        folder.mkdir()
        pickled = write(folder)
        files = {
            f"{path}/{each.relative_to(folder).as_posix()}": each
            for each in sorted(folder.rglob("*"))
            if each.is_file()
        }
        kept = registry.runs.log_files(run_id, files)
    (logged,) = [each for each in kept if each.path == f"{path}/{pickled.relative_to(folder).as_posix()}"]
    written_here.remember(logged.files)
    return logged


@speaks_mlflow
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
    """Write a model to a new folder of this machine, from which `load_model` and `register_model` take it."""
    check_others(others)
    stated = _stated(signature, estimator, input_example)
    save_folder(
        Path(path),
        lambda folder: write_estimator(
            folder, estimator, MLmodelSummary({PREDICT_FN: pyfunc_predict_fn}, signature=stated, metadata=metadata)
        ),
    )


def save_folder(path: Path, write: Callable[[Path], Path]) -> None:
    """Let ``write`` fill a new folder; raises `MlflowException` where there is something already."""
    from modelreg.domain.versions import ModelFile
    from modelreg.store.artifacts.copying import digest_of_bytes

    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise MlflowException.invalid_parameter_value(f"Path '{path}' already exists and is not empty")
    path.mkdir(parents=True, exist_ok=True)
    pickled = write(path)
    content = pickled.read_bytes()
    written_here.remember([ModelFile(pickled.name, digest_of_bytes(content), len(content))])


def check_others(others: Mapping[str, Any]) -> None:
    """Refuse MLflow's arguments whose effect would be lost, and warn of those that are replaced.

    Raises TypeError for what MLflow does not take either.
    """
    stated = {key for key, value in others.items() if value not in (None, False, [], {})}
    for key in sorted(stated & _REFUSED.keys()):
        raise MlflowException.invalid_parameter_value(f"{key} is not kept with a model: {_REFUSED[key]}")
    unknown = others.keys() - _NO_MATTER - _RECORDED - _REFUSED.keys()
    if unknown:
        raise TypeError(f"log_model() got an unexpected keyword argument {min(unknown)!r}")
    for key in sorted(stated & _RECORDED):
        warnings.warn(f"{key} is not kept: each version records the libraries that are installed", stacklevel=_CALLER)


@contextmanager
def _warnings_for_programs() -> Iterator[None]:
    """Say in words of Python what loading a model elsewhere will take; this process has written it and may load it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for each in caught:
        text = str(each.message)
        warnings.warn(in_words_of_python(text) or text, each.category, stacklevel=_CALLER)


_CALLER = 6


def with_type(tags: Mapping[str, object] | None, model_type: str | None) -> dict[str, object]:
    """The tags of a logged model, with its type."""
    return dict(tags or {}) | ({} if model_type is None else {"mlflow.modelType": model_type})


def _name(name: str | None, artifact_path: str | None) -> str:
    if not isinstance(name or artifact_path or "", str):
        raise MlflowException.invalid_parameter_value("the name of a logged model is a text, behind the model")
    if name is not None and artifact_path is not None:
        raise MlflowException.invalid_parameter_value("artifact_path is the older word for name: give one of them")
    return name or artifact_path or DEFAULT_PATH


def _stated(signature: ModelSignature | None, estimator: object, input_example: object) -> Signature | None:
    """The signature that is stated, else the one that an example gives."""
    from modelreg.registration.serialization import signature_by_example

    if signature is not None:
        if signature.params:
            warnings.warn("the params of a signature are not stored", stacklevel=_CALLER)
        return signature.stated()
    if input_example is None:
        return None
    example = input_example[0] if isinstance(input_example, tuple) else input_example  # with params, as MLflow takes it
    return signature_by_example(estimator, example)
