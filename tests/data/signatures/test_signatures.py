"""Signatures: inferred from data in memory and in files, and converted to JSON."""

from __future__ import annotations

import contextlib
import datetime
import gzip
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import example, given
from hypothesis import strategies as st

from modelreg.data.signatures import infer_signature, read_signature
from modelreg.data.tables import csv as csv_tables
from modelreg.domain.signatures import Signature, SignatureField, signature_as_json, signature_from_json
from modelreg.errors import InvalidData, SourceNotFound

TYPES = ["boolean", "int8", "int64", "uint64", "float16", "float64", "string", "binary", "datetime", "any"]
FIELDS = st.builds(
    SignatureField,
    name=st.none() | st.text() | st.integers(-(2**53), 2**53),
    type=st.sampled_from(TYPES),
    shape=st.lists(st.none() | st.integers(0, 2**40)).map(tuple),
    nullable=st.booleans(),
    missing=st.sampled_from([None, "None", "NA", "mixed"]),
    empty_text=st.booleans(),
    unit=st.sampled_from([None, "D", "s", "ns"]),
    zone=st.sampled_from([None, "UTC", "Europe/Zurich"]),
    categories=st.none() | st.lists(st.text()).map(tuple),
    ordered=st.booleans(),
)
SIGNATURES = st.builds(
    Signature,
    inputs=st.lists(FIELDS).map(tuple),
    outputs=st.lists(FIELDS).map(tuple),
    one_column=st.booleans(),
)


# --- JSON ----------------------------------------------------------------------------------------------------


@given(SIGNATURES)
def test_a_signature_survives_a_round_trip_through_json(signature):
    assert signature_from_json(json.loads(json.dumps(signature_as_json(signature)))) == signature


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"inputs": []},
        {"inputs": None, "outputs": []},
        {"inputs": [1], "outputs": []},
        {"inputs": [{"name": 1.5, "type": "int64", "shape": [], "nullable": False}], "outputs": []},
        {"inputs": [{"name": True, "type": "int64", "shape": [], "nullable": False}], "outputs": []},
        {"inputs": [{"name": "a", "type": "int64", "shape": [], "nullable": False, "unit": 1}], "outputs": []},
        {"inputs": [{"name": "a", "type": "int64", "shape": [], "nullable": False, "more": "x"}], "outputs": []},
        {"inputs": [{"name": "a", "type": "string", "shape": [], "nullable": True, "categories": [1]}], "outputs": []},
        {"inputs": [], "outputs": [], "one_column": "yes"},
        {"inputs": [{"name": None, "type": "int64", "shape": [-1], "nullable": False}], "outputs": []},
        {"inputs": [{"name": None, "type": "int64", "shape": [True], "nullable": False}], "outputs": []},
        {"inputs": [{"name": None, "type": "int64", "shape": []}], "outputs": []},
    ],
)
def test_invalid_signatures_are_refused(value):
    with pytest.raises(InvalidData):
        signature_from_json(value)


def test_importing_signatures_imports_neither_pandas_nor_numpy():
    program = "import sys, modelreg.data.signatures; print('pandas' in sys.modules, 'numpy' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert process.stdout == "False False\n"


# --- data in memory -------------------------------------------------------------------------------------------

COLUMNS = [
    ([1, 2], "int64", False),
    (np.array([1, 2], "uint8"), "uint8", False),
    (np.array([1, 2], "float32"), "float32", False),
    ([1.5, None], "float64", True),
    (pd.array([1, None], "Int32"), "int32", True),
    (pd.array([1.5, None], "Float64"), "float64", True),
    ([True, False], "boolean", False),
    (pd.array([True, None], "boolean"), "boolean", True),
    (pd.Series([True, None], dtype=object), "boolean", True),
    (["a", "b"], "string", False),
    (pd.Series(["a", None], dtype=object), "string", True),
    (pd.array(["a", None], "string"), "string", True),
    (pd.Categorical(["a", "b"]), "string", False),
    (pd.Categorical([1, 2]), "int64", False),
    ([b"a", b"b"], "binary", False),
    (pd.to_datetime(["2026-01-01", None]), "datetime", True),
    (pd.to_datetime(["2026-01-01", "2026-01-02"], utc=True), "datetime", False),
    ([datetime.date(2026, 1, 1)] * 2, "datetime", False),
    (pd.to_timedelta([1, 2]), "any", False),
    ([1 + 2j, 1], "any", False),
    ([[1], [2]], "any", False),
    (pd.Series([1, "a"], dtype=object), "any", False),
]


@pytest.mark.parametrize(("values", "type_", "nullable"), COLUMNS, ids=range(len(COLUMNS)))
def test_the_type_of_a_column_is_inferred_from_its_values(values, type_, nullable):
    signature = infer_signature(pd.DataFrame({"a": values}), pd.Series(values, name="b"))
    (field,) = signature.inputs
    assert (field.name, field.type, field.shape, field.nullable) == ("a", type_, (), nullable)
    assert signature.outputs == (SignatureField("b", type_, nullable=nullable),)


@pytest.mark.parametrize(
    ("array", "field"),
    [
        (np.zeros((3, 2)), SignatureField(None, "float64", (None, 2))),
        (np.zeros((3, 2, 4), "uint8"), SignatureField(None, "uint8", (None, 2, 4))),
        (np.array([1.0, np.nan], "float16"), SignatureField(None, "float16", (None,), nullable=True)),
        (np.array(["a", "b"]), SignatureField(None, "string", (None,))),
        (np.array(["a", None], object), SignatureField(None, "string", (None,), nullable=True)),
        (np.array(["2026", "NaT"], "M8[D]"), SignatureField(None, "datetime", (None,), nullable=True)),
        (np.array([True]), SignatureField(None, "boolean", (None,))),
        (np.array([b"a"]), SignatureField(None, "binary", (None,))),
        (np.zeros(2, "c16"), SignatureField(None, "any", (None,))),
        (scipy.sparse.csr_matrix(np.eye(3, 5)), SignatureField(None, "float64", (None, 5))),
        (scipy.sparse.coo_array(np.eye(2, dtype="int32")), SignatureField(None, "int32", (None, 2))),
        (pd.Series([1, 2]), SignatureField(None, "int64", (None,))),
        ([1, 2, 3], SignatureField(None, "int64", (None,))),
        (["a", "b"], SignatureField(None, "string", (None,))),
        ([[1.0, 2.0], [3.0, 4.0]], SignatureField(None, "float64", (None, 2))),
    ],
    ids=range(15),
)
def test_an_array_has_a_shape_with_a_variable_number_of_rows(array, field):
    assert infer_signature(array) == Signature((field,))


def test_a_mapping_becomes_named_arrays():
    assert infer_signature({"ids": np.zeros((2, 8), "int32"), "masks": [[True], [False]]}).inputs == (
        SignatureField("ids", "int32", (None, 8)),
        SignatureField("masks", "boolean", (None, 1)),
    )


def test_a_list_of_mappings_becomes_a_table():
    assert infer_signature([{"a": 1, "b": "x"}, {"a": 2}]).inputs == (
        SignatureField("a", "int64"),
        SignatureField("b", "string", nullable=True),
    )


@pytest.mark.parametrize("data", [None, 1, "text", object(), [[1], [1, 2]], pd.DataFrame(), lambda: None])
def test_data_that_is_neither_a_table_nor_an_array_is_refused(data):
    with pytest.raises(InvalidData):
        infer_signature(data)


def test_duplicate_column_names_are_refused():
    with pytest.raises(InvalidData, match="two columns are named 'a'"):
        infer_signature(pd.DataFrame([[1, 2]], columns=["a", "a"]))


# --- CSV ------------------------------------------------------------------------------------------------------


def write_file(tmp_path, text: str | bytes, name: str = "data.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def infer_columns(path) -> dict[str, tuple[str, bool]]:
    signature = read_signature(path)
    assert signature.outputs == ()
    return {field.name: (field.type, field.nullable) for field in signature.inputs}


def test_csv_columns_have_the_types_that_pandas_infers(tmp_path):
    path = write_file(
        tmp_path,
        "whole,gaps,real,text,flag,large,none,day\n"
        "1,9007199254740993,1.5,a,True,18446744073709551615,,2026-01-01\n"
        "-2,,2,,False,3,,2026-01-02\n",
    )
    assert infer_columns(path) == {
        "whole": ("int64", False),
        "gaps": ("int64", True),
        "real": ("float64", False),
        "text": ("string", True),
        "flag": ("boolean", False),
        "large": ("uint64", False),
        "none": ("any", True),
        "day": ("string", False),
    }


def test_gzipped_csv_is_read(tmp_path):
    assert infer_columns(write_file(tmp_path, gzip.compress(b"a\n1\n"), "data.csv.gz")) == {"a": ("int64", False)}


# without integers beyond uint64: for these the type that pandas infers depends on their row
CELLS = st.sampled_from(["", "1", "-1", "1.5", "18446744073709551615", "True", "text", "nan"])


@given(st.lists(CELLS, min_size=1, max_size=6), st.integers(1, 3))
@example(["-1", "18446744073709551615"], 1)
@example(["1.5", "18446744073709551615"], 1)
@example(["", "True", "1"], 1)
def test_inferred_types_do_not_depend_on_chunk_boundaries(tmp_path_factory, cells, rows_at_once):
    path = tmp_path_factory.getbasetemp() / "cut.csv"
    path.write_text("a,row\n" + "".join(f"{cell},0\n" for cell in cells))
    whole = infer_columns(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_tables, "_VALUES_AT_ONCE", 2 * rows_at_once)
        assert infer_columns(path) == whole


def test_a_value_in_a_later_chunk_widens_the_type(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_tables, "_VALUES_AT_ONCE", 10)
    path = write_file(tmp_path, "a,b\n" + "1,1\n" * 30 + "1.5,\n")
    assert infer_columns(path) == {"a": ("float64", False), "b": ("int64", True)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"a,b\n", "has no rows"),
        (b"a,b,a\n1,2,3\n", "two columns are named 'a'"),
        (b"a,b\n1,2,3\n", "more values than"),
        (b"a,b\n1,2\n1,2,3\n", "cannot be read as CSV"),
        (b'a,b\n"1,2\n', "cannot be read as CSV"),
        (b"\x89PNG\0\0", "is not a CSV file"),
        (b"\xff\xfea,b\n1,2\n", "cannot be read as CSV"),
        (b"x" * (2 << 20), "has no rows"),
    ],
)
def test_invalid_csv_is_refused_with_a_one_line_message(text, message, tmp_path):
    with pytest.raises(InvalidData, match=message) as caught:
        read_signature(write_file(tmp_path, text))
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "data", [b"no gzip", gzip.compress(b"a,b\n1,2\n" * 50)[:-9], b"\x1f\x8b\x08\0rubbish...."], ids=range(3)
)
def test_a_damaged_gzip_file_is_refused(data, tmp_path):
    with pytest.raises(InvalidData, match="cannot be read as CSV"):
        read_signature(write_file(tmp_path, data, "data.csv.gz"))


@given(st.binary(max_size=100))
def test_arbitrary_bytes_raise_nothing_but_invalid_data(tmp_path_factory, data):
    for name in ("any.csv", "any.csv.gz"):
        path = tmp_path_factory.getbasetemp() / name
        path.write_bytes(data)
        with contextlib.suppress(InvalidData):
            read_signature(path)


def test_missing_files_and_unknown_formats_are_refused(tmp_path):
    with pytest.raises(SourceNotFound):
        read_signature(tmp_path / "none.csv")
    with pytest.raises(InvalidData, match=r"data\.xlsx"):
        read_signature(write_file(tmp_path, "a\n1\n", "data.xlsx"))


# --- parquet --------------------------------------------------------------------------------------------------


def test_parquet_columns_keep_their_types(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    frame = pd.DataFrame(
        {
            "whole": [1, 2],
            "gaps": pd.array([1, None], "Int16"),
            "real": np.array([1, 2], "float32"),
            "text": ["a", "b"],
            "kind": pd.Categorical(["a", None]),
            "time": pd.to_datetime(["2026-01-01", "2026-01-02"]),
            "blob": [b"a", b"b"],
            "list": [[1], [2]],
        },
        index=pd.Index(["x", "y"], name="row"),
    )
    frame.to_parquet(tmp_path / "data.parquet")
    assert infer_columns(tmp_path / "data.parquet") == {
        "whole": ("int64", False),
        "gaps": ("int16", True),
        "real": ("float32", False),
        "text": ("string", False),
        "kind": ("string", True),
        "time": ("datetime", False),
        "blob": ("binary", False),
        "list": ("any", True),
    }


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" * 100])
def test_invalid_parquet_is_refused(data, tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    with pytest.raises(InvalidData, match="is not a parquet file"):
        read_signature(write_file(tmp_path, data, "data.parquet"))


def test_parquet_without_pyarrow_has_an_install_hint(tmp_path, monkeypatch):
    for module in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InvalidData) as caught:
        read_signature(write_file(tmp_path, b"PAR1", "data.parquet"))
    assert caught.value.hint == "pip install 'modelreg[parquet]'"
