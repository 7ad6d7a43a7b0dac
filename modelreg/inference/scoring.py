"""The metrics of predictions, by scikit-learn's functions and under its names; what is undefined has a reason."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from modelreg.records.evaluation import LONGEST_LABEL, MOST_CLASSES, ConfusionMatrix

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_ROUNDING = 1e-3  # by which probabilities may be off
NO_PROBABILITIES = "the model gives no probabilities"

_SHARE, _ERROR = (0.0, 1.0), (0.0, math.inf)
RANGES: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "classification": {
        "accuracy": _SHARE,
        "balanced_accuracy": _SHARE,
        "precision_macro": _SHARE,
        "recall_macro": _SHARE,
        "f1_macro": _SHARE,
        "roc_auc": _SHARE,
        "log_loss": _ERROR,
    },
    "regression": {"r2": (-math.inf, 1.0), "mae": _ERROR, "rmse": _ERROR, "mape": _ERROR, "max_error": _ERROR},
}
"""Task -> its metrics, each with the least and the greatest value that it can have."""


class Undefined(Exception):
    """A metric that the data does not define; the message says why."""


def classification_scores(
    true: Array, predicted: Array, classes: int, probabilities: Array | None, decision: Array | None
) -> tuple[dict[str, float | None], dict[str, str]]:
    """The metrics of a classifier, and why some are missing.

    ``true`` and ``predicted`` are the places of classes, from 0 to ``classes`` - 1; ``probabilities`` has a column
    for each, and ``decision`` is what ``decision_function`` gives.
    """
    from sklearn import metrics

    return _measured(
        {
            "accuracy": lambda: metrics.accuracy_score(true, predicted),
            "balanced_accuracy": lambda: metrics.balanced_accuracy_score(true, predicted),
            "precision_macro": lambda: metrics.precision_score(true, predicted, average="macro", zero_division=0),
            "recall_macro": lambda: metrics.recall_score(true, predicted, average="macro", zero_division=0),
            "f1_macro": lambda: metrics.f1_score(true, predicted, average="macro", zero_division=0),
            "roc_auc": lambda: _roc_auc(true, classes, probabilities, decision),
            "log_loss": lambda: _log_loss(true, classes, probabilities),
        }
    )


def regression_scores(true: Array, predicted: Array) -> tuple[dict[str, float | None], dict[str, str]]:
    """The metrics of a regressor, and why some are missing."""
    from sklearn import metrics

    return _measured(
        {
            "r2": lambda: _r2(true, predicted),
            "mae": lambda: metrics.mean_absolute_error(true, predicted),
            "rmse": lambda: metrics.root_mean_squared_error(true, predicted),
            "mape": lambda: _mape(true, predicted),
            "max_error": lambda: metrics.max_error(true, predicted),
        }
    )


def confusion_matrix(true: Array, predicted: Array, labels: tuple[str, ...]) -> ConfusionMatrix | None:
    """How often each class was taken for which; None where there are too many to keep, or too long ones."""
    import numpy as np

    classes = len(labels)
    if classes > MOST_CLASSES or any(len(label) > LONGEST_LABEL for label in labels):
        return None
    counts = np.bincount(true * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    return ConfusionMatrix(labels, tuple(tuple(map(int, row)) for row in counts))


def _measured(questions: Mapping[str, Callable[[], float]]) -> tuple[dict[str, float | None], dict[str, str]]:
    values: dict[str, float | None] = {}
    missing: dict[str, str] = {}
    for name, question in questions.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what they would say becomes a reason, or is scikit-learn's convention
                value = float(question())
            if not math.isfinite(value):
                raise Undefined("it is not a finite number for this data")
            values[name] = value
        except Undefined as undefined:
            values[name], missing[name] = None, str(undefined)
    return values, missing


def _roc_auc(true: Array, classes: int, probabilities: Array | None, decision: Array | None) -> float:
    from sklearn import metrics

    _require_every_class(true, classes)
    if classes == 2:
        scores = probabilities[:, 1] if probabilities is not None else decision
        if scores is None or scores.ndim != 1:
            raise Undefined(NO_PROBABILITIES)
        _require_finite(scores)
        return float(metrics.roc_auc_score(true, scores))
    if probabilities is None:
        raise Undefined(NO_PROBABILITIES)
    rows = _distributions(probabilities)
    return float(metrics.roc_auc_score(true, rows, multi_class="ovr", average="macro", labels=range(classes)))


def _log_loss(true: Array, classes: int, probabilities: Array | None) -> float:
    from sklearn import metrics

    if probabilities is None:
        raise Undefined(NO_PROBABILITIES)
    if classes < 2:
        raise Undefined("the model knows one class only")
    return float(metrics.log_loss(true, _distributions(probabilities), labels=range(classes)))


def _distributions(probabilities: Array) -> Array:
    """Rows that add up to exactly 1, which those of float32 do not."""
    import numpy as np

    _require_finite(probabilities)
    clipped = np.clip(probabilities.astype("float64"), 0, 1)
    sums = clipped.sum(axis=1, keepdims=True)
    if np.abs(clipped - probabilities).max() > _ROUNDING or np.abs(sums - 1).max() > _ROUNDING:
        raise Undefined("the model's probabilities do not add up to 1 in every row")
    distributions: Array = clipped / sums
    return distributions


def _require_finite(scores: Array) -> None:
    import numpy as np

    if not np.isfinite(scores).all():
        raise Undefined("the model gives probabilities that are missing or infinite")


def _require_every_class(true: Array, classes: int) -> None:
    import numpy as np

    found = len(np.unique(true))
    if found < 2:
        raise Undefined("the data has one class only")
    if found < classes:
        raise Undefined(f"the data has {found} of the {classes} classes that the model knows")


def _r2(true: Array, predicted: Array) -> float:
    from sklearn import metrics

    if len(true) < 2:
        raise Undefined("the data has fewer than two rows")
    if (true == true[0]).all():
        raise Undefined("the target has one value only")
    return float(metrics.r2_score(true, predicted))


def _mape(true: Array, predicted: Array) -> float:
    from sklearn import metrics

    if (true == 0).any():
        raise Undefined("a value of the target is zero")
    return float(metrics.mean_absolute_percentage_error(true, predicted))
