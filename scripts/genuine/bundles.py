"""Bundles: dicts, tuples and lists of models together with other data."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import pathlib
import types
import uuid
import zoneinfo
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from genuine.attempts import Candidate
from genuine.datasets import COLUMNS, NAMES, Data


def bundles(data: Data) -> Iterator[Candidate]:
    """Containers of models and of the data needed to use them."""
    from sklearn import ensemble, linear_model, metrics, preprocessing
    from sklearn.feature_extraction.text import TfidfVectorizer

    def model() -> Any:
        return linear_model.LogisticRegression(max_iter=20).fit(data.X, data.binary)

    def forest() -> Any:
        return ensemble.RandomForestClassifier(2, random_state=data.seed).fit(data.frame, data.classes)

    def scaler() -> Any:
        return preprocessing.StandardScaler().fit(data.frame)

    makers: dict[str, Any] = {
        "model, scaler and features": lambda: {
            "model": model(), "scaler": scaler(), "features": list(COLUMNS), "threshold": 0.42,
            "metrics": {"auc": 0.91, "f1": np.float64(0.8), "n": np.int64(48)},
        },
        "model and metadata": lambda: {
            "model": forest(), "version": "1.2.0", "trained_at": datetime.datetime(2026, 1, 2, 3, 4, 5, 6),
            "day": datetime.date(2026, 1, 2), "took": datetime.timedelta(seconds=12.5), "author": None, "final": True,
            "classes": np.array(NAMES), "params": {"n_estimators": 2, "max_depth": None},
        },
        "model in UTC": lambda: {"model": model(), "at": datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)},  # noqa: UP017
        "model in a zone": lambda: {
            "model": model(), "at": datetime.datetime(2026, 1, 2, tzinfo=zoneinfo.ZoneInfo("Asia/Tokyo"))
        },
        "model and offset": lambda: {
            "m": model(), "at": datetime.time(1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
        },
        "model and price": lambda: {
            "model": model(), "price": decimal.Decimal("1.50"), "share": fractions.Fraction(1, 3)
        },
        "model and id": lambda: {"model": model(), "run": uuid.UUID(int=data.seed + 5)},
        "model and path": lambda: {"model": model(), "data": pathlib.PurePosixPath("data/train.csv")},
        "model and local path": lambda: {"model": model(), "data": pathlib.Path("data") / "train.csv"},
        "encoders by column": lambda: {
            column: preprocessing.LabelEncoder().fit(data.customers[column]) for column in ("city", "plan", "note")
        },
        "models by segment": lambda: {city: model() for city in ("Berlin", "Lima")},
        "models by number": lambda: {number: model() for number in range(3)},
        "models by pair": lambda: {("Berlin", 1): model(), ("Lima", 2): forest()},
        "tuple": lambda: (model(), scaler()),
        "tuple of three": lambda: (scaler(), model(), list(COLUMNS)),
        "list": lambda: [model(), forest(), scaler()],
        "list of folds": lambda: [
            linear_model.Ridge(alpha=alpha).fit(data.X, data.numbers) for alpha in (0.1, 1, 10)
        ],
        "list of steps": lambda: [("scaler", scaler()), ("model", model())],
        "vectorizer and model": lambda: _fit_text_bundle(TfidfVectorizer(), linear_model.LogisticRegression(), data),
        "report": lambda: metrics.classification_report(data.binary, model().predict(data.X), output_dict=True),
        "confusion": lambda: metrics.confusion_matrix(data.binary, model().predict(data.X)),
        "curve": lambda: metrics.roc_curve(data.binary, model().predict_proba(data.X)[:, 1]),
        "splits": lambda: [(np.arange(4), np.arange(4, 8))],
        "train and test": lambda: (data.frame, data.customers, pd.Series(data.classes), data.binary),
        "model and importances": lambda: {
            "model": forest(), "importances": pd.Series(forest().feature_importances_, index=COLUMNS).sort_values(),
            "sample": data.customers.head(), "dtypes": data.customers.dtypes.to_dict(),
        },
        "model and medians": lambda: {"model": model(), "fill": data.customers.median(numeric_only=True).to_dict()},
        "model and mapping": lambda: {"model": model(), "mapping": {0: "no", 1: "yes"}, "inverse": {"no": 0, "yes": 1}},
        "model and sets": lambda: {"model": model(), "kinds": {"a", "b"}, "fixed": frozenset({"c"}), "empty": set()},
        "model and bytes": lambda: {"model": model(), "digest": b"\x00\xff" * 8, "more": bytearray(b"ab")},
        "same model twice": lambda: _repeat(model()),
        "OrderedDict": lambda: collections.OrderedDict(scaler=scaler(), model=model()),
        "defaultdict of lists": lambda: _build_defaultdict(list, {"scores": [0.5, 0.6]}),
        "defaultdict of dicts": lambda: _build_defaultdict(dict, {"fold": {"auc": 0.9}}),
        "defaultdict of numbers": lambda: _build_defaultdict(int, {"a": 1}),
        "defaultdict of floats": lambda: _build_defaultdict(float, {"a": 1.5}),
        "Counter": lambda: collections.Counter(data.customers["city"]),
        "deque": lambda: collections.deque([1.0, 2.0], maxlen=5),
        "SimpleNamespace": lambda: types.SimpleNamespace(model=model(), features=list(COLUMNS)),
        "ChainMap": lambda: collections.ChainMap({"a": 1}, {"b": 2}),
        "UserDict": lambda: collections.UserDict({"a": 1}),
        "exceptions": lambda: [ValueError("no data"), KeyError("a"), np.linalg.LinAlgError("singular")],
        "singletons": lambda: [None, True, False, Ellipsis, NotImplemented],
        "Bunch": lambda: _load_dataset(),
        "Bunch of a model": lambda: _build_bunch(model()),
        "configuration": lambda: {
            "seed": 42, "paths": ["a.csv"], "ratio": 0.2, "big": 2**70, "negative": -(2**40),
            "nested": [[1, [2]], {"a": (1,)}], "text": "größe \u2713 \U0001f600", "none": None, "flags": (True, False),
 "inf": float("inf"), "nan": float("nan"),
            "complex": 1 + 2j, "range": range(3), "slice": slice(1, 2), "ellipsis": ..., "empty": [(), [], {}, "", b""],
        },
        "numbers": lambda: [0, 1, -1, 255, 256, 65535, 65536, 2**31 - 1, -(2**31), 2**31, 2**63, 1.5, 1e308, 5e-324],
        "strings": lambda: ["", "a" * 300, "\n", "line\rfeed", "\x00", "\u00e9", "b'", '"', "\\", "\\u0041"],
        "long list": lambda: list(range(2500)),
        "long dict": lambda: {f"k{n}": n for n in range(2500)},
        "long tuple": lambda: tuple(range(300)),
        "long set": lambda: {*range(1500)},
        "itself inside": _build_recursive_list,
        "single string": lambda: "a model's name",
        "single number": lambda: 0.5,
        "None": lambda: None,
    }  # fmt: skip
    for name, make in makers.items():
        yield f"bundle {name}", make


def _fit_text_bundle(vectorizer: Any, model: Any, data: Data) -> Any:
    vectors = vectorizer.fit_transform(data.texts)
    return {"vectorizer": vectorizer, "model": model.fit(vectors, data.binary), "labels": ["no", "yes"]}


def _repeat(model: Any) -> dict[str, Any]:
    return {"best": model, "models": [model, model]}


def _build_defaultdict(factory: Any, content: dict[str, Any]) -> Any:
    container = collections.defaultdict(factory)
    container.update(content)
    return container


def _load_dataset() -> Any:
    from sklearn.datasets import load_iris

    return load_iris(as_frame=True)


def _build_bunch(model: Any) -> Any:
    from sklearn.utils import Bunch

    return Bunch(model=model, names=list(NAMES))


def _build_recursive_list() -> Any:
    items: list[Any] = [1]
    items.append(items)
    return items
