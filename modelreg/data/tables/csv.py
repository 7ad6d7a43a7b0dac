"""Read CSV files with pandas, in chunks of bounded memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from modelreg.data.tables.columns import check_unique
from modelreg.data.tables.table_file import TableFile
from modelreg.errors import InvalidData, shown

if TYPE_CHECKING:
    import pandas as pd

_VALUES_AT_ONCE = 200_000  # about 20 MB of short texts
_BYTES_AT_ONCE = 32 << 20  # bytes of the file, for long texts
_SAMPLE = 1 << 20  # bytes at the start of the file, from which the length of rows is estimated
_UNNAMED = "Unnamed: "
"""The prefix that pandas gives to a column without a name."""
INDEX = f"{_UNNAMED}0"
"""The pandas name of a first column without a name: the index that ``to_csv`` writes."""


def read_csv_columns(table: TableFile, known_names: Collection[str] = ()) -> list[str]:
    """The column names, as pandas reads them; ``0``, ``1``, … in a file without a header.

    Raises `InvalidData` for a file that is not CSV, for duplicate names, and for a header of numbers unless these are
    among ``known_names``.
    """
    import pandas as pd

    with csv_errors(table):
        _check_text(table)
        with table.text() as file:
            options = _read_options(table) | {"header": None, "nrows": 1, "dtype": str, "keep_default_na": False}
            header = [str(name) for name in pd.read_csv(file, **options).iloc[0]]
    _check_delimiter(table, header)
    if table.layout.header is False:
        return [str(position) for position in range(len(header))]
    _check_header_has_no_values(table, [name for name in header if name not in known_names])
    check_unique([name for name in header if name], table.name)
    return [name or f"{_UNNAMED}{position}" for position, name in enumerate(header)]


def read_csv_chunks(table: TableFile, columns: Sequence[str], **options: Any) -> Iterator[pd.DataFrame]:
    """Yield the rows in chunks, as pandas reads them with ``options``; raises `InvalidData`."""
    import pandas as pd

    width, may_be_short = len(columns), False
    options |= _build_chunk_options(table, columns)
    with table.text() as file, pd.read_csv(file, **options) as chunks, closing(_read_ahead(chunks)) as ahead:
        for chunk in ahead:
            if not isinstance(chunk.index, pd.RangeIndex):  # pandas takes a surplus value for the name of the row
                raise InvalidData(f"{table.name} has rows with more values than the header has names")
            last = chunk[columns[-1]]
            may_be_short = may_be_short or bool((last.isna() | (last == "")).any())
            yield chunk
    if may_be_short and width > 1:
        _check_row_lengths(table, width)


def _build_chunk_options(table: TableFile, columns: Sequence[str]) -> dict[str, Any]:
    """Options of ``pandas.read_csv`` that read the rows in chunks."""
    return _read_options(table) | {
        "header": None if table.layout.header is False else 0,
        "names": list(columns),
        "skip_blank_lines": len(columns) > 1,
        "chunksize": _estimate_rows_per_chunk(table, len(columns)),
        "low_memory": False,
    }


def _read_ahead(chunks: Iterator[pd.DataFrame]) -> Generator[pd.DataFrame]:
    """Yield the same chunks, and read the next one in a thread meanwhile: pandas parses without the GIL.

    Close the generator before the file, which its thread may be reading.
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as reader:
        following = reader.submit(next, chunks, None)
        while (chunk := following.result()) is not None:
            following = reader.submit(next, chunks, None)
            yield chunk


def is_ascii_superset(table: TableFile) -> bool:
    """Whether, in the file's encoding, ASCII bytes always stand for ASCII characters."""
    return table.layout.encoding.startswith(("utf-8", "ascii", "latin", "iso8859", "cp125"))


def read_csv_texts(table: TableFile, columns: Sequence[str], name: str) -> Iterator[pd.Series[Any]]:
    """Yield one column as text, in chunks."""
    import pandas as pd

    options = _build_chunk_options(table, columns) | {"usecols": [name], "dtype": "str", "keep_default_na": False}
    with table.text() as file, pd.read_csv(file, **options) as chunks:
        for chunk in chunks:
            yield chunk[name]


def find_csv_line(table: TableFile, row: int, width: int) -> int | None:
    """The line number, from 1 as in an editor, on which a row ends; None if Python's reader cannot read the file."""
    remaining = row + (table.layout.header is not False)
    try:
        for number, values in _read_rows(table):
            if width > 1 and not any(value.strip() for value in values) and len(values) <= 1:
                continue  # pandas skips blank lines if there are several columns
            if remaining == 0:
                return number
            remaining -= 1
    except (csv.Error, UnicodeError):
        pass
    return None


def _read_options(table: TableFile) -> dict[str, Any]:
    import pandas as pd

    # before pandas 3.1 the default parser is sometimes off by one digit
    is_exact = tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1)
    precision = {} if is_exact else {"float_precision": "round_trip"}
    return {"sep": table.delimiter, "encoding": table.layout.encoding} | precision


def _read_rows(table: TableFile) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the number of its last line, read by Python's csv module."""
    encoding = "utf-8-sig" if table.layout.encoding == "utf-8" else table.layout.encoding
    with table.text() as file:
        text = io.TextIOWrapper(file, encoding, newline="")
        rows = csv.reader(text, delimiter=table.delimiter)
        try:
            for row in rows:
                yield rows.line_num, row
        finally:
            text.detach()  # leaves the file open


def _estimate_rows_per_chunk(table: TableFile, width: int) -> int:
    """The number of rows per chunk, estimated from the length of the first rows."""
    with table.text() as file:
        sample = file.read(_SAMPLE)
    length = len(sample) // max(1, sample.count(b"\n"))
    return max(1, min(_VALUES_AT_ONCE // width, _BYTES_AT_ONCE // max(1, length)))


def _check_text(table: TableFile) -> None:
    with table.text() as file:
        sample = file.read(_SAMPLE)
    if b"\0" in sample and not table.layout.encoding.startswith(("utf-16", "utf-32")):
        has_utf_16_mark = sample[:2] in (b"\xff\xfe", b"\xfe\xff")
        hint = "if it is text in UTF-16, add --encoding utf-16" if has_utf_16_mark else None
        raise InvalidData(f"{table.name} is not a CSV file: it contains NUL bytes", hint)


def _check_delimiter(table: TableFile, header: Sequence[str]) -> None:
    for separator, name in ((";", "';'"), ("\t", "tab"), ("|", "'|'"), (",", "','")):
        if len(header) == 1 and separator in header[0] and separator != table.delimiter:
            raise InvalidData(
                f"{table.name} has one column, named {shown(header[0])}",
                f"separate values with {shown(table.delimiter)}, or add --delimiter {name}",
            )


def _check_header_has_no_values(table: TableFile, header: Sequence[str]) -> None:
    """Raise `InvalidData` for numbers in the header: a file without a header would lose its first row.

    ``0``, ``1``, … are accepted: pandas gives these names to the columns of an array.
    """
    if table.layout.header or header == [str(position) for position in range(len(header))]:
        return
    number = next((name for name in header if _is_number(name)), None)
    if number is not None:
        raise InvalidData(
            f"the first line of {table.name} has the number {shown(number)} as a column name",
            "add --no-header if the file has no header, or --header if numbers are the column names",
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip().lower().lstrip("+-") not in ("nan", "inf", "infinity")


def _check_row_lengths(table: TableFile, width: int) -> None:
    """Raise `InvalidData` for a row with too few values, which pandas silently fills with missing values."""
    try:
        for number, row in _read_rows(table):
            if len(row) < width and any(value.strip() for value in row):
                message = f"{table.name} has {len(row)} values in line {number}, but {width} columns"
                hint = "the file may be truncated; write missing values as empty cells"
                raise InvalidData(message, hint)
    except csv.Error:
        return  # a value longer than Python's reader allows, which pandas reads


@contextmanager
def csv_errors(table: TableFile) -> Iterator[None]:
    """Turn the errors of pandas and gzip into one-line `InvalidData`."""
    import gzip
    import zlib

    import pandas as pd

    try:
        yield
    except pd.errors.EmptyDataError:
        raise InvalidData(f"{table.name} is empty, or its first line names no columns") from None
    except UnicodeError as error:
        reason, hint = shown(str(error)), "state its encoding, for example --encoding latin-1"
        raise InvalidData(f"{table.name} cannot be read as CSV in {table.layout.encoding}: {reason}", hint) from error
    except (pd.errors.ParserError, EOFError, zlib.error, ValueError, gzip.BadGzipFile) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise InvalidData(f"{table.name} cannot be read as CSV: {shown(lines[0])}") from error
