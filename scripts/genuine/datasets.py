"""The data on which models are fitted: one small table in all common types."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
import scipy.sparse

ROWS = 48
COLUMNS = ("age", "income", "tenure", "score")
CITIES = ("Berlin", "Lagos", "Lima", "Pune")
NAMES = ("setosa", "versicolor", "virginica")


@dataclass
class Data:
    """Inputs and targets, generated from one seed."""

    seed: int
    X: np.ndarray = field(init=False)  # between 0.05 and 1.05, so that logarithms and counts accept it
    classes: np.ndarray = field(init=False)  # 0, 1, 2
    numbers: np.ndarray = field(init=False)
    weights: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        random = self.random("table")
        self.X = random.random((ROWS, 4)) + 0.05
        self.classes = np.concatenate([np.arange(ROWS // 2) % 3, random.integers(0, 3, ROWS - ROWS // 2)])
        self.numbers = self.X @ random.random(4) + 0.1 * random.random(ROWS)
        self.weights = random.random(ROWS) + 0.5
        self.binary = (self.numbers > np.median(self.numbers)).astype(int)
        self.multilabel = np.stack([self.binary, self.classes // 2, self.classes % 2], axis=1)
        self.two_numbers = np.stack([self.numbers, 2 - self.numbers], axis=1)
        self.integers = (self.X * 10).astype(np.int64)
        self.square = self.X @ self.X.T
        self.groups = np.arange(ROWS) % 4
        self.texts = [f"word{n % 7} and Word{n % 5}, {CITIES[n % 4]}" for n in random.integers(0, 99, ROWS)]
        self.records = [{"a": float(n), "b": f"kind {n % 3}", "c": True} for n in random.integers(0, 99, ROWS)]
        self.images = random.random((3, 8, 8))
        self.frame = pd.DataFrame(self.X, columns=list(COLUMNS))
        self.strings = np.array([[CITIES[n % 4], NAMES[n % 3]] for n in random.integers(0, 99, ROWS)], dtype=object)
        self.holes = np.where(random.random((ROWS, 4)) < 0.2, np.nan, self.X)
        self.customers = self._customers(random)

    def random(self, purpose: str) -> np.random.Generator:
        """A separate generator for each purpose, so that a new purpose does not change the data of others."""
        return np.random.default_rng([self.seed, crc32(purpose.encode())])

    def _customers(self, random: np.random.Generator) -> pd.DataFrame:
        """A table with typical column types."""
        cities = [CITIES[n] for n in random.integers(0, 4, ROWS)]
        return pd.DataFrame(
            {
                "age": random.integers(18, 90, ROWS),
                "income": np.where(random.random(ROWS) < 0.2, np.nan, random.random(ROWS) * 1e5),
                "city": cities,
                "plan": pd.Categorical([("basic", "pro", "team")[n] for n in random.integers(0, 3, ROWS)]),
                "size": pd.Categorical(["SML"[n] for n in random.integers(0, 3, ROWS)], list("SML"), ordered=True),
                "channel": pd.array([("web", "shop", None)[n] for n in random.integers(0, 3, ROWS)], dtype="string"),
                "visits": pd.array([None if n == 0 else int(n) for n in random.integers(0, 9, ROWS)], dtype="Int64"),
                "active": random.random(ROWS) < 0.5,
                "since": pd.to_datetime("2024-01-01") + pd.to_timedelta(random.integers(0, 700, ROWS), unit="D"),
                "note": [f"calls about {city}" for city in cities],
            }
        )

    def input_kinds(self) -> dict[str, Any]:
        """The same numeric table in every type that estimators accept."""
        kinds = {
            "float32": self.X.astype(np.float32),
            "integers": self.integers,
            "signed": self.X - 0.5,
            "column-major": np.asfortranarray(self.X),
            "lists": self.X.tolist(),
            "frame": self.frame,
            "frame float32": self.frame.astype("float32"),
            "frame of integers": pd.DataFrame(self.integers, columns=list(COLUMNS)),
            "frame nullable": self.frame.astype("Float64"),
            "frame with integer columns": pd.DataFrame(self.X),
            "NaN": self.holes,
            "boolean": self.X > 0.5,
            "csr_matrix": scipy.sparse.csr_matrix(self.X),
            "csc_matrix": scipy.sparse.csc_matrix(self.X),
            "coo_matrix": scipy.sparse.coo_matrix(self.X),
        }
        kinds |= {f"{kind}_array": getattr(scipy.sparse, f"{kind}_array")(self.X) for kind in ("csr", "csc", "coo")}
        return kinds

    def class_kinds(self) -> dict[str, Any]:
        """Labels of every type that classifiers accept."""
        names = np.array(NAMES)[self.classes]
        return {
            "string labels": names,
            "object labels": names.astype(object),
            "boolean labels": self.binary.astype(bool),
            "binary labels": self.binary,
            "yes and no": np.where(self.binary == 1, "yes", "no"),
            "minus and plus one": self.binary * 2 - 1,
            "float labels": self.classes.astype(float),
            "int8 labels": self.classes.astype(np.int8),
            "uint64 labels": self.classes.astype(np.uint64),
            "list of labels": names.tolist(),
            "Series of strings": pd.Series(names, name="species"),
            "Series of categories": pd.Series(names, dtype="category", name="species"),
            "Series of string dtype": pd.Series(names, dtype="string", name="species"),
            "Series of Int64": pd.Series(self.classes, dtype="Int64"),
            "multilabel": self.multilabel,
            "sparse multilabel": scipy.sparse.csr_matrix(self.multilabel),
            "multi-output labels": np.stack([self.classes, self.binary], axis=1),
            "multi-output strings": np.stack([names, names[::-1]], axis=1),
            "frame of labels": pd.DataFrame({"a": self.classes, "b": self.binary}),
        }

    def number_kinds(self) -> dict[str, Any]:
        """Numeric targets of every type that regressors accept."""
        return {
            "float32 target": self.numbers.astype(np.float32),
            "integer target": (self.numbers * 100).astype(int),
            "column target": self.numbers.reshape(-1, 1),
            "list target": self.numbers.tolist(),
            "Series target": pd.Series(self.numbers, name="price"),
            "nullable target": pd.Series(self.numbers, dtype="Float64"),
            "two targets": self.two_numbers,
            "frame of targets": pd.DataFrame(self.two_numbers, columns=["low", "high"]),
        }
