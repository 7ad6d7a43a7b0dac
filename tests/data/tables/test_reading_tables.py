"""Reading tables: values and types do not depend on chunk boundaries; malformed files are refused."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from in_process import predict

from modelreg.data.signatures import infer_signature
from modelreg.data.tables import csv as csv_tables
from modelreg.data.tables import parquet as parquet_tables
from modelreg.data.tables.table_file import open_table
from modelreg.domain.signatures import Signature, SignatureField
from modelreg.errors import InvalidData


class EchoModel:
    """Predicts the type and the value of the first column."""

    def predict(self, frame):
        first = frame.iloc[:, 0]
        return np.array([f"{first.dtype} {value!r}" for value in first.tolist()], dtype=object)


class ZeroModel:
    def predict(self, frame):
        return np.zeros(len(frame))


def signature_of(type_, nullable=False):
    return Signature((SignatureField("a", type_, (), nullable), SignatureField("b", "int64")))


def predict_echo(tmp_path, text, signature):
    (tmp_path / "data.csv").write_text(text)
    predict(EchoModel(), signature, tmp_path / "data.csv", tmp_path / "out.csv")
    return pd.read_csv(tmp_path / "out.csv")["prediction"].tolist()


def predict_echo_in_chunks(tmp_path, text, signature, rows):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_tables, "_VALUES_AT_ONCE", rows * 2)
        return predict_echo(tmp_path, text, signature)


VALUES = {
    "int64": st.sampled_from(["1", "-2", "3.0", "9007199254740992"]),
    "float64": st.sampled_from(["1", "0.1", "1e300", "2.2250738585072014e-308", "inf"]),
    "boolean": st.sampled_from(["True", "False", "true", "FALSE"]),
    "string": st.sampled_from(["x", "007", "1.0", "é, ü"]),
    "datetime": st.sampled_from(["2026-01-02", "2026-01-02 03:04:05", "1999-12-31T23:59:59"]),
    "any": st.sampled_from(["1", "x", "2.5", "01"]),
}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), type_=st.sampled_from(sorted(VALUES)), nullable=st.booleans(), rows=st.integers(1, 4))
def test_values_and_types_do_not_depend_on_chunk_boundaries(tmp_path, data, type_, nullable, rows):
    values = data.draw(st.lists(VALUES[type_] | st.just("") if nullable else VALUES[type_], min_size=1, max_size=8))
    text = pd.DataFrame({"a": values, "b": "1"}).to_csv(index=False)
    signature = data.draw(st.sampled_from([signature_of(type_, nullable), None]))
    assert predict_echo(tmp_path, text, signature) == predict_echo_in_chunks(tmp_path, text, signature, rows)


def test_dates_that_are_not_iso_8601_are_refused(tmp_path):
    text = "a,b\n03/04/2026,1\n13/02/2026,1\n"
    with pytest.raises(InvalidData, match="'a' is not datetime"):
        predict_echo(tmp_path, text, signature_of("datetime"))


@pytest.mark.parametrize(
    ("type_", "value"), [("boolean", "maybe"), ("int64", "1.5"), ("datetime", "soon"), ("float64", "much")]
)
def test_a_wrong_value_in_a_nullable_column_is_refused(tmp_path, type_, value):
    with pytest.raises(InvalidData, match=f"'a' is not {type_}"):
        predict_echo(tmp_path, f"a,b\n{value},1\n,1\n", signature_of(type_, nullable=True))


@pytest.mark.parametrize("text", ["a,b,c\n1,2,x\n1,2\n", "a,b,c\n1,2,x\n\n1", "a,b,c\n1,2,x\n1,2,x,y\n"])
def test_a_row_with_too_few_or_too_many_values_is_refused(tmp_path, text):
    (tmp_path / "data.csv").write_text(text)
    with pytest.raises(InvalidData):
        predict(ZeroModel(), None, tmp_path / "data.csv", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_missing_value_at_the_end_of_a_row_is_accepted(tmp_path):
    assert predict_echo(tmp_path, 'a,b,c\n1.5,1,\n2.5,2,"x\ny"\n\n', None) == ["float64 1.5", "float64 2.5"]


def test_chunks_of_long_texts_have_fewer_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_tables, "_BYTES_AT_ONCE", 100_000)
    (tmp_path / "data.csv").write_text("a,b\n" + f"{'x' * 10_000},1\n" * 50)
    calls = []
    predict(
        ZeroModel(),
        signature_of("string"),
        tmp_path / "data.csv",
        tmp_path / "o.csv",
        progress=lambda *call: calls.append(call),
    )
    assert len(calls) >= 5


@pytest.mark.parametrize("name", ["data.csv", "data.csv.gz"])
def test_several_readers_can_read_a_table_at_once(tmp_path, name):
    text = ("a,b\n" + "".join(f"{row},2\n" for row in range(5000))).encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    with open_table(tmp_path / name) as table, table.text() as one, table.text() as other:
        start = one.read(1000)
        assert other.read() == text
        assert start + one.read() == text


@pytest.mark.parametrize("name", ["data.csv", "data.csv.gz"])
@pytest.mark.parametrize("row", [0, 999, 4000])
def test_the_line_of_a_wrong_value_is_found_while_reading_ahead(tmp_path, monkeypatch, name, row):
    monkeypatch.setattr(csv_tables, "_VALUES_AT_ONCE", 1000)
    text = ("a,b\n" + "".join(f"{'x' if at == row else at},2\n" for at in range(5000))).encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    with pytest.raises(InvalidData, match=f"in line {row + 2}$"):
        predict(ZeroModel(), signature_of("int64"), tmp_path / name, tmp_path / "out.csv")


@pytest.mark.parametrize("damage", [lambda b: b[:-20], lambda b: b[: len(b) // 2], lambda b: b[:-8] + bytes(8)])
def test_a_damaged_gzip_file_is_refused_without_output(tmp_path, damage):
    packed = gzip.compress(("a,b\n" + "".join(f"{row},2\n" for row in range(50_000))).encode())
    (tmp_path / "data.csv.gz").write_bytes(damage(packed))
    with pytest.raises(InvalidData, match="cannot be read as CSV"):
        predict(ZeroModel(), None, tmp_path / "data.csv.gz", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_damaged_parquet_file_is_refused(tmp_path):
    pytest.importorskip("pyarrow")
    pd.DataFrame({"a": np.arange(5000.0)}).to_parquet(tmp_path / "data.parquet")
    content = bytearray((tmp_path / "data.parquet").read_bytes())
    content[4:40] = b"\xff" * 36
    (tmp_path / "data.parquet").write_bytes(content)
    with pytest.raises(InvalidData, match="cannot be read as parquet"):
        predict(ZeroModel(), None, tmp_path / "data.parquet", tmp_path / "out.csv")


def test_integer_ids_in_parquet_stay_exact_next_to_missing_ones(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    ids = pd.array([7, 8, None, 2**53 + 1], dtype="Int64")
    pd.DataFrame({"id": ids, "a": [1.0, 2, 3, 4]}).to_parquet(tmp_path / "data.parquet")
    signature = infer_signature(pd.DataFrame({"a": [1.0]}))
    for values in (100, 4):
        monkeypatch.setattr(parquet_tables, "_VALUES_AT_ONCE", values)
        predict(ZeroModel(), signature, tmp_path / "data.parquet", tmp_path / "out.csv", id_column="id")
        written = (tmp_path / "out.csv").read_text().splitlines()
        assert [line.partition(",")[0] for line in written] == ["id", "7", "8", "", "9007199254740993"]
