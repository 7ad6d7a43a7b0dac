"""Query native models of XGBoost, LightGBM and CatBoost: features, categories, best iteration, probabilities."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from modelreg.data.signatures.in_memory import infer_frame_fields
from modelreg.domain.signatures import SignatureField
from modelreg.errors import InvalidData

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Predict = Callable[[Any], Any]


def get_categorical_fields(model: object) -> dict[str, SignatureField]:
    """The categorical and text features, whose types the model knows and a file does not state.

    They are nullable: the libraries accept missing values and do not store whether the training data had some.
    """
    booster = _get_booster(model)
    package = type(booster).__module__.partition(".")[0]
    if package == "lightgbm":
        return _build_fields(_get_lightgbm_categories(booster))
    if package == "xgboost":
        return _build_fields(_get_xgboost_categories(booster))
    if package == "catboost":
        names = list(getattr(booster, "feature_names_", None) or ())
        texts = [names[index] for index in _get_catboost_text_features(booster)]
        return {name: SignatureField(name, "string", empty_text=True) for name in texts}
    return {}


def get_feature_names(model: object) -> tuple[str, ...] | None:
    """The feature names that a native model was trained with; None if it has none or the library generated them."""
    package = type(model).__module__.partition(".")[0]
    match package:
        case "xgboost":
            names = getattr(model, "feature_names", None)
        case "lightgbm":
            method = getattr(model, "feature_name", None)
            names = _drop_generated(method() if callable(method) else method, "Column_")
        case "catboost":
            names = _drop_generated(getattr(model, "feature_names_", None), "")
        case _:
            names = None
    return tuple(map(str, names)) if names else None


def _drop_generated(names: Any, prefix: str) -> list[str] | None:
    """``names``, or None if they are generated: ``Column_0``, ``Column_1``, … or ``0``, ``1``, …."""
    texts = list(map(str, names or ()))
    return None if texts == [f"{prefix}{index}" for index in range(len(texts))] else texts


def _get_booster(model: object) -> object:
    """The native model inside a scikit-learn estimator."""
    if hasattr(model, "get_booster"):
        try:
            return model.get_booster()
        except Exception:  # not fitted; libraries raise their own classes
            return model
    return getattr(model, "_Booster", None) or model


def _build_fields(categories: Mapping[str, list[Any]]) -> dict[str, SignatureField]:
    import pandas as pd

    fields = {}
    for name, values in categories.items():
        frame = pd.DataFrame({name: pd.Categorical([], categories=pd.Index(values))})
        field = infer_frame_fields(frame, name)[0]
        fields[name] = SignatureField(name, field.type, nullable=True, categories=field.categories)
    return fields


def _get_lightgbm_categories(booster: Any) -> dict[str, list[Any]]:
    """The categories of pandas columns; the model stores their values and their column indexes separately."""
    categories = booster.pandas_categorical or []
    declared = str(booster.params.get("categorical_feature", booster.params.get("categorical_column", "")))
    indexes = sorted(int(index) for index in declared.strip("[]").split(",") if index.strip().isdigit())
    names = booster.feature_name()
    if len(indexes) != len(categories):  # the user also declared numeric columns categorical; which ones is not stored
        return {}
    return {names[index]: values for index, values in zip(indexes, categories, strict=True)}


def _get_xgboost_categories(booster: Any) -> dict[str, list[Any]]:
    """The categories of a model of XGBoost 3.1 or newer; older versions only store codes."""
    if "c" not in (booster.feature_types or ()) or not hasattr(booster, "get_categories"):
        return {}
    try:
        categories = booster.get_categories(export_to_arrow=True).to_arrow()
    except ImportError:  # pyarrow is not installed
        raise InvalidData(
            "reading the categories of the model needs pyarrow, which is not installed",
            "pip install 'modelreg[parquet]'",
        ) from None
    return {str(name): values.to_pylist() for name, values in categories if values is not None}


def _get_catboost_text_features(model: Any) -> list[int]:
    """The indexes of categorical and text features; CatBoost compares numbers among them as texts."""
    indexes: set[int] = set()
    for name in ("get_cat_feature_indices", "get_text_feature_indices"):
        if hasattr(model, name):
            indexes |= set(getattr(model, name)())
    return sorted(indexes)


# --- prediction -----------------------------------------------------------------------------------------------


def build_xgboost_predict(booster: Any) -> tuple[Predict, str]:
    """A function that predicts up to the best iteration of early stopping, and the objective of the model."""
    from xgboost import DMatrix

    best = booster.attr("best_iteration")
    config = json.loads(booster.save_config())["learner"]
    is_linear = config["gradient_booster"]["name"] == "gblinear"
    rounds = (0, 0 if best is None or is_linear else int(best) + 1)  # (0, 0) means all
    names = booster.feature_names

    def predict(data: Any) -> Any:
        import numpy as np

        matrix = DMatrix(data, enable_categorical=True) if names else DMatrix(np.asarray(data))
        return booster.predict(matrix, iteration_range=rounds)

    return predict, str(config["objective"]["name"])


def get_lightgbm_objective(booster: Any) -> str:
    """``binary``, ``multiclass``, …"""
    return str(booster.params.get("objective", "")).partition(" ")[0]


def build_probabilities(predict: Predict, objective: str) -> Predict | None:
    """A function for the probabilities of classes 0, 1, …; None for an objective without probabilities."""
    if objective in ("binary:logistic", "binary", "cross_entropy"):
        return lambda data: _add_other_class(predict(data))
    return predict if objective in ("multi:softprob", "multiclass", "multiclassova") else None


def _add_other_class(probabilities: Any) -> Array:
    import numpy as np

    positive = np.asarray(probabilities, dtype="float64")
    return np.column_stack([1 - positive, positive])
