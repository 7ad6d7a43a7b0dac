"""Estimators of scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from modelreg.mlflow import fluent
from modelreg.mlflow.autologging import logging
from modelreg.mlflow.autologging.patching import replace
from modelreg.mlflow.autologging.settings import Settings, outermost, parse_settings

_METHODS = ("fit", "fit_transform", "fit_predict")
_settings: Settings | None = None
_MOST_CHILDREN = 5
"""Candidates of a search that become runs of their own, the best first."""


def autolog(**stated: Any) -> None:
    """Log parameters, training metrics and the model of each estimator that is fitted from now on."""
    from sklearn.base import BaseEstimator

    global _settings
    _settings = parse_settings(stated)
    for cls in _subclasses(BaseEstimator):
        _replace_methods(cls)
    _watch(BaseEstimator)


def _subclasses(cls: type) -> Iterator[type]:
    yield cls
    each: type
    for each in cls.__subclasses__():
        yield from _subclasses(each)


def _replace_methods(cls: type) -> None:
    for name in _METHODS:
        replace(cls, name, _logged)


def _watch(base: Any) -> None:
    """Classes that are made later, by imports or by the user, are logged, too."""
    if hasattr(base, "_modelreg_watched"):
        return
    before = base.__init_subclass__.__func__

    def watching(cls: type, /, **kwargs: Any) -> None:
        before(cls, **kwargs)
        _replace_methods(cls)

    base.__init_subclass__ = classmethod(watching)
    base._modelreg_watched = True


def _logged(fit: Any, estimator: Any, *args: Any, **kwargs: Any) -> Any:
    settings = _settings
    with outermost() as is_of_user:
        if settings is None or not is_of_user or _is_preprocessing(estimator):
            return fit(estimator, *args, **kwargs)
        arguments = logging.arguments_of(fit, estimator, args, kwargs)
        data, target = arguments.get("X"), arguments.get("y", arguments.get("Y"))

        def log(run_id: str, model: Any) -> None:
            log_estimator(run_id, model, data, target, settings)

        return logging.logged_fit(settings, lambda _: estimator, log, lambda: fit(estimator, *args, **kwargs))


def _is_preprocessing(estimator: Any) -> bool:
    """Whether it only transforms, as a scaler: MLflow logs no run for it either."""
    module = type(estimator).__module__
    return module.startswith(("sklearn.preprocessing", "sklearn.impute", "sklearn.feature_", "sklearn.compose"))


def log_estimator(run_id: str, model: Any, data: Any, target: Any, settings: Settings) -> None:
    """Log parameters, training metrics, the dataset and the model."""
    logging.log_params(run_id, model.get_params(deep=True))
    cls = type(model)
    fluent.set_tags({"estimator_name": cls.__name__, "estimator_class": f"{cls.__module__}.{cls.__qualname__}"})
    if data is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metrics that are not defined for this very data
            fluent.log_metrics(training_metrics(model, data, target), run_id=run_id)
        if settings.log_datasets:
            logging.log_dataset(run_id, data, "train")
    best = model
    if hasattr(model, "best_params_"):
        _log_search(run_id, model)
        best = model.best_estimator_ if hasattr(model, "best_estimator_") else None
    if settings.log_models and best is not None:
        from modelreg.mlflow.logging import log_estimator as log_model

        signature = None if data is None else logging.signature_of(data, best)
        log_model(model, name="model", signature=signature, registered_model_name=settings.registered_model_name)
        if best is not model:
            log_model(best, name="best_estimator", signature=signature)


def training_metrics(model: Any, data: Any, target: Any) -> dict[str, float]:
    """MLflow's metrics of a model on the data that it was fitted on."""
    from sklearn.base import is_classifier, is_regressor

    if target is None or not hasattr(model, "predict"):
        score = _scored(model, data, target) if hasattr(model, "score") else None
        return {} if score is None else {"training_score": score}
    predicted = model.predict(data)
    found: dict[str, float] = {}
    if is_classifier(model):
        found = _of_classifier(model, data, target, predicted)
    elif is_regressor(model):
        found = _of_regressor(target, predicted)
    score = _scored(model, data, target)
    return found if score is None else found | {"training_score": score}


def _scored(model: Any, data: Any, target: Any) -> float | None:
    try:
        return float(model.score(data) if target is None else model.score(data, target))
    except (AttributeError, TypeError, ValueError):
        return None


def _of_classifier(model: Any, data: Any, target: Any, predicted: Any) -> dict[str, float]:
    from sklearn import metrics

    found = {
        "training_accuracy_score": metrics.accuracy_score(target, predicted),
        "training_precision_score": metrics.precision_score(target, predicted, average="weighted", zero_division=0),
        "training_recall_score": metrics.recall_score(target, predicted, average="weighted", zero_division=0),
        "training_f1_score": metrics.f1_score(target, predicted, average="weighted", zero_division=0),
    }
    if hasattr(model, "predict_proba"):
        likely = model.predict_proba(data)
        found["training_log_loss"] = metrics.log_loss(target, likely, labels=model.classes_)
        if len(model.classes_) == 2:
            found["training_roc_auc"] = metrics.roc_auc_score(target, likely[:, 1])
        else:
            found["training_roc_auc"] = metrics.roc_auc_score(target, likely, average="weighted", multi_class="ovo")
    return {name: float(value) for name, value in found.items()}


def _of_regressor(target: Any, predicted: Any) -> dict[str, float]:
    from sklearn import metrics

    squared = float(metrics.mean_squared_error(target, predicted))
    return {
        "training_mean_squared_error": squared,
        "training_root_mean_squared_error": squared**0.5,
        "training_mean_absolute_error": float(metrics.mean_absolute_error(target, predicted)),
        "training_r2_score": float(metrics.r2_score(target, predicted)),
    }


def _log_search(run_id: str, search: Any) -> None:
    """The best candidate's parameters and score, and a nested run for each of the best few."""
    logging.log_params(run_id, {f"best_{name}": value for name, value in search.best_params_.items()})
    if hasattr(search, "best_score_"):
        fluent.log_metric("best_cv_score", float(search.best_score_), run_id=run_id)
    results = search.cv_results_
    if "rank_test_score" not in results:
        return
    ranked = sorted(range(len(results["params"])), key=lambda place: int(results["rank_test_score"][place]))
    for place in ranked[:_MOST_CHILDREN]:
        with fluent.start_run(nested=True) as child:
            logging.log_params(child.info.run_id, results["params"][place])
            for metric in ("mean_test_score", "std_test_score", "mean_fit_time"):
                if metric in results:
                    fluent.log_metric(metric, float(results[metric][place]))
