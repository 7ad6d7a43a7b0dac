"""Predictions as a file that appears whole or not at all."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import os
import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, Literal, cast

from modelreg.errors import InvalidData, InvalidInput, shown
from modelreg.errors.text import escaped
from modelreg.system.files import change_mode, flush, require_folder

if TYPE_CHECKING:
    import pandas as pd

STDOUT = "-"
_ENDINGS = {"csv.gz": (".csv.gz",), "csv": (".csv",), "parquet": (".parquet", ".pq")}
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_BLOCK = 1 << 16  # bytes
_PERMISSIONS = 0o777  # of those that a file had, which another program's set-user-ID is not
_BLANK_LINE = re.compile(r"^[ \t]+$", re.MULTILINE)
Write = Callable[["pd.DataFrame"], None]


@dataclass(frozen=True, slots=True)
class OutputFile:
    """An open file that a table is to be written to."""

    file: IO[bytes]
    format: str
    """``csv``, ``csv.gz`` or ``parquet``."""


@contextmanager
def output(path: str | os.PathLike[str]) -> Iterator[OutputFile]:
    """A private file that becomes the ``.csv``, ``.csv.gz`` or ``.parquet`` file at ``path``; ``-`` is stdout, as CSV.

    It takes its place at the end, when all of it is on disk; when an error passes through, what was there before
    stays, and nothing goes to stdout. Raises `InvalidInput` for another name and for a folder that is not there, and
    OSError.
    """
    if os.fspath(path) == STDOUT:
        with _spooled_for_stdout() as file:
            yield OutputFile(file, "csv")
        return
    target = Path(os.path.realpath(path))  # a link stays one
    kind = _format_of(target.name.lower(), path)
    require_folder(target.parent)
    _require_replaceable(target, path)
    private = target.with_name(f".modelreg-{os.urandom(8).hex()}")  # the name itself may be as long as names can be
    try:
        with _private_file(private) as file:
            if target.exists():
                change_mode(file.fileno(), target.stat().st_mode & _PERMISSIONS)
            yield OutputFile(file, kind)
            file.flush()
            flush(file.fileno())
            if not private.exists():
                # src_dir_fd, which an absolute path makes no use of, lets Python follow the link, as open(2) describes
                os.link(f"/proc/self/fd/{file.fileno()}", private, src_dir_fd=file.fileno())
        os.replace(private, target)
    finally:
        with suppress(FileNotFoundError):
            private.unlink()


def _private_file(path: Path) -> IO[bytes]:
    """A new file without a name, of which nothing is left however this process ends; at ``path`` where that fails."""
    if os.path.exists("/proc/self/fd") and hasattr(os, "O_TMPFILE"):
        with suppress(OSError):  # the file system, or the kernel, has no such files
            return os.fdopen(os.open(path.parent, os.O_TMPFILE | os.O_RDWR, 0o666), "wb")
    return path.open("x+b")


def _require_replaceable(target: Path, path: str | os.PathLike[str]) -> None:
    """Raise `InvalidInput` for what a file cannot take the place of, or should not."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:  # links that lead to each other
        raise InvalidInput(f"{shown(os.fspath(path))} cannot be written: {error.strerror}") from error
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "no file")
        hint = "name a file; predictions go through a pipe with --output -"
        raise InvalidInput(f"{shown(os.fspath(path))} is {kind}, and predictions are written to a file", hint)


def _format_of(name: str, path: str | os.PathLike[str]) -> str:
    for kind, endings in _ENDINGS.items():
        if name.endswith(endings):
            return kind
    hint = "end the name in .csv, .csv.gz or .parquet"
    raise InvalidInput(f"{shown(os.fspath(path))} does not say which format is wanted", hint)


@contextmanager
def _spooled_for_stdout() -> Iterator[IO[bytes]]:
    if sys.stdout is None:
        raise InvalidInput("stdout is closed, so there is nowhere to write to", "name a file with --output")
    with TemporaryFile() as spooled:
        yield spooled
        spooled.seek(0)
        if sys.stdout.isatty():
            decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
            while block := spooled.read(_BLOCK):
                sys.stdout.write(escaped(decoder.decode(block)))
            sys.stdout.write(escaped(decoder.decode(b"", final=True)))
        else:
            shutil.copyfileobj(spooled, sys.stdout.buffer)
        sys.stdout.flush()


@contextmanager
def writer(output: OutputFile) -> Iterator[Write]:
    """A function that adds rows to an open file, which is complete at the end of the block."""
    if output.format == "parquet":
        with _parquet_writer(output.file) as write:
            yield write
    elif output.format == "csv.gz":
        with gzip.GzipFile(filename="", fileobj=output.file, mode="wb", mtime=0, compresslevel=6) as packed:
            yield _csv_writer(cast("IO[bytes]", packed))
    else:
        yield _csv_writer(output.file)
    output.file.flush()


def _csv_writer(file: IO[bytes]) -> Write:
    started = False

    def write(rows: pd.DataFrame) -> None:
        nonlocal started
        text = ("" if started else header_line(tuple(map(str, rows.columns))).decode()) + _rows_as_csv(rows)
        try:
            file.write(text.encode())
        except UnicodeEncodeError as error:
            character = shown(text[error.start])
            raise InvalidData(f"the output has the character {character}, which cannot be written as UTF-8") from error
        started = True

    return write


def header_line(columns: Sequence[str]) -> bytes:
    """The first line of a CSV file."""
    text = _line(columns, csv.QUOTE_MINIMAL)
    return (_line(columns, csv.QUOTE_ALL) if _is_ambiguous(text, len(columns)) else text).encode()


def _line(columns: Sequence[str], quoting: Literal[0, 1]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n", quoting=quoting).writerow(columns)
    return line.getvalue()


def _rows_as_csv(rows: pd.DataFrame) -> str:
    """Rows that every reader reads alike; all values are quoted where some have to be and Python's writer does not."""
    text = rows.to_csv(index=False, header=False, lineterminator="\n")
    if _is_ambiguous(text, len(rows.columns)):
        return rows.to_csv(index=False, header=False, lineterminator="\n", quoting=csv.QUOTE_ALL)
    return text


def _is_ambiguous(text: str, columns: int) -> bool:
    """Whether readers may differ about the number of rows.

    A carriage return ends a row for some; before Python 3.13 it is not quoted. pandas skips lines of blanks, which are
    values where there is one column.
    """
    return "\r" in text or (columns == 1 and _BLANK_LINE.search(text) is not None)


@contextmanager
def _parquet_writer(file: IO[bytes]) -> Iterator[Write]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        message = "parquet files need pyarrow, which is not installed"
        raise InvalidData(message, "pip install 'modelreg[parquet]'") from None
    opened: list[Any] = []

    def write(rows: pd.DataFrame) -> None:
        batch = pa.Table.from_pandas(rows, preserve_index=False)
        if not opened:
            opened.append(pq.ParquetWriter(file, batch.schema))
        opened[0].write_table(batch.cast(opened[0].schema))

    def checked(rows: pd.DataFrame) -> None:
        try:
            write(rows)
        except (pa.ArrowException, OverflowError, ValueError, TypeError) as error:
            said = str(error).strip().splitlines()[0]
            hint = "write them as CSV"
            raise InvalidData(f"the predictions have no one type, as parquet needs: {shown(said)}", hint) from error

    try:
        yield checked
    finally:
        for writer in opened:
            writer.close()
