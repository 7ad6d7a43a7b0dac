"""CSV files, through pandas, in chunks of bounded memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from modelreg.errors import InvalidData, shown
from modelreg.tables.columns import refuse_duplicates
from modelreg.tables.source import TableFile

if TYPE_CHECKING:
    import pandas as pd

_VALUES_AT_ONCE = 500_000  # about 50 MB of short texts
_BYTES_AT_ONCE = 32 << 20  # of the file, for long texts
_LONGEST_HEADER = 1 << 20  # bytes
MISSING = [
    "",
    "#N/A",
    "#N/A N/A",
    "#NA",
    "-1.#IND",
    "-1.#QNAN",
    "-NaN",
    "-nan",
    "1.#IND",
    "1.#QNAN",
    "<NA>",
    "N/A",
    "NA",
    "NULL",
    "NaN",
    "None",
    "n/a",
    "nan",
    "null",
]
"""What pandas documents for ``na_values`` and reads as missing, except beside whole numbers beyond int64."""


def csv_columns(table: TableFile) -> list[str]:
    """The names in the first line, as pandas gives them.

    Raises `InvalidData` for what pandas would take for a table though it is none, and for a name that stands twice.
    """
    import pandas as pd

    with reading_csv(table):
        with table.text() as file:
            start = file.read(_LONGEST_HEADER)
        if b"\0" in start or (len(start) == _LONGEST_HEADER and b"\n" not in start):
            raise InvalidData(f"{table.name} is not a CSV file, whatever its name says")
        with table.text() as file:
            given = pd.read_csv(file, header=None, nrows=1, dtype=str, keep_default_na=False).iloc[0].tolist()
        refuse_duplicates([str(name) for name in given if name], table.name)
        with table.text() as file:
            columns = [str(name) for name in pd.read_csv(file, nrows=0).columns]
    for separator in ";\t|":
        if len(columns) == 1 and separator in columns[0]:
            raise InvalidData(
                f"{table.name} has one column, named {shown(columns[0])}", "write CSV with commas between the values"
            )
    return columns


def csv_chunks(table: TableFile, width: int, **options: Any) -> Iterator[pd.DataFrame]:
    """The rows of a file with ``width`` columns, as pandas reads them with ``options``; raises `InvalidData`."""
    import pandas as pd

    rows, may_be_short = _rows_at_once(table, width), False
    with table.text() as file, pd.read_csv(file, chunksize=rows, low_memory=False, **options) as chunks:
        for chunk in chunks:
            if not isinstance(chunk.index, pd.RangeIndex):  # pandas takes a value too many for the row's name
                raise InvalidData(f"{table.name} has rows with more values than the first line has names")
            last = chunk.iloc[:, -1]
            may_be_short = may_be_short or bool((last.isna() | (last == "")).any())
            yield chunk
    if may_be_short and width > 1:
        _refuse_short_rows(table, width)


def _rows_at_once(table: TableFile, width: int) -> int:
    """How many rows make a chunk, going by the length of the first ones."""
    with table.text() as file:
        start = file.read(_LONGEST_HEADER)
    length = len(start) // max(1, start.count(b"\n"))
    return max(1, min(_VALUES_AT_ONCE // width, _BYTES_AT_ONCE // max(1, length)))


def _refuse_short_rows(table: TableFile, width: int) -> None:
    """Raise `InvalidData` for a row with too few values: pandas reads the last ones as missing, and does not say so."""
    import csv

    with table.text() as file:
        text = io.TextIOWrapper(file, "utf-8", newline="")
        rows = csv.reader(text)
        try:
            for row in rows:
                if len(row) < width and any(value.strip() for value in row):
                    message = f"{table.name} has {len(row)} values in line {rows.line_num}, and {width} columns"
                    raise InvalidData(message, "a file that was cut off ends so; write a missing value as nothing")
        except csv.Error:
            return  # of a value so long that Python's reader refuses it, unlike pandas
        finally:
            text.detach()  # which leaves the file open


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
    except (pd.errors.ParserError, UnicodeError, EOFError, zlib.error, ValueError, gzip.BadGzipFile) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise InvalidData(f"{table.name} cannot be read as CSV: {shown(said[0])}") from error
