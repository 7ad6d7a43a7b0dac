"""Whether a file that an untrusted process wrote is the table that it reported."""

from __future__ import annotations

import csv
import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, cast

from modelreg.tables.writing import OutputFile

_BLOCK = 1 << 20  # bytes
_PARQUET = b"PAR1"  # at both ends of a file, as the Parquet format has it
_SHORTEST_PARQUET = 12  # bytes: both, and the length of the metadata


class NotTheTable(Exception):
    """The file does not hold what was reported."""


def check_table(output: OutputFile, rows: int, columns: Sequence[str], check_time: Callable[[], None]) -> None:
    """Raise `NotTheTable` for a file that is incomplete, or not of its format.

    A CSV file must have exactly these columns and this number of rows; quotes are followed, as pandas writes them. Of
    parquet, which takes a library, both ends are looked at. ``check_time`` is called now and then and may raise.
    """
    with os.fdopen(os.dup(output.file.fileno()), "rb") as file:
        _check_size(file)
        if output.format == "parquet":
            _check_parquet(file)
            return
        with _unpacked(file, output.format) as text:
            _check_csv(text, rows, columns, check_time)


def _check_size(file: IO[bytes]) -> None:
    """Refuse a file with holes: it can be larger than any disk, and reading it takes as long."""
    size = file.seek(0, os.SEEK_END)
    if size == 0 or (hasattr(os, "SEEK_HOLE") and os.lseek(file.fileno(), 0, os.SEEK_HOLE) < size):
        raise NotTheTable
    file.seek(0)


def _check_parquet(file: IO[bytes]) -> None:
    size = file.seek(0, os.SEEK_END)
    start, end = (os.pread(file.fileno(), len(_PARQUET), place) for place in (0, max(0, size - len(_PARQUET))))
    if size < _SHORTEST_PARQUET or start != _PARQUET or end != _PARQUET:
        raise NotTheTable


@contextmanager
def _unpacked(file: IO[bytes], format: str) -> Iterator[IO[bytes]]:
    if format != "csv.gz":
        yield file
        return
    try:
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield cast("IO[bytes]", unpacked)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise NotTheTable from error


def _check_csv(text: IO[bytes], rows: int, columns: Sequence[str], check_time: Callable[[], None]) -> None:
    header = _header(columns)
    if text.read(len(header)) != header:
        raise NotTheTable
    lines = commas = 0
    is_quoted, last = False, b"\n"
    while block := text.read(_BLOCK):
        check_time()
        pieces = block.replace(b'""', b"").split(b'"')  # a quote within a value is written as two
        unquoted = b"".join(pieces[is_quoted::2])
        lines += unquoted.count(b"\n")
        commas += unquoted.count(b",")
        is_quoted ^= len(pieces) % 2 == 0  # there is one piece more than quotes
        last = block[-1:]
        if lines > rows:
            raise NotTheTable
    if is_quoted or last != b"\n" or lines != rows or commas != rows * (len(columns) - 1):
        raise NotTheTable


def _header(columns: Sequence[str]) -> bytes:
    """The first line, as pandas writes it: by Python's own writer."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(columns)
    return line.getvalue().encode()
