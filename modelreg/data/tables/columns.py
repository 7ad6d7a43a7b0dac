"""What every table has: names that stand once, and types that each library names in its own way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from modelreg.errors import InvalidData, did_you_mean, shown

_NUMBER = re.compile(r"(u?int(8|16|32|64)|float(16|32|64))")
_TYPES = {
    "bool": "boolean",
    "boolean": "boolean",
    "str": "string",
    "string": "string",
    "large_string": "string",
    "string_view": "string",
    "binary": "binary",
    "large_binary": "binary",
    "halffloat": "float16",
    "float": "float32",
    "double": "float64",
    "timestamp": "datetime",
    "datetime64": "datetime",
    "date32": "datetime",
    "date64": "datetime",
}
"""What NumPy, pandas or Arrow call a type -> our type, where it isn't named alike."""
_STATED = ("string", "text", "boolean", "datetime", "category", *(f"float{bits}" for bits in (16, 32, 64)))
_WHOLE = tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
STATED_TYPES = (*_STATED, *_WHOLE)
"""The types that a user may state for a column of a file; in a ``text`` an empty cell is an empty text."""
_MOST_NAMED = 5  # columns in one message


def type_of(dtype: str) -> str:
    """Our type for what NumPy, pandas or Arrow call a type: ``Int64``, ``float``, ``string[pyarrow]``."""
    name = dtype.lower().partition("[")[0]
    if name == "sparse":
        return type_of(dtype.partition("[")[2].partition(",")[0])
    if _NUMBER.fullmatch(name):
        return name
    return _TYPES.get(name, "any")


def refuse_duplicates(names: Sequence[str], what: str) -> None:
    """Raise `InvalidData` when a name stands twice among the columns of ``what``."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidData(f"{what}: two columns are named {shown(name)}")
        seen.add(name)


def named(columns: Iterable[object]) -> str:
    """Some columns, as a message names them."""
    names = [shown(str(column)) for column in columns]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def require_column(column: str, columns: Sequence[str], what: str) -> None:
    """Raise `InvalidData`, with the nearest name, when ``what`` has no such column."""
    if column not in columns:
        raise InvalidData(
            f"{what} has no column {shown(column)}",
            did_you_mean(column, columns) or f"its columns are {named(columns)}",
        )
