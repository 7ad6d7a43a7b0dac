"""One way to ask any library's model: what it predicts, and how likely it finds each class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelreg.data.inference import native
from modelreg.data.inference.onnx import onnx_questions
from modelreg.data.signatures.in_memory import is_sparse
from modelreg.domain.signatures import SignatureField
from modelreg.errors import CannotPredict, InvalidData, shown

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Ask = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Predictor:
    """What can be asked of a model; a question is None where the model does not answer it."""

    predict: Ask
    probabilities: Ask | None = None
    decision: Ask | None = None
    classes: tuple[Any, ...] | None = None
    """The classes that it knows, in the order of its probabilities."""
    output_classes: tuple[tuple[Any, ...], ...] | None = None
    """Of a model with several outputs: the classes of each."""
    feature_names: tuple[str, ...] | None = None
    """The columns that it was fitted on, where it remembers them."""
    task: str | None = None
    """``classification`` or ``regression``, where it says so."""
    fields: Mapping[str, SignatureField] = field(default_factory=dict)
    """Columns whose types and categories the model knows."""
    takes_column: bool = False
    """Whether it takes one column, as models of texts do, and no table."""
    is_by_score: bool = False
    """Whether it predicts probabilities, so that its classes are the likeliest ones."""
    unscored: str | None = None
    """What kind of model it is, where no metric of ours applies."""


def predictor_of(model: object) -> Predictor:
    """How ``model`` is asked; raises `CannotPredict`."""
    kind = type(model)
    package = kind.__module__.partition(".")[0]
    if package == "onnxruntime":
        question, probabilities, names = onnx_questions(model)
        return Predictor(question, probabilities, feature_names=names)
    if kind.__name__ == "Booster" and package in ("xgboost", "lightgbm"):
        return _of_booster(model, package)
    if package == "catboost" and kind.__name__ == "CatBoost" and len(getattr(model, "classes_", ())):
        return _of_catboost(model)
    predict: Any = getattr(model, "predict", None)
    if not callable(predict):
        raise CannotPredict(
            f"the model is a {kind.__module__}.{kind.__qualname__}, which cannot predict",
            "register a model with a predict method",
        )
    classes = getattr(model, "classes_", None)
    several = isinstance(classes, list)
    task, unscored = _kind_of(model)
    return Predictor(
        predict=_quiet(predict) if package == "keras" else predict,
        probabilities=getattr(model, "predict_proba", None),
        decision=getattr(model, "decision_function", None),
        classes=None if classes is None or several else tuple(classes.tolist()),
        output_classes=tuple(tuple(each.tolist()) for each in classes or ()) if several else None,
        feature_names=_names_in(model) or native.feature_names(model),
        task=task,
        fields=native.known_fields(model),
        takes_column=takes_one_column(model),
        unscored=unscored,
    )


@contextmanager
def asking() -> Iterator[None]:
    """Around a question: whatever the model's library raises becomes one sentence of ours."""
    import warnings

    try:
        with warnings.catch_warnings():
            # we pass names where the model did not keep any; the order is the signature's
            warnings.filterwarnings("ignore", message="X has feature names, but")
            yield
    except InvalidData:
        raise
    except (Exception, SystemExit) as error:  # libraries raise classes of their own, and a model may exit
        said = " ".join(str(error).split())
        raise InvalidData(f"the model cannot predict this data: {type(error).__name__}: {shown(said)}") from error


def asked(question: Ask, data: Any) -> Array:
    """The answer as an array with one value, or one row, for each row of ``data``; raises `InvalidData`."""
    with asking():
        answer = _as_array(question(data))
    if answer.ndim == 0 or len(answer) != len(data):
        raise InvalidData(f"the model gave {answer.size} answers for {len(data)} rows")
    if answer.ndim > 2:
        raise InvalidData(
            f"the model answers with {answer.ndim - 1}-dimensional arrays, and a table holds one value in a cell",
            "let it return one value, or a row of values, for each row",
        )
    return answer[:, 0] if answer.ndim == 2 and answer.shape[1] == 1 else answer


def asked_probabilities(predictor: Predictor, data: Any) -> tuple[tuple[Any, ...] | None, Array]:
    """The classes, where the model names them, and a row of probabilities for each row; raises `InvalidData`.

    Of several outputs the probabilities stand beside each other, and the classes are pairs of output and class.
    """
    import numpy as np
    import pandas as pd

    assert predictor.probabilities is not None
    with asking():
        answer = predictor.probabilities(data)
    if isinstance(answer, list) and predictor.output_classes is not None:
        parts = [_as_array(part) for part in answer]
        pairs = tuple((place, label) for place, each in enumerate(predictor.output_classes) for label in each)
        classes: tuple[Any, ...] | None = pairs
        likely = np.column_stack(parts) if all(len(part) == len(data) for part in parts) else np.array([])
    else:
        classes = tuple(answer.columns.tolist()) if isinstance(answer, pd.DataFrame) else predictor.classes
        likely = _as_array(answer)
    if likely.ndim != 2 or len(likely) != len(data):
        raise InvalidData("the model gives no probability for each class of each row", "leave out --proba")
    if classes is not None and len(classes) != likely.shape[1]:
        raise InvalidData(f"the model gives {likely.shape[1]} probabilities a row, and has {len(classes)} classes")
    return classes, likely


def takes_one_column(model: object) -> bool:
    """Whether a model of scikit-learn's kind takes a column of texts, by the tags of its first step."""
    first: Any = model
    for _ in range(10):  # pipelines in searches in pipelines
        if steps := getattr(first, "steps", None) or getattr(first, "transformer_list", None):
            first = next((step for _, step in steps if step not in (None, "passthrough", "drop")), None)
            continue
        held = (getattr(first, name, None) for name in ("best_estimator_", "estimator"))
        inner = next((each for each in held if each is not None), None)  # one that is not fitted may have no length
        if inner is None:
            break
        first = inner
    try:
        tags = first.__sklearn_tags__().input_tags
        return bool((tags.string or tags.one_d_array) and not tags.two_d_array)
    except (AttributeError, TypeError):
        pass
    try:
        kinds = first._get_tags()["X_types"]  # before scikit-learn 1.6
        return "2darray" not in kinds and bool({"string", "1dlabels", "1darray"} & set(kinds))
    except (AttributeError, TypeError, KeyError):
        return False


def _as_array(answer: Any) -> Array:
    """An answer as NumPy's array: of sparse and masked ones with all their values; raises `InvalidData` for others."""
    import numpy as np

    if is_sparse(answer):
        return np.asarray(answer.toarray())
    if isinstance(answer, np.ma.MaskedArray):
        whole = np.asarray(answer.data).astype("float64" if answer.dtype.kind == "f" else object)
        whole[np.ma.getmaskarray(answer)] = np.nan
        return whole
    if isinstance(answer, dict) or (isinstance(answer, list) and answer and isinstance(answer[0], dict)):
        raise InvalidData("the model answers with dictionaries, and a table has one value in a cell")
    return np.asarray(answer)


def _names_in(model: object) -> tuple[str, ...] | None:
    try:
        names = getattr(model, "feature_names_in_", None)
    except Exception:  # a property of a library that raises where the model was fitted without names
        names = None
    return None if names is None else tuple(map(str, names))


def _kind_of(model: object) -> tuple[str | None, str | None]:
    """The task of a model, where it says so, and what it is where no metric of ours applies."""
    try:
        from sklearn import base  # 500 ms; a model that predicts has mostly imported it

        if base.is_outlier_detector(model):
            return None, "an anomaly detector"
        if getattr(base, "is_clusterer", lambda _: False)(model):
            return None, "a clustering"
        return (
            "classification" if base.is_classifier(model) else "regression" if base.is_regressor(model) else None
        ), None
    except (AttributeError, TypeError):  # not of scikit-learn's kind
        return None, None


def _of_booster(model: Any, package: str) -> Predictor:
    """A native model, whose answer is a probability or a number, whatever its labels were in training."""
    if package == "xgboost":
        predict, objective = native.xgboost_answers(model)
    else:
        predict, objective = model.predict, native.lightgbm_objective(model)
    probabilities = native.probabilities_of(predict, objective)
    number = 2 if objective.startswith("binary") or objective == "cross_entropy" else _class_count(model, package)
    return Predictor(
        predict,
        probabilities,
        classes=tuple(range(number)) if probabilities is not None else None,
        feature_names=native.feature_names(model),
        task="classification" if probabilities is not None else None,
        fields=native.known_fields(model),
        is_by_score=probabilities is not None,
    )


def _class_count(model: Any, package: str) -> int:
    if package == "lightgbm":
        return int(model.num_model_per_iteration())
    import json

    return max(2, int(json.loads(model.save_config())["learner"]["learner_model_param"]["num_class"]))


def _of_catboost(model: Any) -> Predictor:
    """A classifier from a file is a plain ``CatBoost``, which answers with log-odds unless told otherwise."""
    return Predictor(
        predict=lambda data: model.predict(data, prediction_type="Class"),
        probabilities=lambda data: model.predict(data, prediction_type="Probability"),
        classes=tuple(model.classes_.tolist()),
        feature_names=native.feature_names(model),
        task="classification",
        fields=native.known_fields(model),
    )


def _quiet(predict: Ask) -> Ask:
    """Keras draws a bar on stdout, which may be where the predictions go."""
    return lambda data: predict(data, verbose=0)  # type: ignore[call-arg]
