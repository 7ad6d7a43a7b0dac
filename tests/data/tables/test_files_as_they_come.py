"""Delimiters, encodings, JSON Lines, long headers; and signatures that lose no text."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from in_process import predict
from sklearn.tree import DecisionTreeRegressor

from modelreg.data.signatures import infer_signature, read_signature
from modelreg.data.tables.source import TextLayout
from modelreg.domain.signatures import Signature, SignatureField
from modelreg.errors import InvalidData, InvalidInput

FRAME = pd.DataFrame({"city": ["Zürich", "NA"], "zip": ["01234", "99"], "x": [0.5, 1.5]})


class Echo:
    """Predicts what it is given of a row."""

    def predict(self, frame):
        return np.array([json.dumps(list(map(str, row)), ensure_ascii=False) for row in frame.to_numpy()])


def echoed(source, tmp_path, signature=None, **options):
    predict(Echo(), signature or infer_signature(FRAME), source, tmp_path / "out.csv", **options)
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


@pytest.mark.parametrize(("name", "written", "layout"), LAYOUTS.values(), ids=LAYOUTS)
def test_text_files_are_read_as_they_are_written(name, written, layout, tmp_path):
    FRAME.to_csv(tmp_path / name, index=False, **written)
    assert echoed(tmp_path / name, tmp_path, layout=layout) == ROWS
    learned = read_signature(tmp_path / name, layout=layout)
    assert [field.type for field in learned.inputs] == ["string", "string", "float64"]


@pytest.mark.parametrize("name", ["data.jsonl", "data.ndjson", "data.jsonl.gz"])
def test_json_lines_are_rows(name, tmp_path):
    text = "".join(json.dumps(row) + "\n" for row in FRAME.to_dict("records"))
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    assert echoed(tmp_path / name, tmp_path) == ROWS
    assert read_signature(tmp_path / name).inputs == read_signature(saved(FRAME, tmp_path)).inputs


def saved(frame, folder, name="data.csv"):
    frame.to_csv(folder / name, index=False)
    return folder / name


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[1]", "line 2 of .* is not a JSON object"),
        ("{", "line 2 of .* is not JSON"),
        ('{"city": 7, "zip": "1", "x": 1}', "'city' is not string: 7 in line 2"),
        ('{"city": "a", "zip": 1, "x": 1}', "'zip' is not string: 1 in line 2"),
        ('{"city": "a", "zip": "1", "x": "1"}', "'x' is not float64: '1' in line 2"),
        ('{"city": "a", "zip": "1"}', "'x' is missing in line 2"),
        ('{"city": "a", "zip": "1", "x": 1, "more": 1}', "has 'more', which the model does not take"),
    ],
)
def test_a_line_of_json_that_does_not_fit_is_named(line, words, tmp_path):
    (tmp_path / "data.jsonl").write_text('{"city": "a", "zip": "1", "x": 1}\n' + line + "\n")
    with pytest.raises(InvalidData, match=words):
        echoed(tmp_path / "data.jsonl", tmp_path)


@pytest.mark.parametrize(
    ("delimiter", "encoding", "words"),
    [("", None, "''"), (";;", None, "';;'"), ('"', None, "'\"'"), (None, "x", "'x'")],
)
def test_a_layout_that_is_none_is_refused(delimiter, encoding, words):
    with pytest.raises(InvalidInput, match=words):
        TextLayout.parse(delimiter, encoding, None)


def test_bytes_of_another_encoding_get_a_hint(tmp_path):
    FRAME.to_csv(tmp_path / "data.csv", index=False, encoding="latin-1")
    with pytest.raises(InvalidData, match="cannot be read as CSV in utf-8") as refused:
        echoed(tmp_path / "data.csv", tmp_path)
    assert "--encoding latin-1" in refused.value.hint


@pytest.mark.slow
def test_a_header_over_a_mebibyte_is_a_header(tmp_path):
    frame = pd.DataFrame(np.zeros((2, 6000)), columns=[f"column {'x' * 200} {place}" for place in range(6000)])
    assert len((saved(frame, tmp_path)).read_bytes().partition(b"\n")[0]) > 1 << 20
    assert len(read_signature(tmp_path / "data.csv").inputs) == 6000


@pytest.mark.parametrize("blank", ["\n", '\n"x\ny"', "\n  "])
def test_the_line_of_a_value_is_that_of_an_editor(blank, tmp_path):
    text = f"a,b\nx,1{blank.replace(chr(34) + 'x', chr(10) + chr(34) + 'x')}"
    rows = text + ("" if blank.strip() == "" else ",2") + "\nx,bad\n"
    (tmp_path / "data.csv").write_text(rows)
    signature = Signature((SignatureField("a", "string"), SignatureField("b", "int64")))
    line = rows.splitlines().index("x,bad") + 1
    with pytest.raises(InvalidData, match=f"'b' is not int64: 'bad' in line {line}$"):
        echoed(tmp_path / "data.csv", tmp_path, signature)


# types are stated before they are guessed, and no guess loses text


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
def test_a_guess_loses_no_text(cells, type_, nullable, tmp_path):
    path = saved(pd.DataFrame({"a": cells, "b": 1}), tmp_path)
    field = read_signature(path).inputs[0]
    assert (field.type, field.nullable) == (type_, nullable)


def test_a_zip_code_gets_a_note_that_says_what_to_state(tmp_path):
    notes: list[str] = []
    read_signature(saved(FRAME, tmp_path), notes=notes)
    (note,) = notes
    assert "zip is text, since 01234 begins with a zero" in note
    assert "--types zip=int64" in note
    notes.clear()
    read_signature(saved(FRAME, tmp_path), {"zip": "string"}, notes=notes)
    assert notes == []


def test_an_index_that_pandas_wrote_is_no_input(tmp_path):
    FRAME.to_csv(tmp_path / "data.csv")
    notes: list[str] = []
    assert [field.name for field in read_signature(tmp_path / "data.csv", notes=notes).inputs] == list(FRAME)
    assert "the index that pandas writes" in notes[0]
    with pytest.raises(InvalidData, match="has 'Unnamed: 0', which the model does not take") as refused:
        echoed(tmp_path / "data.csv", tmp_path)
    assert "index=False" in refused.value.hint


def test_stated_types_are_kept_and_checked(tmp_path):
    frame = FRAME.assign(at=["2026-10-25 02:30:00+02:00", "2026-10-25 02:30:00+01:00"], n=[1, 300])
    types = {"zip": "int64", "city": "category", "x": "float32", "at": "datetime[ns, Europe/Zurich]"}
    found = {field.name: field for field in read_signature(saved(frame, tmp_path), types).inputs}
    assert found["zip"] == SignatureField("zip", "int64")
    assert found["city"] == SignatureField("city", "string", categories=("NA", "Zürich"))
    assert found["x"].type == "float32"
    assert (found["at"].unit, found["at"].zone) == ("ns", "Europe/Zurich")
    with pytest.raises(InvalidData, match=r"'n' is beyond uint8: '300' in line 3"):
        read_signature(saved(frame, tmp_path), {"n": "uint8"})
    with pytest.raises(InvalidData, match="'city' is not int64: 'Zürich' in line 2"):
        read_signature(saved(frame, tmp_path), {"city": "int64"})


def test_an_empty_cell_of_a_stated_text_is_an_empty_text(tmp_path):
    path = saved(pd.DataFrame({"note": ["late", ""], "n": [1, 2]}), tmp_path)
    signature = read_signature(path, {"note": "text"})
    assert signature.inputs[0] == SignatureField("note", "string", empty_text=True)
    assert [row[0] for row in echoed(path, tmp_path, signature)] == ["late", ""]


@pytest.mark.parametrize(
    ("text", "type_", "words"),
    [
        ("True\nFalse", "float64", "'v' is not float64: 'True' in line 2"),
        ("1\n1\nfalse", "int64", "'v' is not int64: 'false' in line 4"),
        ("0.5\n1e400", "float64", "'v' is beyond float64: '1e400' in line 3"),
        ("inf\n1e400", "float64", "'v' is beyond float64: '1e400' in line 3"),
        ("0.5\n\u0663", "float64", "'v' is not float64: '\u0663' in line 3"),
    ],
)
def test_what_is_no_number_of_the_type_is_refused_in_csv(tmp_path, text, type_, words):
    (tmp_path / "data.csv").write_text(f"v,w\n{text}\n".replace("\n", ",x\n").replace("v,w,x", "v,w"))
    signature = Signature((SignatureField("v", type_), SignatureField("w", "string")))
    with pytest.raises(InvalidData, match=words):
        echoed(tmp_path / "data.csv", tmp_path, signature)


def test_infinite_numbers_and_columns_of_ones_are_numbers(tmp_path):
    (tmp_path / "data.csv").write_text("v,w\ninf,1\n-inf,0\n0.5,1\n")
    signature = Signature((SignatureField("v", "float64"), SignatureField("w", "int64")))
    assert echoed(tmp_path / "data.csv", tmp_path, signature) == [["inf", "1.0"], ["-inf", "0.0"], ["0.5", "1.0"]]


def test_ones_and_zeros_beside_truth_values_are_numbers(tmp_path):
    (tmp_path / "data.csv").write_text("v,w\n1,True\n0,False\n")
    signature = Signature((SignatureField("v", "int64"), SignatureField("w", "boolean")))
    assert echoed(tmp_path / "data.csv", tmp_path, signature) == [["1", "True"], ["0", "False"]]


def test_a_number_beyond_every_float_is_refused_in_json(tmp_path):
    (tmp_path / "data.jsonl").write_text('{"v": 0.5}\n{"v": 1e400}\n')
    with pytest.raises(InvalidData, match="1e400 is beyond float64"):
        echoed(tmp_path / "data.jsonl", tmp_path, Signature((SignatureField("v", "float64"),)))


def test_a_key_that_a_line_has_twice_is_refused(tmp_path):
    (tmp_path / "data.jsonl").write_text('{"v": 1}\n{"v": 1, "v": 2}\n')
    with pytest.raises(InvalidData, match="it has the key 'v' twice"):
        echoed(tmp_path / "data.jsonl", tmp_path, Signature((SignatureField("v", "float64"),)))


def test_an_empty_cell_is_refused_where_it_may_be_a_category_or_missing(tmp_path):
    field = SignatureField("v", "string", nullable=True, categories=("", "a"))
    (tmp_path / "data.csv").write_text("v,n\na,1\n,2\n")
    with pytest.raises(InvalidData, match="'v' is empty in line 3, and that is a category as well"):
        echoed(tmp_path / "data.csv", tmp_path, Signature((field, SignatureField("n", "int64"))))


@pytest.mark.parametrize("delimiter", ["é", "ab", '"'])
def test_what_cannot_separate_values_is_refused(delimiter):
    with pytest.raises(InvalidInput, match="cannot separate values"):
        TextLayout.parse(delimiter, None, None)


@pytest.mark.parametrize("encoding", ["rot13", "hex", "\udcff", "nonsense", "undefined"])
def test_what_is_no_encoding_of_text_is_refused(encoding):
    with pytest.raises(InvalidInput, match="there is no encoding"):
        TextLayout.parse(None, encoding, None)


@pytest.mark.parametrize("wrong", ["foo", "01/02/2021", "2021-13-45"])
@pytest.mark.parametrize("types", [{"at": "datetime"}, {"at": "datetime[ns, UTC]"}])
def test_a_wrong_time_is_named_and_none_beside_it(wrong, types, tmp_path):
    offset = "T00:00:00Z" if "UTC" in types["at"] else ""
    path = saved(pd.DataFrame({"at": [f"2021-06-01{offset}", wrong]}), tmp_path)
    with pytest.raises(InvalidData, match=f"'{wrong}' in line 3"):
        read_signature(path, types)


@pytest.mark.parametrize(
    ("types", "words"),
    [
        ({"zip": "words"}, "'words' is no type"),
        ({"zip": "int64[ns]"}, "no type"),
        ({"x": "datetime[ns, Zurich]"}, "no time zone 'Zurich'"),
        ({"zap": "string"}, "no column 'zap'"),
    ],
)
def test_types_that_are_none_are_refused(types, words, tmp_path):
    with pytest.raises(InvalidInput, match=words):
        read_signature(saved(FRAME, tmp_path), types)


def test_a_file_of_an_older_signature_is_read_as_before(tmp_path):
    older = Signature((SignatureField("at", "datetime"), SignatureField("n", "int64", nullable=True)))
    (tmp_path / "data.csv").write_text("at,n\n2026-01-02,1\n2026-01-02 03:04:05.000006,\n")

    class Types:
        def predict(self, frame):
            return np.array([f"{frame['at'].dtype} {frame['n'].dtype}"] * len(frame))

    predict(Types(), older, tmp_path / "data.csv", tmp_path / "out.csv")
    assert set(pd.read_csv(tmp_path / "out.csv")["prediction"]) == {"datetime64[us] float64"}


@pytest.mark.parametrize(
    ("field", "cell", "words"),
    [
        (SignatureField("a", "uint8"), "256", "is beyond uint8: '?256'?"),
        (SignatureField("a", "uint8"), "-1", "is beyond uint8"),
        (SignatureField("a", "int64", nullable=True), "9007199254740993", "loses digits as float64"),
        (SignatureField("a", "float32"), "1e39", "is beyond float32"),
        (SignatureField("a", "float16"), "70000", "is beyond float16"),
        (SignatureField("a", "boolean"), "no", "is not boolean: 'no'"),
        (SignatureField("a", "datetime", unit="s"), "2026-01-01 00:00:00.5", "loses digits as a time in s"),
        (SignatureField("a", "datetime", unit="ns"), "3000-01-01", r"is (beyond times in ns|not datetime\[ns\])"),
        (SignatureField("a", "datetime", unit="us"), "2026-01-01T00:00:00Z", "has a time zone"),
        (SignatureField("a", "datetime", unit="us", zone="UTC"), "2026-01-01 00:00:00", "has no time zone"),
        (SignatureField("a", "string", categories=("x", "y")), "z", "is none of the 2 categories"),
        (SignatureField("a", "any", categories=("(0, 1]",)), "(0, 1]", "has categories of a type that no file holds"),
        (SignatureField("a", "binary"), "x", "is binary"),
    ],
    ids=str,
)
def test_a_value_that_would_change_is_named_with_its_line(field, cell, words, tmp_path):
    (tmp_path / "data.csv").write_text(f'a,b\n"{cell}",1\n')
    with pytest.raises(InvalidData, match=f"'a' {words}.* in line 2"):
        predict(DecisionTreeRegressor(), Signature((field, SignatureField("b", "int64"))), tmp_path / "data.csv", "-")
