"""Compute scikit-learn scorers by name from predictions that were made already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from modelreg.data.inference.metrics import NO_PROBABILITIES, ClassifierOutputs, Undefined
from modelreg.errors import InvalidInput, did_you_mean, shown

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def check_scorers(names: Sequence[str]) -> None:
    """Raise `InvalidInput` for a name that is not a scikit-learn scorer."""
    if not names:
        return
    from sklearn.metrics import get_scorer_names

    scorers = get_scorer_names()
    for name in names:
        if name not in scorers:
            hint = did_you_mean(name, scorers) or "list them in Python with sklearn.metrics.get_scorer_names()"
            raise InvalidInput(f"scikit-learn has no scorer {shown(name)}", hint)


def build_classifier_scorers(
    names: Sequence[str], outputs: ClassifierOutputs, labels: Sequence[Any], positive: int | None
) -> dict[str, Callable[[], float]]:
    """Metric -> the function that computes it.

    With two classes the positive one becomes 1; by default that is the second class.
    """
    import numpy as np

    encoded: Array = np.arange(outputs.classes)  # the label that the scorer sees for each class
    if outputs.classes == 2 and positive == 0:
        encoded = np.array([1, 0])
    elif outputs.classes != 2 and all(isinstance(label, int | float) for label in labels):
        encoded = np.array(labels)
    order = np.argsort(encoded)
    probabilities = None if outputs.probabilities is None else outputs.probabilities[:, order]
    decision = outputs.decision
    if decision is not None and outputs.classes == 2 and positive == 0:
        decision = -decision
    model = _build_estimator(True, encoded[outputs.predicted], np.sort(encoded), probabilities, decision)
    return {name: _build_scorer(name, model, encoded[outputs.true], outputs.weights) for name in names}


def build_regressor_scorers(
    names: Sequence[str], true: Array, predicted: Array, weights: Array | None
) -> dict[str, Callable[[], float]]:
    """Metric -> the function that computes it."""
    model = _build_estimator(False, predicted, None, None, None)
    return {name: _build_scorer(name, model, true, weights) for name in names}


def _build_scorer(name: str, model: Any, true: Array, weights: Array | None) -> Callable[[], float]:
    def score() -> float:
        import numpy as np
        from sklearn.metrics import get_scorer

        rows = np.arange(len(true)).reshape(-1, 1)
        sample_weight = {} if weights is None else {"sample_weight": weights}
        try:
            return float(get_scorer(name)(model, rows, true, **sample_weight))
        except AttributeError:  # the scorer calls a method that the model does not have
            raise Undefined(NO_PROBABILITIES) from None
        except (ValueError, TypeError) as error:
            raise Undefined(f"scikit-learn reports: {' '.join(str(error).split())[:200]}") from error

    return score


def _build_estimator(
    is_classifier: bool, predicted: Array, classes: Array | None, probabilities: Array | None, decision: Array | None
) -> Any:
    """A scikit-learn estimator that takes row numbers and returns the stored outputs of these rows."""
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    mixin = ClassifierMixin if is_classifier else RegressorMixin
    outputs = {"predict": predicted, "predict_proba": probabilities, "decision_function": decision}
    methods = {name: _build_method(name, output) for name, output in outputs.items() if output is not None}
    model = type("StoredOutputs", (mixin, BaseEstimator), methods)()
    if classes is not None:
        model.classes_ = classes
    return model


def _build_method(name: str, output: Array) -> Callable[[Any, Array], Array]:
    def method(self: Any, rows: Array) -> Array:
        selected: Array = output[rows[:, 0]]
        return selected

    method.__name__ = name  # scikit-learn finds out from the name which response it received
    return method
