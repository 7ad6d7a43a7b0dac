"""What a model takes and gives: learned from data, and as plain JSON values.

The types are those of `modelreg.records.signature.SignatureField`. Importing this is cheap; learning imports pandas.
"""

from __future__ import annotations

from modelreg.errors import InvalidData, shown
from modelreg.records.signature import Signature, SignatureField

TYPE_CHECKING = False  # as type checkers read it: every command imports this, and typing is not cheap

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def infer_signature(inputs: object, outputs: object = None) -> Signature:
    """The signature of a model that was given ``inputs`` and answered ``outputs``.

    Either is a DataFrame, a Series, an array (NumPy's or SciPy's sparse ones), a mapping from names to arrays, or a
    list: of mappings, which are rows, or of numbers, texts or lists of them, which make an array. A value is
    ``nullable`` where one is missing in this very data. Raises `InvalidData` for anything else.
    """
    from modelreg.signatures.in_memory import fields_of

    return Signature(fields_of(inputs, "the inputs"), () if outputs is None else fields_of(outputs, "the outputs"))


def read_signature(path: Path) -> Signature:
    """The signature of a model that takes the columns of a CSV file (also gzipped) or a parquet file.

    Texts that look like times stay texts, as they are when the file is read to predict. Memory is bounded, however
    long the file is. Raises `InvalidData`.
    """
    from modelreg.signatures.files import read_columns

    return Signature(read_columns(path))


def signature_as_json(signature: Signature) -> dict[str, object]:
    """``{"inputs": […], "outputs": […]}``, each field with ``name``, ``type``, ``shape`` and ``nullable``."""
    return {
        "inputs": [_field_as_json(field) for field in signature.inputs],
        "outputs": [_field_as_json(field) for field in signature.outputs],
    }


def signature_from_json(value: Mapping[str, object]) -> Signature:
    """What `signature_as_json` made, read back; raises `InvalidData` where it isn't such a value."""
    return Signature(_fields_from_json(value.get("inputs")), _fields_from_json(value.get("outputs")))


def _field_as_json(field: SignatureField) -> dict[str, object]:
    return {"name": field.name, "type": field.type, "shape": list(field.shape), "nullable": field.nullable}


def _fields_from_json(values: object) -> tuple[SignatureField, ...]:
    if not isinstance(values, list | tuple):
        raise InvalidData("a signature has no list of inputs or outputs")
    return tuple(_field_from_json(value) for value in values)


def _field_from_json(value: object) -> SignatureField:
    match value:
        case {"name": str() | None as name, "type": str(type_), "shape": [*shape], "nullable": bool(nullable)}:
            if all(length is None or (type(length) is int and length >= 0) for length in shape):
                return SignatureField(name, type_, tuple(shape), nullable)
    raise InvalidData(f"{shown(str(value))} is no field of a signature")
