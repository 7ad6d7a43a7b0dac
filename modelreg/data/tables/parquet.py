"""Read parquet files with pyarrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from modelreg.data.tables.columns import check_unique
from modelreg.data.tables.table_file import TableFile
from modelreg.errors import InvalidData, shown

if TYPE_CHECKING:
    import pandas as pd

_VALUES_AT_ONCE = 500_000


@contextmanager
def open_parquet(table: TableFile) -> Iterator[Any]:
    """Open a ``pyarrow.parquet.ParquetFile``; raises `InvalidData`, also if pyarrow is not installed."""
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
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InvalidData(f"{table.name} cannot be read as parquet: {shown(reason)}") from error


def read_parquet_columns(file: Any, table: TableFile) -> list[str]:
    """The column names, without those in which pandas stores the index; raises `InvalidData`."""
    schema = file.schema_arrow
    index_columns = (schema.pandas_metadata or {}).get("index_columns", [])  # a RangeIndex is a dictionary there
    columns = [name for name in schema.names if name not in index_columns]
    if not columns:
        raise InvalidData(f"{table.name} has no columns")
    check_unique(columns, table.name)
    return columns


def read_parquet_chunks(table: TableFile, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Yield the rows of these columns in chunks; raises `InvalidData`."""
    with open_parquet(table) as file:
        rows_at_once = max(1, _VALUES_AT_ONCE // len(columns))
        for batch in file.iter_batches(batch_size=rows_at_once, columns=list(columns)):
            chunk = batch.to_pandas(integer_object_nulls=True)  # keeps integers next to missing values exact
            chunk = chunk.reset_index(drop=True).set_axis([str(name) for name in chunk.columns], axis=1)
            # every batch has its own categories, so categorical columns become plain ones
            categorical = [name for name in chunk if chunk[name].dtype == "category"]
            yield chunk.astype(
                {name: chunk[name].cat.categories.dtype for name in categorical if not chunk[name].hasnans}
                | {name: object for name in categorical if chunk[name].hasnans}
            )[list(columns)]
