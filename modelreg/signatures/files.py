"""The columns of CSV and parquet files, found in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelreg.errors import InvalidData
from modelreg.records.signature import SignatureField
from modelreg.tables.columns import type_of
from modelreg.tables.csv import MISSING, csv_chunks, csv_columns, reading_csv
from modelreg.tables.parquet import parquet, parquet_columns
from modelreg.tables.source import TableFile, opened

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_HIGHEST_UINT64 = (1 << 64) - 1


def read_columns(path: Path) -> tuple[SignatureField, ...]:
    """The columns of a ``.csv``, ``.csv.gz`` or ``.parquet`` file; raises `InvalidData` or `SourceNotFound`."""
    with opened(path) as table:
        return columns_in(table)


def columns_in(table: TableFile) -> tuple[SignatureField, ...]:
    """The columns of a table that is open; raises `InvalidData`."""
    return _parquet_columns(table) if table.is_parquet else _csv_columns(table)


# --- CSV ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What the values of a column so far have in common."""

    type: str | None = None
    """One of `_RANKS`, or a type; None while every value is missing."""
    nullable: bool = False


_RANKS = {"natural": 0, "negative": 1, "large": 1, "huge": 2, "float64": 3}
"""Kinds of numbers: int64 without a sign, int64 of which one has it, uint64 beyond int64, whole beyond both."""

_TYPES = {"natural": "int64", "negative": "int64", "large": "uint64", "huge": "string", None: "any"}


def _csv_columns(table: TableFile) -> tuple[SignatureField, ...]:
    names = csv_columns(table)
    evidence = [_Evidence()] * len(names)
    rows = 0
    with reading_csv(table):
        for chunk in csv_chunks(table, len(names), dtype_backend="numpy_nullable"):
            rows += len(chunk)
            evidence = [_widened(known, chunk.iloc[:, place]) for place, known in enumerate(evidence)]
    if not rows:
        raise InvalidData(f"{table.name} has no rows to learn types from")
    return tuple(
        SignatureField(name, _TYPES.get(known.type) or str(known.type), nullable=known.nullable)
        for name, known in zip(names, evidence, strict=True)
    )


def _widened(known: _Evidence, values: pd.Series[Any]) -> _Evidence:
    missing = values.isna() | values.isin(MISSING)
    found = None if missing.all() else _kind(values[~missing])
    return _Evidence(_wider(known.type, found), known.nullable or bool(missing.any()))


def _wider(one: str | None, other: str | None) -> str | None:
    """The kind that pandas gives to values of both kinds together."""
    if one == other or one is None or other is None:
        return one or other
    if one not in _RANKS or other not in _RANKS:
        return "string"
    if _RANKS[one] == _RANKS[other]:
        return "huge"
    return max(one, other, key=_RANKS.__getitem__)


def _kind(values: pd.Series[Any]) -> str:
    match type_of(str(values.dtype)):
        case "int64":
            return "negative" if values.min() < 0 else "natural"
        case "uint64":
            return "large"
        case "string" if values.str.fullmatch(r"-?\d{1,400}").all():
            return _kind_of_long(values)
        case other:
            return other


def _kind_of_long(texts: pd.Series[Any]) -> str:
    """What whole numbers are that pandas reads as texts: uint64 beside a missing value, or beyond any type."""
    numbers = texts.map(int)
    return "large" if numbers.min() >= 0 and numbers.max() <= _HIGHEST_UINT64 else "huge"


# --- parquet --------------------------------------------------------------------------------------------------


def _parquet_columns(table: TableFile) -> tuple[SignatureField, ...]:
    """From the file's schema and statistics alone: no value is read."""
    with parquet(table) as file:
        wanted = set(parquet_columns(file, table))
        columns = [field for field in file.schema_arrow if field.name in wanted]
        missing = _columns_with_missing_values(file)
    return tuple(
        SignatureField(field.name, _arrow_type(field.type), nullable=missing.get(field.name, field.nullable))
        for field in columns
    )


def _columns_with_missing_values(file: Any) -> dict[str, bool]:
    """Column -> whether a value is missing, for those of which the file's statistics tell."""
    metadata = file.metadata
    found: dict[str, bool] = {}
    for place in range(metadata.num_columns):
        groups = [metadata.row_group(group).column(place) for group in range(metadata.num_row_groups)]
        counts = [group.statistics.null_count if group.is_stats_set else None for group in groups]
        if None not in counts:
            found[metadata.schema.column(place).path] = any(counts)
    return found


def _arrow_type(type_: pa.DataType) -> str:
    import pyarrow as pa

    return type_of(str(type_.value_type if pa.types.is_dictionary(type_) else type_))
