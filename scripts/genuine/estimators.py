"""Every estimator of scikit-learn with default parameters: unfitted, and fitted on every type of data it accepts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from genuine.attempts import Candidate, fit, quiet
from genuine.datasets import Data

FAST_PARAMETERS = {"n_estimators": 3, "max_iter": 5, "cv": 2, "n_init": 1, "n_components": 2}
FAST_PARAMETERS |= {"thresholds": 5, "Cs": 2, "max_doc_update_iter": 5, "n_bootstrap": 2}
"""Parameters that make fitting fast."""

FAST_PARAMETERS |= {"n_candidates": 2, "n_iter": 2, "n_features_to_select": 1}

PARAMETER_OVERRIDES: dict[str, dict[str, Any]] = {
    "TSNE": {"max_iter": 250, "n_iter": 250, "perplexity": 5},
    "SpectralBiclustering": {"n_components": 3, "n_best": 2},
    "QuantileRegressor": {"solver": "highs"},
}
"""Estimator -> parameters instead of `FAST_PARAMETERS`, or of a default that the installed SciPy does not support."""

COMMON_KINDS = (
    "float32",
    "frame",
    "csr_matrix",
    "string labels",
    "binary labels",
    "multilabel",
    "Series target",
    "two targets",
)
"""Types of data for meta-estimators, and for all but the first instance of a class, because fitting them is slow."""


def kinds_of_estimators() -> Iterator[tuple[str, Any]]:
    """Yield the name and class of every estimator, including experimental ones."""
    from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401
    from sklearn.utils import all_estimators

    yield from all_estimators()


def instances(kind: Any) -> list[Any]:
    """Instances of a class as in scikit-learn's own tests, with parameters that make fitting fast."""
    own = {
        "SparseCoder": lambda: [kind(np.eye(4))],
        "FrozenEstimator": _build_frozen,
        "RegressorChain": lambda: [kind(_build_ridge(), order=[1, 0])],
    }
    variants = own[kind.__name__]() if kind.__name__ in own else _build_test_instances(kind)
    for estimator in variants:
        parameters = estimator.get_params(deep=False)
        fast = FAST_PARAMETERS | PARAMETER_OVERRIDES.get(kind.__name__, {})
        estimator.set_params(**{name: value for name, value in fast.items() if parameters.get(name) is not None})
        if parameters.get("random_state", 0) is None:
            estimator.set_params(random_state=0)
    return list(variants)


def _build_ridge() -> Any:
    from sklearn.linear_model import Ridge

    return Ridge()


def _build_frozen() -> list[Any]:
    from sklearn.frozen import FrozenEstimator

    return [FrozenEstimator(_build_ridge().fit(np.eye(4), np.arange(4.0)))]


def _build_test_instances(kind: Any) -> list[Any]:
    try:
        from sklearn.utils._test_common.instance_generator import _construct_instances
    except ImportError:  # before 1.6
        from sklearn.utils.estimator_checks import _construct_instance

        return [_construct_instance(kind)]
    return list(_construct_instances(kind))


def data_for(estimator: Any, data: Data) -> list[tuple[Any, Any]]:
    """Inputs and targets to try for an estimator, most likely first."""
    from sklearn.base import is_classifier, is_regressor

    usual = [(data.X, data.classes), (data.X, data.numbers)]
    if is_regressor(estimator) and not is_classifier(estimator):
        usual.reverse()
    return [
        *usual,
        (data.X, data.binary),
        (data.X, data.multilabel),
        (data.X, data.two_numbers),
        (data.X[:, 0], data.numbers),
        (data.square, data.classes),
        (data.X[:, :2], data.classes),
        (data.X > 0.5, data.classes),
        (data.texts, data.classes),
        (data.records, data.classes),
        (data.strings, data.classes),
        (data.classes, None),
        (data.multilabel, None),
        ([("a", "b"), ("b",), ()], None),
        (data.images, None),
    ]


def accepted_data(estimator: Any, data: Data) -> tuple[Any, Any]:
    """The first inputs and targets on which an estimator can be fitted."""
    reason = ""
    for inputs, target in data_for(estimator, data):
        try:
            with quiet():
                fit(estimator, inputs, target)
                return inputs, target
        except Exception as error:
            reason = reason or str(error)
    raise ValueError(f"it cannot be fitted on any of the data: {reason}")


def estimators(data: Data) -> Iterator[Candidate]:
    """Every estimator, unfitted and fitted."""
    for name, kind in kinds_of_estimators():
        try:
            variants = instances(kind)
        except Exception as error:
            yield name, partial(_raise, error)
            continue
        for number, estimator in enumerate(variants):
            is_slow = number > 0 or bool({"estimator", "estimators"} & set(estimator.get_params(deep=False)))
            yield from _list_fits(f"{name} {number}" if number else name, estimator, data, is_slow)


def _raise(error: Exception) -> None:
    raise error


def _list_fits(name: str, estimator: Any, data: Data, is_slow: bool) -> Iterator[Candidate]:
    """One estimator on every type of data, or on a few types, because meta-estimators are slow to fit."""
    from sklearn.base import clone
    from sklearn.utils.validation import has_fit_parameter

    yield f"{name}, unfitted", lambda: clone(estimator)
    try:
        inputs, target = accepted_data(estimator, data)
    except Exception as error:
        yield name, partial(_raise, error)
        return
    yield name, partial(fit, estimator, inputs, target)
    if has_fit_parameter(estimator, "sample_weight"):
        weighted = partial(fit, estimator, inputs, target, sample_weight=data.weights)
        yield f"{name} with sample weights", weighted
    if inputs is data.classes:  # a label encoder
        for kind, labels in data.class_kinds().items():
            yield f"{name} on {kind}", partial(fit, estimator, labels)
    if not isinstance(inputs, np.ndarray) or inputs.shape != data.X.shape:
        return
    for kind, other in data.input_kinds().items():
        if is_slow and kind not in COMMON_KINDS:
            continue
        yield f"{name} on {kind}", partial(fit, estimator, other, target)
    if hasattr(estimator, "transform") and hasattr(estimator, "set_output"):
        yield (
            f"{name} with pandas output",
            lambda: clone(estimator).set_output(transform="pandas").fit(data.frame, target),
        )
    yield from _list_target_fits(name, estimator, inputs, data, is_slow)
    if hasattr(estimator, "partial_fit"):
        yield f"{name} by partial_fit", lambda: _fit_in_parts(clone(estimator), inputs, target)


def _list_target_fits(name: str, estimator: Any, inputs: Any, data: Data, is_slow: bool) -> Iterator[Candidate]:
    from sklearn.base import is_classifier, is_regressor

    targets: dict[str, Any] = {}
    if is_classifier(estimator):
        targets |= data.class_kinds()
    if is_regressor(estimator):
        targets |= data.number_kinds()
    for kind, target in targets.items():
        if is_slow and kind not in COMMON_KINDS:
            continue
        yield f"{name} on {kind}", partial(fit, estimator, inputs, target)


def _fit_in_parts(estimator: Any, inputs: Any, target: Any) -> Any:
    from sklearn.base import is_classifier

    first = {"classes": np.unique(target)} if is_classifier(estimator) else {}
    estimator.partial_fit(inputs[:24], target[:24], **first)
    return estimator.partial_fit(inputs[24:], target[24:])
