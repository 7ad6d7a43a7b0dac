"""Models of XGBoost."""

from __future__ import annotations

from typing import Any

from modelreg.mlflow.autologging import boosters
from modelreg.mlflow.autologging.patching import replace
from modelreg.mlflow.autologging.settings import Settings, outermost, parse_settings

_settings: Settings | None = None


def autolog(**stated: Any) -> None:
    """Log parameters, metrics of each round and the model of each call to ``train`` and ``fit`` from now on."""
    import xgboost

    global _settings
    _settings = parse_settings(stated)
    replace(xgboost, "train", _trained)
    for name in ("XGBModel", "XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor"):
        if hasattr(xgboost, name):
            replace(getattr(xgboost, name), "fit", _fitted)


def _trained(train: Any, params: Any, data: Any, *args: Any, **kwargs: Any) -> Any:
    settings = _settings
    with outermost() as is_of_user:
        if settings is None or not is_of_user:
            return train(params, data, *args, **kwargs)
        return boosters.logged_training(settings, train, params, data, args, kwargs, boosters.of_xgboost)


def _fitted(fit: Any, estimator: Any, *args: Any, **kwargs: Any) -> Any:
    settings = _settings
    with outermost() as is_of_user:
        if settings is None or not is_of_user:
            return fit(estimator, *args, **kwargs)
        return boosters.logged_fit(settings, fit, estimator, args, kwargs)
