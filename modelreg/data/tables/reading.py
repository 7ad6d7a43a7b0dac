"""Tables as chunks whose columns have one type each, from the first row to the last."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from modelreg.data.tables.casting import MISSING, Origin, WrongValue, cast, is_misread
from modelreg.data.tables.columns import refuse_duplicates
from modelreg.data.tables.csv import csv_chunks, csv_columns, csv_texts, line_of, reading_csv
from modelreg.data.tables.json_lines import json_chunks, json_columns, json_line_of
from modelreg.data.tables.parquet import parquet, parquet_chunks, parquet_columns
from modelreg.data.tables.source import TableFile
from modelreg.domain.signatures import SignatureField
from modelreg.errors import InvalidData, shown

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]

_MOST_NAMED = 5  # columns in one message
_ROWS_AT_ONCE = 50_000  # of a DataFrame
_ORIGINS = {"csv": Origin.TEXT, "jsonl": Origin.JSON, "parquet": Origin.PARQUET, "frame": Origin.MEMORY}


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a table."""

    features: pd.DataFrame
    """The columns that have a field, in its type."""
    others: pd.DataFrame
    """Columns for something else, as they are written."""
    row_name: RowName
    """How a row of it is named in messages."""

    def __len__(self) -> int:
        return len(self.features)


def columns_of(table: TableFile, known: Collection[str] = ()) -> list[str]:
    """The names of the table's columns, as texts; raises `InvalidData`, see `csv_columns` for those ``known``."""
    match table.format:
        case "parquet":
            with parquet(table) as file:
                return parquet_columns(file, table)
        case "jsonl":
            return json_columns(table)
        case "frame":
            names = [str(name) for name in frame_of(table).columns]
            refuse_duplicates(names, table.name)
            return names
        case _:
            return csv_columns(table, known)


def rows_of(table: TableFile) -> int | None:
    """How many rows there are, where the file tells it without being read."""
    if table.format != "parquet":
        return table.known_rows
    with parquet(table) as file:
        return int(file.metadata.num_rows)


def frame_of(table: TableFile) -> pd.DataFrame:
    """The DataFrame that was given in the place of a file; raises `InvalidData`."""
    import pickle

    table.file.seek(0)
    try:
        frame: pd.DataFrame = pickle.load(table.file)  # the parent process wrote it, which this one trusts
    except (ImportError, AttributeError, pickle.UnpicklingError) as error:
        raise InvalidData(f"{table.name} holds objects of classes that cannot be imported here: {error}") from error
    return frame


def chunks_of(
    table: TableFile, columns: Sequence[str], fields: Mapping[str, SignatureField], others: Sequence[str] = ()
) -> Iterator[Chunk]:
    """The rows: columns of ``fields`` in their types, and ``others`` as they are written.

    ``columns`` are those of `columns_of`. Raises `InvalidData`, which names the values that are of another type, and
    when there are no rows.
    """
    some = False
    for chunk in _chunks(table, columns, fields, others):
        some = some or len(chunk) > 0
        if len(chunk):
            yield chunk
    if not some:
        raise InvalidData(f"{table.name} has no rows")


def converted(
    frame: pd.DataFrame, fields: Mapping[str, SignatureField], origin: Origin, name: str, where: RowName | None = None
) -> pd.DataFrame:
    """The columns of ``fields`` in their types, in this order; raises `InvalidData`, which names what is wrong."""
    import pandas as pd

    wrong: list[str] = []
    first: WrongValue | None = None
    columns: dict[str, Any] = {}
    for column, field in fields.items():
        try:
            columns[column] = cast(frame[column], field, origin)
        except WrongValue as error:
            first = first or error
            if len(wrong) < _MOST_NAMED:
                row = where(error.place) if where is not None else f"row {error.place}"
                wrong.append(f"{shown(column)} {error.reason.replace('{row}', row)}")
            else:
                wrong.append(column)
    if wrong:
        more = f" and {len(wrong) - _MOST_NAMED} more columns" if len(wrong) > _MOST_NAMED else ""
        raise InvalidData(f"{name}: {', '.join(wrong[:_MOST_NAMED])}{more}") from first
    return pd.DataFrame(columns, index=frame.index)


class RowName:
    """How rows of a chunk are named in messages: by their line in a text file, which is counted only then."""

    def __init__(self, table: TableFile, width: int, rows_before: int) -> None:
        self._table, self._width, self._rows_before = table, width, rows_before

    def __call__(self, place: int) -> str:
        """``line 7``, or ``row 6`` where there are no lines; rows are counted from 0."""
        row, line = self._rows_before + place, None
        if self._table.format == "csv":
            line = line_of(self._table, row, self._width)
        elif self._table.format == "jsonl":
            line = json_line_of(self._table, row)
        return f"row {row}" if line is None else f"line {line}"


def _chunks(
    table: TableFile, columns: Sequence[str], fields: Mapping[str, SignatureField], others: Sequence[str]
) -> Iterator[Chunk]:
    if table.format == "csv":
        yield from _csv(table, columns, fields, others)
        return
    origin, done = _ORIGINS[table.format], 0
    for frame in _frames(table, [name for name in columns if name in fields or name in others]):
        where = RowName(table, len(columns), done)
        done += len(frame)
        yield Chunk(converted(frame, fields, origin, table.name, where), frame[list(others)], where)


def _frames(table: TableFile, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    if table.format == "parquet":
        yield from parquet_chunks(table, columns)
    elif table.format == "jsonl":
        yield from json_chunks(table, columns)
    else:
        whole = frame_of(table).set_axis(columns_of(table), axis=1)
        for start in range(0, len(whole), _ROWS_AT_ONCE):
            yield whole.iloc[start : start + _ROWS_AT_ONCE]


def _csv(
    table: TableFile, columns: Sequence[str], fields: Mapping[str, SignatureField], others: Sequence[str]
) -> Iterator[Chunk]:
    """Numbers are read by pandas, which is fast; from where that fails all is read as text, which tells what is wrong.

    Text is never taken for a missing value by pandas: what is one depends on the column.
    """
    parsed = {name: dtype for name, field in fields.items() if name not in others and (dtype := _parsed_type(field))}
    options = {
        "dtype": {name: parsed.get(name, "str") for name in columns},
        "keep_default_na": False,
    }
    read = 0
    with reading_csv(table):
        try:
            absent = {name: list(MISSING) for name in parsed}
            has_misread = cache(lambda name: any(map(is_misread, csv_texts(table, columns, name))))
            for frame in csv_chunks(table, columns, **options, na_values=absent):
                for name in (name for name, dtype in parsed.items() if dtype != "bool"):
                    if _may_be_misread(frame[name].to_numpy()) and has_misread(name):
                        raise ValueError
                yield _chunk(frame, table, columns, fields, others, read)
                read += len(frame)
            return
        except (ValueError, TypeError, OverflowError, InvalidData) as error:
            if isinstance(error, UnicodeError) or (isinstance(error, InvalidData) and not _is_of_value(error)):
                raise
        done, read = read, 0
        for frame in csv_chunks(table, columns, **options | {"dtype": "str"}):
            if read >= done:
                yield _chunk(frame, table, columns, fields, others, read)
            read += len(frame)


def _may_be_misread(numbers: Array) -> bool:
    """Whether numbers are such as pandas also makes of other texts: infinite ones, or ones and zeros alone."""
    import numpy as np

    return bool(np.isinf(numbers).any() or (np.isnan(numbers) | (numbers == 0) | (numbers == 1)).all())


def _is_of_value(error: InvalidData) -> bool:
    return isinstance(error.__cause__, WrongValue)


def _chunk(
    frame: pd.DataFrame,
    table: TableFile,
    columns: Sequence[str],
    fields: Mapping[str, SignatureField],
    others: Sequence[str],
    before: int,
) -> Chunk:
    frame = frame.reset_index(drop=True)
    where = RowName(table, len(columns), before)
    return Chunk(converted(frame, fields, Origin.TEXT, table.name, where), frame[list(others)], where)


def _parsed_type(field: SignatureField) -> str | None:
    """What pandas is to read a column as; None for text."""
    if "int" in field.type:
        wide = "uint64" if field.type == "uint64" else "int64"
        return "float64" if field.nullable else wide  # as pandas has whole numbers of which some are missing
    if field.type.startswith("float"):
        return "float64"
    return "bool" if field.type == "boolean" and not field.nullable else None
