"""What MLflow runs of a folder when it loads it: its ``MLmodel`` names modules, and files beside it name more."""

from __future__ import annotations

from modelreg.analysis.containers.content import Files, read_text
from modelreg.analysis.containers.yaml_text import parse_mapping_texts
from modelreg.analysis.evidence import Evidence
from modelreg.domain.python_models import LOADER
from modelreg.domain.scans import Verdict

_MOST_TEXT = 32 << 20  # bytes
_LOADERS = frozenset(
    f"mlflow.{flavor}"
    for flavor in ("catboost", "lightgbm", "onnx", "pmdarima", "prophet", "sklearn", "statsmodels", "xgboost")
)
"""Those that read data and pickles, which are looked through by themselves, and run nothing else of the folder.

``mlflow.pyfunc.model`` and ``mlflow.pyfunc.loaders.code_model`` run its Python files, ``mlflow.pytorch`` imports what
``pickle_module_info.txt`` names, ``mlflow.transformers`` may trust remote code.
"""
_PYTHON_MODELS = ("mlflow.pyfunc.model", LOADER)
_OF_MODULES = ("pickle_module_info.txt", "keras_module.txt")
_PATHS = ("data", "model_data", "model_path", "pickled_model", "saved_model_dir", "path_to_pickle_file")
_NOTHING = ("", "null", "Null", "NULL", "~")


def examine(files: Files, evidence: Evidence) -> None:
    """Say what would be run besides pickles, in every folder of MLflow's among ``files``."""
    folders = [path[: -len("MLmodel")] for path in files if path.rpartition("/")[2] == "MLmodel"]
    for folder in folders:
        _examine(folder + "MLmodel", read_text(files[folder + "MLmodel"], _MOST_TEXT), evidence)
    for path in files:
        if path.rpartition("/")[2] in _OF_MODULES and path.startswith(tuple(folders)):
            evidence.add_reasons(Verdict.UNKNOWN, path, ["MLflow imports the module that it names"])


def _examine(path: str, content: str | None, evidence: Evidence) -> None:
    described = None if content is None else parse_mapping_texts(content)
    if described is None:
        evidence.add_reasons(Verdict.UNREADABLE, path, ["it is damaged or too large to be looked at"])
    for key, value in described or ():
        if value not in _NOTHING:
            _judge(key, value, path, evidence)


def _judge(key: str, value: str, path: str, evidence: Evidence) -> None:
    if key == "loader_module" and value in _PYTHON_MODELS:
        evidence.add_reasons(Verdict.UNKNOWN, path, ["it is a Python model, whose class is code of its own"])
    elif key == "loader_module" and value not in _LOADERS:
        evidence.add_reasons(Verdict.UNKNOWN, path, [f"MLflow loads it by {value!r}, which may run code of its own"])
    elif key == "model_code_path":
        evidence.add_reasons(Verdict.UNKNOWN, path, [f"MLflow runs {value!r}, which is code of its own"])
    elif key == "code":
        evidence.add_reasons(Verdict.UNKNOWN, path, [f"MLflow puts its folder {value!r} before all Python modules"])
    elif key == "model_class":
        evidence.imports(*_split(value), path)
    elif key in _PATHS and _leads_outside(value):
        evidence.add_reasons(Verdict.DANGEROUS, path, [f"it reads {value!r}, a file outside of its folder"])


def _split(dotted: str) -> tuple[str, str]:
    module, _, name = dotted.rpartition(".")
    return module, name


def _leads_outside(path: str) -> bool:
    parts = path.replace("\\", "/").split("/")  # Windows writes paths so
    return not parts[0] or ":" in path or ".." in parts
