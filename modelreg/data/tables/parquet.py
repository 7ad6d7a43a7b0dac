"""Parquet files, through pyarrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from modelreg.data.tables.columns import refuse_duplicates
from modelreg.data.tables.source import TableFile
from modelreg.errors import InvalidData, shown

if TYPE_CHECKING:
    import pandas as pd

_VALUES_AT_ONCE = 500_000


@contextmanager
def parquet(table: TableFile) -> Iterator[Any]:
    """The open ``pyarrow.parquet.ParquetFile``; raises `InvalidData`, also when pyarrow is not installed."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        message = "parquet files need pyarrow, which is not installed"
        raise InvalidData(message, "pip install 'modelreg[parquet]'") from None
    table.file.seek(0)
    try:
        file = pq.ParquetFile(table.file)
    except (pa.ArrowException, OSError) as error:
        raise InvalidData(f"{table.name} is not a parquet file") from error
    try:
        yield file
    except (pa.ArrowException, OSError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InvalidData(f"{table.name} cannot be read as parquet: {shown(said)}") from error


def index_columns(file: Any) -> set[str]:
    """The columns in which pandas keeps the names of rows."""
    names = (file.schema_arrow.pandas_metadata or {}).get("index_columns", [])
    return {name for name in names if isinstance(name, str)}


def parquet_columns(file: Any, table: TableFile) -> list[str]:
    """The columns, without those in which pandas keeps the names of rows, which are no data."""
    schema = file.schema_arrow
    index = index_columns(file)
    columns = [name for name in schema.names if name not in index]
    if not columns:
        raise InvalidData(f"{table.name} has no columns")
    refuse_duplicates(columns, table.name)
    return columns


def parquet_chunks(table: TableFile, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    """The rows with these columns, some at a time; raises `InvalidData`."""
    with parquet(table) as file:
        rows = max(1, _VALUES_AT_ONCE // len(columns))
        for batch in file.iter_batches(batch_size=rows, columns=list(columns)):
            chunk = batch.to_pandas(integer_object_nulls=True)  # whole numbers stay whole beside missing ones
            chunk = chunk.reset_index(drop=True).set_axis([str(name) for name in chunk.columns], axis=1)
            coded = [name for name in chunk if chunk[name].dtype == "category"]  # each batch with its own categories
            yield chunk.astype(
                {name: chunk[name].cat.categories.dtype for name in coded if not chunk[name].hasnans}
                | {name: object for name in coded if chunk[name].hasnans}
            )[list(columns)]
