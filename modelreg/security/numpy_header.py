"""The header of NumPy's own files (``numpy/lib/format.py``): a dictionary as Python writes it, with the type."""

from __future__ import annotations

import ast
import re

LONGEST = 64 << 10
"""Bytes; NumPy itself wants to be asked for more than 10,000, and a structure of 1,000 fields has 30,000."""

_PLAIN = re.compile(r"[|<>=]?[?a-zA-NP-Z]\d*(\[\w+\])?")
_LONG = re.compile(r"(\d)L\b")  # Python 2's integers, which NumPy reads, too


def holds_objects(header: str) -> bool | None:
    """Whether the array's elements are pickled; None where the header is none that NumPy writes.

    A type has many names (``O``, ``object``, ``i4,O``, also with escapes), so whatever is no plain number, text or
    time counts as an object.
    """
    if len(header) > LONGEST:
        return None
    try:
        described = ast.literal_eval(_LONG.sub(r"\1", header.strip()))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    if not isinstance(described, dict) or "descr" not in described:
        return None
    return _is_object(described["descr"])


def _is_object(descr: object) -> bool:
    match descr:
        case str():
            return _PLAIN.fullmatch(descr) is None
        case (inner, tuple() | int()) if isinstance(descr, tuple):
            return _is_object(inner)
        case list():
            return any(_is_object_field(field) for field in descr)
        case _:
            return True


def _is_object_field(field: object) -> bool:
    match field:
        case (_, inner) | (_, inner, _):
            return _is_object(inner)
        case _:
            return True
