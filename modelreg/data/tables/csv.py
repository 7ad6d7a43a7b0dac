"""CSV files, through pandas, in chunks of bounded memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from modelreg.data.tables.columns import refuse_duplicates
from modelreg.data.tables.source import TableFile
from modelreg.errors import InvalidData, shown

if TYPE_CHECKING:
    import pandas as pd

_VALUES_AT_ONCE = 200_000  # about 20 MB of short texts
_BYTES_AT_ONCE = 32 << 20  # of the file, for long texts
_START = 1 << 20  # bytes, by which the length of rows is judged
_UNNAMED = "Unnamed: "
"""How pandas calls a column whose name is empty."""
INDEX = f"{_UNNAMED}0"
"""How it calls the first, which is the index that ``to_csv`` writes."""


def csv_columns(table: TableFile, known: Collection[str] = ()) -> list[str]:
    """The names in the first line, as pandas gives them; ``0``, ``1``, … in a file without such a line.

    Raises `InvalidData` for what pandas would take for a table though it is none, for a name that stands twice, and
    for numbers that are not ``known`` as names.
    """
    import pandas as pd

    with reading_csv(table):
        _refuse_binary(table)
        with table.text() as file:
            options = _options(table) | {"header": None, "nrows": 1, "dtype": str, "keep_default_na": False}
            first = [str(name) for name in pd.read_csv(file, **options).iloc[0]]
    _refuse_other_delimiter(table, first)
    if table.layout.header is False:
        return [str(place) for place in range(len(first))]
    _refuse_values_as_names(table, [name for name in first if name not in known])
    refuse_duplicates([name for name in first if name], table.name)
    return [name or f"{_UNNAMED}{place}" for place, name in enumerate(first)]


def csv_chunks(table: TableFile, columns: Sequence[str], **options: Any) -> Iterator[pd.DataFrame]:
    """The rows of a file with these columns, as pandas reads them with ``options``; raises `InvalidData`."""
    import pandas as pd

    width, may_be_short = len(columns), False
    options |= _layout(table, columns)
    with table.text() as file, pd.read_csv(file, **options) as chunks, closing(_ahead(chunks)) as ahead:
        for chunk in ahead:
            if not isinstance(chunk.index, pd.RangeIndex):  # pandas takes a value too many for the row's name
                raise InvalidData(f"{table.name} has rows with more values than the first line has names")
            last = chunk[columns[-1]]
            may_be_short = may_be_short or bool((last.isna() | (last == "")).any())
            yield chunk
    if may_be_short and width > 1:
        _refuse_short_rows(table, width)


def _layout(table: TableFile, columns: Sequence[str]) -> dict[str, Any]:
    """What tells pandas to read the rows of a file with these columns, some at a time."""
    return _options(table) | {
        "header": None if table.layout.header is False else 0,
        "names": list(columns),
        "skip_blank_lines": len(columns) > 1,
        "chunksize": _rows_at_once(table, len(columns)),
        "low_memory": False,
    }


def _ahead(chunks: Iterator[pd.DataFrame]) -> Generator[pd.DataFrame]:
    """The same chunks, of which the next is read while one is worked on: pandas reads without Python's lock.

    Close it before the file: nobody else may do that while its thread reads.
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as reader:
        following = reader.submit(next, chunks, None)
        while (chunk := following.result()) is not None:
            following = reader.submit(next, chunks, None)
            yield chunk


def has_ascii(table: TableFile) -> bool:
    """Whether the bytes of ASCII characters stand for themselves in the file's encoding, and nothing else has them."""
    return table.layout.encoding.startswith(("utf-8", "ascii", "latin", "iso8859", "cp125"))


def csv_texts(table: TableFile, columns: Sequence[str], name: str) -> Iterator[pd.Series[Any]]:
    """One column as it is written, some rows at a time."""
    import pandas as pd

    options = _layout(table, columns) | {"usecols": [name], "dtype": "str", "keep_default_na": False}
    with table.text() as file, pd.read_csv(file, **options) as chunks:
        for chunk in chunks:
            yield chunk[name]


def line_of(table: TableFile, row: int, width: int) -> int | None:
    """The line in which a row ends, counted from 1, as an editor does; None where Python's reader does not tell."""
    place = row + (table.layout.header is not False)
    try:
        for number, values in _rows(table):
            if width > 1 and not any(value.strip() for value in values) and len(values) <= 1:
                continue  # pandas leaves out blank lines, but where they are values of the only column
            if place == 0:
                return number
            place -= 1
    except (csv.Error, UnicodeError):
        pass
    return None


def _options(table: TableFile) -> dict[str, Any]:
    import pandas as pd

    # before pandas 3.1 its own way of reading floats is off by one digit at times
    is_exact = tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1)
    precision = {} if is_exact else {"float_precision": "round_trip"}
    return {"sep": table.delimiter, "encoding": table.layout.encoding} | precision


def _rows(table: TableFile) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of its last line, read by Python."""
    encoding = "utf-8-sig" if table.layout.encoding == "utf-8" else table.layout.encoding
    with table.text() as file:
        text = io.TextIOWrapper(file, encoding, newline="")
        rows = csv.reader(text, delimiter=table.delimiter)
        try:
            for row in rows:
                yield rows.line_num, row
        finally:
            text.detach()  # which leaves the file open


def _rows_at_once(table: TableFile, width: int) -> int:
    """How many rows make a chunk, going by the length of the first ones."""
    with table.text() as file:
        start = file.read(_START)
    length = len(start) // max(1, start.count(b"\n"))
    return max(1, min(_VALUES_AT_ONCE // width, _BYTES_AT_ONCE // max(1, length)))


def _refuse_binary(table: TableFile) -> None:
    with table.text() as file:
        start = file.read(_START)
    if b"\0" in start and not table.layout.encoding.startswith(("utf-16", "utf-32")):
        hint = "a text in UTF-16 is read with --encoding utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else None
        raise InvalidData(f"{table.name} is not a CSV file, whatever its name says", hint)


def _refuse_other_delimiter(table: TableFile, first: Sequence[str]) -> None:
    for separator, name in ((";", "';'"), ("\t", "tab"), ("|", "'|'"), (",", "','")):
        if len(first) == 1 and separator in first[0] and separator != table.delimiter:
            raise InvalidData(
                f"{table.name} has one column, named {shown(first[0])}",
                f"write the values with {shown(table.delimiter)} between them, or say --delimiter {name}",
            )


def _refuse_values_as_names(table: TableFile, first: Sequence[str]) -> None:
    """Raise `InvalidData` for numbers in the place of names: a file without a header would lose its first row.

    ``0``, ``1``, …, which pandas calls the columns of an array, are names.
    """
    if table.layout.header or first == [str(place) for place in range(len(first))]:
        return
    number = next((name for name in first if _is_number(name)), None)
    if number is not None:
        raise InvalidData(
            f"the first line of {table.name} has {shown(number)} in the place of a column's name",
            "say --no-header if the file has no names, or --header if these are the names",
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip().lower().lstrip("+-") not in ("nan", "inf", "infinity")


def _refuse_short_rows(table: TableFile, width: int) -> None:
    """Raise `InvalidData` for a row with too few values: pandas reads the last ones as missing, and does not say so."""
    try:
        for number, row in _rows(table):
            if len(row) < width and any(value.strip() for value in row):
                message = f"{table.name} has {len(row)} values in line {number}, and {width} columns"
                raise InvalidData(message, "a file that was cut off ends so; write a missing value as nothing")
    except csv.Error:
        return  # of a value so long that Python's reader refuses it, unlike pandas


@contextmanager
def reading_csv(table: TableFile) -> Iterator[None]:
    """What pandas and gzip say of a file that is no CSV, as one sentence of ours."""
    import gzip
    import zlib

    import pandas as pd

    try:
        yield
    except pd.errors.EmptyDataError:
        raise InvalidData(f"{table.name} is empty, or its first line names no columns") from None
    except UnicodeError as error:
        said, hint = shown(str(error)), "name its encoding, as --encoding latin-1"
        raise InvalidData(f"{table.name} cannot be read as CSV in {table.layout.encoding}: {said}", hint) from error
    except (pd.errors.ParserError, EOFError, zlib.error, ValueError, gzip.BadGzipFile) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise InvalidData(f"{table.name} cannot be read as CSV: {shown(lines[0])}") from error
