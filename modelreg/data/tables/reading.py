"""Read a table of any format in chunks; a column has the same type in every chunk."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from modelreg.data.tables.casting import MISSING, Origin, WrongValue, cast_column, is_misread
from modelreg.data.tables.columns import MAX_NAMED_COLUMNS, check_unique
from modelreg.data.tables.csv import csv_errors, find_csv_line, read_csv_chunks, read_csv_columns, read_csv_texts
from modelreg.data.tables.json_lines import find_json_line, read_json_chunks, read_json_columns
from modelreg.data.tables.parquet import open_parquet, read_parquet_chunks, read_parquet_columns
from modelreg.data.tables.table_file import TableFile
from modelreg.domain.signatures import SignatureField
from modelreg.errors import InvalidData, shown

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]

_ROWS_AT_ONCE = 50_000  # of a DataFrame
_ORIGINS = {"csv": Origin.TEXT, "jsonl": Origin.JSON, "parquet": Origin.PARQUET, "frame": Origin.MEMORY}


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a table."""

    features: pd.DataFrame
    """The columns that have a field, in its type."""
    others: pd.DataFrame
    """Other columns, unconverted."""
    row_name: RowName
    """Names a row in messages."""

    def __len__(self) -> int:
        return len(self.features)


def read_column_names(table: TableFile, known_names: Collection[str] = ()) -> list[str]:
    """The column names as texts; raises `InvalidData`. For ``known_names`` see `read_csv_columns`."""
    match table.format:
        case "parquet":
            with open_parquet(table) as file:
                return read_parquet_columns(file, table)
        case "jsonl":
            return read_json_columns(table)
        case "frame":
            names = [str(name) for name in load_frame(table).columns]
            check_unique(names, table.name)
            return names
        case _:
            return read_csv_columns(table, known_names)


def get_row_count(table: TableFile) -> int | None:
    """The number of rows, or None if only reading the whole file would tell."""
    if table.format != "parquet":
        return table.known_rows
    with open_parquet(table) as file:
        return int(file.metadata.num_rows)


def load_frame(table: TableFile) -> pd.DataFrame:
    """Unpickle the DataFrame that was passed in place of a file; raises `InvalidData`."""
    import pickle

    table.file.seek(0)
    try:
        frame: pd.DataFrame = pickle.load(table.file)  # written by the parent process, which is trusted
    except (ImportError, AttributeError, pickle.UnpicklingError) as error:
        raise InvalidData(f"{table.name} holds objects of classes that cannot be imported here: {error}") from error
    return frame


def read_chunks(
    table: TableFile, columns: Sequence[str], fields: Mapping[str, SignatureField], others: Sequence[str] = ()
) -> Iterator[Chunk]:
    """Yield the rows in chunks: the columns of ``fields`` in their types, and ``others`` unconverted.

    ``columns`` are all columns of the table, from `read_column_names`. Raises `InvalidData` for values of another
    type, and for a table without rows.
    """
    has_rows = False
    for chunk in _read_converted(table, columns, fields, others):
        if len(chunk):
            has_rows = True
            yield chunk
    if not has_rows:
        raise InvalidData(f"{table.name} has no rows")


def convert_frame(
    frame: pd.DataFrame,
    fields: Mapping[str, SignatureField],
    origin: Origin,
    name: str,
    row_name: RowName | None = None,
) -> pd.DataFrame:
    """Convert the columns of ``fields`` to their types, in this order; raises `InvalidData` with every wrong column."""
    import pandas as pd

    problems: list[str] = []
    first_error: WrongValue | None = None
    columns: dict[str, Any] = {}
    for column, field in fields.items():
        try:
            columns[column] = cast_column(frame[column], field, origin)
        except WrongValue as error:
            first_error = first_error or error
            if len(problems) < MAX_NAMED_COLUMNS:
                row = row_name(error.row) if row_name is not None else f"row {error.row}"
                problems.append(f"{shown(column)} {error.reason.replace('{row}', row)}")
            else:
                problems.append(column)
    if problems:
        surplus = len(problems) - MAX_NAMED_COLUMNS
        more = f" and {surplus} more columns" if surplus > 0 else ""
        raise InvalidData(f"{name}: {', '.join(problems[:MAX_NAMED_COLUMNS])}{more}") from first_error
    return pd.DataFrame(columns, index=frame.index)


class RowName:
    """Names the rows of a chunk in messages; lines of a text file are only counted when a row is named."""

    def __init__(self, table: TableFile, width: int, rows_before: int) -> None:
        self._table, self._width, self._rows_before = table, width, rows_before

    def __call__(self, position: int) -> str:
        """``line 7``, counted from 1, or ``row 6``, counted from 0, for data without lines."""
        row, line = self._rows_before + position, None
        if self._table.format == "csv":
            line = find_csv_line(self._table, row, self._width)
        elif self._table.format == "jsonl":
            line = find_json_line(self._table, row)
        return f"row {row}" if line is None else f"line {line}"


def _read_converted(
    table: TableFile, columns: Sequence[str], fields: Mapping[str, SignatureField], others: Sequence[str]
) -> Iterator[Chunk]:
    if table.format == "csv":
        yield from _read_csv(table, columns, fields, others)
        return
    rows_before = 0
    for frame in _read_frames(table, [name for name in columns if name in fields or name in others]):
        yield _build_chunk(frame, table, columns, fields, others, rows_before)
        rows_before += len(frame)


def _read_frames(table: TableFile, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    if table.format == "parquet":
        yield from read_parquet_chunks(table, columns)
    elif table.format == "jsonl":
        yield from read_json_chunks(table, columns)
    else:
        frame = load_frame(table).set_axis(read_column_names(table), axis=1)
        for start in range(0, len(frame), _ROWS_AT_ONCE):
            yield frame.iloc[start : start + _ROWS_AT_ONCE]


def _read_csv(
    table: TableFile, columns: Sequence[str], fields: Mapping[str, SignatureField], others: Sequence[str]
) -> Iterator[Chunk]:
    """Let pandas parse numbers, which is fast; if that fails, read the rest as text to find the wrong value.

    Texts are never read as missing values by pandas: which texts are missing depends on the column.
    """
    parsed = {
        name: dtype for name, field in fields.items() if name not in others and (dtype := _get_parsed_type(field))
    }
    options = {
        "dtype": {name: parsed.get(name, "str") for name in columns},
        "keep_default_na": False,
    }
    rows_read = 0
    with csv_errors(table):
        try:
            missing = {name: list(MISSING) for name in parsed}
            has_misread = cache(lambda name: any(map(is_misread, read_csv_texts(table, columns, name))))
            for frame in read_csv_chunks(table, columns, **options, na_values=missing):
                for name in (name for name, dtype in parsed.items() if dtype != "bool"):
                    if _may_be_misread(frame[name].to_numpy()) and has_misread(name):
                        raise ValueError
                yield _build_chunk(frame.reset_index(drop=True), table, columns, fields, others, rows_read)
                rows_read += len(frame)
            return
        except (ValueError, TypeError, OverflowError, InvalidData) as error:
            is_wrong_value = isinstance(error.__cause__, WrongValue)
            if isinstance(error, UnicodeError) or (isinstance(error, InvalidData) and not is_wrong_value):
                raise
        rows_yielded, rows_read = rows_read, 0
        for frame in read_csv_chunks(table, columns, **options | {"dtype": "str"}):
            if rows_read >= rows_yielded:
                yield _build_chunk(frame.reset_index(drop=True), table, columns, fields, others, rows_read)
            rows_read += len(frame)


def _may_be_misread(numbers: Array) -> bool:
    """Whether pandas may have read other texts as these numbers: some are infinite, or all are 0, 1 or missing."""
    import numpy as np

    return bool(np.isinf(numbers).any() or (np.isnan(numbers) | (numbers == 0) | (numbers == 1)).all())


def _build_chunk(
    frame: pd.DataFrame,
    table: TableFile,
    columns: Sequence[str],
    fields: Mapping[str, SignatureField],
    others: Sequence[str],
    rows_before: int,
) -> Chunk:
    row_name = RowName(table, len(columns), rows_before)
    features = convert_frame(frame, fields, _ORIGINS[table.format], table.name, row_name)
    return Chunk(features, frame[list(others)], row_name)


def _get_parsed_type(field: SignatureField) -> str | None:
    """The type in which pandas reads a CSV column; None for text."""
    if "int" in field.type:
        wide = "uint64" if field.type == "uint64" else "int64"
        return "float64" if field.nullable else wide  # pandas reads integers with missing values as floats
    if field.type.startswith("float"):
        return "float64"
    return "bool" if field.type == "boolean" and not field.nullable else None
