"""How well a model does on data with the true values: predicted in chunks, measured at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelreg.errors import InvalidData, InvalidInput, did_you_mean, shown
from modelreg.inference import scoring
from modelreg.inference.features import feature_chunks, features_in
from modelreg.inference.labels import labels_like, places_of
from modelreg.inference.prediction import Progress
from modelreg.inference.predictor import Predictor, asked, asked_probabilities, predictor_of
from modelreg.records.evaluation import ConfusionMatrix, Scores
from modelreg.records.signature import Signature
from modelreg.tables.csv import MISSING
from modelreg.tables.reading import rows_of
from modelreg.tables.source import TableFile

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]

CLASSIFICATION = "classification"
REGRESSION = "regression"
_UNNAMED = "the model does not say which class each probability is of"


@dataclass(slots=True)
class _Collected:
    """What was seen of all rows so far."""

    true: list[Any] = field(default_factory=list)
    predicted: list[Any] = field(default_factory=list)
    probabilities: list[Any] = field(default_factory=list)
    decision: list[Any] = field(default_factory=list)
    classes: tuple[Any, ...] | None = None
    """Those of the probabilities, where the model names them."""


def evaluate(
    model: object,
    signature: Signature | None,
    table: TableFile,
    target: str,
    *,
    task: str | None = None,
    progress: Progress | None = None,
) -> Scores:
    """The scores of ``model`` on the rows of ``table``, whose true values are in the column ``target``.

    `Registry.evaluate` says the rest. The rows are predicted in chunks; true values and predictions are kept. The
    scores do not say of which data they are: whoever opened the file knows its digest.
    """
    if task not in (None, CLASSIFICATION, REGRESSION):
        near = did_you_mean(task, (CLASSIFICATION, REGRESSION))
        raise InvalidInput(f"{shown(task)} is not a task", near or f"write {CLASSIFICATION} or {REGRESSION}")
    predictor = predictor_of(model)
    collected = _collect(table, signature, predictor, target, progress)
    true, predicted = _joined(collected.true), _joined(collected.predicted)
    if predicted.ndim > 1:
        raise InvalidData("the model predicts several values for each row, and one is measured")
    _refuse_missing(predicted)
    chosen = task or predictor.task or _task_of(true, predicted)
    if chosen == REGRESSION:
        values, missing = scoring.regression_scores(
            _numbers(true, f"the target {target!r}"), _numbers(predicted, "the prediction")
        )
        return Scores(REGRESSION, values, missing, None, None, len(true))
    return _classified(collected, true, predicted, target)


def _collect(
    table: TableFile, signature: Signature | None, predictor: Predictor, target: str, progress: Progress | None
) -> _Collected:
    features, total = features_in(table, signature, predictor, [target]), rows_of(table)
    collected, done = _Collected(classes=predictor.classes), 0
    for chunk in feature_chunks(table, features, [target]):
        data = features.of(chunk)
        collected.true.append(_true_values(chunk[target], table.name, target, predictor.classes or ()))
        collected.predicted.append(asked(predictor.predict, data))
        if predictor.probabilities is not None:
            classes, likely = asked_probabilities(predictor, data)
            collected.probabilities.append(likely)
            collected.classes = collected.classes or classes
        elif predictor.decision is not None:
            collected.decision.append(asked(predictor.decision, data))
        done += len(chunk)
        if progress is not None:
            progress(done, total)
    return collected


def _true_values(values: pd.Series[Any], name: str, target: str, classes: tuple[Any, ...]) -> Array:
    """The values of the target as they are written; what they mean is settled when all are known."""
    texts = [label for label in classes if isinstance(label, str)]
    if (values.isna() | (values.isin(MISSING) & ~values.isin(texts))).any():
        hint = "leave those rows out"
        raise InvalidData(f"{name} has rows without a value of the target {target!r}", hint)
    return values.to_numpy() if values.dtype.kind in "iufb" else _shared(values.astype(str).to_numpy(dtype=object))


def _shared(texts: Array) -> Array:
    """The same texts, each kept once however often it stands there: some rows may be millions."""
    import pandas as pd

    places, found = pd.factorize(texts)
    shared: Array = found[places]
    return shared


def _joined(parts: list[Any]) -> Array:
    import numpy as np

    if len({part.dtype.kind in "OUS" for part in parts}) > 1:  # as a model may answer that has texts and numbers
        parts = [part.astype(object) for part in parts]
    return np.concatenate(parts)


def _refuse_missing(predicted: Array) -> None:
    import pandas as pd

    missing = int(pd.isna(predicted).sum())
    if missing:
        raise InvalidData(f"the prediction is missing in {missing} {'row' if missing == 1 else 'rows'}")


def _task_of(true: Array, predicted: Array) -> str:
    """What is measured when neither the model nor the user says it: told by the values."""
    from sklearn.utils.multiclass import type_of_target

    found = labels_like(true, predicted[:1].tolist())
    if found.dtype.kind not in "iuf" or predicted.dtype.kind not in "iuf":
        return CLASSIFICATION
    return REGRESSION if type_of_target(found).startswith("continuous") else CLASSIFICATION


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


def _classified(collected: _Collected, true: Array, predicted: Array, target: str) -> Scores:
    labels = collected.classes or _labels(true, predicted)
    known = places_of(labels_like(true, labels), labels, f"the target {target!r}")
    answered = places_of(labels_like(predicted, labels), labels, "the prediction")
    decision = _joined(collected.decision) if collected.decision else None
    probabilities = _joined(collected.probabilities) if collected.probabilities else None
    named = collected.classes is not None and probabilities is not None and probabilities.ndim == 2
    fits = named and probabilities is not None and probabilities.shape[1] == len(labels)
    values, missing = scoring.classification_scores(
        known, answered, len(labels), probabilities if fits else None, decision
    )
    if probabilities is not None and not fits:
        missing = {name: _UNNAMED if reason == scoring.NO_PROBABILITIES else reason for name, reason in missing.items()}
    matrix: ConfusionMatrix | None = scoring.confusion_matrix(known, answered, tuple(map(str, labels)))
    return Scores(CLASSIFICATION, values, missing, matrix, None, len(true))


def _labels(true: Array, predicted: Array) -> tuple[Any, ...]:
    """The classes that occur, for a model that names none."""
    import pandas as pd

    if predicted.dtype.kind == "f" and (predicted % 1 != 0).any():
        raise InvalidData(
            "the model predicts numbers between its classes, such as probabilities, and no classes",
            "register the classifier that decides (XGBClassifier and not its Booster), or say --task regression",
        )
    answers = pd.unique(predicted).tolist()
    truths = pd.unique(labels_like(true, answers)).tolist()
    if not set(answers) & set(truths):
        hint = "look at both: modelreg predict, and the target in the data"
        raise InvalidData("no prediction is a value of the target, and the model names no classes", hint)
    return tuple(sorted({*answers, *truths}, key=lambda label: (isinstance(label, str), label)))
