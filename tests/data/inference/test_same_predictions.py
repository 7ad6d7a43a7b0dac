"""A DataFrame, its CSV file and its parquet file give a model the same columns, or are refused."""

from __future__ import annotations

import datetime
import importlib.util
import json

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from in_process import predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from modelreg.data.inference.enforcement import convert_inputs
from modelreg.data.signatures import infer_signature
from modelreg.errors import InvalidData

HAS_PARQUET = importlib.util.find_spec("pyarrow") is not None
TEXTS = ["01234", "NA", "None", "nan", "null", "1", "1.0", "True", "", " x", 'é,"ü', "2026-01-02"]
TIMES = [datetime.datetime(2026, 10, 25, hour, 30, 1, micro) for hour in range(4) for micro in (0, 5)]


def column(values, dtype=None, missing=()):
    return st.lists(st.sampled_from([*values, *missing]), min_size=4, max_size=8).map(
        lambda sample: lambda rows: pd.Series((sample * rows)[:rows], dtype=dtype)
    )


def integers(dtype, nullable=None):
    limits = np.iinfo(dtype)
    values = [0, 1, limits.max, limits.min, limits.max - 1]
    return column(values, nullable or dtype, [None] if nullable else [])


COLUMNS = {
    "int64": integers("int64"),
    "uint8": integers("uint8"),
    "uint64": integers("uint64"),
    "Int64": integers("int64", "Int64"),
    "UInt16": integers("uint16", "UInt16"),
    "float64": column([0.1, 1e300, 5e-324, -0.0, 0.30000000000000004, 123456789.12345679], "float64"),
    "float64 with gaps": column([0.1, 1 / 3], "float64", [None]),
    "float32": column([np.float32(0.1), np.float32(3.4e38), np.float32(1 / 3)], "float32"),
    "float16": column([np.float16(0.1), np.float16(65504)], "float16"),
    "Float64": column([0.1, 2.5], "Float64", [None]),
    "bool": column([True, False], "bool"),
    "boolean": column([True, False], "boolean", [None]),
    "bool with None": column([True, False], "object", [None]),
    "text": column(TEXTS),
    "text with NaN": column(TEXTS, "object", [np.nan]),
    "text with None": column(TEXTS, "object", [None]),
    "text with both": column(TEXTS, "object", [None, np.nan]),
    "string": column(TEXTS, "string", [None]),
    "number with None": column([1.5, 2.5], "object", [None]),
    "ns": column(TIMES, "datetime64[ns]"),
    "s": column([time.replace(microsecond=0) for time in TIMES], "datetime64[s]", [None]),
    "us": column(TIMES, "datetime64[us]", [None]),
    "zoned": column(TIMES).map(
        lambda make: lambda rows: make(rows).dt.tz_localize("UTC").dt.as_unit("ns").dt.tz_convert("Europe/Zurich")
    ),
    "date": column([datetime.date(2026, 1, 2), datetime.date(1999, 12, 31)], "object", [None]),
    "category": column(TEXTS, "category", [None]),
    "category of numbers": column([3, 1, 2**60], "category"),
    "category of numbers with gaps": column([3, 1], "category", [None]),
    "category of floats": column([0.1, 2.0], "category", [None]),
    "ordered": column(["low", "high"]).map(
        lambda make: lambda rows: make(rows).astype(pd.CategoricalDtype(["low", "high", "never"], ordered=True))
    ),
    "category of times": column(TIMES).map(lambda make: lambda rows: make(rows).astype("category")),
    "arrow integers": column([1, 2], "int64[pyarrow]", [None]),
}
if not HAS_PARQUET:
    del COLUMNS["arrow integers"]
NAMES = st.sampled_from(["a", "Ünd, so", 7, "7 ", "index", "2019"])


@st.composite
def frames(draw):
    kinds = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=4))
    names = draw(st.lists(NAMES, min_size=len(kinds), max_size=len(kinds), unique_by=str))
    rows = draw(st.integers(1, 8))
    return pd.DataFrame({name: draw(COLUMNS[kind])(rows) for name, kind in zip(names, kinds, strict=True)})


class EchoModel:
    """Predicts its input: column names, types, and every value with its type."""

    def predict(self, frame):
        predictions = []
        for row in range(len(frame)):
            cells = [_format_cell(frame[name], row) for name in frame.columns]
            predictions.append(json.dumps([repr(list(frame.columns)), *cells]))
        return np.array(predictions, dtype=object)


def _format_cell(column, row):
    value = column.iloc[row]
    if isinstance(column.dtype, pd.CategoricalDtype):
        kind = f"{column.dtype.categories.tolist()} {column.dtype.ordered} {column.cat.codes.iloc[row]}"
    elif isinstance(column.dtype, pd.StringDtype) or column.dtype == object:
        kind = "text or object"
    else:
        kind = str(column.dtype)
    return f"{kind}: {type(value).__name__} {value!r}"


def predict_echo(source, signature, folder):
    predict(EchoModel(), signature, source, folder / "out.csv")
    return pd.read_csv(folder / "out.csv", keep_default_na=False)["prediction"].tolist()


def write_files(frame, folder):
    frame.to_csv(folder / "data.csv", index=False)
    yield folder / "data.csv"
    if HAS_PARQUET:
        frame.rename(columns=str).to_parquet(folder / "data.parquet")
        yield folder / "data.parquet"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(frame=frames())
def test_a_frame_and_its_files_give_a_model_the_same_columns(frame, tmp_path_factory):
    folder = tmp_path_factory.mktemp("frame")
    signature = infer_signature(frame)
    assert len(convert_inputs(frame, signature)) == len(frame)
    expected = EchoModel().predict(convert_inputs(frame, signature)).tolist()
    if not any("pyarrow" in str(dtype) for dtype in frame.dtypes):  # Arrow integers become pandas integers
        assert EchoModel().predict(frame).tolist() == expected
    assert predict_echo(frame, signature, folder) == expected
    for path in write_files(frame, folder):
        try:
            predictions = predict_echo(path, signature, folder)
        except InvalidData as error:
            if not _is_ambiguous(error):
                raise
            continue
        assert predictions == expected, path


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(frame=frames(), seed=st.integers(0, 5))
def test_a_pipeline_predicts_the_same_from_a_frame_and_its_files(frame, seed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("frame")
    target = np.random.default_rng(seed).integers(0, 3, len(frame))
    model = make_pipeline(OneHotEncoder(handle_unknown="error"), DecisionTreeClassifier(random_state=0))
    try:
        expected = model.fit(frame, target).predict(frame).tolist()
    except (TypeError, ValueError):  # the encoder does not support the columns
        assume(False)
    signature = infer_signature(frame)
    assert model.predict(convert_inputs(frame, signature)).tolist() == expected
    for path in write_files(frame, folder):
        try:
            predict(model, signature, path, folder / "out.csv")
        except InvalidData as error:
            if not _is_ambiguous(error):
                raise
            continue
        assert pd.read_csv(folder / "out.csv")["prediction"].tolist() == expected


def _is_ambiguous(error):
    """Whether the file is refused because it cannot tell an empty text from a missing value, or None from NaN."""
    return "is empty in line" in error.message or "both None and NaN" in error.message
