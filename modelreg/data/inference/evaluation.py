"""Evaluate a model on data with true values: predict in chunks, then compute metrics over all rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelreg.data.inference import metrics, sklearn_scorers
from modelreg.data.inference.features import select_features
from modelreg.data.inference.labels import convert_labels, index_labels
from modelreg.data.inference.metrics import ClassifierOutputs, MetricValues
from modelreg.data.inference.prediction import Progress
from modelreg.data.inference.predictor import Predictor, build_predictor, call_model, call_probabilities
from modelreg.data.tables.casting import MISSING
from modelreg.data.tables.columns import join_names
from modelreg.data.tables.reading import Chunk, get_row_count
from modelreg.data.tables.table_file import TableFile
from modelreg.domain.evaluations import MOST_CLASSES, EvaluationRequest, Scores
from modelreg.domain.signatures import Signature
from modelreg.errors import CannotPredict, InvalidData, InvalidInput, did_you_mean, shown

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

CLASSIFICATION = "classification"
REGRESSION = "regression"
MAX_SLICES = 50
"""Distinct values of the column of ``by``."""
_MAX_NAME_PART = 100  # characters of a class or a value in the name of a metric
_UNNAMED_PROBABILITIES = "the model does not say to which class each probability belongs"


@dataclass(slots=True)
class _Results:
    """Targets and model outputs, as one array per chunk."""

    true: list[list[Any]]
    """One list of chunks per target."""
    predicted: list[Any] = field(default_factory=list)
    probabilities: list[Any] = field(default_factory=list)
    decision: list[Any] = field(default_factory=list)
    classes: tuple[Any, ...] | None = None
    """The classes of the probabilities, if the model names them."""
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
    """Compute the scores of ``model`` on the rows of ``table``. See `Registry.evaluate`.

    Features are read in chunks; targets and predictions are kept in memory. The scores have no data digest: the
    caller, which opened the file, adds it.
    """
    if request.task not in (None, CLASSIFICATION, REGRESSION):
        hint = did_you_mean(request.task, (CLASSIFICATION, REGRESSION)) or f"use {CLASSIFICATION} or {REGRESSION}"
        raise InvalidInput(f"{shown(request.task)} is not a task", hint)
    sklearn_scorers.check_scorers(request.scorers)
    predictor = build_predictor(model)
    if predictor.unscored and request.task is None:
        raise CannotPredict(
            f"the model is {predictor.unscored}: its predictions are not values of a target, so no metric applies",
            "compute metrics yourself and add them with --metric NAME=NUMBER; or state --task, if they are such values",
        )
    results = _predict_all(table, signature, predictor, request, progress)
    if len(request.targets) > 1:
        return _score_several_outputs(results, predictor, request)
    return _score_one_output(results, predictor, request)


def _predict_all(
    table: TableFile,
    signature: Signature | None,
    predictor: Predictor,
    request: EvaluationRequest,
    progress: Progress | None,
) -> _Results:
    others = [*request.targets, *request.id_columns, *([request.weight] if request.weight else [])]
    shared = [request.by] if request.by and request.by not in others else []
    features = select_features(table, signature, predictor, others, shared=shared, ignore_extra=request.ignore_extra)
    output_classes = predictor.output_classes
    if output_classes is None or len(output_classes) != len(request.targets):
        output_classes = (predictor.classes or (),) * len(request.targets)
    total, rows = get_row_count(table), 0
    results = _Results([[] for _ in request.targets], classes=predictor.classes)
    for chunk in features.chunks():
        data = features.select(chunk)
        for index, target in enumerate(request.targets):
            results.true[index].append(_read_target(chunk, table.name, target, output_classes[index]))
        _predict_chunk(predictor, data, results)
        if request.weight:
            results.weights.append(_read_weights(chunk, table.name, request.weight))
        if request.by:
            results.groups.append(_share_texts(chunk.others[request.by].astype(str).to_numpy(dtype=object)))
        rows += len(chunk)
        if progress is not None:
            progress(rows, total)
    return results


def _predict_chunk(predictor: Predictor, data: Any, results: _Results) -> None:
    import numpy as np

    if predictor.probabilities is not None:
        classes, probabilities = call_probabilities(predictor, data)
        results.probabilities.append(probabilities)
        results.classes = results.classes or classes
        if predictor.is_by_score:
            results.predicted.append(np.array(predictor.classes)[probabilities.argmax(axis=1)])
            return
    elif predictor.decision is not None:
        results.decision.append(call_model(predictor.decision, data))
    results.predicted.append(call_model(predictor.predict, data))


def _read_weights(chunk: Chunk, name: str, column: str) -> Array:
    import numpy as np
    import pandas as pd

    values = chunk.others[column]
    weights = pd.to_numeric(values, errors="coerce").to_numpy(dtype="float64")
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        position = int(wrong.argmax())
        text, row = str(values.iloc[position]), chunk.row_name(position)
        raise InvalidData(f"{name}: the weight {shown(column)} is {shown(text)} in {row}; it must be 0 or more")
    return weights


def _read_target(chunk: Chunk, name: str, target: str, classes: tuple[Any, ...]) -> Array:
    """The values of the target as written; they are converted when the values of all rows are known."""
    values, text_classes = chunk.others[target], [label for label in classes if isinstance(label, str)]
    missing = (values.isna() | (values.isin(MISSING) & ~values.isin(text_classes))).to_numpy()
    if missing.any():
        count, row = int(missing.sum()), chunk.row_name(int(missing.argmax()))
        more = f" (and {count - 1} more rows)" if count > 1 else ""
        raise InvalidData(f"{name}: the target {target!r} is missing in {row}{more}", "remove those rows")
    return values.to_numpy() if values.dtype.kind in "iufb" else _share_texts(values.astype(str).to_numpy(dtype=object))


def _share_texts(texts: Array) -> Array:
    """The same texts, with one object per distinct text, which saves memory over millions of rows."""
    import pandas as pd

    codes, distinct = pd.factorize(texts)
    shared: Array = distinct[codes]
    return shared


def _concatenate(chunks: list[Any]) -> Array:
    import numpy as np

    if len({chunk.dtype.kind in "OUS" for chunk in chunks}) > 1:  # a model may return both texts and numbers
        chunks = [chunk.astype(object) for chunk in chunks]
    return np.concatenate(chunks)


def _concatenate_or_none(chunks: list[Any]) -> Array | None:
    return _concatenate(chunks) if chunks else None


def _check_none_missing(predicted: Array) -> None:
    import pandas as pd

    missing = int(pd.isna(predicted).sum())
    if missing:
        raise InvalidData(f"the prediction is missing in {missing} {'row' if missing == 1 else 'rows'}")


# --- one output -----------------------------------------------------------------------------------------------


def _score_one_output(results: _Results, predictor: Predictor, request: EvaluationRequest) -> Scores:
    true, predicted = _concatenate(results.true[0]), _concatenate(results.predicted)
    if predicted.ndim > 1:
        hint = f"name every target: {' '.join(['--target COLUMN'] * min(3, predicted.shape[1]))}"
        raise InvalidData(f"the model predicts {predicted.shape[1]} values per row, but there is one target", hint)
    _check_none_missing(predicted)
    task = request.task or predictor.task or _infer_task(true, predicted)
    weights, target = _concatenate_or_none(results.weights), request.targets[0]
    if task == REGRESSION:
        if request.positive is not None or request.per_class:
            raise InvalidInput("a regression has no classes", "leave out --positive and --per-class")
        numbers = _to_numbers(true, f"the target {target!r}"), _to_numbers(predicted, "the prediction")
        values, reasons = _score_slices(
            results, request, lambda rows: _score_regressor(*numbers, weights, request, rows)
        )
        return Scores(REGRESSION, values, reasons, None, None, len(true))
    labels = results.classes or _infer_labels(true, predicted)
    outputs, has_named_classes = _build_outputs(results, true, predicted, labels, target)
    positive = _find_positive(request, labels)
    values, reasons = _score_slices(
        results, request, lambda rows: _score_classifier(outputs, labels, positive, request, rows, has_named_classes)
    )
    if request.per_class:
        if len(labels) > MOST_CLASSES:
            raise InvalidInput(f"the model has {len(labels)} classes; --per-class allows at most {MOST_CLASSES}")
        values |= metrics.score_classes(outputs, [_format_name_part(label) for label in labels])
    matrix = metrics.confusion_matrix(outputs.true, outputs.predicted, tuple(map(str, labels)))
    return Scores(CLASSIFICATION, values, reasons, matrix, None, len(true))


def _score_regressor(
    true: Array, predicted: Array, weights: Array | None, request: EvaluationRequest, rows: Array | None
) -> MetricValues:
    if rows is not None:
        true, predicted, weights = true[rows], predicted[rows], None if weights is None else weights[rows]
    _check_weights(weights)
    values, reasons = metrics.score_regressor(true, predicted, weights)
    scorer_values = metrics.compute_metrics(
        sklearn_scorers.build_regressor_scorers(request.scorers, true, predicted, weights)
    )
    return values | scorer_values[0], reasons | scorer_values[1]


def _score_classifier(
    outputs: ClassifierOutputs,
    labels: tuple[Any, ...],
    positive: int | None,
    request: EvaluationRequest,
    rows: Array | None,
    has_named_classes: bool,
) -> MetricValues:
    if rows is not None:
        outputs = outputs.select(rows)
    _check_weights(outputs.weights)
    values, reasons = metrics.score_classifier(outputs, positive)
    scorer_values = metrics.compute_metrics(
        sklearn_scorers.build_classifier_scorers(request.scorers, outputs, labels, positive)
    )
    reasons = reasons | scorer_values[1]
    if not has_named_classes:
        reasons = {
            name: _UNNAMED_PROBABILITIES if reason == metrics.NO_PROBABILITIES else reason
            for name, reason in reasons.items()
        }
    return values | scorer_values[0], reasons


def _check_weights(weights: Array | None) -> None:
    if weights is not None and not weights.sum() > 0:
        raise InvalidData("the weights of the rows are all 0", "choose another column with --weight")


def _score_slices(
    results: _Results, request: EvaluationRequest, score: Callable[[Array | None], MetricValues]
) -> MetricValues:
    """The metrics over all rows and, with ``by``, over the rows of each value."""
    values, reasons = score(None)
    for suffix, rows in _find_slices(results, request):
        slice_values, slice_reasons = score(rows)
        values |= {f"{name}{suffix}": value for name, value in slice_values.items()}
        values[f"rows{suffix}"] = float(len(rows))
        reasons |= {f"{name}{suffix}": reason for name, reason in slice_reasons.items()}
    return values, reasons


def _find_slices(results: _Results, request: EvaluationRequest) -> Iterator[tuple[str, Array]]:
    """Yield the suffix of metric names and the row numbers of each slice."""
    import numpy as np
    import pandas as pd

    if not request.by:
        return
    codes, distinct = pd.factorize(_concatenate(results.groups), sort=True)
    if len(distinct) > MAX_SLICES:
        raise InvalidData(
            f"the column {shown(request.by)} has {len(distinct)} different values; --by allows at most {MAX_SLICES}",
            "choose a column with fewer values, or add a column that groups them",
        )
    for code, value in enumerate(distinct):
        yield f"[{_format_name_part(request.by)}={_format_name_part(value)}]", np.flatnonzero(codes == code)


def _format_name_part(value: Any) -> str:
    """A class or a value as a part of a metric's name; raises `InvalidData` if it is too long or not printable."""
    text = str(value)
    if len(text) > _MAX_NAME_PART or not text.isprintable():
        raise InvalidData(f"{shown(text)} cannot be part of a metric's name", "use a short printable name in the data")
    return text


def _find_positive(request: EvaluationRequest, labels: tuple[Any, ...]) -> int | None:
    """The index of the positive class."""
    if request.positive is None:
        return None
    names = list(map(str, labels))
    if request.positive not in names:
        hint = did_you_mean(request.positive, names) or f"its classes are {join_names(names)}"
        raise InvalidInput(f"the model has no class {shown(request.positive)}", hint)
    return names.index(request.positive)


def _build_outputs(
    results: _Results, true: Array, predicted: Array, labels: tuple[Any, ...], target: str
) -> tuple[ClassifierOutputs, bool]:
    """The outputs by class index, and False if there are probabilities but the model does not name their classes."""
    true_indexes = index_labels(convert_labels(true, labels), labels, f"the target {target!r}")
    predicted_indexes = index_labels(convert_labels(predicted, labels), labels, "the prediction")
    weights, decision = _concatenate_or_none(results.weights), _concatenate_or_none(results.decision)
    probabilities = _concatenate_or_none(results.probabilities)
    has_named_classes = True
    if probabilities is not None:
        has_named_classes = (
            results.classes is not None and probabilities.ndim == 2 and probabilities.shape[1] == len(labels)
        )
    outputs = ClassifierOutputs(
        true_indexes,
        predicted_indexes,
        len(labels),
        probabilities if has_named_classes else None,
        decision,
        weights,
    )
    return outputs, has_named_classes


def _infer_task(true: Array, predicted: Array) -> str:
    """The task according to the values, if neither the model nor the user states it."""
    from sklearn.utils.multiclass import type_of_target

    values = convert_labels(true, predicted[:1].tolist())
    if values.dtype.kind not in "iuf" or predicted.dtype.kind not in "iuf":
        return CLASSIFICATION
    return REGRESSION if type_of_target(values).startswith("continuous") else CLASSIFICATION


def _to_numbers(values: Array, source: str) -> Array:
    import numpy as np

    texts = (value for value in values.ravel().tolist() if isinstance(value, str)) if values.dtype.kind in "OU" else ()
    try:
        if any("_" in text or not text.isascii() for text in texts):  # numbers for Python, but not for pandas
            raise ValueError
        numbers = values.astype("float64")
    except (ValueError, TypeError, OverflowError):
        hint = "choose another target column, or add --task classification"
        raise InvalidData(f"{source} is text, but a regression needs numbers", hint) from None
    if not np.isfinite(numbers).all():
        raise InvalidData(f"{source} has missing or infinite values")
    return numbers


def _infer_labels(true: Array, predicted: Array) -> tuple[Any, ...]:
    """The classes in the data, for a model that names none."""
    import pandas as pd

    if predicted.dtype.kind == "f" and (predicted % 1 != 0).any():
        raise InvalidData(
            "the model predicts fractional numbers, such as probabilities, instead of classes",
            "register a classifier that predicts classes (XGBClassifier instead of its Booster), or add"
            " --task regression",
        )
    predicted_labels = pd.unique(predicted).tolist()
    true_labels = pd.unique(convert_labels(true, predicted_labels)).tolist()
    if not set(predicted_labels) & set(true_labels):
        hint = "compare the output of 'modelreg predict' with the target column"
        raise InvalidData("no prediction is a value of the target, and the model does not name its classes", hint)
    return tuple(sorted({*predicted_labels, *true_labels}, key=lambda label: (isinstance(label, str), label)))


# --- several outputs ------------------------------------------------------------------------------------------


def _score_several_outputs(results: _Results, predictor: Predictor, request: EvaluationRequest) -> Scores:
    """The scores of a model with one output per target: of all together, and of each as ``METRIC:TARGET``."""
    import numpy as np

    true, predicted = [_concatenate(chunks) for chunks in results.true], _concatenate(results.predicted)
    outputs = predicted.shape[1] if predicted.ndim > 1 else 1
    if outputs != len(true):
        raise InvalidData(f"the model predicts {outputs} values per row, but there are {len(true)} targets")
    if request.positive is not None or request.per_class or request.scorers:
        raise InvalidInput("--positive, --per-class and --scorer need a single target", "leave them out")
    _check_none_missing(predicted)
    task = request.task or predictor.task or _infer_task(true[0], predicted[:, 0])
    weights, targets = _concatenate_or_none(results.weights), request.targets
    if task == REGRESSION:
        true_numbers = np.column_stack(
            [_to_numbers(values, f"the target {target!r}") for target, values in zip(targets, true, strict=True)]
        )
        predicted_numbers = _to_numbers(predicted, "the prediction")
        values, reasons = _score_slices(
            results, request, lambda rows: _score_regressors(true_numbers, predicted_numbers, weights, targets, rows)
        )
        return Scores(REGRESSION, values, reasons, None, None, len(true_numbers))
    parts = [
        _build_target_outputs(results, predictor, index, values, predicted[:, index], targets)
        for index, values in enumerate(true)
    ]
    values, reasons = _score_slices(results, request, lambda rows: _score_classifiers(parts, targets, rows))
    return Scores(CLASSIFICATION, values, reasons, None, None, len(true[0]))


def _build_target_outputs(
    results: _Results, predictor: Predictor, index: int, true: Array, predicted: Array, targets: tuple[str, ...]
) -> ClassifierOutputs:
    """The outputs for one of several targets."""
    import numpy as np

    output_classes = predictor.output_classes
    if output_classes is not None and len(output_classes) != len(targets):
        output_classes = None
    labels = output_classes[index] if output_classes else _infer_labels(true, predicted)
    true_indexes = index_labels(convert_labels(true, labels), labels, f"the target {targets[index]!r}")
    predicted_indexes = index_labels(convert_labels(predicted, labels), labels, "the prediction")
    probabilities = _concatenate_or_none(results.probabilities)
    if probabilities is not None and output_classes:
        start = sum(len(classes) for classes in output_classes[:index])
        probabilities = probabilities[:, start : start + len(labels)]
    elif probabilities is not None and probabilities.shape[1] == len(targets) and len(labels) == 2:
        # a multilabel model has one probability per label
        probabilities = np.column_stack([1 - probabilities[:, index], probabilities[:, index]])
    else:
        probabilities = None
    weights = _concatenate_or_none(results.weights)
    return ClassifierOutputs(true_indexes, predicted_indexes, len(labels), probabilities, None, weights)


def _score_regressors(
    true: Array, predicted: Array, weights: Array | None, targets: tuple[str, ...], rows: Array | None
) -> MetricValues:
    if rows is not None:
        true, predicted, weights = true[rows], predicted[rows], None if weights is None else weights[rows]
    _check_weights(weights)
    values, reasons = metrics.score_regressor(true, predicted, weights)
    for index, target in enumerate(targets):
        target_values = metrics.score_regressor(true[:, index], predicted[:, index], weights)
        _add_target(target_values, target, values, reasons)
    return values, reasons


def _score_classifiers(parts: list[ClassifierOutputs], targets: tuple[str, ...], rows: Array | None) -> MetricValues:
    import numpy as np

    if rows is not None:
        parts = [part.select(rows) for part in parts]
    weights = parts[0].weights
    _check_weights(weights)
    probabilities = None
    if all(part.probabilities is not None and part.classes == 2 for part in parts):
        probabilities = np.column_stack([part.probabilities[:, 1] for part in parts if part.probabilities is not None])
    true = np.column_stack([part.true for part in parts])
    predicted = np.column_stack([part.predicted for part in parts])
    values, reasons = metrics.score_labels(true, predicted, probabilities, weights)
    for part, target in zip(parts, targets, strict=True):
        _add_target(metrics.score_classifier(part), target, values, reasons)
    return values, reasons


def _add_target(
    target_values: MetricValues, target: str, values: dict[str, float | None], reasons: dict[str, str]
) -> None:
    """Add the metrics of one target as ``METRIC:TARGET``."""
    suffix = f":{_format_name_part(target)}"
    values |= {f"{metric}{suffix}": value for metric, value in target_values[0].items()}
    reasons |= {f"{metric}{suffix}": reason for metric, reason in target_values[1].items()}
