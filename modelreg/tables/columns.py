"""What every table has: names that stand once, and types that each library names in its own way."""

from __future__ import annotations

import re
from collections.abc import Sequence

from modelreg.errors import InvalidData, shown

_NUMBER = re.compile(r"(u?int(8|16|32|64)|float(16|32|64))")
_TYPES = {
    "bool": "boolean",
    "boolean": "boolean",
    "str": "string",
    "string": "string",
    "large_string": "string",
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


def type_of(dtype: str) -> str:
    """Our type for what NumPy, pandas or Arrow call a type: ``Int64``, ``float``, ``string[pyarrow]``."""
    name = dtype.lower().partition("[")[0]
    if _NUMBER.fullmatch(name):
        return name
    return _TYPES.get(name, "any")


def refuse_duplicates(names: Sequence[str], what: str) -> None:
    """Raise `InvalidData` when a name stands twice among the columns of ``what``."""
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise InvalidData(f"{what}: two columns are named {shown(twice)}")
