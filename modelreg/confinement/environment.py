"""The environment variables of a confined process: those of Python, locale and numerical libraries, and no secrets."""

from __future__ import annotations

import os

_NAMES = frozenset(
    (
        "HOME",
        "LANG",
        "LANGUAGE",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "LOGNAME",
        "MODELREG_DEBUG",
        "PATH",
        "TMPDIR",
        "TZ",
        "TZDIR",
        "USER",
    )
)
_FAMILIES = (
    *("BLIS_", "CUDA_", "GOMP_", "GOTO_", "JOBLIB_", "KERAS_", "KMP_", "LC_", "LOKY_", "MALLOC_", "MKL_", "MLFLOW_"),
    *("NPY_", "NUMBA_", "NUMEXPR_", "OMP_", "ONNX", "OPENBLAS_", "ORT_", "PYTHON", "SCIPY_", "SKLEARN_", "TF_"),
    *("TORCH", "VECLIB_", "XGBOOST_"),
)
_WORDS_OF_SECRETS = ("AUTH", "CREDENTIAL", "KEY", "PASSW", "SECRET", "TOKEN", "URI", "URL", "USERNAME")


def environment() -> dict[str, str]:
    """What a model may know of this process' environment."""
    return {name: value for name, value in os.environ.items() if _may_pass(name)}


def _may_pass(name: str) -> bool:
    if any(word in name for word in _WORDS_OF_SECRETS):
        return False
    return name in _NAMES or name.startswith(_FAMILIES)
