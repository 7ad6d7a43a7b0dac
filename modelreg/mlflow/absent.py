"""What MLflow has and this interface has not: an error that says so, and what to do instead."""

from __future__ import annotations

_FILES = "runs keep models, parameters, metrics and tags; register_model makes a version of a folder with files"
_OWN_CLASSES = "sklearn.log_model keeps any object that predicts; 'modelreg trust add' lets its class be imported"
_INSTEAD = {
    "PythonModel": _OWN_CLASSES,
    "log_model": _OWN_CLASSES,
    "autolog": "log what counts by log_params, log_metrics and sklearn.log_model",
    "log_artifact": _FILES,
    "log_artifacts": _FILES,
    "log_dict": _FILES,
    "log_figure": _FILES,
    "log_image": _FILES,
    "log_table": _FILES,
    "log_text": _FILES,
    "evaluate": "'modelreg evaluate' keeps how well a version does on a file of data",
    "save_model": "log_model keeps a model; joblib.dump writes it to a file",
}


def absent(owner: str, name: str) -> AttributeError:
    """The error of whoever asks ``owner`` for ``name``; `hasattr` is False then."""
    advice = _INSTEAD.get(name, "docs/mlflow.md says what there is")
    return AttributeError(f"{owner} has no {name!r}, and only what a model's life needs of MLflow: {advice}", name=name)
