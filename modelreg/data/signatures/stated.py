"""Types that a user states for columns of a file, checked against every value of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modelreg.data.tables.categories import texts_of
from modelreg.data.tables.columns import STATED_TYPES
from modelreg.data.tables.reading import chunks_of, columns_of
from modelreg.data.tables.source import TableFile
from modelreg.domain.signatures import SignatureField
from modelreg.errors import InvalidInput, did_you_mean, shown

if TYPE_CHECKING:
    import pandas as pd

_FORM = re.compile(r"(\w+)(?:\[\s*(s|ms|us|ns)\s*(?:,\s*([^\],]+?)\s*)?\])?")
_COLUMN = "column"


def stated_fields(
    table: TableFile, found: Mapping[str, SignatureField], types: Mapping[str, str]
) -> dict[str, SignatureField]:
    """The columns of ``table`` that have a type in ``types``; ``found`` is what was guessed of all.

    Raises `InvalidInput` for what is no type, and `InvalidData`, which names the value that is not of it.
    """
    wanted = {name: _parsed(name, text, found[name]) for name, text in types.items()}
    if not wanted:
        return {}
    missing = dict.fromkeys(wanted, False)
    seen: dict[str, Any] = {}
    fields = {name: replace(field, nullable=not field.empty_text, categories=None) for name, field in wanted.items()}
    for chunk in chunks_of(table, columns_of(table), fields):
        for name, field in wanted.items():
            values = chunk.features[name]
            missing[name] |= bool(values.isna().any())
            if field.categories is not None:
                seen[name] = _union(seen.get(name), values.dropna(), field.type)
    return {
        name: replace(
            field, nullable=missing[name], categories=None if field.categories is None else texts_of(seen[name])
        )
        for name, field in wanted.items()
    }


def _parsed(name: str, text: str, found: SignatureField) -> SignatureField:
    """The field that a type states; a category keeps the type that was guessed for its values."""
    match = _FORM.fullmatch(text.strip())
    kind, unit, zone = match.groups() if match else (None, None, None)
    if kind == "category" and unit is None:
        base = "string" if found.type == "any" else found.type
        return SignatureField(found.name, base, categories=found.categories or (), ordered=found.ordered)
    if kind not in STATED_TYPES or (unit is not None and kind != "datetime"):
        hint = did_you_mean(text, STATED_TYPES) or f"types are {', '.join(STATED_TYPES)}, and datetime[ns, UTC]"
        raise InvalidInput(f"{shown(text)} is no type for the column {shown(name)}", hint)
    if kind == "text":
        return SignatureField(found.name, "string", empty_text=True)
    if kind != "datetime":
        return SignatureField(found.name, kind)
    try:
        return SignatureField(found.name, kind, unit=unit or _unit_of_pandas(), zone=_zone(zone))
    except (ValueError, KeyError, LookupError, TypeError, OSError):
        raise InvalidInput(
            f"there is no time zone {shown(str(zone))}", "write UTC, Europe/Zurich or UTC+02:00"
        ) from None


def _unit_of_pandas() -> str:
    """The unit in which pandas reads a time: ``ns`` before pandas 3, ``us`` since."""
    import pandas as pd

    return str(pd.DatetimeIndex(pd.to_datetime(["2026-01-01"])).unit)


def _zone(name: str | None) -> str | None:
    import pandas as pd

    return None if name is None else str(pd.DatetimeTZDtype("ns", name).tz)


def _union(seen: pd.Index[Any] | None, values: pd.Series[Any], type_: str) -> pd.Index[Any]:
    """The different values so far, sorted, as ``astype("category")`` has them."""
    import pandas as pd

    here = pd.Index(values.unique())
    if "int" in type_:  # floats, where some are missing
        here = here.astype(type_)
    return (here if seen is None else seen.union(here, sort=False)).sort_values()
