"""The columns of CSV and parquet files, found in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from modelreg.errors import InvalidData, SourceNotFound, shown
from modelreg.records.signature import SignatureField
from modelreg.signatures.columns import refuse_duplicates, type_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_VALUES_AT_ONCE = 500_000  # about 50 MB of texts
_LONGEST_HEADER = 1 << 20  # bytes
_HIGHEST_UINT64 = (1 << 64) - 1
_MISSING = [
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


def read_columns(path: Path) -> tuple[SignatureField, ...]:
    """The columns of a ``.csv``, ``.csv.gz`` or ``.parquet`` file; raises `InvalidData` or `SourceNotFound`."""
    if not path.is_file():
        raise SourceNotFound(path)
    name = path.name.lower()
    if name.endswith((".csv", ".csv.gz")):
        return _csv_columns(path)
    if name.endswith((".parquet", ".pq")):
        return _parquet_columns(path)
    raise InvalidData(f"{shown(str(path))} is neither CSV nor parquet", "the name ends in .csv, .csv.gz or .parquet")


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


def _csv_columns(path: Path) -> tuple[SignatureField, ...]:
    with _reading_csv(path):
        names = _csv_header(path)
        evidence = [_Evidence()] * len(names)
        rows = 0
        for chunk in _csv_chunks(path, len(names)):
            rows += len(chunk)
            evidence = [_widened(known, chunk.iloc[:, place]) for place, known in enumerate(evidence)]
    if not rows:
        raise InvalidData(f"{shown(str(path))} has no rows to learn types from")
    return tuple(
        SignatureField(name, _TYPES.get(known.type) or str(known.type), nullable=known.nullable)
        for name, known in zip(names, evidence, strict=True)
    )


def _csv_header(path: Path) -> list[str]:
    """The names in the first line; refuses what pandas would take for a table though it is none."""
    import pandas as pd

    with _opened(path) as file:
        start = file.read(_LONGEST_HEADER)
    if b"\0" in start or (len(start) == _LONGEST_HEADER and b"\n" not in start):
        raise InvalidData(f"{shown(str(path))} is not a CSV file, whatever its name says")
    given = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False).iloc[0].tolist()
    refuse_duplicates([str(name) for name in given if name], shown(str(path)))
    return [str(name) for name in pd.read_csv(path, nrows=0).columns]


def _csv_chunks(path: Path, width: int) -> Iterator[pd.DataFrame]:
    import pandas as pd

    rows = max(1, _VALUES_AT_ONCE // width)
    with pd.read_csv(path, chunksize=rows, dtype_backend="numpy_nullable", low_memory=False) as chunks:
        for chunk in chunks:
            if not isinstance(chunk.index, pd.RangeIndex):  # pandas takes a value too many for the row's name
                raise InvalidData(f"{shown(str(path))} has rows with more values than the first line has names")
            yield chunk


def _widened(known: _Evidence, values: pd.Series[Any]) -> _Evidence:
    missing = values.isna() | values.isin(_MISSING)
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


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    import gzip

    with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as file:
        yield cast("IO[bytes]", file)


@contextmanager
def _reading_csv(path: Path) -> Iterator[None]:
    """What pandas and gzip say of a file that is no CSV, as one sentence of ours."""
    import zlib

    import pandas as pd

    try:
        yield
    except pd.errors.EmptyDataError:
        raise InvalidData(f"{shown(str(path))} is empty, or its first line names no columns") from None
    except (pd.errors.ParserError, UnicodeError, EOFError, zlib.error, ValueError, _bad_gzip()) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise InvalidData(f"{shown(str(path))} cannot be read as CSV: {shown(said[0])}") from error


def _bad_gzip() -> type[Exception]:
    import gzip

    return gzip.BadGzipFile


# --- parquet --------------------------------------------------------------------------------------------------


def _parquet_columns(path: Path) -> tuple[SignatureField, ...]:
    """From the file's schema and statistics alone: no value is read."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        message = "parquet files need pyarrow, which is not installed"
        raise InvalidData(message, "pip install 'modelreg[parquet]'") from None
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InvalidData(f"{shown(str(path))} is not a parquet file") from error
    with file:
        schema = file.schema_arrow
        columns = [field for field in schema if field.name not in _index_columns(schema)]
        missing = _columns_with_missing_values(file)
    if not columns:
        raise InvalidData(f"{shown(str(path))} has no columns")
    refuse_duplicates([field.name for field in columns], shown(str(path)))
    return tuple(
        SignatureField(field.name, _arrow_type(field.type), nullable=missing.get(field.name, field.nullable))
        for field in columns
    )


def _index_columns(schema: pa.Schema) -> set[str]:
    """The columns in which pandas keeps the names of rows, which are no inputs."""
    named = (schema.pandas_metadata or {}).get("index_columns", [])
    return {name for name in named if isinstance(name, str)}


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
