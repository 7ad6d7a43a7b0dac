"""The columns or arrays on one side of a model, and how MLflow's users write them down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from modelreg.domain.signatures import SignatureField
from modelreg.mlflow.exceptions import MlflowException


class Schema(tuple[SignatureField, ...]):
    """The columns or arrays on one side of a model, in order."""

    __slots__ = ()

    @property
    def inputs(self) -> list[SignatureField]:
        """The same as a list."""
        return list(self)

    def input_names(self) -> list[str | int]:
        """Their names, or their places where they have none."""
        return [place if each.name is None else each.name for place, each in enumerate(self)]

    def input_types(self) -> list[str]:
        """Their types, as modelreg calls them."""
        return [each.type for each in self]

    def has_input_names(self) -> bool:
        """Whether all of them have names."""
        return all(each.name is not None for each in self)

    def is_tensor_spec(self) -> bool:
        """Whether they are arrays."""
        return any(each.shape for each in self)

    def __repr__(self) -> str:
        return f"[{', '.join(map(_said, self))}]"


class DataType(StrEnum):
    """The types of columns, in MLflow's words."""

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
    """The parameters of ``predict``; they are not kept with a model."""

    __slots__ = ()

    @property
    def params(self) -> list[ParamSpec]:
        """The same as a list."""
        return list(self)


def ColSpec(type: str, name: str | None = None, required: bool = True) -> SignatureField:  # noqa: N802
    """A column of MLflow's types (``double``, ``long``, …) or modelreg's; raises `MlflowException` for others."""
    from modelreg.loading.flavors.mlflow import TYPES  # with all that looks into folders, which few signatures need

    known = TYPES.get(str(type), str(type))
    if known not in TYPES.values():
        raise MlflowException.invalid_parameter_value(f"{type!r} is no type of a column: {', '.join(TYPES)}")
    return SignatureField(name, known, nullable=not required)


def TensorSpec(type: Any, shape: Sequence[int | None], name: str | None = None) -> SignatureField:  # noqa: N802
    """An array of a NumPy type, in whose ``shape`` -1 is a length that varies."""
    import numpy as np

    from modelreg.loading.flavors.mlflow import tensor_type

    lengths = tuple(None if length in (None, -1) else length for length in shape)
    return SignatureField(name, tensor_type(np.dtype(type).name), lengths)


def _said(field: SignatureField) -> str:
    name = "" if field.name is None else f"{field.name!r}: "
    shape = f" ({', '.join('any' if length is None else str(length) for length in field.shape)})" if field.shape else ""
    return f"{name}{field.dtype}{shape}{' that may be missing' if field.nullable else ''}"
