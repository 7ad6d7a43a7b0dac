"""`autolog`: fitting a model logs its parameters, its metrics and the model itself."""

from __future__ import annotations

import sys
from typing import Any

from modelreg.mlflow.autologging import sklearn
from modelreg.mlflow.autologging.boosters import autolog_lightgbm, autolog_xgboost


def autolog(**options: Any) -> None:
    """Log every fit of scikit-learn, and of XGBoost and LightGBM if installed; ``options`` go to each of them."""
    from importlib.util import find_spec

    sklearn.autolog(**options)
    for name, autolog_boosters in (("xgboost", autolog_xgboost), ("lightgbm", autolog_lightgbm)):
        if name in sys.modules or find_spec(name) is not None:
            autolog_boosters(**options)
