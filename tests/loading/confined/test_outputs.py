"""An output replaces an existing file only when it is the table that the child reported."""

from __future__ import annotations

import csv
import gzip
import io
import os
import pty
import socket
import subprocess

import pandas as pd
import pytest
from workspace import MODELREG, TRUSTED

from modelreg.data.tables.writing import OutputFile, open_writer
from modelreg.data.tables.written import TableMismatch, check_table

FORGES = """
import fcntl, json, os, stat
names = [int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")]
pipe = next(name for name in names if name > 2 and stat.S_ISFIFO(os.fstat(name).st_mode))
files = [name for name in names if name > 2 and stat.S_ISREG(os.fstat(name).st_mode)]
output = next(name for name in files if fcntl.fcntl(name, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR)
os.pwrite(output, CONTENT, OFFSET)
os.write(pipe, json.dumps({"is": "Predicted", "rows": 2, "columns": ["prediction"]}).encode() + b"\\n")
__import__("time").sleep(60)
"""
FRAME = pd.DataFrame({"id": ['a,"b"', "c\nd", ""], "größe, in m": [1.5, None, 3]})


def compress(content: bytes, **header) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", **{"filename": "", "mtime": 0, "compresslevel": 6} | header) as file:
        file.write(content)
    return buffer.getvalue()


def check(path, content: bytes, form: str = "csv", rows: int = 3, columns=tuple(FRAME.columns)):
    path.write_bytes(content)
    with path.open("rb") as file:
        check_table(OutputFile(file, form), rows, columns, lambda: None)


@pytest.mark.parametrize("form", ["csv", "csv.gz"])
def test_a_table_of_our_writer_is_accepted(tmp_path, form):
    with (tmp_path / "out").open("w+b") as file:
        with open_writer(OutputFile(file, form)) as write:
            write(FRAME)
            write(FRAME)
        check_table(OutputFile(file, form), 6, tuple(FRAME.columns), lambda: None)


@pytest.mark.parametrize("length", range(1, 13))
def test_quotes_across_block_borders_are_accepted(tmp_path, length):
    """The length of the header moves the position in a value at which a block ends."""
    rows = 200_000
    content = b"x" * length + b",y\n" + b'"a,""\n""",1\n' * rows
    check(tmp_path / "out", content, rows=rows, columns=("x" * length, "y"))


GENUINE = {
    "quotes": ['a "b", c', '"', '""', 'x"'],
    "carriage returns": ["a\rb", "\r", "c\r\nd", "plain"],
    "new lines": ["a\nb", "\n", "\n\n", "c"],
    "empty texts": ["", "a", "", ""],
    "missing values": [None, "a", None, None],
    "numbers and missing values": [1.5, None, float("inf"), -1e300],
    "spaces": [" ", "\t ", "a\n \nb", " x "],
    "separators": [",", ",,,", "a,b", "\t"],
    "other line separators": ["\x0b", "\x0c", "\x85", "\u2028"],
    "odd characters": ["\0", "\ufeff", "é", "\U0001f600"],
    "Booleans": [True, False, True, True],
}


@pytest.mark.parametrize("form", ["csv", "csv.gz"])
@pytest.mark.parametrize("values", GENUINE.values(), ids=GENUINE)
@pytest.mark.parametrize("name", ["prediction", "a\rb", 'a "b"', "c\nd", " ", ""])
def test_genuine_predictions_are_accepted_and_read_alike(tmp_path, values, name, form):
    for frame in (pd.DataFrame({name: values}), pd.DataFrame({"id": ["x"] * 4, name: values})):
        with (tmp_path / "out").open("w+b") as file:
            with open_writer(OutputFile(file, form)) as write:
                write(frame)
                write(frame)
            check_table(OutputFile(file, form), 8, tuple(frame.columns), lambda: None)
            file.seek(0)
            content = file.read() if form == "csv" else gzip.decompress(file.read())
        expected = [
            list(frame.columns),
            *[
                ["" if pd.isna(value) else str(value) for value in row]
                for row in [*frame.itertuples(index=False), *frame.itertuples(index=False)]
            ],
        ]
        assert list(csv.reader(io.StringIO(content.decode(), newline=""))) == expected
        assert pd.read_csv(io.BytesIO(content)).shape == (8, len(frame.columns))


@pytest.mark.slow
def test_a_highly_compressed_table_is_accepted(tmp_path):
    rows = 3_000_000
    with (tmp_path / "out").open("w+b") as file:
        with open_writer(OutputFile(file, "csv.gz")) as write:
            write(pd.DataFrame({"prediction": ["x" * 9] * 10}).loc[[0] * rows])
        check_table(OutputFile(file, "csv.gz"), rows, ("prediction",), lambda: None)


AMBIGUOUS = {
    "a carriage return": (1, b"1\r2\r3\n"),
    "a line that ends in CRLF": (1, b"1\r\n"),
    "a quote within a value": (1, b'1"\n2"\n'),
    "a quote after a space": (1, b' "1\n2"\n'),
    "quotes around separators within a value": (1, b'1",2,3,4"\n'),
    "text after a quote": (2, b'"1"x"\n2\n3"\n'),
    "a space after a quote": (1, b'"1" \n'),
    "an empty line": (3, b"1\n\n2\n"),
    "empty lines": (2, b"\n\n"),
    "a line of spaces": (2, b"1\n \t\n"),
    "invalid UTF-8": (2, b"\xff\xfe\n2\n"),
    "an incomplete character": (1, b"\xe2\x82\n"),
    "an encoded surrogate": (1, b"\xed\xa0\x80\n"),
}


@pytest.mark.parametrize("form", ["csv", "csv.gz"])
@pytest.mark.parametrize(("rows", "content"), AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_content_that_readers_read_differently_is_refused(tmp_path, rows, content, form):
    content = b"prediction\n" + content
    with pytest.raises(TableMismatch):
        check(tmp_path / "out", compress(content) if form == "csv.gz" else content, form, rows, ("prediction",))


def test_rows_with_different_numbers_of_values_are_refused(tmp_path):
    for content in (b"a,b\n1\n1,2,3\n", b'a,b\n"1,1"\n1,2,3\n', b"a,b\n\n1,2,3\n"):
        with pytest.raises(TableMismatch):
            check(tmp_path / "out", content, rows=2, columns=("a", "b"))


def test_a_row_over_the_size_limit_is_refused(tmp_path):
    with pytest.raises(TableMismatch):
        check(tmp_path / "out", b"a\n" + b"x" * (17 << 20) + b"\n", rows=1, columns=("a",))


OTHER_GZIP = {
    "two members": compress(b"prediction\n1\n") + compress(b"2\n"),
    "an empty second member": compress(b"prediction\n1\n2\n") + compress(b""),
    "trailing zeros": compress(b"prediction\n1\n2\n") + bytes(8),
    "many trailing zeros": compress(b"prediction\n1\n2\n") + bytes(1 << 18),
    "a file name": compress(b"prediction\n1\n2\n", filename="x"),
    "a timestamp": compress(b"prediction\n1\n2\n", mtime=1),
    "another compression level": compress(b"prediction\n1\n2\n", compresslevel=9),
    "no checksum": compress(b"prediction\n1\n2\n")[:-8],
    "a wrong checksum": compress(b"prediction\n1\n2\n")[:-8] + bytes(8),
}


@pytest.mark.parametrize("content", OTHER_GZIP.values(), ids=OTHER_GZIP)
def test_other_gzip_than_that_of_our_writer_is_refused(tmp_path, content):
    check(tmp_path / "out", compress(b"prediction\n1\n2\n"), "csv.gz", 2, ("prediction",))
    with pytest.raises(TableMismatch):
        check(tmp_path / "out", content, "csv.gz", 2, ("prediction",))


EMPTY_BLOCKS = b"\0\0\0\xff\xff" * 100_000  # stored DEFLATE blocks that decompress to nothing
LONG = {
    "gzip that decompresses to nothing": b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + EMPTY_BLOCKS,
    "gzip that decompresses to much": compress(b"prediction\n" + bytes(8 << 20)),
    "CSV": b'prediction\n"' + b"x" * (4 << 20),
}


@pytest.mark.parametrize("content", LONG.values(), ids=LONG)
def test_the_time_limit_is_checked_at_each_block(tmp_path, content):
    checks = []
    (tmp_path / "out").write_bytes(content)
    form = "csv.gz" if content.startswith(b"\x1f") else "csv"
    with (tmp_path / "out").open("rb") as file, pytest.raises(TableMismatch):
        check_table(OutputFile(file, form), 2, ("prediction",), lambda: checks.append(1))
    assert len(checks) > 3


def test_one_column_with_missing_values_is_accepted(tmp_path):
    content = pd.DataFrame({"prediction": [None, "a", None]}).to_csv(index=False).encode()
    check(tmp_path / "out", content, columns=("prediction",))


CSV = FRAME.to_csv(index=False).encode()
REFUSED = {
    "an empty file": b"",
    "a missing row": b"".join(CSV.splitlines(keepends=True)[:-1]),
    "an additional row": CSV + b"x,1\n",
    "half a row": CSV[:-2],
    "an unclosed quote": CSV + b'"',
    "another column": CSV.replace(b"id", b"no"),
    "an additional value": CSV[:-1] + b",9\n",
    "binary data": bytes(range(256)) * 16,
}


@pytest.mark.parametrize("form", ["csv", "csv.gz"])
@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_a_table_that_differs_from_the_report_is_refused(tmp_path, content, form):
    with pytest.raises(TableMismatch):
        check(tmp_path / "out", compress(content) if form == "csv.gz" else content, form)


@pytest.mark.parametrize("content", [CSV, compress(CSV)[:-9], b"\x1f\x8b" + bytes(100)], ids=["CSV", "cut", "zeros"])
def test_invalid_gzip_is_refused(tmp_path, content):
    with pytest.raises(TableMismatch):
        check(tmp_path / "out", content, "csv.gz")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1PAR", CSV, b"PAR1" + bytes(100)])
def test_invalid_parquet_is_refused(tmp_path, content):
    with pytest.raises(TableMismatch):
        check(tmp_path / "out", content, "parquet")
    check(tmp_path / "out", b"PAR1" + bytes(8) + b"PAR1", "parquet")


def test_a_sparse_file_is_refused(tmp_path):
    with (tmp_path / "out").open("w+b") as file:
        file.write(CSV)
        file.truncate(1 << 40)
        with pytest.raises(TableMismatch):
            check_table(OutputFile(file, "csv"), 3, tuple(FRAME.columns), lambda: None)


def test_the_time_limit_holds_for_the_check(tmp_path):
    def raise_timeout() -> None:
        raise TimeoutError

    (tmp_path / "out").write_bytes(CSV)
    with (tmp_path / "out").open("rb") as file, pytest.raises(TimeoutError):
        check_table(OutputFile(file, "csv"), 3, tuple(FRAME.columns), raise_timeout)


def forge(content: bytes, offset: int = 0) -> str:
    return FORGES.replace("CONTENT", repr(content)).replace("OFFSET", str(offset))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "offset"),
    [
        (b"prediction\n1\n", 0),
        pytest.param(b"", 0, marks=pytest.mark.slow),
        pytest.param(b"prediction\n1\n2\n", 8 << 40, marks=pytest.mark.slow),
    ],
)
def test_a_false_report_does_not_replace_an_existing_output(workspace, content, offset):
    workspace.output.write_text("as it was")
    result = workspace.predict(workspace.register(forge(content, offset)))
    assert result.returncode == 7, result.stderr
    assert "not the table that its process reported" in result.stderr
    assert workspace.output.read_text() == "as it was"


@pytest.mark.slow
def test_control_characters_in_predictions_are_escaped_on_a_terminal(workspace):
    reference = workspace.register(forge(b"prediction\n\x1b]0;title\x07\x1b[2J\xc2\x9b\n\x7f\n"))
    terminal, side = pty.openpty()
    arguments = ["predict", reference, "-i", workspace.data, "-o", "-", *TRUSTED]
    environment = os.environ | {"MODELREG_HOME": str(workspace.registry.folder)}
    command = subprocess.Popen([MODELREG, *arguments], env=environment, stdout=side, stderr=subprocess.DEVNULL)
    os.close(side)
    printed = b""
    try:
        while block := os.read(terminal, 65536):
            printed += block
    except OSError:  # the other side is closed
        pass
    assert command.wait() == 0
    assert printed == b"prediction\r\n\\x1b]0;title\\x07\\x1b[2J\\x9b\r\n\\x7f\r\n"
    os.close(terminal)


def bind_socket(path) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    return server


SPECIAL_FILES = {
    "a FIFO": lambda path: os.mkfifo(path),
    "a folder": lambda path: path.mkdir(),
    "a socket": lambda path: bind_socket(path),
    "cannot be written": lambda path: path.symlink_to(path),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", SPECIAL_FILES)
def test_an_output_that_is_no_regular_file_is_not_replaced(workspace, kind):
    server = SPECIAL_FILES[kind](workspace.output)
    before = workspace.output.lstat()
    result = workspace.predict(workspace.register("pass"))
    assert result.returncode == 2
    assert kind in result.stderr
    assert (workspace.output.lstat().st_mode, workspace.output.lstat().st_ino) == (before.st_mode, before.st_ino)
    if server is not None:
        server.close()


@pytest.mark.slow
def test_a_model_cannot_change_data_from_stdin(workspace):
    code = """
import os, stat
for name in map(int, os.listdir("/proc/self/fd")):
    try:
        if name > 2 and stat.S_ISREG(os.fstat(name).st_mode):
            os.pwrite(name, b"a,y\\n9,1\\n9,1\\n", 0)
            print("changed")
    except OSError as error:
        print(error.strerror)
"""
    reference = workspace.register(code)
    arguments = ["evaluate", reference, "--data", "-", "--target", "y", "--as", "data", *TRUSTED]
    result = workspace.run(*arguments, stdin=None, input="a,y\n1,1\n2,1\n")
    assert result.returncode == 0, result.stderr
    assert "changed" not in result.stderr


@pytest.mark.parametrize(
    ("content", "max_rows"),
    [(b"a\n1\n2\n", 2), (b"a\n1\n2", 2), (b"a\r1\r2\r", 2), (b"a\r\n1\r\n2\r\n", 2), (b"a\n", 0), (b"", 0)],
)
def test_a_file_has_no_more_rows_than_lines(tmp_path, content, max_rows):
    from modelreg.data.tables.table_file import open_table

    (tmp_path / "data.csv").write_bytes(content)
    with open_table(tmp_path / "data.csv") as table:
        assert table.max_rows() == max_rows
