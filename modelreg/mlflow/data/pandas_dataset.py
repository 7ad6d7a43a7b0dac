"""MLflow's other import path of `PandasDataset`."""

from __future__ import annotations

from modelreg.mlflow.data.dataset import PandasDataset

__all__ = ["PandasDataset"]
