"""Apply the column types that a user states, and check every value of the file against them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modelreg.data.tables.categories import format_categories
from modelreg.data.tables.columns import STATED_TYPES
from modelreg.data.tables.reading import read_chunks, read_column_names
from modelreg.data.tables.table_file import TableFile
from modelreg.domain.signatures import SignatureField
from modelreg.errors import InvalidInput, did_you_mean, shown

if TYPE_CHECKING:
    import pandas as pd

_SYNTAX = re.compile(r"(\w+)(?:\[\s*(s|ms|us|ns)\s*(?:,\s*([^\],]+?)\s*)?\])?")


def read_stated_fields(
    table: TableFile, inferred: Mapping[str, SignatureField], types: Mapping[str, str]
) -> dict[str, SignatureField]:
    """The fields of the columns that have a type in ``types``; ``inferred`` has the inferred fields of all columns.

    Raises `InvalidInput` for an unknown type, and `InvalidData` for a value of another type.
    """
    stated = {name: _parse_type(name, text, inferred[name]) for name, text in types.items()}
    if not stated:
        return {}
    has_missing = dict.fromkeys(stated, False)
    categories: dict[str, Any] = {}
    fields = {name: replace(field, nullable=not field.empty_text, categories=None) for name, field in stated.items()}
    for chunk in read_chunks(table, read_column_names(table), fields):
        for name, field in stated.items():
            values = chunk.features[name]
            has_missing[name] |= bool(values.isna().any())
            if field.categories is not None:
                categories[name] = _merge_categories(categories.get(name), values.dropna(), field.type)
    return {
        name: replace(
            field,
            nullable=has_missing[name],
            categories=None if field.categories is None else format_categories(categories[name]),
        )
        for name, field in stated.items()
    }


def _parse_type(name: str, text: str, inferred: SignatureField) -> SignatureField:
    """Parse a stated type; a category keeps the inferred type of its values."""
    match = _SYNTAX.fullmatch(text.strip())
    type_, unit, zone = match.groups() if match else (None, None, None)
    if type_ == "category" and unit is None:
        base = "string" if inferred.type == "any" else inferred.type
        return SignatureField(inferred.name, base, categories=inferred.categories or (), ordered=inferred.ordered)
    if type_ not in STATED_TYPES or (unit is not None and type_ != "datetime"):
        hint = did_you_mean(text, STATED_TYPES) or f"types are {', '.join(STATED_TYPES)}, and datetime[ns, UTC]"
        raise InvalidInput(f"{shown(text)} is not a type for the column {shown(name)}", hint)
    if type_ == "text":
        return SignatureField(inferred.name, "string", empty_text=True)
    if type_ != "datetime":
        return SignatureField(inferred.name, type_)
    try:
        return SignatureField(inferred.name, type_, unit=unit or _get_default_unit(), zone=_normalize_zone(zone))
    except (ValueError, KeyError, LookupError, TypeError, OSError):
        hint = "write UTC, Europe/Zurich or UTC+02:00"
        raise InvalidInput(f"unknown time zone {shown(str(zone))}", hint) from None


def _get_default_unit() -> str:
    """The unit in which pandas parses times: ``ns`` before pandas 3, ``us`` since."""
    import pandas as pd

    return str(pd.DatetimeIndex(pd.to_datetime(["2026-01-01"])).unit)


def _normalize_zone(name: str | None) -> str | None:
    import pandas as pd

    return None if name is None else str(pd.DatetimeTZDtype("ns", name).tz)


def _merge_categories(categories: pd.Index[Any] | None, values: pd.Series[Any], type_: str) -> pd.Index[Any]:
    """The distinct values so far, sorted as by ``astype("category")``."""
    import pandas as pd

    distinct = pd.Index(values.unique())
    if "int" in type_:  # floats, if some are missing
        distinct = distinct.astype(type_)
    return (distinct if categories is None else categories.union(distinct, sort=False)).sort_values()
