"""MLflow's module ``mlflow.types``: the parts of a signature that is written by hand."""

from __future__ import annotations

from modelreg.mlflow.types.schema import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec

__all__ = ["ColSpec", "DataType", "ParamSchema", "ParamSpec", "Schema", "TensorSpec"]
