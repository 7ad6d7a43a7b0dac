"""What MLflow has and this interface has not: an error that says so, and what to do instead."""

from __future__ import annotations

_INSTEAD = {
    "evaluate": "compute the metrics and log them by log_metrics; modelreg.Registry().evaluate measures a version",
    "projects": "start the script itself",
    "run": "start the script itself",
    "spark_udf": "load the model by pyfunc.load_model in each task",
    "set_model": "log the object itself by pyfunc.log_model(python_model=...)",
    "genai": "prompts, traces and judges of language models need MLflow itself",
    "trace": "traces need MLflow itself",
    "start_span": "traces need MLflow itself",
    "pytorch": "save the model to a file and register that by register_model",
    "tensorflow": "save the model to a file and register that by register_model",
    "keras": "save the model to a file and register that by register_model",
    "transformers": "save the model to a folder and register that by register_model",
    "onnx": "save the model to a file and register that by register_model",
}


def absent(owner: str, name: str) -> AttributeError:
    """The error of whoever asks ``owner`` for ``name``; `hasattr` is False then."""
    advice = _INSTEAD.get(name, "docs/mlflow.md lists what there is")
    return AttributeError(f"{owner} has no {name!r}: {advice}", name=name)
