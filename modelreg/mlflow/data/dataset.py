"""Datasets: a DataFrame or an array in memory, with a name and a digest."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from modelreg.mlflow.entities.dataset import Dataset as DatasetEntity

if TYPE_CHECKING:
    import pandas as pd

_DIGEST_LENGTH = 36
"""Characters; MLflow's maximum."""


class Dataset:
    """Data that a model was trained or evaluated on."""

    def __init__(self, values: Any, digest: str, source: object, name: str | None, targets: object) -> None:
        self._values = values
        self.digest = digest
        self.source = source
        self.name = name or "dataset"
        self.targets = targets

    @property
    def profile(self) -> dict[str, int]:
        """The number of rows."""
        return {"num_rows": len(self._values)}

    def to_dict(self) -> dict[str, str]:
        """The stored fields, as texts."""
        return {name: value for name, value in dict(self.to_entity()).items() if value is not None}

    def to_entity(self) -> DatasetEntity:
        """The record that a run stores."""
        return DatasetEntity(
            name=self.name,
            digest=self.digest,
            source="" if self.source is None else str(self.source),
            profile=json.dumps(self.profile),
        )


class PandasDataset(Dataset):
    """A DataFrame."""

    @property
    def df(self) -> pd.DataFrame:
        """The DataFrame."""
        table: pd.DataFrame = self._values
        return table


class NumpyDataset(Dataset):
    """An array."""

    @property
    def features(self) -> Any:
        """The array."""
        return self._values


def from_pandas(
    df: pd.DataFrame,
    source: object = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> PandasDataset:
    """Create a dataset from a DataFrame."""
    return PandasDataset(df, digest or _get_table_digest(df), source, name, targets)


def from_numpy(
    features: Any, source: object = None, targets: Any = None, name: str | None = None, digest: str | None = None
) -> NumpyDataset:
    """Create a dataset from an array."""
    import numpy as np

    array = np.ascontiguousarray(features)
    return NumpyDataset(features, digest or _get_digest(array.tobytes(), str(array.shape)), source, name, targets)


def _get_table_digest(table: pd.DataFrame) -> str:
    """The digest of a table's values, index and column names."""
    import pandas as pd

    try:
        hashed = pd.util.hash_pandas_object(table).to_numpy().tobytes()
    except TypeError:  # values that cannot be hashed, such as lists
        hashed = table.to_csv().encode()
    return _get_digest(hashed, str(list(table.columns)))


def _get_digest(content: bytes, shape: str) -> str:
    return sha256(content + shape.encode()).hexdigest()[:_DIGEST_LENGTH]
