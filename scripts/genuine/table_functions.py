"""Functions passed to transformers and vectorizers: methods of tables, as functions and by name, and patterns."""

from __future__ import annotations

import operator
import re
import string
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage, signal, sparse

from genuine.attempts import Candidate, fit
from genuine.datasets import Data

METHODS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "add_prefix": (("x_",), {}),
    "add_suffix": (("_x",), {}),
    "assign": ((), {"bias": 1.0}),
    "astype": (({"age": "float32"},), {}),
    "bfill": ((), {}),
    "clip": ((), {"lower": 0, "upper": 50}),
    "convert_dtypes": ((), {}),
    "copy": ((), {}),
    "corr": ((), {}),
    "cumsum": ((), {}),
    "diff": ((), {}),
    "drop": ((), {"columns": ["note"], "errors": "ignore"}),
    "drop_duplicates": ((), {}),
    "dropna": ((), {"axis": 1}),
    "ffill": ((), {}),
    "fillna": (({"income": 0.0},), {}),
    "filter": ((), {"regex": "^a"}),
    "infer_objects": ((), {}),
    "interpolate": ((), {}),
    "isna": ((), {}),
    "mul": ((2,), {}),
    "notna": ((), {}),
    "rank": ((), {"pct": True}),
    "reindex": ((), {"columns": ["age", "income"]}),
    "rename": ((), {"columns": {"age": "years"}}),
    "replace": (({"city": {"Lima": 0}},), {}),
    "reset_index": ((), {"drop": True}),
    "round": ((2,), {}),
    "select_dtypes": (("number",), {}),
    "shift": ((1,), {}),
    "squeeze": ((), {}),
    "to_dict": ((), {"orient": "records"}),
    "to_numpy": ((), {"dtype": float}),
    "transpose": ((), {}),
}
"""Method of DataFrames -> positional and keyword arguments."""

ATTRIBUTES = (
    *("T", "values", "shape", "size", "columns", "index", "dtypes"),
    *(
        f"dt.{name}"
        for name in ("year", "month", "day", "hour", "minute", "dayofweek", "weekday", "dayofyear", "quarter")
    ),
)


def methods_of_tables(data: Data) -> Iterator[Candidate]:
    """``FunctionTransformer`` with methods of tables, as functions and by name."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    for name, (positional, named) in METHODS.items():
        by_name = FunctionTransformer(operator.methodcaller(name, *positional, **named))
        method = getattr(pd.DataFrame, name)
        alone = FunctionTransformer(partial(method, **named) if named else method)
        yield f"by name: {name}", partial(_wrap, by_name)
        yield f"as a function: {name}", partial(_wrap, alone)
    for name in ("isna", "squeeze", "fillna", "astype", "to_frame"):
        yield f"of a column: {name}", partial(_wrap, FunctionTransformer(getattr(pd.Series, name)))
    for name in ATTRIBUTES:
        yield f"attribute: {name}", partial(_wrap, FunctionTransformer(operator.attrgetter(name)))
    for selector in (slice(0, 2), (slice(None), [0, 1]), slice(None, None, 2)):
        yield f"items: {selector}", partial(_wrap, FunctionTransformer(operator.itemgetter(selector)))
    steps = make_pipeline(FunctionTransformer(operator.methodcaller("fillna", 0)), StandardScaler())
    yield "methods in a pipeline", partial(fit, steps, data.frame)


def _wrap(transformer: Any) -> Any:
    return {"transformer": transformer}


def arguments_of_functions(data: Data) -> Iterator[Candidate]:
    """``FunctionTransformer`` with types, dictionaries and lists among the arguments of its function."""
    from sklearn.preprocessing import FunctionTransformer

    types = {"age": np.float32, "city": "category", "size": pd.CategoricalDtype(["S", "M", "L"])}
    named: list[tuple[Any, dict[str, Any]]] = [
        (np.asarray, {"dtype": np.float32}),
        (np.asarray, {"dtype": float}),
        (pd.DataFrame.astype, {"dtype": types}),
        (pd.DataFrame.rename, {"columns": {"age": "years"}}),
        (pd.DataFrame.fillna, {"value": {"age": 0, "income": 0.0}}),
        (pd.DataFrame.select_dtypes, {"include": [np.number, "category"]}),
        (pd.DataFrame.replace, {"to_replace": {"city": {"Lima": "Lagos"}}}),
        (pd.cut, {"bins": np.linspace(0, 100, 5), "labels": False}),
        (pd.get_dummies, {"columns": ["city"], "dtype": int}),
    ]
    for function, arguments in named:
        transformer = FunctionTransformer(function, kw_args=arguments, inv_kw_args=arguments)
        yield f"arguments: {function.__name__} {list(arguments)}", partial(_wrap, transformer)
    partials: list[Any] = [
        partial(pd.DataFrame.fillna, value={"age": 0}),
        partial(pd.DataFrame.rename, columns={"age": "years"}),
        partial(pd.DataFrame.replace, to_replace=[np.inf, -np.inf], value=np.nan),
        partial(pd.DataFrame, columns=["a", "b"]),
        partial(pd.melt, id_vars=["age"]),
        partial(np.pad, pad_width=1),
        partial(np.einsum, "ij->ij"),
        partial(np.emath.logn, 2),
        partial(signal.medfilt, kernel_size=3),
        partial(ndimage.gaussian_filter, sigma=1),
    ]
    for number, function in enumerate(partials):
        yield f"partial of a table's function {number}", partial(_wrap, FunctionTransformer(function))
    alone = [sparse.csr_array, sparse.csr_matrix]
    alone += [sparse.issparse, signal.detrend, np.unravel_index, np.char.strip, np.char.lower, np.char.upper]
    for function in alone:
        yield f"function {function.__name__}", partial(_wrap, FunctionTransformer(function))


def patterns(data: Data) -> Iterator[Candidate]:
    """Vectorizers with regular expressions, and with parts of another vectorizer."""
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

    words = re.compile(r"\w+")
    other = CountVectorizer(ngram_range=(1, 2), stop_words=["and"])
    settings: dict[str, dict[str, Any]] = {
        "findall of a pattern": {"tokenizer": words.findall},
        "split of a pattern": {"tokenizer": re.compile(r"\s+").split},
        "findall": {"tokenizer": partial(re.findall, r"\w+")},
        "split": {"tokenizer": partial(re.split, r"\s+")},
        "sub": {"preprocessor": partial(re.sub, r"\d+", "#")},
        "sub of a pattern": {"preprocessor": partial(re.compile(r"\d+").sub, "#")},
        "replace": {"preprocessor": operator.methodcaller("replace", "\n", " ")},
        "translate": {"preprocessor": operator.methodcaller("translate", str.maketrans("", "", string.punctuation))},
        "analyzer of another": {"analyzer": other.build_analyzer()},
        "tokenizer of another": {"tokenizer": other.build_tokenizer()},
        "preprocessor of another": {"preprocessor": TfidfVectorizer(strip_accents="unicode").build_preprocessor()},
    }
    for name, setting in settings.items():
        for kind in (CountVectorizer, TfidfVectorizer):
            yield f"{kind.__name__} with {name}", lambda k=kind, s=setting: k(**s).fit(data.texts)
    yield "a pattern beside a model", lambda: {"pattern": words}
