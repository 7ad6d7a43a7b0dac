"""The header of NumPy's own files (``numpy/lib/format.py``): a dictionary as Python writes it, with the type."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import BinaryIO

from modelreg.analysis.containers.bounds import Bounds
from modelreg.analysis.containers.json_text import count_values
from modelreg.analysis.formats.arrays import DType, StoredArray

MARK = b"\x93NUMPY"

LONGEST = 64 << 10
"""Bytes; NumPy itself wants to be asked for more than 10,000, and a structure of 1,000 fields has 30,000."""

_COST_OF_A_VALUE = 10
"""Python's own parser takes ten times as long for a value as that of JSON."""
_LONGEST_TEXT = 20_000
_PLAIN = re.compile(r"[|<>=]?([biufcmMSaUV])(\d{1,9})(\[\w+\])?")
_BYTES_A_CHARACTER = {"U": 4}
_NESTED = re.compile(r"(?:[(\[{+~-]\s*){20}")  # beyond all that NumPy writes, and slow to parse
_LONG = re.compile(r"(\d)L\b")  # Python 2's integers, which NumPy reads, too


@dataclass(frozen=True, slots=True)
class Elements:
    """What stands behind a header."""

    bytes: int | None
    """Their size; None where they are pickled."""
    kind: str = "O"
    """NumPy's letter for their type, as ``f``; ``S`` for records that have texts, ``V`` for other records."""
    shape: tuple[int, ...] = ()


def elements(header: str, bounds: Bounds) -> Elements | None:
    """What stands behind ``header``; None where it is none that NumPy writes, or more than ``bounds`` admits.

    A type has many names (``O``, ``object``, ``i4,O``, also with escapes), so whatever is no plain number, text or
    time of a stated size counts as an object.
    """
    cost = _COST_OF_A_VALUE * (count_values(header) + header.count("("))
    if len(header) > LONGEST or _NESTED.search(header) or not bounds.take(values=cost):
        return None
    try:
        described = ast.literal_eval(_LONG.sub(r"\1", header.strip()))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    match described:
        case {"descr": descr, "shape": tuple(shape)}:
            count, size = _product(shape), _size(descr)
            if count is None:
                return None
            return Elements(None) if size is None else Elements(count * size, _kind(descr), shape)
    return None


def stored_array(content: BinaryIO, bounds: Bounds) -> StoredArray | None:
    """What a whole file says of its array, where its elements are no objects; None for anything else."""
    start = content.read(12)
    if not start.startswith(MARK):
        return None
    is_long = start[6:7] != b"\x01"
    length = int.from_bytes(start[8:12] if is_long else start[8:10], "little")
    begun = start[12 if is_long else 10 :]
    header = begun[:length] + content.read(max(0, min(length, LONGEST) - len(begun)))
    found = elements(header.decode("latin-1"), bounds)
    if found is None or found.bytes is None:
        return None
    is_text = found.kind == "U" and found.shape == () and found.bytes <= _LONGEST_TEXT
    return StoredArray(DType(1, found.kind), found.shape, content.read(found.bytes) if is_text else None)


def _kind(descr: object) -> str:
    """The letter of a type without objects."""
    if isinstance(descr, str):
        return descr.lstrip("|<>=")[0].replace("a", "S")
    fields = descr if isinstance(descr, list) else []
    return "S" if any(_kind(field[1]) in "SU" for field in fields) else "V"


def _product(lengths: object) -> int | None:
    """How many elements a shape has; None where it is none."""
    product = 1
    for length in lengths if isinstance(lengths, tuple) else (lengths,):
        if type(length) is not int or not 0 <= length < 1 << 62 or product > 1 << 62:
            return None
        product *= length
    return product


def _size(descr: object) -> int | None:
    """Bytes of one element; None where it is or has an object."""
    match descr:
        case str():
            plain = _PLAIN.fullmatch(descr)
            return None if plain is None else int(plain[2]) * _BYTES_A_CHARACTER.get(plain[1], 1)
        case list():
            sizes = [_size_of_field(field) for field in descr]
            return None if None in sizes else sum(size for size in sizes if size is not None)
        case _:
            return None


def _size_of_field(field: object) -> int | None:
    match field:
        case (_, inner):
            return _size(inner)
        case (_, inner, shape):
            return _times(_size(inner), shape)
        case _:
            return None


def _times(size: int | None, shape: object) -> int | None:
    count = _product(shape)
    return None if size is None or count is None else size * count
