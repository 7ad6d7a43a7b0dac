"""The metrics of predictions, by scikit-learn's functions and under its names; what is undefined has a reason."""

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
        "average_precision": _SHARE,
        "log_loss": _ERROR,
        "precision": _SHARE,
        "recall": _SHARE,
        "f1": _SHARE,
        "f1_micro": _SHARE,
        "hamming_loss": _SHARE,
        "support": _ERROR,
        "rows": _ERROR,
    },
    "regression": {
        "r2": (-math.inf, 1.0),
        "mae": _ERROR,
        "rmse": _ERROR,
        "mape": _ERROR,
        "max_error": _ERROR,
        "rows": _ERROR,
    },
}
"""Task -> its metrics, each with the least and the greatest value that it can have."""
ALWAYS: Mapping[str, frozenset[str]] = {
    "classification": frozenset(
        (
            *("accuracy", "balanced_accuracy", "precision_macro", "recall_macro", "f1_macro"),
            *("roc_auc", "average_precision", "log_loss"),
        )
    ),
    "regression": frozenset(("r2", "mae", "rmse", "mape", "max_error")),
}
"""Task -> the metrics that every evaluation of one output has."""
ALWAYS_OF_SEVERAL: Mapping[str, frozenset[str]] = {
    "classification": frozenset(("accuracy", "hamming_loss")),
    "regression": ALWAYS["regression"],
}
"""Task -> the metrics that every evaluation of several outputs has."""

Measured = tuple[dict[str, float | None], dict[str, str]]
"""Metrics, and why some of them are missing."""


class Undefined(Exception):
    """A metric that the data does not define; the message says why."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a classifier answered, with the true classes."""

    true: Array
    """The places of classes, from 0 to ``classes`` - 1."""
    predicted: Array
    classes: int
    probabilities: Array | None
    """A column for each class."""
    decision: Array | None
    """What ``decision_function`` gives."""
    weights: Array | None = None

    def some(self, rows: Array) -> Answers:
        """Those of some rows."""
        parts = (self.probabilities, self.decision, self.weights)
        likely, decision, weights = (None if part is None else part[rows] for part in parts)
        return Answers(self.true[rows], self.predicted[rows], self.classes, likely, decision, weights)


def classification_scores(answers: Answers, positive: int | None = None) -> Measured:
    """The metrics of a classifier; ``positive`` is the place of the class that is looked for."""
    from sklearn import metrics

    pair, weighted = (answers.true, answers.predicted), {"sample_weight": answers.weights}
    macro = weighted | {"average": "macro", "zero_division": 0}
    questions: dict[str, Callable[[], float]] = {
        "accuracy": lambda: metrics.accuracy_score(*pair, **weighted),
        "balanced_accuracy": lambda: metrics.balanced_accuracy_score(*pair, **weighted),
        "precision_macro": lambda: metrics.precision_score(*pair, **macro),
        "recall_macro": lambda: metrics.recall_score(*pair, **macro),
        "f1_macro": lambda: metrics.f1_score(*pair, **macro),
        "roc_auc": lambda: _roc_auc(answers),
        "average_precision": lambda: _average_precision(answers, positive),
        "log_loss": lambda: _log_loss(answers),
    }
    if positive is not None:
        of_one = weighted | {"labels": [positive], "average": "macro", "zero_division": 0}
        questions |= {
            "precision": lambda: metrics.precision_score(*pair, **of_one),
            "recall": lambda: metrics.recall_score(*pair, **of_one),
            "f1": lambda: metrics.f1_score(*pair, **of_one),
        }
    return measured(questions)


def scores_of_classes(answers: Answers, labels: Sequence[str]) -> Measured:
    """Precision, recall, f1 and support of each class, as ``recall:LABEL``."""
    from sklearn import metrics

    found = metrics.precision_recall_fscore_support(
        answers.true,
        answers.predicted,
        labels=range(answers.classes),
        sample_weight=answers.weights,
        zero_division=0,
    )
    names = ("precision", "recall", "f1", "support")
    columns = dict(zip(names, found, strict=True))
    return {f"{name}:{label}": float(columns[name][at]) for at, label in enumerate(labels) for name in names}, {}


def regression_scores(true: Array, predicted: Array, weights: Array | None = None) -> Measured:
    """The metrics of a regressor; of several outputs the mean over all."""
    from sklearn import metrics

    weighted = {"sample_weight": weights}
    return measured(
        {
            "r2": lambda: _r2(true, predicted, weighted),
            "mae": lambda: metrics.mean_absolute_error(true, predicted, **weighted),
            "rmse": lambda: metrics.root_mean_squared_error(true, predicted, **weighted),
            "mape": lambda: _mape(true, predicted, weighted),
            "max_error": lambda: abs(true - predicted).max(),
        }
    )


def scores_of_labels(true: Array, predicted: Array, likely: Array | None, weights: Array | None) -> Measured:
    """The metrics of a classifier with several outputs, a column of places each; ``likely`` is of the class at 1."""
    from sklearn import metrics

    weighted = {"sample_weight": weights}
    questions: dict[str, Callable[[], float]] = {
        "accuracy": lambda: _mean((true == predicted).all(axis=1), weights),
        "hamming_loss": lambda: _mean((true != predicted).mean(axis=1), weights),
    }
    if max(true.max(), predicted.max()) <= 1:  # every output has two classes
        averages = {"zero_division": 0} | weighted
        questions |= {
            "precision_macro": lambda: metrics.precision_score(true, predicted, average="macro", **averages),
            "recall_macro": lambda: metrics.recall_score(true, predicted, average="macro", **averages),
            "f1_macro": lambda: metrics.f1_score(true, predicted, average="macro", **averages),
            "f1_micro": lambda: metrics.f1_score(true, predicted, average="micro", **averages),
            "roc_auc": lambda: _of_labels(metrics.roc_auc_score, true, likely, weighted),
            "average_precision": lambda: _of_labels(metrics.average_precision_score, true, likely, weighted),
        }
    return measured(questions)


def confusion_matrix(true: Array, predicted: Array, labels: tuple[str, ...]) -> ConfusionMatrix | None:
    """How often each class was taken for which; None where there are too many to keep, or too long ones."""
    import numpy as np

    classes = len(labels)
    if classes > MOST_CLASSES or any(len(label) > LONGEST_LABEL for label in labels):
        return None
    counts = np.bincount(true * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    return ConfusionMatrix(labels, tuple(tuple(map(int, row)) for row in counts))


def measured(questions: Mapping[str, Callable[[], float]]) -> Measured:
    """The answers to some questions, and why some have none."""
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


def _mean(values: Array, weights: Array | None) -> float:
    import numpy as np

    return float(np.average(values, weights=weights))


def _of_labels(metric: Callable[..., float], true: Array, likely: Array | None, weighted: dict[str, Any]) -> float:
    if likely is None:
        raise Undefined(NO_PROBABILITIES)
    _require_finite(likely)
    if any(len(set(column.tolist())) < 2 for column in true.T):
        raise Undefined("a target has one class only")
    return float(metric(true, likely, average="macro", **weighted))


def _scores_for(answers: Answers, place: int) -> Array:
    """How much the model holds each row to be of the class at ``place``, where it says so."""
    if answers.probabilities is not None:
        scores = answers.probabilities[:, place]
    elif answers.decision is not None and answers.decision.ndim == 1 and answers.classes == 2:
        scores = answers.decision if place == 1 else -answers.decision
    else:
        raise Undefined(NO_PROBABILITIES)
    _require_finite(scores)
    return scores


def _roc_auc(answers: Answers) -> float:
    from sklearn import metrics

    _require_every_class(answers.true, answers.classes)
    weighted = {"sample_weight": answers.weights}
    if answers.classes == 2:
        return float(metrics.roc_auc_score(answers.true, _scores_for(answers, 1), **weighted))
    if answers.probabilities is None:
        raise Undefined(NO_PROBABILITIES)
    rows = _distributions(answers.probabilities)
    of_each = {"multi_class": "ovr", "average": "macro", "labels": range(answers.classes)}
    return float(metrics.roc_auc_score(answers.true, rows, **of_each, **weighted))


def _average_precision(answers: Answers, positive: int | None) -> float:
    """Of the positive class; without one of the second of two, else the mean over all classes."""
    from sklearn import metrics

    weighted = {"sample_weight": answers.weights}
    if positive is None and answers.classes != 2:
        _require_every_class(answers.true, answers.classes)
        every = [_average_precision(answers, place) for place in range(answers.classes)]
        return sum(every) / len(every)
    place = 1 if positive is None else positive
    true = answers.true == place
    if not true.any():
        raise Undefined("the data has no row of the positive class")
    return float(metrics.average_precision_score(true, _scores_for(answers, place), **weighted))


def _log_loss(answers: Answers) -> float:
    from sklearn import metrics

    if answers.probabilities is None:
        raise Undefined(NO_PROBABILITIES)
    if answers.classes < 2:
        raise Undefined("the model knows one class only")
    rows = _distributions(answers.probabilities)
    return float(metrics.log_loss(answers.true, rows, labels=range(answers.classes), sample_weight=answers.weights))


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


def _r2(true: Array, predicted: Array, weighted: dict[str, Any]) -> float:
    from sklearn import metrics

    if len(true) < 2:
        raise Undefined("the data has fewer than two rows")
    if (true == true[0]).all():
        raise Undefined("the target has one value only")
    return float(metrics.r2_score(true, predicted, **weighted))


def _mape(true: Array, predicted: Array, weighted: dict[str, Any]) -> float:
    from sklearn import metrics

    if (true == 0).any():
        raise Undefined("a value of the target is zero")
    return float(metrics.mean_absolute_percentage_error(true, predicted, **weighted))
