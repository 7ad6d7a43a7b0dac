"""CSV files, through pandas, in chunks of bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from modelreg.errors import InvalidData, shown
from modelreg.tables.columns import refuse_duplicates
from modelreg.tables.source import TableFile

if TYPE_CHECKING:
    import pandas as pd

_VALUES_AT_ONCE = 500_000  # about 50 MB of texts
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

    rows = max(1, _VALUES_AT_ONCE // width)
    with table.text() as file, pd.read_csv(file, chunksize=rows, low_memory=False, **options) as chunks:
        for chunk in chunks:
            if not isinstance(chunk.index, pd.RangeIndex):  # pandas takes a value too many for the row's name
                raise InvalidData(f"{table.name} has rows with more values than the first line has names")
            yield chunk


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
