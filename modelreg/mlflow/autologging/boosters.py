"""Autologging for XGBoost and LightGBM, which train in rounds and evaluate metrics in each round."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from modelreg.mlflow import fluent, location
from modelreg.mlflow.autologging import logging
from modelreg.mlflow.autologging.patching import replace
from modelreg.mlflow.autologging.settings import Settings, fit_call, parse_settings
from modelreg.mlflow.tracking_client import build_metric_points

Rounds = Mapping[str, Mapping[str, list[float]]]
"""Name of the data set -> metric -> its value in each round."""
RecordRounds = Callable[[dict[str, Any]], Rounds]
"""Changes the keyword arguments of ``train`` so that it records rounds; returns where they are recorded."""


def _record_xgboost_rounds(kwargs: dict[str, Any]) -> Rounds:
    """XGBoost fills a dictionary that is passed to it."""
    if kwargs.get("evals_result") is None:
        kwargs["evals_result"] = {}
    rounds: Rounds = kwargs["evals_result"]
    return rounds


def _record_lightgbm_rounds(kwargs: dict[str, Any]) -> Rounds:
    """LightGBM has a callback that fills a dictionary."""
    import lightgbm

    rounds: dict[str, dict[str, list[float]]] = {}
    kwargs["callbacks"] = [*(kwargs.get("callbacks") or ()), lightgbm.record_evaluation(rounds)]
    return rounds


class Autologging:
    """Logs the calls to ``train`` and ``fit`` of one library, once it is enabled by calling it."""

    def __init__(self, library: str, classes: Sequence[str], record_rounds: RecordRounds) -> None:
        self._library, self._classes, self._record_rounds = library, classes, record_rounds
        self._settings: Settings | None = None

    def __call__(self, **options: Any) -> None:
        """From now on, log the parameters, the metrics of each round and the model of each training."""
        library = import_module(self._library)
        self._settings = parse_settings(options)
        replace(library, "train", self._train)
        for name in self._classes:
            if hasattr(library, name):
                replace(getattr(library, name), "fit", self._fit)

    def _train(self, train: Any, params: Any, data: Any, *args: Any, **kwargs: Any) -> Any:
        settings = self._settings
        with fit_call() as is_outermost:
            if settings is None or not is_outermost:
                return train(params, data, *args, **kwargs)
            return _train_and_log(settings, train, params, data, args, kwargs, self._record_rounds)

    def _fit(self, fit: Any, estimator: Any, *args: Any, **kwargs: Any) -> Any:
        settings = self._settings
        with fit_call() as is_outermost:
            if settings is None or not is_outermost:
                return fit(estimator, *args, **kwargs)
            return _fit_and_log(settings, fit, estimator, args, kwargs)


autolog_lightgbm = Autologging(
    "lightgbm", ("LGBMModel", "LGBMClassifier", "LGBMRegressor", "LGBMRanker"), _record_lightgbm_rounds
)
autolog_xgboost = Autologging(
    "xgboost",
    ("XGBModel", "XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor"),
    _record_xgboost_rounds,
)


def _train_and_log(
    settings: Settings,
    train: Any,
    params: Any,
    data: Any,
    args: Any,
    kwargs: dict[str, Any],
    record_rounds: RecordRounds,
) -> Any:
    """Train a booster; log its parameters, rounds and model."""
    train_kwargs = dict(kwargs)
    rounds = record_rounds(train_kwargs)

    def log(run_id: str, booster: Any) -> None:
        simple_arguments = {key: value for key, value in kwargs.items() if isinstance(value, int | float | str)}
        if args and isinstance(args[0], int):
            simple_arguments["num_boost_round"] = args[0]
        logging.log_params(run_id, dict(params) | simple_arguments)
        _log_rounds(run_id, rounds, getattr(booster, "best_iteration", None))
        if settings.log_models:
            _log_model(booster, None, settings)

    return logging.log_fit(settings, lambda booster: booster, log, lambda: train(params, data, *args, **train_kwargs))


def _fit_and_log(settings: Settings, fit: Any, estimator: Any, args: Any, kwargs: Any) -> Any:
    """Fit an estimator with scikit-learn's interface; log its parameters, rounds and model."""
    arguments = logging.bind_arguments(fit, estimator, args, kwargs)
    data, target = arguments.get("X"), arguments.get("y")

    def log(run_id: str, model: Any) -> None:
        from modelreg.mlflow.autologging.sklearn import training_metrics

        logging.log_params(run_id, model.get_params())
        rounds = getattr(model, "evals_result_", None)  # LightGBM; XGBoost has a method
        if rounds is None and hasattr(model, "evals_result") and arguments.get("eval_set"):
            rounds = model.evals_result()
        _log_rounds(run_id, rounds or {}, _get_best_iteration(model))
        fluent.log_metrics(training_metrics(model, data, target), run_id=run_id)
        if settings.log_datasets:
            logging.log_dataset(run_id, data, "train")
        if settings.log_models:
            _log_model(model, logging.infer_signature_or_none(data, model), settings)

    return logging.log_fit(settings, lambda _: estimator, log, lambda: fit(estimator, *args, **kwargs))


def _log_rounds(run_id: str, rounds: Rounds, best: int | None) -> None:
    """Log the metrics of each round as ``DATA-METRIC``, and the best round if known, in one transaction."""
    points = [
        point
        for data, metrics in rounds.items()
        for metric, values in metrics.items()
        for step, value in enumerate(values)
        for point in build_metric_points({f"{data}-{metric}": value}, step)
    ]
    if best is not None:
        points += build_metric_points({"best_iteration": best})
    if points:
        location.open_registry().runs.log(run_id, metrics=points)


def _get_best_iteration(model: Any) -> int | None:
    try:
        iteration = getattr(model, "best_iteration", None)
        iteration = getattr(model, "best_iteration_", None) if iteration is None else iteration
    except AttributeError:  # XGBoost raises it if training did not stop early
        return None
    return None if iteration is None else int(iteration)


def _log_model(model: Any, signature: Any, settings: Settings) -> None:
    from modelreg.mlflow.logging import log_estimator

    log_estimator(model, name="model", signature=signature, registered_model_name=settings.registered_model_name)
