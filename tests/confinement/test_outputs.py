"""An output takes the place of what was there when it is the table that was reported, and never otherwise."""

from __future__ import annotations

import gzip
import os
import pty
import socket
import subprocess

import pandas as pd
import pytest
from world import MODELREG, TRUSTED

from modelreg.tables.writing import OutputFile, writer
from modelreg.tables.written import NotTheTable, check_table

FORGES = """
import fcntl, json, os, stat
names = [int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")]
line = next(name for name in names if name > 2 and stat.S_ISFIFO(os.fstat(name).st_mode))
files = [name for name in names if name > 2 and stat.S_ISREG(os.fstat(name).st_mode)]
output = next(name for name in files if fcntl.fcntl(name, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR)
os.pwrite(output, CONTENT, PLACE)
os.write(line, json.dumps({"is": "Predicted", "rows": 2, "columns": ["prediction"]}).encode() + b"\\n")
__import__("time").sleep(60)
"""
FRAME = pd.DataFrame({"id": ['a,"b"', "c\nd", ""], "größe, in m": [1.5, None, 3]})


def written(path, content: bytes, form: str = "csv", rows: int = 3, columns=tuple(FRAME.columns)):
    path.write_bytes(content)
    with path.open("rb") as file:
        check_table(OutputFile(file, form), rows, columns, lambda: None)


@pytest.mark.parametrize("form", ["csv", "csv.gz"])
def test_what_pandas_writes_is_accepted(tmp_path, form):
    with (tmp_path / "out").open("w+b") as file:
        with writer(OutputFile(file, form)) as write:
            write(FRAME)
            write(FRAME)
        check_table(OutputFile(file, form), 6, tuple(FRAME.columns), lambda: None)


@pytest.mark.parametrize("length", range(1, 13))
def test_quotes_are_followed_from_block_to_block(tmp_path, length):
    """A value lies on the border of what is read at once, each time in another way."""
    rows = 200_000
    content = b"x" * length + b",y\n" + b'"a,""\n""",1\n' * rows
    written(tmp_path / "out", content, rows=rows, columns=("x" * length, "y"))


def test_one_column_with_missing_values_is_accepted(tmp_path):
    content = pd.DataFrame({"prediction": [None, "a", None]}).to_csv(index=False).encode()
    written(tmp_path / "out", content, columns=("prediction",))


CSV = FRAME.to_csv(index=False).encode()
REFUSED = {
    "nothing": b"",
    "a row less": b"".join(CSV.splitlines(keepends=True)[:-1]),
    "a row more": CSV + b"x,1\n",
    "half a row": CSV[:-2],
    "an open quote": CSV + b'"',
    "another column": CSV.replace(b"id", b"no"),
    "a value more": CSV[:-1] + b",9\n",
    "no table": bytes(range(256)) * 16,
}


@pytest.mark.parametrize("form", ["csv", "csv.gz"])
@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_another_table_is_refused(tmp_path, content, form):
    with pytest.raises(NotTheTable):
        written(tmp_path / "out", gzip.compress(content) if form == "csv.gz" else content, form)


@pytest.mark.parametrize(
    "content", [CSV, gzip.compress(CSV)[:-9], b"\x1f\x8b" + bytes(100)], ids=["CSV", "cut", "zeros"]
)
def test_what_is_not_gzip_is_refused(tmp_path, content):
    with pytest.raises(NotTheTable):
        written(tmp_path / "out", content, "csv.gz")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1PAR", CSV, b"PAR1" + bytes(100)])
def test_what_is_not_parquet_is_refused(tmp_path, content):
    with pytest.raises(NotTheTable):
        written(tmp_path / "out", content, "parquet")
    written(tmp_path / "out", b"PAR1" + bytes(8) + b"PAR1", "parquet")


def test_a_file_with_holes_is_refused(tmp_path):
    with (tmp_path / "out").open("w+b") as file:
        file.write(CSV)
        file.truncate(1 << 40)
        with pytest.raises(NotTheTable):
            check_table(OutputFile(file, "csv"), 3, tuple(FRAME.columns), lambda: None)


def test_the_time_limit_holds_for_the_check(tmp_path):
    def over() -> None:
        raise TimeoutError

    (tmp_path / "out").write_bytes(CSV)
    with (tmp_path / "out").open("rb") as file, pytest.raises(TimeoutError):
        check_table(OutputFile(file, "csv"), 3, tuple(FRAME.columns), over)


def forging(content: bytes, place: int = 0) -> str:
    return FORGES.replace("CONTENT", repr(content)).replace("PLACE", str(place))


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"prediction\n1\n", 0),
        pytest.param(b"", 0, marks=pytest.mark.slow),
        pytest.param(b"prediction\n1\n2\n", 8 << 40, marks=pytest.mark.slow),
    ],
)
def test_a_model_that_reports_what_it_did_not_write_replaces_nothing(world, content, place):
    world.output.write_text("as it was")
    done = world.predict(world.register(forging(content, place)))
    assert done.returncode == 7, done.stderr
    assert "its output is not the table that its process reported; nothing was written" in done.stderr
    assert world.output.read_text() == "as it was"


def test_predictions_control_no_terminal(world):
    reference = world.register(forging(b"prediction\n\x1b]0;title\x07\x1b[2J\xc2\x9b\n\xff\n"))
    terminal, side = pty.openpty()
    words = ["predict", reference, "-i", world.data, "-o", "-", *TRUSTED]
    environment = os.environ | {"MODELREG_HOME": str(world.registry.folder)}
    command = subprocess.Popen([MODELREG, *words], env=environment, stdout=side, stderr=subprocess.DEVNULL)
    os.close(side)
    shown = b""
    try:
        while block := os.read(terminal, 65536):
            shown += block
    except OSError:  # the other side is closed
        pass
    assert command.wait() == 0
    assert shown == b"prediction\r\n\\x1b]0;title\\x07\\x1b[2J\\x9b\r\n\\xff\r\n"
    os.close(terminal)


def bound(path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    return made


PLACES = {
    "a FIFO": lambda path: os.mkfifo(path),
    "a folder": lambda path: path.mkdir(),
    "a socket": lambda path: bound(path),
    "cannot be written": lambda path: path.symlink_to(path),
}


@pytest.mark.parametrize("kind", PLACES)
def test_what_is_no_file_is_not_replaced(world, kind):
    made = PLACES[kind](world.output)
    before = world.output.lstat()
    done = world.predict(world.register("pass"))
    assert done.returncode == 2
    assert kind in done.stderr
    assert (world.output.lstat().st_mode, world.output.lstat().st_ino) == (before.st_mode, before.st_ino)
    if made is not None:
        made.close()


@pytest.mark.slow
def test_data_from_stdin_cannot_be_changed_by_the_model(world):
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
    reference = world.register(code)
    words = ["evaluate", reference, "--data", "-", "--target", "y", "--as", "data", *TRUSTED]
    done = world.run(*words, stdin=None, input="a,y\n1,1\n2,1\n")
    assert done.returncode == 0, done.stderr
    assert "changed" not in done.stderr


@pytest.mark.parametrize(
    ("content", "most"),
    [(b"a\n1\n2\n", 2), (b"a\n1\n2", 2), (b"a\r1\r2\r", 2), (b"a\r\n1\r\n2\r\n", 2), (b"a\n", 0), (b"", 0)],
)
def test_a_file_has_no_more_rows_than_lines(tmp_path, content, most):
    from modelreg.tables.source import opened

    (tmp_path / "data.csv").write_bytes(content)
    with opened(tmp_path / "data.csv") as table:
        assert table.most_rows() == most
