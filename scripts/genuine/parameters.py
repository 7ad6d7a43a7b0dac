"""Every estimator with variants of its parameters, from scikit-learn's parameter constraints."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from numbers import Integral, Real
from typing import Any
from zlib import crc32

import numpy as np

from genuine.attempts import Candidate, fit, quiet
from genuine.choices import callables, choices, objects
from genuine.datasets import Data
from genuine.estimators import accepted_data, data_for, instances, kinds_of_estimators

PAIR_COUNT = 5
"""Number of random pairs of parameters per estimator."""

UNFITTED_SHARE = 5
"""One in `UNFITTED_SHARE` variants is also yielded without being fitted."""

MAX_DATA_ATTEMPTS = 9
"""Number of inputs that are tried for a variant that refuses the inputs of the default."""

REQUIRED_PARAMETERS: dict[str, tuple[dict[str, Any], ...]] = {
    "max_samples": ({"bootstrap": True},),
    "oob_score": ({"bootstrap": True},),
    "bootstrap": ({"oob_score": False},),
    "shrinkage": ({"solver": "lsqr"}, {"solver": "eigen"}),
    "covariance_estimator": ({"solver": "lsqr"},),
    "penalty": ({"solver": "saga"}, {"solver": "saga", "l1_ratio": 0.5}, {"solver": "liblinear"}, {"dual": False}),
    "l1_ratio": ({"solver": "saga", "penalty": "elasticnet"}, {"solver": "saga"}, {"alphas": [0.1]}),
    "l1_ratios": ({"solver": "saga", "penalty": "elasticnet"}, {"solver": "saga"}, {"alphas": [0.1]}),
    "dual": ({"solver": "liblinear"}, {"loss": "hinge"}),
    "metric": ({"linkage": "average"}, {"assume_centered": True}),
    "affinity": ({"linkage": "average"},),
    "distance_threshold": ({"n_clusters": None},),
    "quantile": ({"loss": "quantile"},),
    "loss": ({"quantile": 0.5}, {"dual": True}),
    "positive": ({"solver": "lbfgs"}, {"method": "cd"}, {"fit_algorithm": "cd"}, {"transform_algorithm": "lasso_cd"}),
    "positive_code": ({"fit_algorithm": "cd", "transform_algorithm": "lasso_cd"},),
    "solver": ({"positive": True}, {"beta_loss": "frobenius"}),
    "beta_loss": ({"solver": "mu"},),
    "unknown_value": ({"handle_unknown": "use_encoded_value"},),
    "handle_unknown": ({"unknown_value": -1},),
    "with_mean": ({"with_std": False},),
    "early_stopping": ({"validation_fraction": 0.3},),
    "store_cv_values": ({"cv": None},),
    "store_cv_results": ({"cv": None},),
    "gcv_mode": ({"cv": None},),
    "scoring": ({"refit": False}, {"cv": None}),
    "strategy": ({"fill_value": 0}, {"constant": 1.0}, {"quantile": 0.5}, {"constant": 1}),
    "constant": ({"strategy": "constant"},),
    "method": ({"cv": 2},),
    "init": ({"n_components": 4}, {"n_clusters": 3}, {"n_clusters": 2}),
    "eigen_solver": ({"n_components": 1},),
    "stop_words": ({"analyzer": "word"},),
    "tokenizer": ({"token_pattern": None},),
    "analyzer": ({"token_pattern": None},),
    "knots": ({"extrapolation": "continue"}, {"degree": 2}),
    "fit_inverse_transform": ({"kernel": "rbf"},),
    "decision_function_shape": ({"break_ties": False},),
    "break_ties": ({"decision_function_shape": "ovr"},),
    "covariance_type": ({"means_init": None},),
}
"""Estimator or parameter -> other parameters that a value may require, tried in order."""


def variations(data: Data) -> Iterator[Candidate]:
    """Variants with one changed parameter, and some with a random pair."""
    for name, kind in kinds_of_estimators():
        try:
            with quiet():
                estimator = instances(kind)[0]
                default_data = accepted_data(estimator, data)
        except Exception:  # reported with the defaults
            continue
        yield from _list_variations(name, estimator, default_data, data)


def _list_variations(name: str, estimator: Any, default_data: tuple[Any, Any], data: Data) -> Iterator[Candidate]:
    random = data.random(name)
    settings: list[tuple[str, Any]] = []
    for parameter in estimator.get_params(deep=False):
        values = list_values(estimator, parameter, data, random)
        settings += [(parameter, value) for value in values]
    for number, (parameter, value) in enumerate(settings):
        description = f"{name} {parameter}={shorten(value)}"
        yield description, partial(fit_with_parameters, estimator, {parameter: value}, default_data, data)
        if number % UNFITTED_SHARE == data.seed % UNFITTED_SHARE:
            yield f"{description}, unfitted", partial(change_parameters, estimator, {parameter: value})
    for _ in range(PAIR_COUNT if len({parameter for parameter, _ in settings}) > 1 else 0):
        pair = dict(settings[index] for index in random.choice(len(settings), 2, replace=False))
        description = ", ".join(f"{parameter}={shorten(value)}" for parameter, value in pair.items())
        yield f"{name} {description}", partial(fit_with_parameters, estimator, pair, default_data, data)


def shorten(value: object) -> str:
    """A short form of a value, for a description."""
    if isinstance(value, type) or (callable(value) and hasattr(value, "__name__")):
        return str(value.__name__)
    if type(value) in (bool, int, float, str, type(None), tuple, list, dict, np.float64, np.int64):
        return " ".join(repr(value).split())[:40]
    return f"{type(value).__name__} {crc32(repr(value).encode()) % 1000}"


def change_parameters(estimator: Any, settings: dict[str, Any]) -> Any:
    """A copy of an estimator with changed parameters."""
    from sklearn.base import clone

    return clone(estimator).set_params(**settings)


def fit_with_parameters(estimator: Any, settings: dict[str, Any], default_data: tuple[Any, Any], data: Data) -> Any:
    """A copy with changed parameters, fitted on the first data that it accepts."""
    first_error: Exception | None = None
    alternatives = _find_required_parameters(estimator, settings)
    other_data = [*data_for(estimator, data)[:MAX_DATA_ATTEMPTS], (data.frame, default_data[1])]
    attempts = [(settings, default_data), *((required | settings, default_data) for required in alternatives)]
    attempts += [(settings, other) for other in other_data]
    for parameters, (inputs, target) in attempts:
        try:
            return fit(change_parameters(estimator, parameters), inputs, target)
        except Exception as error:
            first_error = first_error or error
    assert first_error is not None
    raise first_error


def _find_required_parameters(estimator: Any, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Other parameters that the values require."""
    needed = [required for parameter in settings for required in REQUIRED_PARAMETERS.get(parameter, ())]
    return [required for required in needed if set(required) <= set(estimator.get_params(deep=False))]


def list_values(estimator: Any, parameter: str, data: Data, random: np.random.Generator) -> list[Any]:
    """Values for a parameter: common ones, and values from its constraints."""
    values = choices(parameter, data)
    constraints = getattr(estimator, "_parameter_constraints", {}).get(parameter, [])
    if parameter == "n_jobs":
        return [None, 1, -1]
    for constraint in [] if isinstance(constraints, str) else constraints:
        values += _list_values_of_constraint(constraint, estimator, parameter, data, random)
    return _remove_duplicates(values)


def _remove_duplicates(values: list[Any]) -> list[Any]:
    distinct = {(type(value), repr(value)): value for value in values}
    return list(distinct.values())


def _list_values_of_constraint(
    constraint: Any, estimator: Any, parameter: str, data: Data, random: np.random.Generator
) -> list[Any]:
    kind = type(constraint).__name__
    if kind == "Hidden":  # deprecated, or not for users
        return []
    if kind in ("StrOptions", "Options"):
        deprecated = getattr(constraint, "deprecated", set())
        return sorted(set(constraint.options) - set(deprecated), key=repr)
    if kind == "Interval":
        return choose_in_interval(constraint, random)
    if kind in ("HasMethods", "_IterablesNotString", "_CVObjects"):
        return objects(parameter, estimator, data)
    if constraint is callable:
        return callables(parameter, data)
    if isinstance(constraint, str):
        return _list_values_by_word(constraint, estimator, parameter, data)
    if isinstance(constraint, type):
        return _list_values_of_type(constraint)
    return [None] if constraint is None else []


def choose_in_interval(interval: Any, random: np.random.Generator) -> list[Any]:
    """Values in an interval: a Python number, a NumPy number, and its closed ends."""
    whole = interval.type is Integral
    low = interval.left if interval.left is not None else (1 if whole else 0.0)
    high = interval.right if interval.right is not None else low + (4 if whole else 2.0)
    if not np.isfinite(low) or not np.isfinite(high):
        low, high = (1, 4) if whole else (0.1, 2.0)
    if whole:
        first = int(low) + (interval.closed in ("right", "neither"))
        last = max(
            first, min(int(high) - (interval.closed in ("left", "neither") and interval.right is not None), first + 4)
        )
        value = int(random.integers(first, last, endpoint=True))
        return [value, np.int64(random.integers(first, last, endpoint=True))]
    value = float(low + (min(high, low + 2.0) - low) * random.uniform(0.05, 0.95))
    ends = [float(low)] if interval.closed in ("left", "both") and interval.left is not None else []
    ends += [float(high)] if interval.closed in ("right", "both") and interval.right is not None else []
    numpy_type = np.float32 if random.random() < 0.3 else np.float64
    return [round(value, 3), numpy_type(value), *ends]


def _list_values_by_word(word: str, estimator: Any, parameter: str, data: Data) -> list[Any]:
    if word == "boolean":
        return [True, False, np.bool_(True)]
    if word == "verbose":
        return [0, False, 1]
    if word == "random_state":
        return [None, 7, np.int64(7), np.random.RandomState(data.seed)]
    if word in ("missing_values", "nan"):
        return [np.nan]
    return objects(parameter, estimator, data) if word == "cv_object" else []


def _list_values_of_type(kind: type) -> list[Any]:
    by_type: dict[type, list[Any]] = {Integral: [2, np.int64(2)], Real: [0.5, 1.0], int: [2], bool: [True, False]}
    return by_type.get(kind, [])
