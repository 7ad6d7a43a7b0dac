"""Delimiters, encodings, JSON Lines and long headers; inferred and stated types of columns."""

from __future__ import annotations

import gzip
import json
import re

import numpy as np
import pandas as pd
import pytest
from in_process import predict
from sklearn.tree import DecisionTreeRegressor

from modelreg.data.signatures import infer_signature, read_signature
from modelreg.data.tables.table_file import TextLayout
from modelreg.domain.signatures import Signature, SignatureField
from modelreg.errors import InvalidData, InvalidInput

FRAME = pd.DataFrame({"city": ["Zürich", "NA"], "zip": ["01234", "99"], "x": [0.5, 1.5]})


class EchoModel:
    """Predicts the values of each row as JSON."""

    def predict(self, frame):
        return np.array([json.dumps(list(map(str, row)), ensure_ascii=False) for row in frame.to_numpy()])


def predict_rows(source, tmp_path, signature=None, **options):
    predict(EchoModel(), signature or infer_signature(FRAME), source, tmp_path / "out.csv", **options)
    return [json.loads(text) for text in pd.read_csv(tmp_path / "out.csv")["prediction"]]


ROWS = [["Zürich", "01234", "0.5"], ["NA", "99", "1.5"]]
LAYOUTS = {
    "semicolons": ("data.csv", {"sep": ";"}, TextLayout.parse(";", None, None)),
    "tabs in .tsv": ("data.tsv", {"sep": "\t"}, None),
    "tabs by their name": ("data.txt", {"sep": "\t"}, TextLayout.parse("tab", None, None)),
    "latin-1": ("data.csv", {"encoding": "latin-1"}, TextLayout.parse(None, "latin-1", None)),
    "utf-16": ("data.csv", {"encoding": "utf-16"}, TextLayout.parse(None, "utf-16", None)),
    "a byte order mark": ("data.csv", {"encoding": "utf-8-sig"}, None),
    "gzip": ("data.tsv.gz", {"sep": "\t"}, None),
}


@pytest.mark.parametrize(("name", "csv_options", "layout"), LAYOUTS.values(), ids=LAYOUTS)
def test_text_files_are_read_in_any_layout(name, csv_options, layout, tmp_path):
    FRAME.to_csv(tmp_path / name, index=False, **csv_options)
    assert predict_rows(tmp_path / name, tmp_path, layout=layout) == ROWS
    signature = read_signature(tmp_path / name, layout=layout)
    assert [field.type for field in signature.inputs] == ["string", "string", "float64"]


@pytest.mark.parametrize("name", ["data.jsonl", "data.ndjson", "data.jsonl.gz"])
def test_json_lines_are_read_as_rows(name, tmp_path):
    text = "".join(json.dumps(row) + "\n" for row in FRAME.to_dict("records"))
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    assert predict_rows(tmp_path / name, tmp_path) == ROWS
    assert read_signature(tmp_path / name).inputs == read_signature(save_csv(FRAME, tmp_path)).inputs


def save_csv(frame, folder, name="data.csv"):
    frame.to_csv(folder / name, index=False)
    return folder / name


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", "line 2 of .* is not a JSON object"),
        ("{", "line 2 of .* is not valid JSON"),
        ('{"city": 7, "zip": "1", "x": 1}', "'city' is not string: 7 in line 2"),
        ('{"city": "a", "zip": 1, "x": 1}', "'zip' is not string: 1 in line 2"),
        ('{"city": "a", "zip": "1", "x": "1"}', "'x' is not float64: '1' in line 2"),
        ('{"city": "a", "zip": "1"}', "'x' is missing in line 2"),
        ('{"city": "a", "zip": "1", "x": 1, "more": 1}', "has 'more', which the model does not take"),
    ],
)
def test_a_wrong_json_line_is_reported_with_its_number(line, message, tmp_path):
    (tmp_path / "data.jsonl").write_text('{"city": "a", "zip": "1", "x": 1}\n' + line + "\n")
    with pytest.raises(InvalidData, match=message):
        predict_rows(tmp_path / "data.jsonl", tmp_path)


@pytest.mark.parametrize(
    ("delimiter", "encoding", "quoted"),
    [("", None, "''"), (";;", None, "';;'"), ('"', None, "'\"'"), (None, "x", "'x'")],
)
def test_invalid_delimiters_and_encodings_are_refused(delimiter, encoding, quoted):
    with pytest.raises(InvalidInput, match=quoted):
        TextLayout.parse(delimiter, encoding, None)


def test_a_decoding_error_has_an_encoding_hint(tmp_path):
    FRAME.to_csv(tmp_path / "data.csv", index=False, encoding="latin-1")
    with pytest.raises(InvalidData, match="utf-8") as caught:
        predict_rows(tmp_path / "data.csv", tmp_path)
    assert "--encoding latin-1" in caught.value.hint


@pytest.mark.slow
def test_a_header_longer_than_a_mebibyte_is_read(tmp_path):
    frame = pd.DataFrame(np.zeros((2, 6000)), columns=[f"column {'x' * 200} {index}" for index in range(6000)])
    assert len((save_csv(frame, tmp_path)).read_bytes().partition(b"\n")[0]) > 1 << 20
    assert len(read_signature(tmp_path / "data.csv").inputs) == 6000


@pytest.mark.parametrize("blank", ["\n", '\n"x\ny"', "\n  "])
def test_line_numbers_count_blank_and_quoted_lines(blank, tmp_path):
    text = f"a,b\nx,1{blank.replace(chr(34) + 'x', chr(10) + chr(34) + 'x')}"
    rows = text + ("" if blank.strip() == "" else ",2") + "\nx,bad\n"
    (tmp_path / "data.csv").write_text(rows)
    signature = Signature((SignatureField("a", "string"), SignatureField("b", "int64")))
    line = rows.splitlines().index("x,bad") + 1
    with pytest.raises(InvalidData, match=f"'b' is not int64: 'bad' in line {line}$"):
        predict_rows(tmp_path / "data.csv", tmp_path, signature)


# inferred and stated types


@pytest.mark.parametrize(
    ("cells", "type_", "nullable"),
    [
        (["01234", "99"], "string", False),
        (["-01", "2"], "string", False),
        (["NA", "CH"], "string", False),
        (["NA", ""], "any", True),
        (["NA", "1"], "int64", True),
        (["", "x"], "string", True),
        (["0", "0.5", "00.5"], "string", False),
        (["0", "0.5", "1e5"], "float64", False),
        (["True", "NA"], "boolean", True),
        (["None", "x", "null"], "string", False),
        (["1_000", "2"], "string", False),
    ],
    ids=str,
)
def test_inferred_types_lose_no_text(cells, type_, nullable, tmp_path):
    path = save_csv(pd.DataFrame({"a": cells, "b": 1}), tmp_path)
    field = read_signature(path).inputs[0]
    assert (field.type, field.nullable) == (type_, nullable)


def test_a_leading_zero_adds_a_note_with_the_option_to_state_the_type(tmp_path):
    notes: list[str] = []
    read_signature(save_csv(FRAME, tmp_path), notes=notes)
    (note,) = notes
    assert "zip is text" in note
    assert "01234" in note
    assert "--types zip=int64" in note
    notes.clear()
    read_signature(save_csv(FRAME, tmp_path), {"zip": "string"}, notes=notes)
    assert notes == []


def test_a_pandas_index_is_not_part_of_the_signature(tmp_path):
    FRAME.to_csv(tmp_path / "data.csv")
    notes: list[str] = []
    assert [field.name for field in read_signature(tmp_path / "data.csv", notes=notes).inputs] == list(FRAME)
    assert "pandas" in notes[0]
    with pytest.raises(InvalidData, match="has 'Unnamed: 0', which the model does not take") as caught:
        predict_rows(tmp_path / "data.csv", tmp_path)
    assert "index=False" in caught.value.hint


def test_stated_types_are_applied_and_checked(tmp_path):
    frame = FRAME.assign(at=["2026-10-25 02:30:00+02:00", "2026-10-25 02:30:00+01:00"], n=[1, 300])
    types = {"zip": "int64", "city": "category", "x": "float32", "at": "datetime[ns, Europe/Zurich]"}
    fields = {field.name: field for field in read_signature(save_csv(frame, tmp_path), types).inputs}
    assert fields["zip"] == SignatureField("zip", "int64")
    assert fields["city"] == SignatureField("city", "string", categories=("NA", "Zürich"))
    assert fields["x"].type == "float32"
    assert (fields["at"].unit, fields["at"].zone) == ("ns", "Europe/Zurich")
    with pytest.raises(InvalidData, match=r"'n' .* uint8: '300' in line 3"):
        read_signature(save_csv(frame, tmp_path), {"n": "uint8"})
    with pytest.raises(InvalidData, match="'city' is not int64: 'Zürich' in line 2"):
        read_signature(save_csv(frame, tmp_path), {"city": "int64"})


def test_the_type_text_reads_an_empty_cell_as_empty_text(tmp_path):
    path = save_csv(pd.DataFrame({"note": ["late", ""], "n": [1, 2]}), tmp_path)
    signature = read_signature(path, {"note": "text"})
    assert signature.inputs[0] == SignatureField("note", "string", empty_text=True)
    assert [row[0] for row in predict_rows(path, tmp_path, signature)] == ["late", ""]


@pytest.mark.parametrize(
    ("text", "type_", "message"),
    [
        ("True\nFalse", "float64", "'v' is not float64: 'True' in line 2"),
        ("1\n1\nfalse", "int64", "'v' is not int64: 'false' in line 4"),
        ("0.5\n1e400", "float64", "'v' .* float64: '1e400' in line 3"),
        ("inf\n1e400", "float64", "'v' .* float64: '1e400' in line 3"),
        ("0.5\n\u0663", "float64", "'v' is not float64: '\u0663' in line 3"),
    ],
)
def test_csv_values_that_are_not_numbers_are_refused(tmp_path, text, type_, message):
    (tmp_path / "data.csv").write_text(f"v,w\n{text}\n".replace("\n", ",x\n").replace("v,w,x", "v,w"))
    signature = Signature((SignatureField("v", type_), SignatureField("w", "string")))
    with pytest.raises(InvalidData, match=message):
        predict_rows(tmp_path / "data.csv", tmp_path, signature)


def test_infinity_and_columns_of_ones_and_zeros_are_numbers(tmp_path):
    (tmp_path / "data.csv").write_text("v,w\ninf,1\n-inf,0\n0.5,1\n")
    signature = Signature((SignatureField("v", "float64"), SignatureField("w", "int64")))
    assert predict_rows(tmp_path / "data.csv", tmp_path, signature) == [["inf", "1.0"], ["-inf", "0.0"], ["0.5", "1.0"]]


def test_ones_and_zeros_next_to_booleans_are_numbers(tmp_path):
    (tmp_path / "data.csv").write_text("v,w\n1,True\n0,False\n")
    signature = Signature((SignatureField("v", "int64"), SignatureField("w", "boolean")))
    assert predict_rows(tmp_path / "data.csv", tmp_path, signature) == [["1", "True"], ["0", "False"]]


def test_a_json_number_out_of_range_for_float64_is_refused(tmp_path):
    (tmp_path / "data.jsonl").write_text('{"v": 0.5}\n{"v": 1e400}\n')
    with pytest.raises(InvalidData, match=r"line 2 of .*1e400 .* float64"):
        predict_rows(tmp_path / "data.jsonl", tmp_path, Signature((SignatureField("v", "float64"),)))


def test_a_duplicate_json_key_is_refused(tmp_path):
    (tmp_path / "data.jsonl").write_text('{"v": 1}\n{"v": 1, "v": 2}\n')
    with pytest.raises(InvalidData, match=r"line 2 of .* 'v' twice"):
        predict_rows(tmp_path / "data.jsonl", tmp_path, Signature((SignatureField("v", "float64"),)))


def test_an_empty_cell_that_may_be_a_category_or_missing_is_refused(tmp_path):
    field = SignatureField("v", "string", nullable=True, categories=("", "a"))
    (tmp_path / "data.csv").write_text("v,n\na,1\n,2\n")
    with pytest.raises(InvalidData, match=r"'v' is empty in line 3.* category"):
        predict_rows(tmp_path / "data.csv", tmp_path, Signature((field, SignatureField("n", "int64"))))


@pytest.mark.parametrize("delimiter", ["é", "ab", '"'])
def test_an_invalid_delimiter_is_refused(delimiter):
    with pytest.raises(InvalidInput, match=re.escape(repr(delimiter))):
        TextLayout.parse(delimiter, None, None)


@pytest.mark.parametrize("encoding", ["rot13", "hex", "\udcff", "nonsense", "undefined"])
def test_an_encoding_that_is_not_for_text_is_refused(encoding):
    with pytest.raises(InvalidInput, match="encoding"):
        TextLayout.parse(None, encoding, None)


@pytest.mark.parametrize("wrong", ["foo", "01/02/2021", "2021-13-45"])
@pytest.mark.parametrize("types", [{"at": "datetime"}, {"at": "datetime[ns, UTC]"}])
def test_the_error_for_a_wrong_time_names_its_line(wrong, types, tmp_path):
    offset = "T00:00:00Z" if "UTC" in types["at"] else ""
    path = save_csv(pd.DataFrame({"at": [f"2021-06-01{offset}", wrong]}), tmp_path)
    with pytest.raises(InvalidData, match=f"'{wrong}' in line 3"):
        read_signature(path, types)


@pytest.mark.parametrize(
    ("types", "quoted"),
    [
        ({"zip": "words"}, "'words' .* 'zip'"),
        ({"zip": "int64[ns]"}, r"'int64\[ns\]' .* 'zip'"),
        ({"x": "datetime[ns, Zurich]"}, "time zone 'Zurich'"),
        ({"zap": "string"}, "no column 'zap'"),
    ],
)
def test_invalid_stated_types_are_refused(types, quoted, tmp_path):
    with pytest.raises(InvalidInput, match=quoted):
        read_signature(save_csv(FRAME, tmp_path), types)


def test_a_signature_without_units_reads_microseconds_and_floats(tmp_path):
    signature = Signature((SignatureField("at", "datetime"), SignatureField("n", "int64", nullable=True)))
    (tmp_path / "data.csv").write_text("at,n\n2026-01-02,1\n2026-01-02 03:04:05.000006,\n")

    class Types:
        def predict(self, frame):
            return np.array([f"{frame['at'].dtype} {frame['n'].dtype}"] * len(frame))

    predict(Types(), signature, tmp_path / "data.csv", tmp_path / "out.csv")
    assert set(pd.read_csv(tmp_path / "out.csv")["prediction"]) == {"datetime64[us] float64"}


@pytest.mark.parametrize(
    ("field", "cell", "message"),
    [
        (SignatureField("a", "uint8"), "256", ".* uint8: '?256'?"),
        (SignatureField("a", "uint8"), "-1", ".* uint8: '?-1'?"),
        (SignatureField("a", "int64", nullable=True), "9007199254740993", "loses digits as float64"),
        (SignatureField("a", "float32"), "1e39", ".* float32"),
        (SignatureField("a", "float16"), "70000", ".* float16"),
        (SignatureField("a", "boolean"), "no", "is not boolean: 'no'"),
        (SignatureField("a", "datetime", unit="s"), "2026-01-01 00:00:00.5", "loses digits as a time in s"),
        (SignatureField("a", "datetime", unit="ns"), "3000-01-01", r"is (out of range .* ns|not datetime\[ns\])"),
        (SignatureField("a", "datetime", unit="us"), "2026-01-01T00:00:00Z", "has a time zone"),
        (SignatureField("a", "datetime", unit="us", zone="UTC"), "2026-01-01 00:00:00", "has no time zone"),
        (SignatureField("a", "string", categories=("x", "y")), "z", ".* 2 categories"),
        (SignatureField("a", "any", categories=("(0, 1]",)), "(0, 1]", "has categories"),
        (SignatureField("a", "binary"), "x", "is binary"),
    ],
    ids=str,
)
def test_a_value_that_would_change_is_refused_with_its_line(field, cell, message, tmp_path):
    (tmp_path / "data.csv").write_text(f'a,b\n"{cell}",1\n')
    with pytest.raises(InvalidData, match=f"'a' {message}.* in line 2"):
        predict(DecisionTreeRegressor(), Signature((field, SignatureField("b", "int64"))), tmp_path / "data.csv", "-")
