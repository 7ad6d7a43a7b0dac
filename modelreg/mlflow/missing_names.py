"""Errors for names that MLflow has and `modelreg.mlflow` does not: they name an alternative."""

from __future__ import annotations

_ALTERNATIVES = {
    "evaluate": "compute the metrics and log them with log_metrics; modelreg.Registry().evaluate measures a version",
    "projects": "run the script itself",
    "run": "run the script itself",
    "spark_udf": "load the model with pyfunc.load_model in each task",
    "set_model": "log the object itself with pyfunc.log_model(python_model=...)",
    "genai": "prompts, traces and judges of language models require MLflow itself",
    "trace": "traces require MLflow itself",
    "start_span": "traces require MLflow itself",
    "pytorch": "save the model to a file and register the file with register_model",
    "tensorflow": "save the model to a file and register the file with register_model",
    "keras": "save the model to a file and register the file with register_model",
    "transformers": "save the model to a folder and register the folder with register_model",
    "onnx": "save the model to a file and register the file with register_model",
}


def build_attribute_error(owner: str, name: str) -> AttributeError:
    """The AttributeError for ``owner.name``, so that `hasattr` returns False; its message names an alternative."""
    hint = _ALTERNATIVES.get(name, "docs/mlflow.md lists what is available")
    return AttributeError(f"{owner} has no {name!r}: {hint}", name=name)
