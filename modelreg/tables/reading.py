"""Tables as chunks whose columns have one type each, from the first row to the last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from modelreg.errors import InvalidData, shown
from modelreg.records.signature import SignatureField
from modelreg.tables.csv import MISSING, csv_chunks, csv_columns, reading_csv
from modelreg.tables.parquet import parquet, parquet_chunks, parquet_columns
from modelreg.tables.source import TableFile

if TYPE_CHECKING:
    import pandas as pd

_MOST_NAMED = 5  # columns in one message
_TRUTH = {
    "True": True,
    "False": False,
    "true": True,
    "false": False,
    "TRUE": True,
    "FALSE": False,
    "1": True,
    "0": False,
}


def columns_of(table: TableFile) -> list[str]:
    """The names of the table's columns; raises `InvalidData`."""
    if not table.is_parquet:
        return csv_columns(table)
    with parquet(table) as file:
        return parquet_columns(file, table)


def rows_of(table: TableFile) -> int | None:
    """How many rows there are, where the file tells it without being read."""
    if not table.is_parquet:
        return None
    with parquet(table) as file:
        return int(file.metadata.num_rows)


def chunks_of(
    table: TableFile, fields: Mapping[str, SignatureField], as_text: frozenset[str] = frozenset()
) -> Iterator[pd.DataFrame]:
    """The rows, with each column of ``fields`` in its type; those ``as_text`` are left as they are written.

    Raises `InvalidData`, which names the columns whose values are of another type, and when there are no rows.
    """
    some = False
    for chunk in _parquet(table, fields) if table.is_parquet else _csv(table, fields, as_text):
        some = some or len(chunk) > 0
        if len(chunk):
            yield chunk
    if not some:
        raise InvalidData(f"{table.name} has no rows")


def converted(chunk: pd.DataFrame, fields: Mapping[str, SignatureField], name: str) -> pd.DataFrame:
    """``chunk`` with each column of ``fields`` in its type; raises `InvalidData`, which names those that are not."""
    wrong: list[str] = []
    columns: dict[str, Any] = {}
    for column, field in fields.items():
        try:
            columns[column] = _convert(chunk[column], field)
        except (ValueError, TypeError, OverflowError):
            wrong.append(f"{shown(column)} is not {field.type}{'' if field.nullable else ' in every row'}")
    if wrong:
        more = f" and {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
        hint = "the signature says what the model takes: modelreg show REF"
        raise InvalidData(f"{name}: {', '.join(wrong[:_MOST_NAMED])}{more}", hint)
    return chunk.assign(**columns)


def named(columns: list[str]) -> str:
    """Some columns, as a message names them."""
    first = ", ".join(map(shown, columns[:_MOST_NAMED]))
    return first if len(columns) <= _MOST_NAMED else f"{first} and {len(columns) - _MOST_NAMED} more"


def _csv(table: TableFile, fields: Mapping[str, SignatureField], as_text: frozenset[str]) -> Iterator[pd.DataFrame]:
    """Read by pandas in the wanted types, which is fast; from where that fails as text, which tells what is wrong."""
    columns = csv_columns(table)
    types = {name: dtype for name, field in fields.items() if (dtype := _dtype(field)) is not None}
    types = {name: dtype for name, dtype in types.items() if name not in as_text}
    unread = {name: fields[name] for name in types if _is_unread(fields[name])}
    untouched: dict[str, Any] = {}
    if as_text:  # whose 'NA' is a text like any other
        types |= dict.fromkeys(as_text & set(columns), "str")
        untouched = {"keep_default_na": False, "na_values": {name: MISSING for name in columns if name not in as_text}}
    done = 0
    with reading_csv(table):
        try:
            for chunk in csv_chunks(table, len(columns), dtype=types, **untouched):
                yield converted(chunk, unread, table.name)
                done += 1
            return
        except (ValueError, TypeError, OverflowError) as error:  # of pandas, which does not name the column
            if isinstance(error, UnicodeError):
                raise
        slow = csv_chunks(table, len(columns), dtype=dict.fromkeys(types, "str"), **untouched)
        for place, chunk in enumerate(slow):
            if place >= done:
                yield converted(chunk, {name: fields[name] for name in types if name in fields}, table.name)


def _parquet(table: TableFile, fields: Mapping[str, SignatureField]) -> Iterator[pd.DataFrame]:
    for chunk in parquet_chunks(table):
        yield converted(chunk, fields, table.name)


def _dtype(field: SignatureField) -> str | None:
    """What pandas is to read; None leaves it to pandas."""
    if "int" in field.type:
        return "float64" if field.nullable else field.type  # which is how pandas reads them
    if field.type.startswith("float"):
        return field.type
    return {"boolean": "str" if field.nullable else "bool", "string": "str", "datetime": "str"}.get(field.type)


def _is_unread(field: SignatureField) -> bool:
    """Whether pandas, having read a column of CSV, has neither converted nor checked its values."""
    return field.type == "datetime" or (field.nullable and (field.type == "boolean" or "int" in field.type))


def _convert(values: pd.Series[Any], field: SignatureField) -> Any:
    """``values`` in the field's type; raises ValueError or TypeError where one of them is not."""
    import pandas as pd

    if field.type == "datetime":  # only as ISO 8601: of other forms, each chunk would be read in its own
        times = values if values.dtype.kind == "M" else pd.to_datetime(values, format="ISO8601")
        return times.dt.as_unit("us")  # to which pandas comes by the values of each chunk
    if field.type == "string":
        if pd.api.types.is_numeric_dtype(values.dtype):
            raise TypeError
        return values
    dtype = _dtype(field)
    if field.type == "boolean":
        return _booleans(values, field.nullable)
    if dtype is None:
        return values
    return _numbers(values, dtype, is_whole="int" in field.type)


def _numbers(values: pd.Series[Any], dtype: str, is_whole: bool) -> Any:
    import pandas as pd

    if values.dtype.kind not in "iufb":
        values = values.where(~values.isin(MISSING))
    numbers: Any = pd.to_numeric(values)
    if is_whole and not (numbers.dropna() % 1 == 0).all():
        raise ValueError
    if dtype.startswith("float"):
        return numbers.astype(dtype)
    whole = numbers.astype(dtype)
    if not (whole == numbers).all():  # too large for the type
        raise OverflowError
    return whole


def _booleans(values: pd.Series[Any], nullable: bool) -> Any:
    if values.dtype.kind == "b":
        return values.astype("object") if nullable else values
    texts = values.astype("object").astype("str")
    found = texts.map(_TRUTH).astype("object")  # as pandas has truth values among which some are missing
    missing = values.isna() | texts.isin(MISSING)
    if (found.isna() & ~missing).any() or (not nullable and missing.any()):
        raise ValueError
    return found if nullable else found.astype("bool")
