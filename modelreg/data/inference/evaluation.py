"""How well a model does on data with the true values: predicted in chunks, measured at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelreg.data.inference import scorers, scoring
from modelreg.data.inference.features import features_in
from modelreg.data.inference.labels import labels_like, places_of
from modelreg.data.inference.prediction import Progress
from modelreg.data.inference.predictor import Predictor, asked, asked_probabilities, predictor_of
from modelreg.data.inference.scoring import Answers, Measured
from modelreg.data.tables.casting import MISSING
from modelreg.data.tables.columns import named
from modelreg.data.tables.reading import Chunk, rows_of
from modelreg.data.tables.source import TableFile
from modelreg.domain.evaluations import MOST_CLASSES, EvaluationRequest, Scores
from modelreg.domain.signatures import Signature
from modelreg.errors import CannotPredict, InvalidData, InvalidInput, did_you_mean, shown

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

CLASSIFICATION = "classification"
REGRESSION = "regression"
MOST_SLICES = 50
"""Values of the column of ``by``."""
_LONGEST_NAME = 100  # characters of a class or a value within a metric's name
_UNNAMED = "the model does not say which class each probability is of"


@dataclass(slots=True)
class _Collected:
    """What was seen of all rows so far."""

    true: list[list[Any]]
    """Of each target, the values of each chunk."""
    predicted: list[Any] = field(default_factory=list)
    probabilities: list[Any] = field(default_factory=list)
    decision: list[Any] = field(default_factory=list)
    classes: tuple[Any, ...] | None = None
    """Those of the probabilities, where the model names them."""
    weights: list[Any] = field(default_factory=list)
    groups: list[Any] = field(default_factory=list)


def evaluate(
    model: object,
    signature: Signature | None,
    table: TableFile,
    request: EvaluationRequest,
    *,
    progress: Progress | None = None,
) -> Scores:
    """The scores of ``model`` on the rows of ``table``, of which ``request`` says what they are.

    `Registry.evaluate` says the rest. The rows are predicted in chunks; true values and predictions are kept. The
    scores do not say of which data they are: whoever opened the file knows its digest.
    """
    if request.task not in (None, CLASSIFICATION, REGRESSION):
        near = did_you_mean(request.task, (CLASSIFICATION, REGRESSION))
        raise InvalidInput(f"{shown(request.task)} is not a task", near or f"write {CLASSIFICATION} or {REGRESSION}")
    scorers.require_scorers(request.scorers)
    predictor = predictor_of(model)
    if predictor.unscored and request.task is None:
        raise CannotPredict(
            f"the model is {predictor.unscored}: what it predicts are no values of a target, so no metric applies",
            "compute metrics yourself and keep them with --metric NAME=NUMBER; or say --task, if they are its values",
        )
    collected = _collect(table, signature, predictor, request, progress)
    if len(request.targets) > 1:
        return _of_several(collected, predictor, request)
    return _of_one(collected, predictor, request)


def _collect(
    table: TableFile,
    signature: Signature | None,
    predictor: Predictor,
    request: EvaluationRequest,
    progress: Progress | None,
) -> _Collected:
    others = [*request.targets, *request.id_columns, *([request.weight] if request.weight else [])]
    shared = [request.by] if request.by and request.by not in others else []
    features = features_in(table, signature, predictor, others, shared=shared, ignore_extra=request.ignore_extra)
    total, done = rows_of(table), 0
    collected = _Collected([[] for _ in request.targets], classes=predictor.classes)
    for chunk in features.chunks():
        data = features.of(chunk)
        for place, target in enumerate(request.targets):
            known = predictor.output_classes[place] if _fits(predictor, request) else predictor.classes or ()  # type: ignore[index]
            collected.true[place].append(_true_values(chunk, table.name, target, known))
        _ask(predictor, data, collected)
        if request.weight:
            collected.weights.append(_weights(chunk, table.name, request.weight))
        if request.by:
            collected.groups.append(_shared(chunk.others[request.by].astype(str).to_numpy(dtype=object)))
        done += len(chunk)
        if progress is not None:
            progress(done, total)
    return collected


def _fits(predictor: Predictor, request: EvaluationRequest) -> bool:
    """Whether the model names the classes of each target."""
    return predictor.output_classes is not None and len(predictor.output_classes) == len(request.targets)


def _ask(predictor: Predictor, data: Any, collected: _Collected) -> None:
    import numpy as np

    if predictor.probabilities is not None:
        classes, likely = asked_probabilities(predictor, data)
        collected.probabilities.append(likely)
        collected.classes = collected.classes or classes
        if predictor.is_by_score:
            collected.predicted.append(np.array(predictor.classes)[likely.argmax(axis=1)])
            return
    elif predictor.decision is not None:
        collected.decision.append(asked(predictor.decision, data))
    collected.predicted.append(asked(predictor.predict, data))


def _weights(chunk: Chunk, name: str, column: str) -> Array:
    import numpy as np
    import pandas as pd

    values = chunk.others[column]
    weights = pd.to_numeric(values, errors="coerce").to_numpy(dtype="float64")
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        place = int(wrong.argmax())
        text, row = str(values.iloc[place]), chunk.row_name(place)
        raise InvalidData(f"{name}: the weight {shown(column)} is {shown(text)} in {row}, and no number of 0 or more")
    return weights


def _true_values(chunk: Chunk, name: str, target: str, classes: tuple[Any, ...]) -> Array:
    """The values of the target as they are written; what they mean is settled when all are known."""
    values, texts = chunk.others[target], [label for label in classes if isinstance(label, str)]
    missing = (values.isna() | (values.isin(MISSING) & ~values.isin(texts))).to_numpy()
    if missing.any():
        count, row = int(missing.sum()), chunk.row_name(int(missing.argmax()))
        more = f" (and {count - 1} more rows)" if count > 1 else ""
        raise InvalidData(f"{name}: the target {target!r} is missing in {row}{more}", "leave those rows out")
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


def _all(parts: list[Any]) -> Array | None:
    return _joined(parts) if parts else None


def _refuse_missing(predicted: Array) -> None:
    import pandas as pd

    missing = int(pd.isna(predicted).sum())
    if missing:
        raise InvalidData(f"the prediction is missing in {missing} {'row' if missing == 1 else 'rows'}")


# --- one output -----------------------------------------------------------------------------------------------


def _of_one(collected: _Collected, predictor: Predictor, request: EvaluationRequest) -> Scores:
    true, predicted = _joined(collected.true[0]), _joined(collected.predicted)
    if predicted.ndim > 1:
        hint = f"name each: {' '.join(['--target COLUMN'] * min(3, predicted.shape[1]))}"
        raise InvalidData(f"the model predicts {predicted.shape[1]} values for each row, and one target is given", hint)
    _refuse_missing(predicted)
    task, weights = request.task or predictor.task or _task_of(true, predicted), _all(collected.weights)
    target = request.targets[0]
    if task == REGRESSION:
        _refuse_of_classes(request)
        numbers = _numbers(true, f"the target {target!r}"), _numbers(predicted, "the prediction")
        values, missing = _sliced(collected, request, lambda rows: _regression(*numbers, weights, request, rows))
        return Scores(REGRESSION, values, missing, None, None, len(true))
    labels = collected.classes or _labels(true, predicted)
    answers, named_classes = _answers(collected, true, predicted, labels, target)
    positive = _positive(request, labels)
    values, missing = _sliced(
        collected, request, lambda rows: _classification(answers, labels, positive, request, rows, named_classes)
    )
    if request.per_class:
        _require_few(labels)
        values |= scoring.scores_of_classes(answers, [_in_name(label) for label in labels])[0]
    matrix = scoring.confusion_matrix(answers.true, answers.predicted, tuple(map(str, labels)))
    return Scores(CLASSIFICATION, values, missing, matrix, None, len(true))


def _refuse_of_classes(request: EvaluationRequest) -> None:
    if request.positive is not None or request.per_class:
        raise InvalidInput("a regression has no classes", "leave out --positive and --per-class")


def _regression(
    true: Array, predicted: Array, weights: Array | None, request: EvaluationRequest, rows: Array | None
) -> Measured:
    if rows is not None:
        true, predicted, weights = true[rows], predicted[rows], None if weights is None else weights[rows]
    _require_weight(weights)
    values, missing = scoring.regression_scores(true, predicted, weights)
    more = scoring.measured(scorers.questions_of_regressor(request.scorers, true, predicted, weights))
    return values | more[0], missing | more[1]


def _classification(
    answers: Answers,
    labels: tuple[Any, ...],
    positive: int | None,
    request: EvaluationRequest,
    rows: Array | None,
    named_classes: bool,
) -> Measured:
    some = answers if rows is None else answers.some(rows)
    _require_weight(some.weights)
    values, missing = scoring.classification_scores(some, positive)
    more = scoring.measured(scorers.questions_of_classifier(request.scorers, some, labels, positive))
    reasons = missing | more[1]
    if not named_classes:
        reasons = {name: _UNNAMED if why == scoring.NO_PROBABILITIES else why for name, why in reasons.items()}
    return values | more[0], reasons


def _require_weight(weights: Array | None) -> None:
    if weights is not None and not weights.sum() > 0:
        raise InvalidData("the weights of the rows are all 0", "name another column with --weight")


def _sliced(collected: _Collected, request: EvaluationRequest, measure: Callable[[Array | None], Measured]) -> Measured:
    """The metrics of all rows, and with ``by`` those of each value's rows."""
    values, missing = measure(None)
    for suffix, rows in _slices(collected, request):
        some, reasons = measure(rows)
        values |= {f"{name}{suffix}": value for name, value in some.items()} | {f"rows{suffix}": float(len(rows))}
        missing |= {f"{name}{suffix}": reason for name, reason in reasons.items()}
    return values, missing


def _slices(collected: _Collected, request: EvaluationRequest) -> Iterator[tuple[str, Array]]:
    import numpy as np
    import pandas as pd

    if not request.by:
        return
    places, found = pd.factorize(_joined(collected.groups), sort=True)
    if len(found) > MOST_SLICES:
        raise InvalidData(
            f"the column {shown(request.by)} has {len(found)} different values, and --by takes {MOST_SLICES} at most",
            "name a column with few values, or add one to the data that groups them",
        )
    for place, value in enumerate(found):
        yield f"[{_in_name(request.by)}={_in_name(value)}]", np.flatnonzero(places == place)


def _in_name(value: Any) -> str:
    """A class or a value as a part of a metric's name; raises `InvalidData` for what cannot stand there."""
    text = str(value)
    if len(text) > _LONGEST_NAME or not text.isprintable():
        raise InvalidData(f"{shown(text)} cannot be a part of a metric's name", "give it a short name in the data")
    return text


def _positive(request: EvaluationRequest, labels: tuple[Any, ...]) -> int | None:
    if request.positive is None:
        return None
    names = list(map(str, labels))
    if request.positive not in names:
        near = did_you_mean(request.positive, names) or f"its classes are {named(names)}"
        raise InvalidInput(f"the model has no class {shown(request.positive)}", near)
    return names.index(request.positive)


def _require_few(labels: tuple[Any, ...]) -> None:
    if len(labels) > MOST_CLASSES:
        raise InvalidInput(f"the model has {len(labels)} classes, and --per-class takes {MOST_CLASSES} at most")


def _answers(
    collected: _Collected, true: Array, predicted: Array, labels: tuple[Any, ...], target: str
) -> tuple[Answers, bool]:
    """What was answered by places of classes, and whether the model says of which class each probability is."""
    known = places_of(labels_like(true, labels), labels, f"the target {target!r}")
    answered = places_of(labels_like(predicted, labels), labels, "the prediction")
    likely = _all(collected.probabilities)
    named_classes = collected.classes is not None and likely is not None and likely.ndim == 2
    fits = named_classes and likely is not None and likely.shape[1] == len(labels)
    weights, decision = _all(collected.weights), _all(collected.decision)
    return Answers(known, answered, len(labels), likely if fits else None, decision, weights), likely is None or fits


def _task_of(true: Array, predicted: Array) -> str:
    """What is measured when neither the model nor the user says it: told by the values."""
    from sklearn.utils.multiclass import type_of_target

    found = labels_like(true, predicted[:1].tolist())
    if found.dtype.kind not in "iuf" or predicted.dtype.kind not in "iuf":
        return CLASSIFICATION
    return REGRESSION if type_of_target(found).startswith("continuous") else CLASSIFICATION


def _numbers(values: Array, what: str) -> Array:
    import numpy as np

    texts = (value for value in values.ravel().tolist() if isinstance(value, str)) if values.dtype.kind in "OU" else ()
    try:
        if any("_" in text or not text.isascii() for text in texts):  # which Python takes for numbers, unlike pandas
            raise ValueError
        numbers = values.astype("float64")
    except (ValueError, TypeError, OverflowError):
        hint = "name the right column, or --task classification"
        raise InvalidData(f"{what} is text, and a regression needs numbers", hint) from None
    if not np.isfinite(numbers).all():
        raise InvalidData(f"{what} has values that are missing or infinite")
    return numbers


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


# --- several outputs ------------------------------------------------------------------------------------------


def _of_several(collected: _Collected, predictor: Predictor, request: EvaluationRequest) -> Scores:
    """Scores of a model with an output for each target: of all together, and of each as ``METRIC:TARGET``."""
    import numpy as np

    true, predicted = [_joined(parts) for parts in collected.true], _joined(collected.predicted)
    outputs = predicted.shape[1] if predicted.ndim > 1 else 1
    if outputs != len(true):
        raise InvalidData(f"the model predicts {outputs} values for each row, and {len(true)} targets are given")
    if request.positive is not None or request.per_class or request.scorers:
        raise InvalidInput("with several targets there are no --positive, --per-class and --scorer", "leave them out")
    _refuse_missing(predicted)
    task = request.task or predictor.task or _task_of(true[0], predicted[:, 0])
    weights, names = _all(collected.weights), request.targets
    if task == REGRESSION:
        numbers = np.column_stack(
            [_numbers(each, f"the target {name!r}") for name, each in zip(names, true, strict=True)]
        )
        answered = _numbers(predicted, "the prediction")
        values, missing = _sliced(
            collected, request, lambda rows: _regressions(numbers, answered, weights, names, rows)
        )
        return Scores(REGRESSION, values, missing, None, None, len(numbers))
    parts = [_output(collected, predictor, place, each, predicted[:, place], names) for place, each in enumerate(true)]
    values, missing = _sliced(collected, request, lambda rows: _classifications(parts, names, rows))
    return Scores(CLASSIFICATION, values, missing, None, None, len(true[0]))


def _output(
    collected: _Collected, predictor: Predictor, place: int, true: Array, predicted: Array, names: tuple[str, ...]
) -> Answers:
    """What the model answered for one of several targets."""
    import numpy as np

    several = (
        predictor.output_classes if predictor.output_classes and len(predictor.output_classes) == len(names) else None
    )
    labels = several[place] if several else _labels(true, predicted)
    known = places_of(labels_like(true, labels), labels, f"the target {names[place]!r}")
    answered = places_of(labels_like(predicted, labels), labels, "the prediction")
    likely = _all(collected.probabilities)
    if likely is not None and several:
        before = sum(len(each) for each in several[:place])
        likely = likely[:, before : before + len(labels)]
    elif likely is not None and likely.shape[1] == len(names) and len(labels) == 2:
        likely = np.column_stack([1 - likely[:, place], likely[:, place]])  # of labels, each by itself
    else:
        likely = None
    return Answers(known, answered, len(labels), likely, None, _all(collected.weights))


def _regressions(
    true: Array, predicted: Array, weights: Array | None, names: tuple[str, ...], rows: Array | None
) -> Measured:
    if rows is not None:
        true, predicted, weights = true[rows], predicted[rows], None if weights is None else weights[rows]
    _require_weight(weights)
    values, missing = scoring.regression_scores(true, predicted, weights)
    for place, name in enumerate(names):
        own = scoring.regression_scores(true[:, place], predicted[:, place], weights)
        _add(own, name, values, missing)
    return values, missing


def _classifications(parts: list[Answers], names: tuple[str, ...], rows: Array | None) -> Measured:
    import numpy as np

    some = parts if rows is None else [part.some(rows) for part in parts]
    _require_weight(some[0].weights)
    likely = None
    if all(part.probabilities is not None and part.classes == 2 for part in some):
        likely = np.column_stack([part.probabilities[:, 1] for part in some if part.probabilities is not None])
    true = np.column_stack([part.true for part in some])
    predicted = np.column_stack([part.predicted for part in some])
    values, missing = scoring.scores_of_labels(true, predicted, likely, some[0].weights)
    for part, name in zip(some, names, strict=True):
        _add(scoring.classification_scores(part), name, values, missing)
    return values, missing


def _add(own: Measured, name: str, values: dict[str, float | None], missing: dict[str, str]) -> None:
    """Add the metrics of one target to those of all."""
    suffix = f":{_in_name(name)}"
    values |= {f"{metric}{suffix}": value for metric, value in own[0].items()}
    missing |= {f"{metric}{suffix}": reason for metric, reason in own[1].items()}
