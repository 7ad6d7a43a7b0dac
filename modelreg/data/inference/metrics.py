"""Compute metrics with scikit-learn, under its names; an undefined metric has a reason instead of a value."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelreg.domain.evaluations import LONGEST_LABEL, MOST_CLASSES, ConfusionMatrix

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_TOLERANCE = 1e-3  # allowed difference between the sum of a row of probabilities and 1
NO_PROBABILITIES = "the model gives no probabilities"

_FRACTION, _NON_NEGATIVE = (0.0, 1.0), (0.0, math.inf)
RANGES: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "classification": {
        "accuracy": _FRACTION,
        "balanced_accuracy": _FRACTION,
        "precision_macro": _FRACTION,
        "recall_macro": _FRACTION,
        "f1_macro": _FRACTION,
        "roc_auc": _FRACTION,
        "average_precision": _FRACTION,
        "log_loss": _NON_NEGATIVE,
        "precision": _FRACTION,
        "recall": _FRACTION,
        "f1": _FRACTION,
        "f1_micro": _FRACTION,
        "hamming_loss": _FRACTION,
        "support": _NON_NEGATIVE,
        "rows": _NON_NEGATIVE,
    },
    "regression": {
        "r2": (-math.inf, 1.0),
        "mae": _NON_NEGATIVE,
        "rmse": _NON_NEGATIVE,
        "mape": _NON_NEGATIVE,
        "max_error": _NON_NEGATIVE,
        "rows": _NON_NEGATIVE,
    },
}
"""Task -> metric -> its lowest and highest possible value."""
ALWAYS: Mapping[str, frozenset[str]] = {
    "classification": frozenset(
        (
            *("accuracy", "balanced_accuracy", "precision_macro", "recall_macro", "f1_macro"),
            *("roc_auc", "average_precision", "log_loss"),
        )
    ),
    "regression": frozenset(("r2", "mae", "rmse", "mape", "max_error")),
}
"""Task -> the metrics that every evaluation of a model with one output has."""
ALWAYS_OF_SEVERAL: Mapping[str, frozenset[str]] = {
    "classification": frozenset(("accuracy", "hamming_loss")),
    "regression": ALWAYS["regression"],
}
"""Task -> the metrics that every evaluation of a model with several outputs has."""

MetricValues = tuple[dict[str, float | None], dict[str, str]]
"""Metric -> value or None, and metric -> the reason why it has no value."""


class Undefined(Exception):
    """A metric is undefined for this data; the message is the reason."""


@dataclass(frozen=True, slots=True)
class ClassifierOutputs:
    """The outputs of a classifier for some rows, with the true classes."""

    true: Array
    """Indexes of classes, from 0 to ``classes`` - 1."""
    predicted: Array
    classes: int
    probabilities: Array | None
    """One column per class."""
    decision: Array | None
    """The result of ``decision_function``."""
    weights: Array | None = None

    def select(self, rows: Array) -> ClassifierOutputs:
        """The outputs for some of the rows."""
        parts = (self.probabilities, self.decision, self.weights)
        probabilities, decision, weights = (None if part is None else part[rows] for part in parts)
        return ClassifierOutputs(self.true[rows], self.predicted[rows], self.classes, probabilities, decision, weights)


def score_classifier(outputs: ClassifierOutputs, positive: int | None = None) -> MetricValues:
    """The metrics of a classifier; ``positive`` is the index of the positive class."""
    from sklearn import metrics

    pair, weighted = (outputs.true, outputs.predicted), {"sample_weight": outputs.weights}
    macro = weighted | {"average": "macro", "zero_division": 0}
    functions: dict[str, Callable[[], float]] = {
        "accuracy": lambda: metrics.accuracy_score(*pair, **weighted),
        "balanced_accuracy": lambda: metrics.balanced_accuracy_score(*pair, **weighted),
        "precision_macro": lambda: metrics.precision_score(*pair, **macro),
        "recall_macro": lambda: metrics.recall_score(*pair, **macro),
        "f1_macro": lambda: metrics.f1_score(*pair, **macro),
        "roc_auc": lambda: _roc_auc(outputs),
        "average_precision": lambda: _average_precision(outputs, positive),
        "log_loss": lambda: _log_loss(outputs),
    }
    if positive is not None:
        of_positive = weighted | {"labels": [positive], "average": "macro", "zero_division": 0}
        functions |= {
            "precision": lambda: metrics.precision_score(*pair, **of_positive),
            "recall": lambda: metrics.recall_score(*pair, **of_positive),
            "f1": lambda: metrics.f1_score(*pair, **of_positive),
        }
    return compute_metrics(functions)


def score_classes(outputs: ClassifierOutputs, labels: Sequence[str]) -> dict[str, float | None]:
    """Precision, recall, f1 and support of each class, under names such as ``recall:LABEL``."""
    from sklearn import metrics

    names = ("precision", "recall", "f1", "support")
    scores = metrics.precision_recall_fscore_support(
        outputs.true,
        outputs.predicted,
        labels=range(outputs.classes),
        sample_weight=outputs.weights,
        zero_division=0,
    )
    scores_by_name = dict(zip(names, scores, strict=True))
    return {
        f"{name}:{label}": float(scores_by_name[name][index]) for index, label in enumerate(labels) for name in names
    }


def score_regressor(true: Array, predicted: Array, weights: Array | None = None) -> MetricValues:
    """The metrics of a regressor; with several outputs, the mean over the outputs."""
    from sklearn import metrics

    weighted = {"sample_weight": weights}
    return compute_metrics(
        {
            "r2": lambda: _r2(true, predicted, weighted),
            "mae": lambda: metrics.mean_absolute_error(true, predicted, **weighted),
            "rmse": lambda: metrics.root_mean_squared_error(true, predicted, **weighted),
            "mape": lambda: _mape(true, predicted, weighted),
            "max_error": lambda: abs(true - predicted).max(),
        }
    )


def score_labels(true: Array, predicted: Array, probabilities: Array | None, weights: Array | None) -> MetricValues:
    """The metrics of a classifier with several outputs.

    ``true`` and ``predicted`` have one column of class indexes per output; ``probabilities`` has those of class 1.
    """
    import numpy as np
    from sklearn import metrics

    weighted = {"sample_weight": weights}
    functions: dict[str, Callable[[], float]] = {
        "accuracy": lambda: float(np.average((true == predicted).all(axis=1), weights=weights)),
        "hamming_loss": lambda: float(np.average((true != predicted).mean(axis=1), weights=weights)),
    }
    if max(true.max(), predicted.max()) <= 1:  # every output has two classes
        options = {"zero_division": 0} | weighted
        functions |= {
            "precision_macro": lambda: metrics.precision_score(true, predicted, average="macro", **options),
            "recall_macro": lambda: metrics.recall_score(true, predicted, average="macro", **options),
            "f1_macro": lambda: metrics.f1_score(true, predicted, average="macro", **options),
            "f1_micro": lambda: metrics.f1_score(true, predicted, average="micro", **options),
            "roc_auc": lambda: _average_labels(metrics.roc_auc_score, true, probabilities, weighted),
            "average_precision": lambda: _average_labels(
                metrics.average_precision_score, true, probabilities, weighted
            ),
        }
    return compute_metrics(functions)


def confusion_matrix(true: Array, predicted: Array, labels: tuple[str, ...]) -> ConfusionMatrix | None:
    """Count each pair of true and predicted class; None if there are too many classes or too long labels to store."""
    import numpy as np

    classes = len(labels)
    if classes > MOST_CLASSES or any(len(label) > LONGEST_LABEL for label in labels):
        return None
    counts = np.bincount(true * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    return ConfusionMatrix(labels, tuple(tuple(map(int, row)) for row in counts))


def compute_metrics(functions: Mapping[str, Callable[[], float]]) -> MetricValues:
    """Call each function; if it raises `Undefined`, store the reason in place of a value."""
    values: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for name, compute in functions.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # undefined metrics get a reason; zero_division is chosen on purpose
                value = float(compute())
            if not math.isfinite(value):
                raise Undefined("the value is not finite for this data")
            values[name] = value
        except Undefined as undefined:
            values[name], reasons[name] = None, str(undefined)
    return values, reasons


def _average_labels(
    metric: Callable[..., float], true: Array, probabilities: Array | None, weighted: dict[str, Any]
) -> float:
    if probabilities is None:
        raise Undefined(NO_PROBABILITIES)
    _check_finite(probabilities)
    if any(len(set(column.tolist())) < 2 for column in true.T):
        raise Undefined("a target has only one class")
    return float(metric(true, probabilities, average="macro", **weighted))


def _get_class_scores(outputs: ClassifierOutputs, index: int) -> Array:
    """The score of one class for each row; raises `Undefined` if the model gives none."""
    if outputs.probabilities is not None:
        scores = outputs.probabilities[:, index]
    elif outputs.decision is not None and outputs.decision.ndim == 1 and outputs.classes == 2:
        scores = outputs.decision if index == 1 else -outputs.decision
    else:
        raise Undefined(NO_PROBABILITIES)
    _check_finite(scores)
    return scores


def _roc_auc(outputs: ClassifierOutputs) -> float:
    from sklearn import metrics

    _check_every_class(outputs.true, outputs.classes)
    weighted = {"sample_weight": outputs.weights}
    if outputs.classes == 2:
        return float(metrics.roc_auc_score(outputs.true, _get_class_scores(outputs, 1), **weighted))
    if outputs.probabilities is None:
        raise Undefined(NO_PROBABILITIES)
    distributions = _normalize_rows(outputs.probabilities)
    options = {"multi_class": "ovr", "average": "macro", "labels": range(outputs.classes)}
    return float(metrics.roc_auc_score(outputs.true, distributions, **options, **weighted))


def _average_precision(outputs: ClassifierOutputs, positive: int | None) -> float:
    """For the positive class; by default for the second of two classes, or the mean over more than two."""
    from sklearn import metrics

    weighted = {"sample_weight": outputs.weights}
    if positive is None and outputs.classes != 2:
        _check_every_class(outputs.true, outputs.classes)
        scores = [_average_precision(outputs, index) for index in range(outputs.classes)]
        return sum(scores) / len(scores)
    index = 1 if positive is None else positive
    true = outputs.true == index
    if not true.any():
        raise Undefined("the data has no row of the positive class")
    return float(metrics.average_precision_score(true, _get_class_scores(outputs, index), **weighted))


def _log_loss(outputs: ClassifierOutputs) -> float:
    from sklearn import metrics

    if outputs.probabilities is None:
        raise Undefined(NO_PROBABILITIES)
    if outputs.classes < 2:
        raise Undefined("the model has only one class")
    distributions = _normalize_rows(outputs.probabilities)
    options = {"labels": range(outputs.classes), "sample_weight": outputs.weights}
    return float(metrics.log_loss(outputs.true, distributions, **options))


def _normalize_rows(probabilities: Array) -> Array:
    """Scale rows to a sum of exactly 1, which float32 probabilities do not have."""
    import numpy as np

    _check_finite(probabilities)
    clipped = np.clip(probabilities.astype("float64"), 0, 1)
    sums = clipped.sum(axis=1, keepdims=True)
    if np.abs(clipped - probabilities).max() > _TOLERANCE or np.abs(sums - 1).max() > _TOLERANCE:
        raise Undefined("the model's probabilities do not add up to 1 in every row")
    distributions: Array = clipped / sums
    return distributions


def _check_finite(scores: Array) -> None:
    import numpy as np

    if not np.isfinite(scores).all():
        raise Undefined("the model gives probabilities that are missing or infinite")


def _check_every_class(true: Array, classes: int) -> None:
    import numpy as np

    classes_in_data = len(np.unique(true))
    if classes_in_data < 2:
        raise Undefined("the data has only one class")
    if classes_in_data < classes:
        raise Undefined(f"the data has only {classes_in_data} of the {classes} classes of the model")


def _r2(true: Array, predicted: Array, weighted: dict[str, Any]) -> float:
    from sklearn import metrics

    if len(true) < 2:
        raise Undefined("the data has fewer than two rows")
    if (true == true[0]).all():
        raise Undefined("the target has only one value")
    return float(metrics.r2_score(true, predicted, **weighted))


def _mape(true: Array, predicted: Array, weighted: dict[str, Any]) -> float:
    from sklearn import metrics

    if (true == 0).any():
        raise Undefined("the target has the value zero")
    return float(metrics.mean_absolute_percentage_error(true, predicted, **weighted))
