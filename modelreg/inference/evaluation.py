"""How well a model does on data with the true values: predicted in chunks, measured at the end."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelreg.errors import InvalidData, InvalidInput, did_you_mean, shown
from modelreg.inference import scoring
from modelreg.inference.features import feature_chunks, features_in
from modelreg.inference.prediction import Progress
from modelreg.inference.predictor import Predictor, asked, asked_each, predictor_of
from modelreg.records.evaluation import ConfusionMatrix, Scores
from modelreg.records.signature import Signature
from modelreg.tables.csv import MISSING
from modelreg.tables.reading import named, rows_of
from modelreg.tables.source import TableFile, opened

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]

CLASSIFICATION = "classification"
REGRESSION = "regression"
_TRUTH = {"true": "True", "TRUE": "True", "false": "False", "FALSE": "False"}
"""What pandas reads as truth values -> how Python writes them."""


@dataclass(slots=True)
class _Collected:
    """What was seen of all rows so far."""

    true: list[Any] = field(default_factory=list)
    predicted: list[Any] = field(default_factory=list)
    probabilities: list[Any] = field(default_factory=list)
    decision: list[Any] = field(default_factory=list)


def evaluate(
    model: object,
    signature: Signature | None,
    source: str | os.PathLike[str],
    target: str,
    *,
    task: str | None = None,
    progress: Progress | None = None,
) -> Scores:
    """The scores of ``model`` on the rows of ``source``, whose true values are in the column ``target``.

    `Registry.evaluate` says the rest. The rows are predicted in chunks; true values and predictions are kept.
    """
    if task not in (None, CLASSIFICATION, REGRESSION):
        near = did_you_mean(task, (CLASSIFICATION, REGRESSION))
        raise InvalidInput(f"{shown(task)} is not a task", near or f"write {CLASSIFICATION} or {REGRESSION}")
    predictor = predictor_of(model)
    with opened(source) as table:
        collected = _collect(table, signature, predictor, target, progress)
        digest = table.digest()
    true, predicted = _joined(collected.true), _joined(collected.predicted)
    if predicted.ndim > 1:
        raise InvalidData("the model predicts several values for each row, and one is measured", None)
    chosen = task or predictor.task or _task_of(true)
    if chosen == REGRESSION:
        values, missing = scoring.regression_scores(
            _numbers(true, f"the target {target!r}"), _numbers(predicted, "the prediction")
        )
        return Scores(REGRESSION, values, missing, None, digest, len(true))
    return _classified(predictor, collected, true, predicted, target, digest)


def _collect(
    table: TableFile, signature: Signature | None, predictor: Predictor, target: str, progress: Progress | None
) -> _Collected:
    features, total = features_in(table, signature, predictor, [target]), rows_of(table)
    collected, done = _Collected(), 0
    for chunk in feature_chunks(table, features, [target]):
        data = features.of(chunk)
        collected.true.append(_true_values(chunk[target], table.name, target, predictor.classes))
        collected.predicted.append(asked(predictor.predict, data))
        if predictor.probabilities is not None:
            collected.probabilities.append(asked_each(predictor.probabilities, data))
        elif predictor.decision is not None:
            collected.decision.append(asked(predictor.decision, data))
        done += len(chunk)
        if progress is not None:
            progress(done, total)
    return collected


def _true_values(values: pd.Series[Any], name: str, target: str, classes: tuple[Any, ...] | None) -> Array:
    """The values of the target; the texts of a CSV file that are numbers as numbers, unless classes are texts."""
    import pandas as pd

    if values.dtype.kind in "iufb":
        if values.isna().any():
            raise _misses(name, target)
        return values.to_numpy()
    texts = [] if classes is None else [label for label in classes if isinstance(label, str)]
    absent = values.isna() | (values.isin(MISSING) & ~values.isin(texts))
    if absent.any():
        raise _misses(name, target)
    if any(isinstance(label, bool) for label in classes or ()):
        values = values.replace(_TRUTH)
    numbers = None if texts else pd.to_numeric(values, errors="coerce")
    if numbers is None or numbers.isna().any():
        return _shared(values.astype(str).to_numpy(dtype=object))
    return numbers.to_numpy()


def _shared(texts: Array) -> Array:
    """The same texts, each kept once however often it stands there: some rows may be millions."""
    import pandas as pd

    places, found = pd.factorize(texts)
    shared: Array = found[places]
    return shared


def _misses(name: str, target: str) -> InvalidData:
    return InvalidData(f"{name} has rows without a value of the target {target!r}", "leave those rows out")


def _joined(parts: list[Any]) -> Array:
    import numpy as np

    if len({part.dtype.kind in "OUS" for part in parts}) > 1:  # numbers first, texts later
        parts = [part.astype(str).astype(object) for part in parts]
    return np.concatenate(parts)


def _task_of(true: Array) -> str:
    from sklearn.utils.multiclass import type_of_target

    if true.dtype.kind == "O":
        return CLASSIFICATION
    return REGRESSION if type_of_target(true).startswith("continuous") else CLASSIFICATION


def _numbers(values: Array, what: str) -> Array:
    import numpy as np

    try:
        numbers = values.astype("float64")
    except (ValueError, TypeError):
        hint = "name the right column, or --task classification"
        raise InvalidData(f"{what} is text, and a regression needs numbers", hint) from None
    if not np.isfinite(numbers).all():
        raise InvalidData(f"{what} has values that are missing or infinite")
    return numbers


def _classified(
    predictor: Predictor, collected: _Collected, true: Array, predicted: Array, target: str, digest: Any
) -> Scores:
    labels = _labels(predictor, true, predicted)
    places = {_comparable(label): place for place, label in enumerate(labels)}
    known, answered = _places(true, places, f"the target {target!r}"), _places(predicted, places, "the prediction")
    probabilities = _joined(collected.probabilities) if collected.probabilities else None
    if probabilities is not None and probabilities.shape != (len(true), len(labels)):
        probabilities = None
    decision = _joined(collected.decision) if collected.decision else None
    values, missing = scoring.classification_scores(known, answered, len(labels), probabilities, decision)
    matrix: ConfusionMatrix | None = scoring.confusion_matrix(known, answered, tuple(map(str, labels)))
    return Scores(CLASSIFICATION, values, missing, matrix, digest, len(true))


def _labels(predictor: Predictor, true: Array, predicted: Array) -> tuple[Any, ...]:
    """The classes: those of the model, or where it does not tell, those that occur."""
    if predictor.classes is not None:
        return predictor.classes
    if predicted.dtype.kind == "f" and (predicted % 1 != 0).any():
        raise InvalidData(
            "the model predicts numbers between its classes, such as probabilities, and no classes",
            "register the classifier that decides (XGBClassifier and not its Booster), or say --task regression",
        )
    return tuple(sorted({*true.tolist(), *predicted.tolist()}, key=lambda label: (isinstance(label, str), label)))


def _places(values: Array, places: dict[Any, int], what: str) -> Array:
    import numpy as np
    import pandas as pd

    inverse, found = pd.factorize(values)
    strange = sorted(str(label) for label in found.tolist() if _comparable(label) not in places)
    if strange:
        raise InvalidData(
            f"{what} has {named(strange)}, which the model never saw",
            f"its classes are {named([str(label) for label in places])}",
        )
    return np.array([places[_comparable(label)] for label in found.tolist()])[inverse]


def _comparable(label: Any) -> Any:
    """A label as it is compared: True and 'True' are one, 1 and 1.0 are, 1 and '1' are not."""
    return str(label) if isinstance(label, bool | str | bytes) else float(label)
