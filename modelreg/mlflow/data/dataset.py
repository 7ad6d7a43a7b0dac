"""A table or an array in memory, with a name and a digest."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from modelreg.mlflow.entities.dataset import Dataset as KeptDataset

if TYPE_CHECKING:
    import pandas as pd

_DIGEST_LENGTH = 36
"""Characters; what MLflow takes at most."""


class Dataset:
    """What was used to train or evaluate a model."""

    def __init__(self, values: Any, digest: str, source: object, name: str | None, targets: object) -> None:
        self._values = values
        self.digest = digest
        self.source = source
        self.name = name or "dataset"
        self.targets = targets

    @property
    def profile(self) -> dict[str, int]:
        """How many rows there are."""
        return {"num_rows": len(self._values)}

    def to_dict(self) -> dict[str, str]:
        """What is kept of it, as texts."""
        return {name: value for name, value in dict(self.kept()).items() if value is not None}

    def kept(self) -> KeptDataset:
        """What a run keeps of it."""
        return KeptDataset(
            name=self.name,
            digest=self.digest,
            source="" if self.source is None else str(self.source),
            profile=json.dumps(self.profile),
        )


class PandasDataset(Dataset):
    """A DataFrame."""

    @property
    def df(self) -> pd.DataFrame:
        """The table itself."""
        table: pd.DataFrame = self._values
        return table


class NumpyDataset(Dataset):
    """An array."""

    @property
    def features(self) -> Any:
        """The array itself."""
        return self._values


def from_pandas(
    df: pd.DataFrame,
    source: object = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> PandasDataset:
    """A DataFrame as a dataset."""
    return PandasDataset(df, digest or _digest_of_table(df), source, name, targets)


def from_numpy(
    features: Any, source: object = None, targets: Any = None, name: str | None = None, digest: str | None = None
) -> NumpyDataset:
    """An array as a dataset."""
    import numpy as np

    array = np.ascontiguousarray(features)
    return NumpyDataset(features, digest or _shortened(array.tobytes(), str(array.shape)), source, name, targets)


def _digest_of_table(table: pd.DataFrame) -> str:
    """Of the values, the index and the names of columns."""
    import pandas as pd

    try:
        hashed = pd.util.hash_pandas_object(table).to_numpy().tobytes()
    except TypeError:  # values that cannot be hashed, such as lists
        hashed = table.to_csv().encode()
    return _shortened(hashed, str(list(table.columns)))


def _shortened(content: bytes, shape: str) -> str:
    return sha256(content + shape.encode()).hexdigest()[:_DIGEST_LENGTH]
