"""JSON Lines: one JSON object a line, each of them a row."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from modelreg.data.tables.source import TableFile
from modelreg.errors import InvalidData, shown

if TYPE_CHECKING:
    import pandas as pd

_VALUES_AT_ONCE = 200_000


def json_columns(table: TableFile) -> list[str]:
    """The keys of all rows, in the order in which they appear; raises `InvalidData`."""
    columns: dict[str, None] = {}
    for _, row in _rows(table):
        columns |= dict.fromkeys(row)
    if not columns:
        raise InvalidData(f"{table.name} has no rows")
    return list(columns)


def json_chunks(table: TableFile, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    """The rows, some at a time, as Python's objects; a key that a row does not have is a missing value."""
    rows: list[dict[str, Any]] = []
    most = max(1, _VALUES_AT_ONCE // len(columns))
    for _, row in _rows(table):
        rows.append(row)
        if len(rows) == most:
            yield _frame(rows, columns)
            rows = []
    if rows:
        yield _frame(rows, columns)


def _frame(rows: list[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in columns})


def json_line_of(table: TableFile, place: int) -> int | None:
    """The line of a row, counted from 1."""
    return next((line for count, (line, _) in enumerate(_rows(table)) if count == place), None)


def _rows(table: TableFile) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each row with its line; raises `InvalidData`, which names the line that is no object."""
    import gzip
    import zlib

    try:
        with table.text() as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, _object(table, number, line)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InvalidData(f"{table.name} cannot be read as gzip: {shown(str(error))}") from error


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; raises ValueError for a key that it has twice, of which Python would take the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"it has the key {twice!r} twice")
    return found


def _finite(text: str) -> float:
    """A number; raises ValueError for one beyond every float, which would be read as infinite."""
    if math.isinf(number := float(text)):
        raise ValueError(f"{text} is beyond float64")
    return number


def _object(table: TableFile, number: int, line: bytes) -> dict[str, Any]:
    try:
        text = line.decode(table.layout.encoding)
        row = json.loads(
            text, parse_float=_finite if "e" in text or "E" in text else None, object_pairs_hook=without_duplicates
        )
    except (ValueError, RecursionError) as error:
        said = shown(str(error))
        raise InvalidData(f"line {number} of {table.name} is not JSON: {said}", "write one object a line") from error
    if not isinstance(row, dict):
        raise InvalidData(f"line {number} of {table.name} is not a JSON object", 'write rows as {"age": 42}')
    return row
