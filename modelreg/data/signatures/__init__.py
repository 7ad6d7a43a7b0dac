"""Signatures, inferred from data in memory or read from a file.

The types are those of `modelreg.domain.signatures.SignatureField`. Importing this is cheap; learning imports pandas.
"""

from __future__ import annotations

from modelreg.domain.signatures import Signature

TYPE_CHECKING = False  # as type checkers read it: every command imports this, and typing is not cheap

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

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
