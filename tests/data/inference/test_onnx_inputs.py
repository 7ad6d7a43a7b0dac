"""Columns are converted to the input types of an ONNX model without changing a value."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from in_process import predict

from modelreg.errors import InvalidData

FLOAT, INT64, STRING, BOOL = 1, 7, 8, 9  # TensorProto.DataType in onnx.proto


def field(number, content):
    data = content if isinstance(content, bytes) else content.encode()
    assert len(data) < 1 << 14
    length = bytes([len(data)]) if len(data) < 128 else bytes([len(data) & 127 | 128, len(data) >> 7])
    return bytes([number << 3 | 2]) + length + data


def integer(field_number, value):
    return bytes([field_number << 3, value])


def value_info(name, type_):
    shape = field(1, field(2, "N")) + field(1, integer(1, 1))
    return field(1, name) + field(2, field(1, integer(1, type_) + field(2, shape)))


def identity(type_):
    """A model that returns its only input, a column of this type; encoded as protobuf by hand."""
    node = field(1, "x") + field(2, "y") + field(4, "Identity")
    graph = field(1, node) + field(2, "g") + field(11, value_info("x", type_)) + field(12, value_info("y", type_))
    model = integer(1, 8) + field(7, graph) + field(8, field(1, "") + integer(2, 13))
    onnxruntime = pytest.importorskip("onnxruntime")
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize(
    ("type_", "cell", "message"),
    [
        (INT64, "1.9", "'a' is not int64: 1.9 in row 1"),
        (INT64, "", "'a' is missing in row 1"),
        (INT64, "99999999999999999999", "'a' is not int64"),
        (BOOL, "no", "'a' is not boolean"),
        (FLOAT, "much", "'a' is not float32"),
        (FLOAT, "1e39", "'a' .* float32"),
    ],
)
def test_a_value_that_an_input_cannot_hold_is_refused(type_, cell, message, tmp_path):
    first = {INT64: "1", BOOL: "True", FLOAT: "0.5"}[type_]
    (tmp_path / "data.csv").write_text(f"a,b\n{first},\n{cell},\n")
    pd.read_csv(tmp_path / "data.csv", dtype=str)[["a"]].to_csv(tmp_path / "one.csv", index=False)
    with pytest.raises(InvalidData, match=message):
        predict(identity(type_), None, tmp_path / "one.csv", tmp_path / "out.csv")


@pytest.mark.parametrize(
    ("type_", "values"), [(INT64, [1, 2**60]), (BOOL, [True, False]), (FLOAT, [0.5, np.nan]), (STRING, ["NA", "01"])]
)
def test_values_reach_the_model_unchanged(type_, values, tmp_path):
    pd.DataFrame({"a": values}).to_csv(tmp_path / "data.csv", index=False, na_rep="nan")
    predict(identity(type_), None, tmp_path / "data.csv", tmp_path / "out.csv")
    output = pd.read_csv(tmp_path / "out.csv", dtype=str if type_ == STRING else None, keep_default_na=type_ != STRING)
    assert np.array_equal(output["prediction"], values, equal_nan=type_ == FLOAT)
