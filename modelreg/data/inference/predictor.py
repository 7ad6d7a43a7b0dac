"""A common interface to the models of all libraries: predictions and class probabilities."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelreg.data.inference import native
from modelreg.data.inference.onnx import build_onnx_methods
from modelreg.data.signatures.in_memory import is_sparse
from modelreg.domain.signatures import SignatureField
from modelreg.errors import CannotPredict, InvalidData, shown

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Predict = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Predictor:
    """The methods and properties of a model; a method is None if the model does not have it."""

    predict: Predict
    probabilities: Predict | None = None
    decision: Predict | None = None
    classes: tuple[Any, ...] | None = None
    """The classes in the order of the probabilities, if the model names them."""
    output_classes: tuple[tuple[Any, ...], ...] | None = None
    """For a model with several outputs, the classes of each."""
    feature_names: tuple[str, ...] | None = None
    """The columns of the training data, if the model stores them."""
    task: str | None = None
    """``classification`` or ``regression``, if the model states it."""
    fields: Mapping[str, SignatureField] = field(default_factory=dict)
    """Columns whose types and categories the model stores."""
    takes_column: bool = False
    """Whether the model takes a single column, such as a model of texts, instead of a table."""
    is_by_score: bool = False
    """Whether ``predict`` returns probabilities, so that the predicted class is the most probable one."""
    unscored: str | None = None
    """The kind of a model to which no metric applies, such as a clustering."""


def build_predictor(model: object) -> Predictor:
    """Find the methods and properties of ``model``; raises `CannotPredict` if it has no predict method."""
    class_ = type(model)
    package = class_.__module__.partition(".")[0]
    if package == "onnxruntime":
        predict_onnx, probabilities, names = build_onnx_methods(model)
        return Predictor(predict_onnx, probabilities, feature_names=names)
    if class_.__name__ == "Booster" and package in ("xgboost", "lightgbm"):
        return _build_for_booster(model, package)
    if package == "catboost" and class_.__name__ == "CatBoost" and len(getattr(model, "classes_", ())):
        return _build_for_catboost(model)
    predict: Any = getattr(model, "predict", None)
    if not callable(predict):
        raise CannotPredict(
            f"the model is a {class_.__module__}.{class_.__qualname__}, which has no predict method",
            "register a model with a predict method",
        )
    classes = getattr(model, "classes_", None)
    has_several_outputs = isinstance(classes, list)
    task, unscored = _get_task(model)
    return Predictor(
        predict=_without_progress_bar(predict) if package == "keras" else predict,
        probabilities=getattr(model, "predict_proba", None),
        decision=getattr(model, "decision_function", None),
        classes=None if classes is None or has_several_outputs else tuple(classes.tolist()),
        output_classes=tuple(tuple(labels.tolist()) for labels in classes or ()) if has_several_outputs else None,
        feature_names=_get_feature_names_in(model) or native.get_feature_names(model),
        task=task,
        fields=native.get_categorical_fields(model),
        takes_column=takes_one_column(model),
        unscored=unscored,
    )


@contextmanager
def model_errors() -> Iterator[None]:
    """Turn any error of a model's library into one-line `InvalidData`."""
    import warnings

    try:
        with warnings.catch_warnings():
            # a model trained on an array has no names, but gets a table with the columns in its order
            warnings.filterwarnings("ignore", message="X has feature names, but")
            yield
    except InvalidData:
        raise
    except (Exception, SystemExit) as error:  # libraries raise their own classes, and a model may call exit()
        reason = shown(" ".join(str(error).split()))
        raise InvalidData(f"the model cannot predict this data: {type(error).__name__}: {reason}") from error


def call_model(method: Predict, data: Any) -> Array:
    """Call a method of a model; returns one value, or one row of values, per row of ``data``; raises `InvalidData`."""
    with model_errors():
        answer = _to_array(method(data))
    if answer.ndim == 0 or len(answer) != len(data):
        raise InvalidData(f"the model returned {answer.size} predictions for {len(data)} rows")
    if answer.ndim > 2:
        raise InvalidData(
            f"the model returned a {answer.ndim - 1}-dimensional array per row, but a table cell holds a single value",
            "return one value, or a list of values, per row",
        )
    return answer[:, 0] if answer.ndim == 2 and answer.shape[1] == 1 else answer


def call_probabilities(predictor: Predictor, data: Any) -> tuple[tuple[Any, ...] | None, Array]:
    """The classes, if the model names them, and one row of probabilities per row of ``data``; raises `InvalidData`.

    With several outputs, their probabilities are side by side, and a class is a pair of output index and label.
    """
    import numpy as np
    import pandas as pd

    assert predictor.probabilities is not None
    with model_errors():
        answer = predictor.probabilities(data)
    if isinstance(answer, list) and predictor.output_classes is not None:
        parts = [_to_array(part) for part in answer]
        pairs = tuple((output, label) for output, labels in enumerate(predictor.output_classes) for label in labels)
        classes: tuple[Any, ...] | None = pairs
        probabilities = np.column_stack(parts) if all(len(part) == len(data) for part in parts) else np.array([])
    else:
        classes = tuple(answer.columns.tolist()) if isinstance(answer, pd.DataFrame) else predictor.classes
        probabilities = _to_array(answer)
    if probabilities.ndim != 2 or len(probabilities) != len(data):
        raise InvalidData("the model does not return a probability per class and row", "leave out --proba")
    if classes is not None and len(classes) != probabilities.shape[1]:
        raise InvalidData(
            f"the model returned {probabilities.shape[1]} probabilities per row, but has {len(classes)} classes"
        )
    return classes, probabilities


def takes_one_column(model: object) -> bool:
    """Whether a scikit-learn model takes a column of texts, according to the tags of its first step."""
    first: Any = model
    for _ in range(10):  # pipelines inside searches inside pipelines
        if steps := getattr(first, "steps", None) or getattr(first, "transformer_list", None):
            first = next((step for _, step in steps if step not in (None, "passthrough", "drop")), None)
            continue
        attributes = (getattr(first, name, None) for name in ("best_estimator_", "estimator"))
        # compared with None, since len() of an unfitted ensemble raises
        inner = next((estimator for estimator in attributes if estimator is not None), None)
        if inner is None:
            break
        first = inner
    try:
        tags = first.__sklearn_tags__().input_tags
        return bool((tags.string or tags.one_d_array) and not tags.two_d_array)
    except (AttributeError, TypeError):
        pass
    try:
        types = first._get_tags()["X_types"]  # before scikit-learn 1.6
        return "2darray" not in types and bool({"string", "1dlabels", "1darray"} & set(types))
    except (AttributeError, TypeError, KeyError):
        return False


def _to_array(answer: Any) -> Array:
    """Convert an answer to a dense NumPy array, with NaN for masked values; raises `InvalidData` for dictionaries."""
    import numpy as np

    if is_sparse(answer):
        return np.asarray(answer.toarray())
    if isinstance(answer, np.ma.MaskedArray):
        filled = np.asarray(answer.data).astype("float64" if answer.dtype.kind == "f" else object)
        filled[np.ma.getmaskarray(answer)] = np.nan
        return filled
    if isinstance(answer, dict) or (isinstance(answer, list) and answer and isinstance(answer[0], dict)):
        raise InvalidData("the model returned dictionaries, but a table cell holds a single value")
    return np.asarray(answer)


def _get_feature_names_in(model: object) -> tuple[str, ...] | None:
    try:
        names = getattr(model, "feature_names_in_", None)
    except Exception:  # some libraries have a property that raises if the model was trained without names
        names = None
    return None if names is None else tuple(map(str, names))


def _get_task(model: object) -> tuple[str | None, str | None]:
    """The task of a model, if it states one; and the kind of model, if no metric applies to it."""
    try:
        from sklearn import base  # 500 ms, unless the model imported it already

        if base.is_outlier_detector(model):
            return None, "an anomaly detector"
        if getattr(base, "is_clusterer", lambda _: False)(model):
            return None, "a clustering"
        if base.is_classifier(model):
            return "classification", None
        return "regression" if base.is_regressor(model) else None, None
    except (AttributeError, TypeError):  # not a scikit-learn estimator
        return None, None


def _build_for_booster(model: Any, package: str) -> Predictor:
    """A native model, which returns a probability or a number whatever the labels in training were."""
    if package == "xgboost":
        predict, objective = native.build_xgboost_predict(model)
    else:
        predict, objective = model.predict, native.get_lightgbm_objective(model)
    probabilities = native.build_probabilities(predict, objective)
    is_binary = objective.startswith("binary") or objective == "cross_entropy"
    class_count = 2 if is_binary else _count_classes(model, package)
    return Predictor(
        predict,
        probabilities,
        classes=tuple(range(class_count)) if probabilities is not None else None,
        feature_names=native.get_feature_names(model),
        task="classification" if probabilities is not None else None,
        fields=native.get_categorical_fields(model),
        is_by_score=probabilities is not None,
    )


def _count_classes(model: Any, package: str) -> int:
    if package == "lightgbm":
        return int(model.num_model_per_iteration())
    return max(2, int(json.loads(model.save_config())["learner"]["learner_model_param"]["num_class"]))


def _build_for_catboost(model: Any) -> Predictor:
    """A classifier loaded from a file: a plain ``CatBoost``, whose predict method returns log-odds by default."""
    return Predictor(
        predict=lambda data: model.predict(data, prediction_type="Class"),
        probabilities=lambda data: model.predict(data, prediction_type="Probability"),
        classes=tuple(model.classes_.tolist()),
        feature_names=native.get_feature_names(model),
        task="classification",
        fields=native.get_categorical_fields(model),
    )


def _without_progress_bar(predict: Predict) -> Predict:
    """Keras prints a progress bar to stdout, which may be the output file."""
    return lambda data: predict(data, verbose=0)  # type: ignore[call-arg]
