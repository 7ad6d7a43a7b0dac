"""Finds the code that MLflow would run when it loads a folder: modules in ``MLmodel`` and in files next to it."""

from __future__ import annotations

from modelreg.analysis.containers.content import Files, read_text
from modelreg.analysis.containers.yaml_text import parse_mapping_texts
from modelreg.analysis.evidence import Evidence
from modelreg.domain.python_models import LOADER
from modelreg.domain.scans import Verdict

_MAX_TEXT_SIZE = 32 << 20  # bytes
_DATA_LOADERS = frozenset(
    f"mlflow.{flavor}"
    for flavor in ("catboost", "lightgbm", "onnx", "pmdarima", "prophet", "sklearn", "statsmodels", "xgboost")
)
"""Loaders that only read data files and pickles, which are scanned separately, and run no other code in the folder.

Not listed: ``mlflow.pyfunc.model`` and ``mlflow.pyfunc.loaders.code_model`` run Python files of the folder,
``mlflow.pytorch`` imports the module in ``pickle_module_info.txt``, ``mlflow.transformers`` may trust remote code.
"""
_PYTHON_MODEL_LOADERS = ("mlflow.pyfunc.model", LOADER)
_MODULE_NAME_FILES = ("pickle_module_info.txt", "keras_module.txt")
_PATH_KEYS = ("data", "model_data", "model_path", "pickled_model", "saved_model_dir", "path_to_pickle_file")
_EMPTY_VALUES = ("", "null", "Null", "NULL", "~")


def examine(files: Files, evidence: Evidence) -> None:
    """Report the code that every MLflow folder among ``files`` would run, except for pickles."""
    folders = [path[: -len("MLmodel")] for path in files if path.rpartition("/")[2] == "MLmodel"]
    for folder in folders:
        path = f"{folder}MLmodel"
        content = read_text(files[path], _MAX_TEXT_SIZE)
        entries = None if content is None else parse_mapping_texts(content)
        if entries is None:
            evidence.add_reasons(Verdict.UNREADABLE, path, ["it is damaged or too large to scan"])
        for key, value in entries or ():
            if value not in _EMPTY_VALUES:
                _report_entry(key, value, path, evidence)
    for path in files:
        if path.rpartition("/")[2] in _MODULE_NAME_FILES and path.startswith(tuple(folders)):
            evidence.add_reasons(Verdict.UNKNOWN, path, ["MLflow imports the module that this file names"])


def _report_entry(key: str, value: str, path: str, evidence: Evidence) -> None:
    if key == "loader_module" and value in _PYTHON_MODEL_LOADERS:
        evidence.add_reasons(Verdict.UNKNOWN, path, ["it is a Python model, which runs code of its own"])
    elif key == "loader_module" and value not in _DATA_LOADERS:
        evidence.add_reasons(Verdict.UNKNOWN, path, [f"MLflow loads it with {value!r}, which may run code of its own"])
    elif key == "model_code_path":
        evidence.add_reasons(Verdict.UNKNOWN, path, [f"MLflow runs its code in {value!r}"])
    elif key == "code":
        evidence.add_reasons(Verdict.UNKNOWN, path, [f"MLflow adds its folder {value!r} to the front of sys.path"])
    elif key == "model_class":
        module, _, name = value.rpartition(".")
        evidence.add_import(module, name, path)
    elif key in _PATH_KEYS and _is_outside_path(value):
        evidence.add_reasons(Verdict.DANGEROUS, path, [f"it reads {value!r}, a file outside of its folder"])


def _is_outside_path(path: str) -> bool:
    parts = path.replace("\\", "/").split("/")  # Windows
    return not parts[0] or ":" in path or ".." in parts
