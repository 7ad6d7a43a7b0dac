"""MLflow's `Schema`, `ColSpec` and `TensorSpec`, for the inputs or outputs of a signature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from modelreg.domain.signatures import SignatureField
from modelreg.mlflow.exceptions import MlflowException


class Schema(tuple[SignatureField, ...]):
    """The columns or arrays of a model's inputs or outputs, in order."""

    __slots__ = ()

    @property
    def inputs(self) -> list[SignatureField]:
        """The fields as a list."""
        return list(self)

    def input_names(self) -> list[str | int]:
        """The names of the fields; the position for a field without a name."""
        return [position if field.name is None else field.name for position, field in enumerate(self)]

    def input_types(self) -> list[str]:
        """The types of the fields, as modelreg names them."""
        return [field.type for field in self]

    def has_input_names(self) -> bool:
        """Whether all fields have names."""
        return all(field.name is not None for field in self)

    def is_tensor_spec(self) -> bool:
        """Whether the fields are arrays."""
        return any(field.shape for field in self)

    def __repr__(self) -> str:
        return f"[{', '.join(map(_describe, self))}]"


class DataType(StrEnum):
    """MLflow's column types."""

    boolean = "boolean"
    integer = "integer"
    long = "long"
    float = "float"
    double = "double"
    string = "string"
    binary = "binary"
    datetime = "datetime"


@dataclass(frozen=True)
class ParamSpec:
    """A parameter of ``predict``."""

    name: str
    dtype: str
    default: Any = None
    shape: tuple[int, ...] | None = None


class ParamSchema(tuple[ParamSpec, ...]):
    """The parameters of ``predict``; they are not stored with a model."""

    __slots__ = ()

    @property
    def params(self) -> list[ParamSpec]:
        """The parameters as a list."""
        return list(self)


def ColSpec(type: str, name: str | None = None, required: bool = True) -> SignatureField:  # noqa: N802
    """A column with a type of MLflow (``double``, ``long``, …) or of modelreg; raises `MlflowException` otherwise."""
    from modelreg.loading.flavors.mlflow import TYPES  # imports the readers of model folders

    stored_type = TYPES.get(str(type), str(type))
    if stored_type not in TYPES.values():
        raise MlflowException.invalid_parameter_value(f"{type!r} is not a column type: use one of {', '.join(TYPES)}")
    return SignatureField(name, stored_type, nullable=not required)


def TensorSpec(type: Any, shape: Sequence[int | None], name: str | None = None) -> SignatureField:  # noqa: N802
    """An array of a NumPy type; -1 or None in ``shape`` means a variable length."""
    import numpy as np

    from modelreg.loading.flavors.mlflow import tensor_type

    lengths = tuple(None if length in (None, -1) else length for length in shape)
    return SignatureField(name, tensor_type(np.dtype(type).name), lengths)


def _describe(field: SignatureField) -> str:
    name = "" if field.name is None else f"{field.name!r}: "
    shape = f" ({', '.join('any' if length is None else str(length) for length in field.shape)})" if field.shape else ""
    return f"{name}{field.dtype}{shape}{' (optional)' if field.nullable else ''}"
