"""Write predictions to a file atomically."""

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
from modelreg.system.files import change_mode, check_folder, flush

if TYPE_CHECKING:
    import pandas as pd

STDOUT = "-"
_ENDINGS = {"csv.gz": (".csv.gz",), "csv": (".csv",), "parquet": (".parquet", ".pq")}
_FILE_TYPES = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_BLOCK = 1 << 16  # bytes
_PERMISSIONS = 0o777  # kept from a replaced file; its set-user-ID bit is not
_BLANK_LINE = re.compile(r"^[ \t]+$", re.MULTILINE)
WriteRows = Callable[["pd.DataFrame"], None]


@dataclass(frozen=True, slots=True)
class OutputFile:
    """An open file to write a table to."""

    file: IO[bytes]
    format: str
    """``csv``, ``csv.gz`` or ``parquet``."""


@contextmanager
def open_output(path: str | os.PathLike[str]) -> Iterator[OutputFile]:
    """Open a temporary file that replaces the ``.csv``, ``.csv.gz`` or ``.parquet`` file at ``path`` on success.

    The path ``-`` is stdout, as CSV. On success the content is flushed to disk before the file is replaced. On an
    exception the previous file stays, and nothing is written to stdout. Raises `InvalidInput` for another name or a
    missing folder, and OSError.
    """
    if os.fspath(path) == STDOUT:
        with _spool_for_stdout() as file:
            yield OutputFile(file, "csv")
        return
    target = Path(os.path.realpath(path))  # keep a symbolic link
    format_ = _parse_format(target.name.lower(), path)
    check_folder(target.parent)
    _check_replaceable(target, path)
    # not derived from the target's name, which may have the maximal length already
    temporary = target.with_name(f".modelreg-{os.urandom(8).hex()}")
    try:
        with _create_temporary(temporary) as file:
            if target.exists():
                change_mode(file.fileno(), target.stat().st_mode & _PERMISSIONS)
            yield OutputFile(file, format_)
            file.flush()
            flush(file.fileno())
            if not temporary.exists():
                # an absolute path ignores src_dir_fd, but with it Python calls linkat(AT_SYMLINK_FOLLOW); see open(2)
                os.link(f"/proc/self/fd/{file.fileno()}", temporary, src_dir_fd=file.fileno())
        os.replace(temporary, target)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _create_temporary(path: Path) -> IO[bytes]:
    """Create a file without a name, which the kernel removes if this process dies; or at ``path`` if that fails."""
    if os.path.exists("/proc/self/fd") and hasattr(os, "O_TMPFILE"):
        with suppress(OSError):  # not supported by the file system or the kernel
            return os.fdopen(os.open(path.parent, os.O_TMPFILE | os.O_RDWR, 0o666), "wb")
    return path.open("x+b")


def _check_replaceable(target: Path, path: str | os.PathLike[str]) -> None:
    """Raise `InvalidInput` unless the target is a regular file or does not exist."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:  # for example a loop of symbolic links
        raise InvalidInput(f"{shown(os.fspath(path))} cannot be written: {error.strerror}") from error
    if not stat.S_ISREG(mode):
        file_type = next((name for is_type, name in _FILE_TYPES if is_type(mode)), "not a regular file")
        hint = "pass the path of a file, or --output - to write to a pipe"
        raise InvalidInput(f"{shown(os.fspath(path))} is {file_type}; predictions can only replace a file", hint)


def _parse_format(name: str, path: str | os.PathLike[str]) -> str:
    for format_, endings in _ENDINGS.items():
        if name.endswith(endings):
            return format_
    hint = "end the name in .csv, .csv.gz or .parquet"
    raise InvalidInput(f"the name of the output file {shown(os.fspath(path))} has no known format", hint)


@contextmanager
def _spool_for_stdout() -> Iterator[IO[bytes]]:
    """Collect output in a temporary file, and copy it to stdout on success; escapes control characters on terminals."""
    if sys.stdout is None:
        raise InvalidInput("stdout is closed", "pass the path of a file with --output")
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
def open_writer(output: OutputFile) -> Iterator[WriteRows]:
    """Yield a function that appends rows to the file; the file is complete at the end of the block."""
    if output.format == "parquet":
        with _open_parquet_writer(output.file) as write:
            yield write
    elif output.format == "csv.gz":
        with gzip.GzipFile(filename="", fileobj=output.file, mode="wb", mtime=0, compresslevel=6) as compressed:
            yield _build_csv_writer(cast("IO[bytes]", compressed))
    else:
        yield _build_csv_writer(output.file)
    output.file.flush()


def _build_csv_writer(file: IO[bytes]) -> WriteRows:
    has_header = False

    def write(rows: pd.DataFrame) -> None:
        nonlocal has_header
        header = "" if has_header else format_header(tuple(map(str, rows.columns))).decode()
        text = header + _format_rows(rows)
        try:
            file.write(text.encode())
        except UnicodeEncodeError as error:
            character = shown(text[error.start])
            raise InvalidData(f"the output has the character {character}, which UTF-8 cannot encode") from error
        has_header = True

    return write


def format_header(columns: Sequence[str]) -> bytes:
    """The first line of a CSV file, in UTF-8."""
    text = _format_line(columns, csv.QUOTE_MINIMAL)
    return (_format_line(columns, csv.QUOTE_ALL) if _is_ambiguous(text, len(columns)) else text).encode()


def _format_line(columns: Sequence[str], quoting: Literal[0, 1]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n", quoting=quoting).writerow(columns)
    return line.getvalue()


def _format_rows(rows: pd.DataFrame) -> str:
    """Format rows as CSV; quotes all values if readers would otherwise differ about the rows."""
    text = rows.to_csv(index=False, header=False, lineterminator="\n")
    if _is_ambiguous(text, len(rows.columns)):
        return rows.to_csv(index=False, header=False, lineterminator="\n", quoting=csv.QUOTE_ALL)
    return text


def _is_ambiguous(text: str, columns: int) -> bool:
    """Whether readers may differ about the number of rows.

    Some readers end a row at a carriage return, which Python before 3.13 does not quote. pandas skips blank lines,
    which are values if there is one column.
    """
    return "\r" in text or (columns == 1 and _BLANK_LINE.search(text) is not None)


@contextmanager
def _open_parquet_writer(file: IO[bytes]) -> Iterator[WriteRows]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        message = "parquet files need pyarrow, which is not installed"
        raise InvalidData(message, "pip install 'modelreg[parquet]'") from None
    writers: list[Any] = []  # at most one, opened when the types of the first rows are known

    def write(rows: pd.DataFrame) -> None:
        try:
            batch = pa.Table.from_pandas(rows, preserve_index=False)
            if not writers:
                writers.append(pq.ParquetWriter(file, batch.schema))
            writers[0].write_table(batch.cast(writers[0].schema))
        except (pa.ArrowException, OverflowError, ValueError, TypeError) as error:
            reason = shown(str(error).strip().splitlines()[0])
            message = f"the predictions of a column must have one type in parquet: {reason}"
            raise InvalidData(message, "write them as CSV") from error

    try:
        yield write
    finally:
        for writer in writers:
            writer.close()
