"""Parses the header of ``.npy`` files: a Python dictionary literal with dtype and shape (``numpy/lib/format.py``)."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import BinaryIO

from modelreg.analysis.containers.bounds import Bounds
from modelreg.analysis.containers.json_text import count_values
from modelreg.analysis.formats.arrays import DType, StoredArray

SIGNATURE = b"\x93NUMPY"

MAX_HEADER_SIZE = 64 << 10
"""In bytes. NumPy reads up to 10,000 by default; the header of a dtype with 1,000 fields has 30,000."""

_COST_PER_VALUE = 10
"""Python's parser takes ten times as long per value as the JSON parser."""
_MAX_TEXT_SIZE = 20_000
_SIMPLE_TYPE = re.compile(r"[|<>=]?([biufcmMSaUV])(\d{1,9})(\[\w+\])?")
_BYTES_PER_CHARACTER = {"U": 4}
_DEEP_NESTING = re.compile(r"(?:[(\[{+~-]\s*){20}")  # never written by NumPy, and slow to parse
_PYTHON_2_LONG = re.compile(r"(\d)L\b")  # Python 2 integers, which NumPy still reads


@dataclass(frozen=True, slots=True)
class Elements:
    """The elements of an array, as described by its header."""

    bytes: int | None
    """Size of all elements; None if they are pickled."""
    kind: str = "O"
    """NumPy's letter for the dtype, such as ``f``; ``S`` for records with texts, ``V`` for other records."""
    shape: tuple[int, ...] = ()


def parse_header(header: str, bounds: Bounds) -> Elements | None:
    """Parse a header; None if NumPy would not write it, or if ``bounds`` are exceeded.

    A dtype with objects can be spelled in many ways (``O``, ``object``, ``i4,O``, escapes). So every dtype that is not
    a simple number, text or time of an explicit size counts as a dtype of objects.
    """
    cost = _COST_PER_VALUE * (count_values(header) + header.count("("))
    if len(header) > MAX_HEADER_SIZE or _DEEP_NESTING.search(header) or not bounds.take(values=cost):
        return None
    try:
        fields = ast.literal_eval(_PYTHON_2_LONG.sub(r"\1", header.strip()))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    match fields:
        case {"descr": descr, "shape": tuple(shape)}:
            count, size = _count_elements(shape), _element_size(descr)
            if count is None:
                return None
            return Elements(None) if size is None else Elements(count * size, _kind_of(descr), shape)
    return None


def read_array(content: BinaryIO, bounds: Bounds) -> StoredArray | None:
    """Read the dtype and shape of a ``.npy`` file; None if it is invalid or its elements are objects."""
    start = content.read(12)
    if not start.startswith(SIGNATURE):
        return None
    is_long = start[6:7] != b"\x01"
    length = int.from_bytes(start[8:12] if is_long else start[8:10], "little")
    header_start = start[12 if is_long else 10 :]
    header = header_start[:length] + content.read(max(0, min(length, MAX_HEADER_SIZE) - len(header_start)))
    elements = parse_header(header.decode("latin-1"), bounds)
    if elements is None or elements.bytes is None:
        return None
    is_text = elements.kind == "U" and elements.shape == () and elements.bytes <= _MAX_TEXT_SIZE
    return StoredArray(DType(1, elements.kind), elements.shape, content.read(elements.bytes) if is_text else None)


def _kind_of(descr: object) -> str:
    """The letter for a dtype without objects."""
    if isinstance(descr, str):
        return descr.lstrip("|<>=")[0].replace("a", "S")
    fields = descr if isinstance(descr, list) else []
    return "S" if any(_kind_of(field[1]) in "SU" for field in fields) else "V"


def _count_elements(lengths: object) -> int | None:
    """The number of elements of a shape; None if it is not a valid shape."""
    product = 1
    for length in lengths if isinstance(lengths, tuple) else (lengths,):
        if type(length) is not int or not 0 <= length < 1 << 62 or product > 1 << 62:
            return None
        product *= length
    return product


def _element_size(descr: object) -> int | None:
    """Size of one element in bytes; None if it is an object or contains one."""
    match descr:
        case str():
            match_ = _SIMPLE_TYPE.fullmatch(descr)
            return None if match_ is None else int(match_[2]) * _BYTES_PER_CHARACTER.get(match_[1], 1)
        case list():
            sizes = [_field_size(field) for field in descr]
            return None if None in sizes else sum(size for size in sizes if size is not None)
        case _:
            return None


def _field_size(field: object) -> int | None:
    match field:
        case (_, field_type):
            return _element_size(field_type)
        case (_, field_type, shape):
            size, count = _element_size(field_type), _count_elements(shape)
            return None if size is None or count is None else size * count
        case _:
            return None
