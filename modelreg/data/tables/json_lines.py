"""Read JSON Lines: one JSON object per line, each of them a row."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from modelreg.data.tables.table_file import TableFile
from modelreg.errors import InvalidData, shown

if TYPE_CHECKING:
    import pandas as pd

_VALUES_AT_ONCE = 200_000


def read_json_columns(table: TableFile) -> list[str]:
    """The keys of all rows in order of appearance; raises `InvalidData`."""
    columns: dict[str, None] = {}
    for _, row in _read_rows(table):
        columns |= dict.fromkeys(row)
    if not columns:
        raise InvalidData(f"{table.name} has no rows")
    return list(columns)


def read_json_chunks(table: TableFile, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Yield the rows in chunks, as Python objects; a key that is absent from a row is a missing value."""
    rows: list[dict[str, Any]] = []
    rows_at_once = max(1, _VALUES_AT_ONCE // len(columns))
    for _, row in _read_rows(table):
        rows.append(row)
        if len(rows) == rows_at_once:
            yield _build_frame(rows, columns)
            rows = []
    if rows:
        yield _build_frame(rows, columns)


def _build_frame(rows: list[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in columns})


def find_json_line(table: TableFile, row: int) -> int | None:
    """The line number, from 1, of a row counted from 0."""
    return next((line for count, (line, _) in enumerate(_read_rows(table)) if count == row), None)


def _read_rows(table: TableFile) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the line number and the object of each row; raises `InvalidData`, with the line, for anything else."""
    import gzip
    import zlib

    try:
        with table.text() as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, _parse_object(table, number, line)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InvalidData(f"{table.name} cannot be read as gzip: {shown(str(error))}") from error


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a dictionary; raises ValueError for a repeated key, of which Python would keep the last."""
    row = dict(pairs)
    if len(row) < len(pairs):
        key = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"it has the key {key!r} twice")
    return row


def _parse_finite(text: str) -> float:
    """Parse a float; raises ValueError for a number beyond float64, which Python would read as infinity."""
    if math.isinf(number := float(text)):
        raise ValueError(f"{text} is out of range for float64")
    return number


def _parse_object(table: TableFile, number: int, line: bytes) -> dict[str, Any]:
    try:
        text = line.decode(table.layout.encoding)
        has_exponent = "e" in text or "E" in text
        row = json.loads(
            text, parse_float=_parse_finite if has_exponent else None, object_pairs_hook=without_duplicates
        )
    except (ValueError, RecursionError) as error:
        reason = shown(str(error))
        hint = "write one JSON object per line"
        raise InvalidData(f"line {number} of {table.name} is not valid JSON: {reason}", hint) from error
    if not isinstance(row, dict):
        raise InvalidData(f"line {number} of {table.name} is not a JSON object", 'write rows as {"age": 42}')
    return row
