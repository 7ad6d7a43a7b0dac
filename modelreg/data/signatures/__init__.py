"""Infer model signatures from data in memory or in a file.

The types are those of `modelreg.domain.signatures.SignatureField`. Importing this module does not import pandas;
inferring a signature does.
"""

from __future__ import annotations

from modelreg.domain.signatures import Signature

TYPE_CHECKING = False  # type checkers take it for typing.TYPE_CHECKING, whose import would slow down every command

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from modelreg.data.tables.table_file import TextLayout


def infer_signature(inputs: object, outputs: object = None) -> Signature:
    """Infer the signature of a model from example inputs and, optionally, the outputs for them.

    Both may be a DataFrame, a Series, a NumPy or sparse SciPy array, a mapping of names to arrays, or a list: of
    mappings, which are rows, or of numbers, texts or lists, which form an array. A field is ``nullable`` if a value is
    missing in this data. Raises `InvalidData` for anything else.
    """
    from modelreg.data.signatures.in_memory import infer_fields, is_named_series, remove_details

    input_fields = infer_fields(inputs, "the inputs")
    output_fields = () if outputs is None else remove_details(infer_fields(outputs, "the outputs"))
    return Signature(input_fields, output_fields, one_column=is_named_series(inputs))


def read_signature(
    path: Path,
    types: Mapping[str, str] | None = None,
    *,
    layout: TextLayout | None = None,
    notes: list[str] | None = None,
) -> Signature:
    """Infer the signature of a model that takes the columns of a CSV, JSON Lines or parquet file.

    ``types`` states the types of some columns: ``{"zip": "string", "at": "datetime[ns, UTC]", "city": "category"}``.
    Other types are inferred such that no text is lost: ``01234``, and ``NA`` next to other texts, stay texts. Texts
    that look like times stay texts as well. Messages about types that pandas would infer differently are appended to
    ``notes``. Memory use does not grow with the file. Raises `InvalidData`, `InvalidInput` and `SourceNotFound`.
    """
    from modelreg.data.signatures.files import read_fields

    return Signature(read_fields(path, types or {}, layout, notes))
