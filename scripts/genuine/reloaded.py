"""Boosting models that were loaded from a file of their library, or trained further from an earlier model."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from genuine.attempts import Candidate
from genuine.datasets import Data


def loaded_by_xgboost(data: Data) -> Iterator[Candidate]:
    """XGBoost's wrappers after ``load_model``, alone, fitted again and in a pipeline."""
    import xgboost as xgb
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fast: dict[str, Any] = {"n_estimators": 3, "n_jobs": 1, "verbosity": 0}
    models: dict[str, tuple[Any, dict[str, Any], Any]] = {
        "classes": (xgb.XGBClassifier, {}, data.classes),
        "two classes": (xgb.XGBClassifier, {"base_score": 0.4}, data.binary),
        "dart": (xgb.XGBClassifier, {"booster": "dart", "objective": "multi:softmax"}, data.classes),
        "numbers": (xgb.XGBRegressor, {}, data.numbers),
        "two targets": (xgb.XGBRegressor, {}, data.two_numbers),
        "quantiles": (xgb.XGBRegressor, {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.9]}, data.numbers),
        "forest": (xgb.XGBRFRegressor, {}, data.numbers),
        "forest of classes": (xgb.XGBRFClassifier, {}, data.classes),
    }
    for name, (kind, setting, target) in models.items():
        for suffix in (".json", ".ubj"):
            load = partial(_reload, kind, lambda k=kind, s=setting, t=target: k(**fast, **s).fit(data.X, t), suffix)
            yield f"XGBoost loaded from {suffix}: {name}", load
            yield (
                f"XGBoost loaded from {suffix}, in a pipeline: {name}",
                lambda load=load: make_pipeline(StandardScaler(), load()),
            )
            yield f"XGBoost loaded from {suffix} and fitted: {name}", lambda load=load, t=target: load().fit(data.X, t)
    ranker = partial(_reload, xgb.XGBRanker, partial(_fit_ranker, data))
    for suffix in (".json", ".ubj"):
        yield f"XGBoost loaded from {suffix}: ranker", partial(ranker, suffix)
    table = xgb.DMatrix(data.X, data.binary)
    trained = partial(xgb.train, {"objective": "binary:logistic", "base_score": 0.4, "verbosity": 0}, table, 3)
    yield "XGBoost loaded from a booster", partial(_reload, xgb.XGBClassifier, trained, ".ubj")


def _fit_ranker(data: Data) -> Any:
    import numpy as np
    from xgboost import XGBRanker

    return XGBRanker(n_estimators=3, n_jobs=1).fit(data.X, data.binary, qid=np.sort(data.groups))


def _reload(kind: Any, make: Any, suffix: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / f"model{suffix}")
        make().save_model(path)
        loaded = kind()
        loaded.load_model(path)
    return loaded


def trained_further_by_lightgbm(data: Data) -> Iterator[Candidate]:
    """LightGBM's models that continue a wrapper, booster or file, also with column names and categories."""
    import lightgbm as lgb

    fast = {"n_estimators": 2, "n_jobs": 1, "verbose": -1, "min_child_samples": 3}
    frame = data.customers[["age", "plan", "size"]]
    kinds: dict[str, tuple[Any, Any, Any]] = {
        "classes": (lgb.LGBMClassifier, data.X, data.classes),
        "numbers": (lgb.LGBMRegressor, data.frame, data.numbers),
        "categories": (lgb.LGBMClassifier, frame, data.binary),
    }
    for name, (kind, inputs, target) in kinds.items():

        def continued(first: Any, kind: Any = kind, inputs: Any = inputs, target: Any = target) -> Any:
            return kind(**fast).fit(inputs, target, init_model=first(kind(**fast).fit(inputs, target)))

        yield f"LightGBM trained further from a wrapper: {name}", partial(continued, lambda model: model)
        yield f"LightGBM trained further from a booster: {name}", partial(continued, lambda model: model.booster_)
        yield f"LightGBM trained further from a file: {name}", partial(_continue_from_file, continued)
    quiet = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 3}
    yield "LightGBM trained in batches", partial(_train_in_batches, lgb, quiet, data)
    yield "LightGBM without callbacks", lambda: lgb.LGBMClassifier(callbacks=None, **fast).fit(data.X, data.binary)
    kept = lgb.Dataset(data.frame, data.numbers, free_raw_data=False)
    first = partial(lgb.train, quiet, lgb.Dataset(data.frame, data.numbers), 2)
    yield (
        "LightGBM kept for training",
        lambda: lgb.train(quiet, kept, 2, init_model=first(), keep_training_booster=True),
    )


def _continue_from_file(continued: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.txt")

        def saved(model: Any) -> str:
            model.booster_.save_model(path)
            return path

        return continued(saved)


def _train_in_batches(lgb: Any, setting: dict[str, Any], data: Data) -> Any:
    booster = None
    for part in range(3):
        rows = slice(part * 16, part * 16 + 16)
        booster = lgb.train(setting, lgb.Dataset(data.X[rows], data.numbers[rows]), 2, init_model=booster)
    return booster


def set_up_by_catboost(data: Data) -> Iterator[Candidate]:
    """CatBoost's models with training folders, snapshots, and text settings."""
    from catboost import CatBoostClassifier

    fast = {"iterations": 3, "thread_count": 1, "verbose": False}
    notes = data.customers[["age", "note"]]
    tokenizers = [{"tokenizer_id": "Space", "separator_type": "ByDelimiter", "delimiter": " "}]
    dictionaries = [{"dictionary_id": "Word", "max_dictionary_size": "50", "gram_order": "1"}]
    processing = {
        "tokenizers": tokenizers,
        "dictionaries": dictionaries,
        "feature_processing": {
            "default": [{"dictionaries_names": ["Word"], "feature_calcers": ["BoW"], "tokenizers_names": ["Space"]}]
        },
    }
    settings: dict[str, dict[str, Any]] = {
        "tokenizers": {
            "tokenizers": tokenizers,
            "dictionaries": dictionaries,
            "feature_calcers": ["BoW:top_tokens_count=9"],
        },
        "text processing": {"text_processing": processing},
    }
    for name, setting in settings.items():
        make = partial(CatBoostClassifier, text_features=["note"], allow_writing_files=False, **fast, **setting)
        yield f"CatBoost with {name}", lambda make=make: make().fit(notes, data.binary)
    snapshot = {"save_snapshot": True, "snapshot_file": "snapshot.bkp", "snapshot_interval": 1}
    for name, setting in {"a folder": {}, "a snapshot": snapshot}.items():
        yield f"CatBoost with {name}", partial(_fit_in_folder, CatBoostClassifier, fast | setting, data)
    described = {"feature_names": ["a", "b", "c", "d"], "metadata": {"owner": "team"}}
    yield (
        "CatBoost with metadata",
        lambda: CatBoostClassifier(allow_writing_files=False, metadata=described["metadata"], **fast).fit(
            pd.DataFrame(data.X, columns=described["feature_names"]), data.binary
        ),
    )


def _fit_in_folder(kind: Any, setting: dict[str, Any], data: Data) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        return kind(train_dir=folder, **setting).fit(data.X, data.binary)
