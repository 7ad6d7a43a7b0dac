"""Fitting a model logs its parameters, metrics and the model itself, once `autolog` was called."""

from __future__ import annotations

import sys
from typing import Any

from modelreg.mlflow.autologging import sklearn
from modelreg.mlflow.autologging.boosters import autolog_lightgbm, autolog_xgboost


def autolog(**stated: Any) -> None:
    """Log what scikit-learn, XGBoost and LightGBM fit, of these what is installed; ``stated`` is what each takes."""
    sklearn.autolog(**stated)
    for name, autolog_boosters in (("xgboost", autolog_xgboost), ("lightgbm", autolog_lightgbm)):
        if name in sys.modules or _is_installed(name):
            autolog_boosters(**stated)


def _is_installed(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None
