"""What native models of XGBoost, LightGBM and CatBoost know: best iteration, features, categories, probabilities."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from modelreg.domain.signatures import SignatureField
from modelreg.errors import InvalidData

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Ask = Callable[[Any], Any]


def known_fields(model: object) -> dict[str, SignatureField]:
    """The features whose type the model knows better than a file tells it: categorical ones.

    Their values may be missing: the libraries take that, and no one says whether it happened in training.
    """
    booster = _booster_of(model)
    package = type(booster).__module__.partition(".")[0]
    if package == "lightgbm":
        return _categories(_lightgbm_categories(booster))
    if package == "xgboost":
        return _categories(_xgboost_categories(booster))
    if package == "catboost":
        names = list(getattr(booster, "feature_names_", None) or ())
        texts = [names[place] for place in _catboost_texts(booster)]
        return {name: SignatureField(name, "string", empty_text=True) for name in texts}
    return {}


def feature_names(model: object) -> tuple[str, ...] | None:
    """The names that a native model was trained with; None where it has none, or the library made them up."""
    package = type(model).__module__.partition(".")[0]
    match package:
        case "xgboost":
            names = getattr(model, "feature_names", None)
        case "lightgbm":
            names = _own_names(_called(model, "feature_name"), "Column_")
        case "catboost":
            names = _own_names(getattr(model, "feature_names_", None), "")
        case _:
            names = None
    return tuple(map(str, names)) if names else None


def _called(model: object, name: str) -> Any:
    method = getattr(model, name, None)
    return method() if callable(method) else method


def _own_names(names: Any, prefix: str) -> list[str] | None:
    """``names``, unless they are ``Column_0``, ``Column_1``, … or ``0``, ``1``, …, as libraries name what has none."""
    found = list(map(str, names or ()))
    return None if found == [f"{prefix}{place}" for place in range(len(found))] else found


def _booster_of(model: object) -> object:
    """The native model within an estimator of scikit-learn's kind."""
    if hasattr(model, "get_booster"):
        try:
            return model.get_booster()
        except Exception:  # not fitted, in a library's own class of errors
            return model
    return getattr(model, "_Booster", None) or model


def _categories(found: Mapping[str, list[Any]]) -> dict[str, SignatureField]:
    import pandas as pd

    from modelreg.data.signatures.in_memory import frame_fields

    fields = {}
    for name, values in found.items():
        frame = pd.DataFrame({name: pd.Categorical([], categories=pd.Index(values))})
        field = frame_fields(frame, name)[0]
        fields[name] = SignatureField(name, field.type, nullable=True, categories=field.categories)
    return fields


def _lightgbm_categories(booster: Any) -> dict[str, list[Any]]:
    """Of columns that pandas had as categories; the model has their values, and their places in another list."""
    values = booster.pandas_categorical or []
    stated = str(booster.params.get("categorical_feature", booster.params.get("categorical_column", "")))
    places = sorted(int(place) for place in stated.strip("[]").split(",") if place.strip().isdigit())
    names = booster.feature_name()
    if len(places) != len(values):  # some are numbers that the user called categories: which, it does not say
        return {}
    return {names[place]: each for place, each in zip(places, values, strict=True)}


def _xgboost_categories(booster: Any) -> dict[str, list[Any]]:
    """Of a model of XGBoost 3.1 or newer; older ones keep the codes alone."""
    if "c" not in (booster.feature_types or ()) or not hasattr(booster, "get_categories"):
        return {}
    try:
        found = booster.get_categories(export_to_arrow=True).to_arrow()
    except ImportError:  # of pyarrow
        raise InvalidData(
            "the categories of the model are read by pyarrow", "pip install 'modelreg[parquet]'"
        ) from None
    return {str(name): values.to_pylist() for name, values in found if values is not None}


def _catboost_texts(model: Any) -> list[int]:
    """The places of categorical and text features: numbers among them count as texts."""
    found: set[int] = set()
    for name in ("get_cat_feature_indices", "get_text_feature_indices"):
        if hasattr(model, name):
            found |= set(getattr(model, name)())
    return sorted(found)


# --- questions ------------------------------------------------------------------------------------------------


def xgboost_answers(booster: Any) -> tuple[Ask, str]:
    """What a Booster predicts up to its best iteration, which early stopping keeps in the file; and its objective."""
    from xgboost import DMatrix

    best = booster.attr("best_iteration")
    config = json.loads(booster.save_config())["learner"]
    is_linear = config["gradient_booster"]["name"] == "gblinear"
    rounds = (0, 0 if best is None or is_linear else int(best) + 1)  # (0, 0) for all
    names = booster.feature_names

    def predict(data: Any) -> Any:
        import numpy as np

        matrix = DMatrix(data, enable_categorical=True) if names else DMatrix(np.asarray(data))
        return booster.predict(matrix, iteration_range=rounds)

    return predict, str(config["objective"]["name"])


def lightgbm_objective(booster: Any) -> str:
    """``binary``, ``multiclass``, …"""
    return str(booster.params.get("objective", "")).partition(" ")[0]


def probabilities_of(predict: Ask, objective: str) -> Ask | None:
    """Probabilities of classes 0, 1, … from what a native model predicts; None for another objective."""
    if objective in ("binary:logistic", "binary", "cross_entropy"):
        return lambda data: _both(predict(data))
    return predict if objective in ("multi:softprob", "multiclass", "multiclassova") else None


def _both(likely: Any) -> Array:
    import numpy as np

    likely = np.asarray(likely, dtype="float64")
    return np.column_stack([1 - likely, likely])
