"""MLflow's module ``mlflow.data``: datasets as inputs of runs. Only name, digest and number of rows are stored."""

from __future__ import annotations

from modelreg.mlflow.data.dataset import Dataset, NumpyDataset, PandasDataset, from_numpy, from_pandas
from modelreg.mlflow.missing_names import build_attribute_error

__all__ = ["Dataset", "NumpyDataset", "PandasDataset", "from_numpy", "from_pandas"]


def __getattr__(name: str) -> object:
    raise build_attribute_error(__name__, name)
