"""Where MLflow has `NumpyDataset`, too."""

from __future__ import annotations

from modelreg.mlflow.data.dataset import NumpyDataset

__all__ = ["NumpyDataset"]
