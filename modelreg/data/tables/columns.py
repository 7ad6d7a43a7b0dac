"""Column names and types: what all table formats have in common."""

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
"""Type name in NumPy, pandas or Arrow -> type name in a signature, where they differ."""
STATED_TYPES = (
    *("string", "text", "boolean", "datetime", "category", *(f"float{bits}" for bits in (16, 32, 64))),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)
"""The types that a user may state for a column of a file; ``text`` reads an empty cell as an empty text."""
MAX_NAMED_COLUMNS = 5  # in one message


def parse_dtype(dtype: str) -> str:
    """The signature type for a type of NumPy, pandas or Arrow, such as ``Int64``, ``float`` or ``string[pyarrow]``."""
    name = dtype.lower().partition("[")[0]
    if name == "sparse":
        return parse_dtype(dtype.partition("[")[2].partition(",")[0])
    if _NUMBER.fullmatch(name):
        return name
    return _TYPES.get(name, "any")


def check_unique(names: Sequence[str], source: str) -> None:
    """Raise `InvalidData` if two columns of ``source`` have the same name."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidData(f"{source}: two columns are named {shown(name)}")
        seen.add(name)


def join_names(columns: Iterable[object]) -> str:
    """The first few column names for a message: ``'a', 'b' and 3 more``."""
    names = [shown(str(column)) for column in columns]
    more = f" and {len(names) - MAX_NAMED_COLUMNS} more" if len(names) > MAX_NAMED_COLUMNS else ""
    return ", ".join(names[:MAX_NAMED_COLUMNS]) + more


def check_column(column: str, columns: Sequence[str], source: str) -> None:
    """Raise `InvalidData`, with the most similar name, if ``source`` has no such column."""
    if column not in columns:
        raise InvalidData(
            f"{source} has no column {shown(column)}",
            did_you_mean(column, columns) or f"its columns are {join_names(columns)}",
        )
