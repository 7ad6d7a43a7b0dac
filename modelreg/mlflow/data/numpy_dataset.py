"""MLflow's other import path of `NumpyDataset`."""

from __future__ import annotations

from modelreg.mlflow.data.dataset import NumpyDataset

__all__ = ["NumpyDataset"]
