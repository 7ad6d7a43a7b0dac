"""What a model takes and gives: learned from data, and as plain JSON values.

The types are those of `modelreg.domain.signatures.SignatureField`. Importing this is cheap; learning imports pandas.
"""

from __future__ import annotations

from modelreg.domain.signatures import TYPES, Signature, SignatureField
from modelreg.errors import InvalidData, shown

TYPE_CHECKING = False  # as type checkers read it: every command imports this, and typing is not cheap

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from modelreg.data.tables.source import TextLayout


def infer_signature(inputs: object, outputs: object = None) -> Signature:
    """The signature of a model that was given ``inputs`` and answered ``outputs``.

    Either is a DataFrame, a Series, an array (NumPy's or SciPy's sparse ones), a mapping from names to arrays, or a
    list: of mappings, which are rows, or of numbers, texts or lists of them, which make an array. A value is
    ``nullable`` where one is missing in this very data. Raises `InvalidData` for anything else.
    """
    from modelreg.data.signatures.in_memory import fields_of, is_column, plain

    found = fields_of(inputs, "the inputs")
    answers = () if outputs is None else plain(fields_of(outputs, "the outputs"))
    return Signature(found, answers, one_column=is_column(inputs))


def read_signature(
    path: Path,
    types: Mapping[str, str] | None = None,
    *,
    layout: TextLayout | None = None,
    notes: list[str] | None = None,
) -> Signature:
    """The signature of a model that takes the columns of a CSV, JSON Lines or parquet file.

    ``types`` states the type of columns, as ``{"zip": "string", "at": "datetime[ns, UTC]", "city": "category"}``. What
    is not stated is guessed so that no text is lost: ``01234`` and ``NA`` beside other texts are texts. Texts that look
    like times stay texts. ``notes`` gets sentences about guesses that another program may make otherwise. Memory is
    bounded, however long the file is. Raises `InvalidData`.
    """
    from modelreg.data.signatures.files import read_columns

    return Signature(read_columns(path, types or {}, layout, notes))


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
    """What `signature_as_json` made, read back; raises `InvalidData` where it isn't such a value."""
    one_column = value.get("one_column", False)
    if not isinstance(one_column, bool):
        raise InvalidData("one_column of a signature is neither true nor false")
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
            known = type_ in TYPES
            if known and lengths and not isinstance(name, bool) and all(map(_is_detail, details.items())):
                return SignatureField(name, type_, tuple(shape), nullable, **_with_tuple(details))
    raise InvalidData(f"{shown(str(value))} is no field of a signature")


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
