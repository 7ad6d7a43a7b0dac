"""Parquet files, through pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from modelreg.errors import InvalidData, shown
from modelreg.tables.columns import refuse_duplicates
from modelreg.tables.source import TableFile

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


def parquet_columns(file: Any, table: TableFile) -> list[str]:
    """The columns, without those in which pandas keeps the names of rows, which are no data."""
    schema = file.schema_arrow
    index = {name for name in (schema.pandas_metadata or {}).get("index_columns", []) if isinstance(name, str)}
    columns = [name for name in schema.names if name not in index]
    if not columns:
        raise InvalidData(f"{table.name} has no columns")
    refuse_duplicates(columns, table.name)
    return columns


def parquet_chunks(table: TableFile) -> Iterator[pd.DataFrame]:
    """The rows, some at a time; raises `InvalidData`."""
    with parquet(table) as file:
        columns = parquet_columns(file, table)
        rows = max(1, _VALUES_AT_ONCE // len(columns))
        for batch in file.iter_batches(batch_size=rows, columns=columns):
            chunk = batch.to_pandas(integer_object_nulls=True)  # whole numbers stay whole beside missing ones
            coded = [name for name in chunk if chunk[name].dtype == "category"]  # each batch with its own categories
            yield chunk.astype({name: chunk[name].cat.categories.dtype for name in coded})
