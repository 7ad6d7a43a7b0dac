"""Signatures: the columns or arrays that a model takes and gives, also as plain JSON values."""

from __future__ import annotations

from dataclasses import dataclass

from modelreg.errors import InvalidData, shown

TYPE_CHECKING = False  # as type checkers read it: every command imports this, and typing is not cheap
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_SIZES = (8, 16, 32, 64)
TYPES = frozenset(
    {
        *("boolean", "string", "binary", "datetime", "any", "float16", "float32", "float64"),
        *(f"{sign}int{bits}" for sign in ("", "u") for bits in _SIZES),
    }
)
"""The valid values of `SignatureField.type`."""


@dataclass(frozen=True, slots=True)
class SignatureField:
    """One column, or one array, that a model takes or gives."""

    name: str | int | None
    """The column's name, which may be a number; None for an array, which has no names."""
    type: str
    """``boolean``, ``int8`` to ``int64``, ``uint8`` to ``uint64``, ``float16`` to ``float64``, ``string``,
    ``binary``, ``datetime`` or ``any``; of a categorical column the type of its categories."""
    shape: tuple[int | None, ...] = ()
    """``()`` for a column; an array's shape, where None is a length that varies (the rows)."""
    nullable: bool = False
    """Whether values may be missing."""
    missing: str | None = None
    """How missing values are kept, and with them all others, where that is not as NumPy's types with NaN (NaT for
    times): `NA` for pandas' own types (``Int64``, ``boolean``, ``string``), `NONE` for Python objects with None,
    `OBJECT` for such with NaN, `MIXED` for such with both."""
    empty_text: bool = False
    """Whether the empty text is one of the values, so that it does not stand for a missing one."""
    unit: str | None = None
    """Of times: ``s``, ``ms``, ``us`` or ``ns``; ``D`` for Python's dates."""
    zone: str | None = None
    """Of times: their time zone; None for times without one."""
    categories: tuple[str, ...] | None = None
    """Of a categorical column: its categories in their order, written as `modelreg.data.tables.categories` does."""
    ordered: bool = False
    """Whether the categories are ordered."""

    @property
    def dtype(self) -> str:
        """The type with what qualifies it, for people: ``category of string``, ``datetime[ns, Europe/Zurich]``."""
        qualifiers = ", ".join(part for part in (self.unit, self.zone) if part)
        name = f"{self.type}[{qualifiers}]" if qualifiers else self.type
        return name if self.categories is None else f"category of {name}"


NONE, NA, OBJECT, MIXED = "None", "NA", "object", "mixed"
"""The marks of a missing value, see `SignatureField.missing`."""


@dataclass(frozen=True, slots=True)
class Signature:
    """The inputs and outputs of a model."""

    inputs: tuple[SignatureField, ...]
    outputs: tuple[SignatureField, ...] = ()
    one_column: bool = False
    """Whether the model takes its only input as a column (a pandas Series), and not as a table."""


def signature_as_json(signature: Signature) -> dict[str, object]:
    """``{"inputs": […], "outputs": […]}``, each field with ``name``, ``type``, ``shape`` and ``nullable``.

    The other attributes of a field, and ``one_column``, are there only where they are set: a digest covers this text.
    """
    sides: dict[str, object] = {
        "inputs": [_field_as_json(field) for field in signature.inputs],
        "outputs": [_field_as_json(field) for field in signature.outputs],
    }
    return sides | {"one_column": True} if signature.one_column else sides


def signature_from_json(value: Mapping[str, object]) -> Signature:
    """Parse the output of `signature_as_json`; raises `InvalidData` for anything else."""
    one_column = value.get("one_column", False)
    if not isinstance(one_column, bool):
        raise InvalidData("one_column of a signature must be true or false")
    return Signature(_fields_from_json(value.get("inputs")), _fields_from_json(value.get("outputs")), one_column)


_DETAILS = ("missing", "empty_text", "unit", "zone", "categories", "ordered")
"""The attributes of a field that are written only where they are set."""


def _field_as_json(field: SignatureField) -> dict[str, object]:
    base = {"name": field.name, "type": field.type, "shape": list(field.shape), "nullable": field.nullable}
    details = {name: getattr(field, name) for name in _DETAILS if getattr(field, name) not in (None, False)}
    if field.categories is not None:
        details["categories"] = list(field.categories)
    return base | details


def _fields_from_json(values: object) -> tuple[SignatureField, ...]:
    if not isinstance(values, list | tuple):
        raise InvalidData("a signature has no list of inputs or outputs")
    return tuple(_field_from_json(value) for value in values)


def _field_from_json(value: object) -> SignatureField:
    match value:
        case {
            "name": str() | int() | None as name,
            "type": str(type_),
            "shape": [*shape],
            "nullable": bool(nullable),
            **details,
        }:
            lengths = all(length is None or (type(length) is int and length >= 0) for length in shape)
            is_known_type = type_ in TYPES
            if is_known_type and lengths and not isinstance(name, bool) and all(map(_is_detail, details.items())):
                return SignatureField(name, type_, tuple(shape), nullable, **_with_tuple(details))
    raise InvalidData(f"{shown(str(value))} is not a valid field of a signature")


def _with_tuple(details: dict[Any, Any]) -> dict[str, Any]:
    texts = details.get("categories")
    return details if texts is None else details | {"categories": tuple(texts)}


def _is_detail(detail: tuple[object, object]) -> bool:
    match detail:
        case ("missing" | "unit" | "zone", str()) | ("empty_text" | "ordered", bool()):
            return True
        case ("categories", [*texts]):
            return all(isinstance(text, str) for text in texts)
    return False
