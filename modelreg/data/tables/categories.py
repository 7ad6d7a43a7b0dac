"""Convert categories to the texts that a signature stores, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from modelreg.domain.signatures import SignatureField

if TYPE_CHECKING:
    import pandas as pd

_BOOLEANS = {"True": True, "False": False}


def format_categories(categories: pd.Index[Any]) -> tuple[str, ...]:
    """The categories of a column in their order: texts unchanged, other values as Python writes them."""
    if categories.dtype.kind in "iufb":
        return tuple(map(repr, categories.tolist()))
    return tuple(map(str, categories))


def parse_categories(field: SignatureField) -> pd.Index[Any] | None:
    """The categories of a field in its type; None for a type that cannot be parsed from text."""
    import pandas as pd

    texts = list(field.categories or ())
    match field.type:
        case "string":
            return pd.Index(texts, dtype=object) if not texts else pd.Index(texts)
        case "boolean":
            return pd.Index([_BOOLEANS[text] for text in texts])
        case "datetime":
            times = pd.DatetimeIndex(pd.to_datetime(texts, format="ISO8601", utc=field.zone is not None))
            zoned = times if field.zone is None else times.tz_convert(field.zone)
            return zoned.as_unit(cast("Any", field.unit or "us")) if field.unit != "D" else None
        case "any" | "binary":
            return None
        case number:
            parse = int if "int" in number else float
            return pd.Index([parse(text) for text in texts], dtype=number)
