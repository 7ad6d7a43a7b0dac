"""Autologging for scikit-learn's estimators."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from modelreg.mlflow import fluent
from modelreg.mlflow.autologging import logging
from modelreg.mlflow.autologging.patching import replace
from modelreg.mlflow.autologging.settings import Settings, fit_call, parse_settings

_METHODS = ("fit", "fit_transform", "fit_predict")
_settings: Settings | None = None
_MAX_CHILD_RUNS = 5
"""The number of search candidates that are logged as nested runs, best first."""


def autolog(**options: Any) -> None:
    """From now on, log the parameters, training metrics and model of each fit of an estimator."""
    from sklearn.base import BaseEstimator

    global _settings
    _settings = parse_settings(options)
    for cls in _iterate_subclasses(BaseEstimator):
        _replace_methods(cls)
    _patch_future_subclasses(BaseEstimator)


def _iterate_subclasses(cls: type) -> Iterator[type]:
    yield cls
    subclass: type
    for subclass in cls.__subclasses__():
        yield from _iterate_subclasses(subclass)


def _replace_methods(cls: type) -> None:
    for name in _METHODS:
        replace(cls, name, _fit_and_log)


def _patch_future_subclasses(base: Any) -> None:
    """Also log classes that are defined later, by imports or by the user."""
    if hasattr(base, "_modelreg_watched"):
        return
    original = base.__init_subclass__.__func__

    def init_subclass(cls: type, /, **kwargs: Any) -> None:
        original(cls, **kwargs)
        _replace_methods(cls)

    base.__init_subclass__ = classmethod(init_subclass)
    base._modelreg_watched = True


def _fit_and_log(fit: Any, estimator: Any, *args: Any, **kwargs: Any) -> Any:
    settings = _settings
    with fit_call() as is_outermost:
        if settings is None or not is_outermost or _is_preprocessing(estimator):
            return fit(estimator, *args, **kwargs)
        arguments = logging.bind_arguments(fit, estimator, args, kwargs)
        data, target = arguments.get("X"), arguments.get("y", arguments.get("Y"))

        def log(run_id: str, model: Any) -> None:
            log_estimator(run_id, model, data, target, settings)

        return logging.log_fit(settings, lambda _: estimator, log, lambda: fit(estimator, *args, **kwargs))


def _is_preprocessing(estimator: Any) -> bool:
    """Whether the estimator only transforms data, such as a scaler; MLflow does not log these either."""
    module = type(estimator).__module__
    return module.startswith(("sklearn.preprocessing", "sklearn.impute", "sklearn.feature_", "sklearn.compose"))


def log_estimator(run_id: str, model: Any, data: Any, target: Any, settings: Settings) -> None:
    """Log parameters, training metrics, the dataset and the model."""
    logging.log_params(run_id, model.get_params(deep=True))
    cls = type(model)
    fluent.set_tags({"estimator_name": cls.__name__, "estimator_class": f"{cls.__module__}.{cls.__qualname__}"})
    if data is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some metrics are undefined for some data
            fluent.log_metrics(training_metrics(model, data, target), run_id=run_id)
        if settings.log_datasets:
            logging.log_dataset(run_id, data, "train")
    best = model
    if hasattr(model, "best_params_"):
        _log_search(run_id, model)
        best = model.best_estimator_ if hasattr(model, "best_estimator_") else None
    if settings.log_models and best is not None:
        from modelreg.mlflow.logging import log_estimator as log_model

        signature = None if data is None else logging.infer_signature_or_none(data, best)
        log_model(model, name="model", signature=signature, registered_model_name=settings.registered_model_name)
        if best is not model:
            log_model(best, name="best_estimator", signature=signature)


def training_metrics(model: Any, data: Any, target: Any) -> dict[str, float]:
    """MLflow's metrics of a model on its training data."""
    from sklearn.base import is_classifier, is_regressor

    if target is None or not hasattr(model, "predict"):
        score = _get_score(model, data, target) if hasattr(model, "score") else None
        return {} if score is None else {"training_score": score}
    predicted = model.predict(data)
    values: dict[str, float] = {}
    if is_classifier(model):
        values = _get_classifier_metrics(model, data, target, predicted)
    elif is_regressor(model):
        values = _get_regressor_metrics(target, predicted)
    score = _get_score(model, data, target)
    return values if score is None else values | {"training_score": score}


def _get_score(model: Any, data: Any, target: Any) -> float | None:
    try:
        return float(model.score(data) if target is None else model.score(data, target))
    except (AttributeError, TypeError, ValueError):
        return None


def _get_classifier_metrics(model: Any, data: Any, target: Any, predicted: Any) -> dict[str, float]:
    from sklearn import metrics

    values = {
        "training_accuracy_score": metrics.accuracy_score(target, predicted),
        "training_precision_score": metrics.precision_score(target, predicted, average="weighted", zero_division=0),
        "training_recall_score": metrics.recall_score(target, predicted, average="weighted", zero_division=0),
        "training_f1_score": metrics.f1_score(target, predicted, average="weighted", zero_division=0),
    }
    if hasattr(model, "predict_proba"):
        probabilities = model.predict_proba(data)
        values["training_log_loss"] = metrics.log_loss(target, probabilities, labels=model.classes_)
        if len(model.classes_) == 2:
            values["training_roc_auc"] = metrics.roc_auc_score(target, probabilities[:, 1])
        else:
            values["training_roc_auc"] = metrics.roc_auc_score(
                target, probabilities, average="weighted", multi_class="ovo"
            )
    return {name: float(value) for name, value in values.items()}


def _get_regressor_metrics(target: Any, predicted: Any) -> dict[str, float]:
    from sklearn import metrics

    mean_squared_error = float(metrics.mean_squared_error(target, predicted))
    return {
        "training_mean_squared_error": mean_squared_error,
        "training_root_mean_squared_error": mean_squared_error**0.5,
        "training_mean_absolute_error": float(metrics.mean_absolute_error(target, predicted)),
        "training_r2_score": float(metrics.r2_score(target, predicted)),
    }


def _log_search(run_id: str, search: Any) -> None:
    """Log the best candidate's parameters and score, and a nested run for each of the best candidates."""
    logging.log_params(run_id, {f"best_{name}": value for name, value in search.best_params_.items()})
    if hasattr(search, "best_score_"):
        fluent.log_metric("best_cv_score", float(search.best_score_), run_id=run_id)
    results = search.cv_results_
    if "rank_test_score" not in results:
        return
    ranked = sorted(range(len(results["params"])), key=lambda index: int(results["rank_test_score"][index]))
    for index in ranked[:_MAX_CHILD_RUNS]:
        with fluent.start_run(nested=True) as child:
            logging.log_params(child.info.run_id, results["params"][index])
            for metric in ("mean_test_score", "std_test_score", "mean_fit_time"):
                if metric in results:
                    fluent.log_metric(metric, float(results[metric][index]))
