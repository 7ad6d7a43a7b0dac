"""Scorers of scikit-learn by their names, on answers that the model has given already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from modelreg.data.inference.scoring import NO_PROBABILITIES, Answers, Undefined
from modelreg.errors import InvalidInput, did_you_mean, shown

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def require_scorers(names: Sequence[str]) -> None:
    """Raise `InvalidInput` for a name that is none of scikit-learn's scorers."""
    if not names:
        return
    from sklearn.metrics import get_scorer_names

    known = get_scorer_names()
    for name in names:
        if name not in known:
            near = did_you_mean(name, known)
            raise InvalidInput(
                f"scikit-learn has no scorer {shown(name)}", near or "sklearn.metrics.get_scorer_names()"
            )


def questions_of_classifier(
    names: Sequence[str], answers: Answers, labels: Sequence[Any], positive: int | None
) -> dict[str, Callable[[], float]]:
    """Metric -> what computes it; of two classes the positive one is 1, without one the second."""
    import numpy as np

    places: Array = np.arange(answers.classes)
    if answers.classes == 2 and positive == 0:
        places = np.array([1, 0])
    elif answers.classes != 2 and all(isinstance(label, int | float) for label in labels):
        places = np.array(labels)
    order = np.argsort(places)
    likely = None if answers.probabilities is None else answers.probabilities[:, order]
    decision = answers.decision
    if decision is not None and answers.classes == 2 and positive == 0:
        decision = -decision
    model = _answered(True, places[answers.predicted], np.sort(places), likely, decision)
    return {name: _question(name, model, places[answers.true], answers.weights) for name in names}


def questions_of_regressor(
    names: Sequence[str], true: Array, predicted: Array, weights: Array | None
) -> dict[str, Callable[[], float]]:
    """Metric -> what computes it."""
    model = _answered(False, predicted, None, None, None)
    return {name: _question(name, model, true, weights) for name in names}


def _question(name: str, model: Any, true: Array, weights: Array | None) -> Callable[[], float]:
    def question() -> float:
        import numpy as np
        from sklearn.metrics import get_scorer

        rows = np.arange(len(true)).reshape(-1, 1)
        weighted = {} if weights is None else {"sample_weight": weights}
        try:
            return float(get_scorer(name)(model, rows, true, **weighted))
        except AttributeError:  # it asks for an answer that the model does not give
            raise Undefined(NO_PROBABILITIES) from None
        except (ValueError, TypeError) as error:
            raise Undefined(f"scikit-learn says: {' '.join(str(error).split())[:200]}") from error

    return question


def _answered(
    is_classifier: bool, predicted: Array, classes: Array | None, likely: Array | None, decision: Array | None
) -> Any:
    """An estimator that gives these answers for the places of rows."""
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    mixin = ClassifierMixin if is_classifier else RegressorMixin
    answers = {"predict": predicted, "predict_proba": likely, "decision_function": decision}
    methods = {name: _method(name, answer) for name, answer in answers.items() if answer is not None}
    model = type("Answered", (mixin, BaseEstimator), methods)()
    if classes is not None:
        model.classes_ = classes
    return model


def _method(name: str, answer: Array) -> Callable[[Any, Array], Array]:
    def method(self: Any, rows: Array) -> Array:
        chosen: Array = answer[rows[:, 0]]
        return chosen

    method.__name__ = name  # by which scikit-learn looks at what was asked
    return method
