"""One way to ask any library's model: what it predicts, and how likely it finds each class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelreg.errors import CannotPredict, InvalidData, shown

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]

Ask = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Predictor:
    """What can be asked of a model; a question is None where the model does not answer it."""

    predict: Ask
    probabilities: Ask | None
    decision: Ask | None
    classes: tuple[Any, ...] | None
    """The classes that it knows, in the order of its probabilities."""
    feature_names: tuple[str, ...] | None
    """The columns that it was fitted on, where it remembers them."""
    task: str | None
    """``classification`` or ``regression``, where it says so."""


def predictor_of(model: object) -> Predictor:
    """How ``model`` is asked; raises `CannotPredict`."""
    kind = type(model)
    package = kind.__module__.partition(".")[0]
    if package == "onnxruntime":
        return _of_onnx(model)
    if package == "xgboost" and kind.__name__ == "Booster":
        return Predictor(lambda data: model.inplace_predict(data), None, None, None, None, None)  # type: ignore[attr-defined]
    if package == "catboost" and kind.__name__ == "CatBoost" and len(getattr(model, "classes_", ())):
        return _of_catboost(model)
    predict = getattr(model, "predict", None)
    if not callable(predict):
        raise CannotPredict(
            f"the model is a {kind.__module__}.{kind.__qualname__}, which cannot predict",
            "register a model with a predict method",
        )
    classes, names = getattr(model, "classes_", None), getattr(model, "feature_names_in_", None)
    return Predictor(
        predict=_quiet(predict) if package == "keras" else predict,
        probabilities=getattr(model, "predict_proba", None),
        decision=getattr(model, "decision_function", None),
        classes=None if classes is None or isinstance(classes, list) else tuple(classes.tolist()),
        feature_names=None if names is None else tuple(map(str, names)),
        task=_task(model),
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
    except (Exception, SystemExit) as error:  # libraries raise classes of their own, and a model may exit
        said = " ".join(str(error).split())
        raise InvalidData(f"the model cannot predict this data: {type(error).__name__}: {shown(said)}") from error


def asked(question: Ask, data: pd.DataFrame | Array) -> Array:
    """The answer as an array with one value, or one row, for each row of ``data``; raises `InvalidData`."""
    import numpy as np

    with asking():
        answer = np.asarray(question(data))
    if answer.ndim == 0 or len(answer) != len(data):
        raise InvalidData(f"the model gave {answer.size} answers for {len(data)} rows")
    return answer[:, 0] if answer.ndim == 2 and answer.shape[1] == 1 else answer


def asked_probabilities(predictor: Predictor, data: pd.DataFrame | Array) -> tuple[tuple[Any, ...] | None, Array]:
    """The classes, where the model names them, and a row of probabilities for each row; raises `InvalidData`."""
    import numpy as np
    import pandas as pd

    assert predictor.probabilities is not None
    with asking():
        answer = predictor.probabilities(data)
    classes = tuple(answer.columns.tolist()) if isinstance(answer, pd.DataFrame) else predictor.classes
    likely = np.asarray(answer)
    if likely.ndim != 2 or len(likely) != len(data):
        raise InvalidData("the model gives no probability for each class of each row", "leave out --proba")
    if classes is not None and len(classes) != likely.shape[1]:
        raise InvalidData(f"the model gives {likely.shape[1]} probabilities a row, and has {len(classes)} classes")
    return classes, likely


def _task(model: object) -> str | None:
    try:
        from sklearn.base import is_classifier, is_regressor  # 500 ms; a model that predicts has mostly imported it

        return "classification" if is_classifier(model) else "regression" if is_regressor(model) else None
    except (AttributeError, TypeError):  # not of scikit-learn's kind
        return None


def _of_catboost(model: Any) -> Predictor:
    """A classifier from a file is a plain ``CatBoost``, which answers with log-odds unless told otherwise."""
    return Predictor(
        predict=lambda data: model.predict(data, prediction_type="Class"),
        probabilities=lambda data: model.predict(data, prediction_type="Probability"),
        decision=None,
        classes=tuple(model.classes_.tolist()),
        feature_names=None,
        task="classification",
    )


def _quiet(predict: Ask) -> Ask:
    """Keras draws a bar on stdout, which may be where the predictions go."""
    return lambda data: predict(data, verbose=0)  # type: ignore[call-arg]


def _of_onnx(session: Any) -> Predictor:
    """A session takes each column by its name, or one array of all; labels come first and probabilities second."""
    inputs, outputs = session.get_inputs(), [output.name for output in session.get_outputs()]
    likely = next((name for name in outputs if "probab" in name.lower()), None)
    label = next((name for name in outputs if name != likely), outputs[0])

    def run(output: str, data: Any) -> Any:
        return session.run([output], _fed(inputs, data))[0]

    def probabilities(data: Any) -> Any:
        import pandas as pd

        answer = run(str(likely), data)
        return pd.DataFrame(answer) if isinstance(answer, list) else answer  # dictionaries: class -> probability

    names = tuple(each.name for each in inputs) if len(inputs) > 1 else None
    return Predictor(lambda data: run(label, data), probabilities if likely else None, None, None, names, None)


def _fed(inputs: list[Any], data: Any) -> dict[str, Any]:
    import numpy as np

    if len(inputs) == 1:
        return {inputs[0].name: np.asarray(data, dtype=_ONNX_TYPES.get(inputs[0].type))}
    return {
        each.name: np.asarray(data[each.name], dtype=_ONNX_TYPES.get(each.type)).reshape(len(data), -1)
        for each in inputs
    }


_ONNX_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
}
