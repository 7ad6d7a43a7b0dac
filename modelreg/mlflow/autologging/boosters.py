"""What XGBoost and LightGBM have in common: rounds, of which each has its metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from modelreg.mlflow import fluent, location
from modelreg.mlflow.autologging import logging
from modelreg.mlflow.autologging.patching import replace
from modelreg.mlflow.autologging.settings import Settings, outermost, parse_settings
from modelreg.mlflow.tracking_client import as_points

Rounds = Mapping[str, Mapping[str, list[float]]]
"""Name of the data -> metric -> its value in each round."""
Adapt = Callable[[dict[str, Any]], Rounds]
"""Changes the arguments of a call to ``train`` so that it fills the rounds."""


def _of_xgboost(kwargs: dict[str, Any]) -> Rounds:
    """XGBoost fills a dictionary that it is given."""
    if kwargs.get("evals_result") is None:
        kwargs["evals_result"] = {}
    rounds: Rounds = kwargs["evals_result"]
    return rounds


def _of_lightgbm(kwargs: dict[str, Any]) -> Rounds:
    """LightGBM has a callback that fills a dictionary."""
    import lightgbm

    rounds: dict[str, dict[str, list[float]]] = {}
    kwargs["callbacks"] = [*(kwargs.get("callbacks") or ()), lightgbm.record_evaluation(rounds)]
    return rounds


class Autologging:
    """Logs what one of the libraries trains and fits, once it was called."""

    def __init__(self, library: str, classes: Sequence[str], adapt: Adapt) -> None:
        self._library, self._classes, self._adapt = library, classes, adapt
        self._settings: Settings | None = None

    def __call__(self, **stated: Any) -> None:
        """Log parameters, metrics of each round and the model of each call to ``train`` and ``fit`` from now on."""
        library = import_module(self._library)
        self._settings = parse_settings(stated)
        replace(library, "train", self._trained)
        for name in self._classes:
            if hasattr(library, name):
                replace(getattr(library, name), "fit", self._fitted)

    def _trained(self, train: Any, params: Any, data: Any, *args: Any, **kwargs: Any) -> Any:
        settings = self._settings
        with outermost() as is_of_user:
            if settings is None or not is_of_user:
                return train(params, data, *args, **kwargs)
            return _logged_training(settings, train, params, data, args, kwargs, self._adapt)

    def _fitted(self, fit: Any, estimator: Any, *args: Any, **kwargs: Any) -> Any:
        settings = self._settings
        with outermost() as is_of_user:
            if settings is None or not is_of_user:
                return fit(estimator, *args, **kwargs)
            return _logged_fit(settings, fit, estimator, args, kwargs)


autolog_lightgbm = Autologging("lightgbm", ("LGBMModel", "LGBMClassifier", "LGBMRegressor", "LGBMRanker"), _of_lightgbm)
autolog_xgboost = Autologging(
    "xgboost",
    ("XGBModel", "XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor"),
    _of_xgboost,
)


def _logged_training(
    settings: Settings, train: Any, params: Any, data: Any, args: Any, kwargs: dict[str, Any], adapt: Adapt
) -> Any:
    """Train a booster, and log parameters, rounds and the model."""
    given = dict(kwargs)
    rounds = adapt(given)

    def log(run_id: str, booster: Any) -> None:
        stated = {key: value for key, value in kwargs.items() if isinstance(value, int | float | str)}
        if args and isinstance(args[0], int):
            stated["num_boost_round"] = args[0]
        logging.log_params(run_id, dict(params) | stated)
        _log_rounds(run_id, rounds, getattr(booster, "best_iteration", None))
        if settings.log_models:
            _log_model(booster, None, settings)

    return logging.logged_fit(settings, lambda booster: booster, log, lambda: train(params, data, *args, **given))


def _logged_fit(settings: Settings, fit: Any, estimator: Any, args: Any, kwargs: Any) -> Any:
    """Fit an estimator of scikit-learn's interface, and log parameters, rounds and the model."""
    arguments = logging.arguments_of(fit, estimator, args, kwargs)
    data, target = arguments.get("X"), arguments.get("y")

    def log(run_id: str, model: Any) -> None:
        from modelreg.mlflow.autologging.sklearn import training_metrics

        logging.log_params(run_id, model.get_params())
        found = getattr(model, "evals_result_", None)  # LightGBM's; XGBoost has a method
        if found is None and hasattr(model, "evals_result") and arguments.get("eval_set"):
            found = model.evals_result()
        _log_rounds(run_id, found or {}, _best_iteration(model))
        fluent.log_metrics(training_metrics(model, data, target), run_id=run_id)
        if settings.log_datasets:
            logging.log_dataset(run_id, data, "train")
        if settings.log_models:
            _log_model(model, logging.signature_of(data, model), settings)

    return logging.logged_fit(settings, lambda _: estimator, log, lambda: fit(estimator, *args, **kwargs))


def _log_rounds(run_id: str, rounds: Rounds, best: int | None) -> None:
    """Log the metrics of each round as ``DATA-METRIC``, in one transaction, and the best round where there is one."""
    points = [
        point
        for data, metrics in rounds.items()
        for metric, values in metrics.items()
        for step, value in enumerate(values)
        for point in as_points({f"{data}-{metric}": value}, step)
    ]
    if best is not None:
        points += as_points({"best_iteration": best})
    if points:
        location.opened().runs.log(run_id, metrics=points)


def _best_iteration(model: Any) -> int | None:
    try:
        found = getattr(model, "best_iteration", None)
        found = getattr(model, "best_iteration_", None) if found is None else found
    except AttributeError:  # without early stopping XGBoost raises
        return None
    return None if found is None else int(found)


def _log_model(model: Any, signature: Any, settings: Settings) -> None:
    from modelreg.mlflow.logging import log_estimator

    log_estimator(model, name="model", signature=signature, registered_model_name=settings.registered_model_name)
