"""Datasets as inputs of runs: their name, a digest of the values and the number of rows are kept, never the data."""

from __future__ import annotations

from modelreg.mlflow.absent import absent
from modelreg.mlflow.data.dataset import Dataset, NumpyDataset, PandasDataset, from_numpy, from_pandas

__all__ = ["Dataset", "NumpyDataset", "PandasDataset", "from_numpy", "from_pandas"]


def __getattr__(name: str) -> object:
    raise absent(__name__, name)
