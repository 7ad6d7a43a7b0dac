"""NumPy's arrays and types in an object graph, in every form in which pickles hold them.

- ``_reconstruct`` and a state, or ``_frombuffer``, as NumPy pickles arrays;
- joblib's ``NumpyArrayWrapper``: right behind the operation that builds it (``BUILD``) stand, as
  ``joblib/numpy_pickle.py`` writes them, since joblib 1.2 one byte with the length of a padding and that padding, and
  the elements without anything around them; or, where the type holds Python objects, another pickle of the array.

A type is checked when it is made. NumPy believes whatever a type says of itself, so one whose parts contradict each
other could pass bytes off as objects; and where the length of joblib's gap is not certain, something could hide there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from struct import unpack
from typing import Any

from modelreg.analysis.pickle.object_graph import ABSENT, Array, Global, Node, Object, OmittedValue, class_of, resolved
from modelreg.analysis.pickle.stream import UnreadablePickle

WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"
ANY_WRAPPER = frozenset({"NumpyArrayWrapper", "NDArrayWrapper", "ZNDArrayWrapper"})
"""joblib's classes for which it reads more than the pickle itself."""

_ALIGNMENT = "numpy_array_alignment_bytes"
MAX_PADDING = 16  # bytes; a longer one could begin with the code of an operation

_CODES = frozenset(
    {
        *(
            "b1",
            "i1",
            "i2",
            "i4",
            "i8",
            "u1",
            "u2",
            "u4",
            "u8",
            "f2",
            "f4",
            "f8",
            "f12",
            "f16",
            "c8",
            "c16",
            "c24",
            "c32",
        ),
        *("M8", "m8", "O8"),
    }
)
_SIZED_CODE = re.compile(r"[SUV](0|[1-9]\d{0,9})")
_FORMATS = {2: "<e", 4: "<f", 8: "<d"}
"""Of numbers with so many bytes, as ``struct`` writes them."""
_FLAGS = frozenset({0, 8, 16, 24, 27, 63, 128, 144, 155})
"""What NumPy writes: of objects (63), texts (8), records (16), such with objects (27), and of aligned ones."""
_ALIGNMENTS = frozenset({-1, 1, 2, 4, 8, 16})
_HAS_OBJECTS = 0x01  # NPY_ITEM_HASOBJECT, in the last of a dtype's eight state values
_BYTES_A_CHARACTER = {"U": 4}
_SIZED_BY_STATE = "SUV"
"""Kinds of types whose state has their size, which NumPy takes from there."""
_STRING_TYPE = "numpy._core._internal._convert_to_stringdtype_kwargs"
"""What makes NumPy's type of texts of any length, whose arrays are pickled as objects."""
_MOST_BYTES = 1 << 62  # beyond what NumPy can count
_MOST_DIMENSIONS = 64
_MOST_OF_NOTHING = 1_000_000
"""Elements of no bytes, which a table would make real."""
_MOST_NESTING = 20  # of dtypes within dtypes
_RECONSTRUCTS = frozenset({"numpy._core.multiarray._reconstruct", "numpy.core.multiarray._reconstruct"})
_FROM_BUFFER = frozenset({"numpy._core.numeric._frombuffer", "numpy.core.numeric._frombuffer"})
_MASKED = "numpy.ma.core._mareconstruct"
_SCALARS = frozenset({"numpy._core.multiarray.scalar", "numpy.core.multiarray.scalar"})


@dataclass(frozen=True, slots=True)
class DType:
    """A type of arrays, as far as it matters here."""

    size: int
    """Bytes of an element."""
    kind: str
    """NumPy's letter for it, as ``f``; ``O`` where elements are or hold Python objects, ``T`` for texts of any length,
    ``S`` for records that have texts, ``V`` for other records."""


@dataclass(frozen=True, slots=True)
class StoredArray:
    """What NumPy's own format says of an array."""

    dtype: DType
    shape: tuple[int, ...]
    text: bytes | None = None
    """The element of an array without dimensions, where that is a text."""


@dataclass(frozen=True, slots=True)
class WrappedArray:
    """What stands behind joblib's wrapper."""

    class_name: str
    dtype: Node
    is_padded: bool
    """Whether a padding goes before the elements."""
    bytes: int | None
    """The size of the elements; None where they are a pickle of their own."""


@dataclass(frozen=True, slots=True)
class ArrayContent:
    """What an array has in it."""

    class_name: str
    kind: str
    """As `DType` has it."""
    elements: Sequence[Node] = ()
    """The elements that are objects, and the fill value of a masked array."""
    parts: Sequence[Node] = ()
    """Everything else that it is made of: its type, shape and bytes."""


def parse_wrapper(wrapper: Object) -> WrappedArray:
    """What stands behind ``wrapper``; raises `UnreadablePickle` where its state doesn't say."""
    if not _is_bare(wrapper):
        raise UnreadablePickle("has a wrapper of joblib's that joblib never makes")
    match resolved(wrapper.state):
        case {"subclass": Global() as subclass, "shape": tuple(shape), "dtype": dtype, **rest} if _is_layout(rest):
            found, count = dtype_of(dtype), _count(shape)
            size = None if found.kind in "OT" else found.size * count
            return WrappedArray(subclass.dotted, dtype, _ALIGNMENT in rest and rest[_ALIGNMENT] is not None, size)
    raise UnreadablePickle("has an array of joblib's that says neither its shape nor its type")


def _is_bare(wrapper: Object) -> bool:
    """Whether it was made without arguments and is nothing but its state."""
    match wrapper.arguments:
        case () | (Global(), Global("builtins", "object"), None):
            return wrapper.keywords is None and wrapper.items is None and wrapper.entries is None
        case _:
            return False


def _is_layout(rest: Mapping[Any, Any]) -> bool:
    """Whether this is all that a wrapper has besides: any other attribute could hide one of its methods."""
    if not rest.keys() <= {"order", "allow_mmap", _ALIGNMENT}:
        return False
    is_aligned = type(rest.get(_ALIGNMENT)) in (int, type(None))
    return rest.get("order") in ("C", "F") and isinstance(rest.get("allow_mmap"), bool) and is_aligned


def array_content(node: Node) -> ArrayContent | None:
    """The content of an array in any form; None for what is no array. Raises `UnreadablePickle`."""
    match node:
        case Array(class_name, dtype, None):
            return ArrayContent(class_name, dtype_of(dtype).kind, parts=(dtype,))
        case Array(class_name, _, elements):
            inner = array_content(resolved(elements))
            if inner is None:
                raise UnreadablePickle("has a pickle that is no array where joblib writes one")
            return ArrayContent(class_name, inner.kind, inner.elements, (node.dtype, *inner.parts))
        case Object(Global() as function, tuple(arguments), False) if function.dotted in _RECONSTRUCTS:
            return _reconstructed(_empty(arguments), arguments, resolved(node.state))
        case Object(Global() as function, (buffer, dtype, *rest), False) if function.dotted in _FROM_BUFFER:
            if node.state is not ABSENT:
                raise UnreadablePickle("has an array that is made of bytes and then changed")
            kind = dtype_of(dtype).kind
            if kind in "OT" or type(resolved(buffer)) not in (bytes, OmittedValue):
                raise UnreadablePickle("has an array of objects that is made of bytes")
            return ArrayContent("numpy.ndarray", kind, parts=(buffer, dtype, *rest))
        case Object(Global() as function, (cls, Global() as base, *rest), False) if function.dotted == _MASKED:
            return _masked(_empty((cls, *rest)), (cls, base, *rest), resolved(node.state))
        case _:
            return None


def scalar_content(node: Node) -> ArrayContent | None:
    """The content of a NumPy scalar; None for what is none. Raises `UnreadablePickle`."""
    match node:
        case Object(Global() as function, (dtype, data), False) if function.dotted in _SCALARS and node.state is ABSENT:
            return ArrayContent("numpy.generic", dtype_of(dtype).kind, parts=(dtype, data))
        case _:
            return None


def text_of_scalar(content: ArrayContent) -> str | None:
    """The text in a NumPy scalar; None where it is none, longer than any that is kept, or in another order of bytes."""
    data = _bytes_of_scalar(content)
    if content.kind != "U" or data is None:
        return None
    try:
        return data.decode("utf-32-le").rstrip("\0")
    except UnicodeDecodeError:
        return None


def value_of_scalar(content: ArrayContent) -> str | int | float | None:
    """The text or number in a NumPy scalar, as Python has it; None where that is not certain."""
    data, dtype = _bytes_of_scalar(content), resolved(content.parts[0])
    if data is None or not isinstance(dtype, Object) or (isinstance(dtype.state, tuple) and dtype.state[1] == ">"):
        return None
    if content.kind in "iub":
        return int.from_bytes(data, "little", signed=content.kind == "i")
    if content.kind == "f" and len(data) in _FORMATS:
        value: float = unpack(_FORMATS[len(data)], data)[0]
        return value
    return text_of_scalar(content)


def _bytes_of_scalar(content: ArrayContent) -> bytes | None:
    data = resolved(content.parts[-1]) if len(content.parts) > 1 else None
    match data:
        case Object(Global("_codecs", "encode"), (str(text), "latin1"), False):  # bytes in protocols 0 to 2
            return text.encode("latin-1", "replace")
        case bytes():
            return data
        case _:
            return None


def dtype_of(node: Node) -> DType:
    """What a type is; raises `UnreadablePickle` for what is no type that NumPy writes."""
    node = resolved(node)
    if type(node) is Object and node.dtype is None:
        check_dtype(node)
    if type(node) is not Object or not isinstance(node.dtype, DType):
        raise UnreadablePickle("has something else where the type of an array belongs")
    return node.dtype


def check_dtype(dtype: Object, depth: int = 0) -> None:
    """Find out what a type is, when its state is complete.

    Raises `UnreadablePickle` for a type whose parts and flags do not agree, which NumPy takes as it is given.
    """
    if dtype.dtype is not None:  # types are shared
        return
    if depth > _MOST_NESTING:
        raise UnreadablePickle("has types of arrays that are nested too deeply")
    if type(dtype.constructor) is Global and dtype.constructor.dotted == _STRING_TYPE:
        dtype.dtype = DType(16, "T")
        return
    if dtype.keywords is not None or dtype.items is not None or dtype.entries is not None:
        raise UnreadablePickle("has the type of an array that NumPy does not write")
    code, state = _code(dtype), dtype.state
    size = _stated_size(code, state)
    match state:
        case (_, _, subtype, names, fields, _, int(alignment), int(flags), *metadata) if all(
            map(_is_metadata, metadata)
        ):
            parts = _parts(resolved(subtype), names, resolved(fields), size, depth)
            has_objects = bool(flags & _HAS_OBJECTS)
            if flags not in _FLAGS or alignment not in _ALIGNMENTS:
                raise UnreadablePickle("has the type of an array with flags that NumPy does not write")
        case _ if state is ABSENT:
            parts, has_objects = [], code[0] == "O"
        case _:
            raise UnreadablePickle("has the type of an array in a state that NumPy does not write")
    if parts and code[0] != "V":
        raise UnreadablePickle("has the type of an array with fields that NumPy does not write")
    kinds = {part.kind for part in parts}
    if ("O" in kinds or "T" in kinds or code[0] == "O") != has_objects:
        raise UnreadablePickle("has the type of an array that says and denies that it holds objects")
    dtype.dtype = DType(size, "O" if has_objects else "S" if kinds & {"S", "U"} else code[0])


def _stated_size(code: str, state: Node) -> int:
    """Bytes of one element.

    A dtype is pickled as ``numpy.dtype('f8', False, True)`` and, as its state, version, byte order, subtype, names,
    fields, size, alignment and flags. The size is -1 where the code already tells it.
    """
    size = int(code[1:]) * _BYTES_A_CHARACTER.get(code[0], 1)
    match state:
        case _ if state is ABSENT:
            return size
        case (_, _, _, _, _, int(stated), *_):
            if stated == size or (stated == -1 and code[0] not in _SIZED_BY_STATE):
                return size
    raise UnreadablePickle("has the type of an array with two sizes")


def _code(dtype: Object) -> str:
    """A letter for the kind, and the size of it: ``f8``; an array of records names its class instead."""
    match dtype:
        case Object(Global("numpy", "dtype"), (Global("numpy", "record"), *_), state=(_, _, _, _, _, int(size), *_)):
            return f"V{size}"
        case Object(Global("numpy", "dtype"), (str(code), *_)) if code in _CODES or _SIZED_CODE.fullmatch(code):
            return code
    raise UnreadablePickle("has the type of an array that NumPy does not write")


def _is_metadata(metadata: Node) -> bool:
    """The unit of times: an empty dictionary or None, and its name and factors."""
    match metadata:
        case None:
            return True
        case (owner, (unit, *factors)):
            named = isinstance(unit, str | bytes) or class_of(unit) == "builtins.bytes"
            return named and resolved(owner) in (None, {}) and all(type(factor) is int for factor in factors)
        case _:
            return False


def _parts(subtype: Node, names: Node, fields: Node, size: int, depth: int) -> list[DType]:
    """The types within a type of ``size`` bytes: of its elements, or of its fields, which have to fit into it."""
    match subtype, fields:
        case None, None if names is None:
            return []
        case (inner, shape), None if names is None:
            lengths = shape if isinstance(shape, tuple) else (shape,)
            part = _part(inner, depth)
            if part.size * _count(lengths) == size:
                return [part]
        case None, dict() if isinstance(names, tuple) and _are_fields(names, fields):
            found = [_field_type(fields[name], size, depth) for name in names]
            if not any(part.kind in "OT" for part, _ in found) or not _overlap(found):
                return [part for part, _ in found]
    raise UnreadablePickle("has the type of an array with fields that NumPy does not write")


def _part(node: Node, depth: int) -> DType:
    inner = resolved(node)
    if type(inner) is Object:
        check_dtype(inner, depth + 1)
    return dtype_of(inner)


def _are_fields(names: Sequence[Node], fields: Mapping[Any, Any]) -> bool:
    """Whether there is a field for each name, and none besides but the same ones by their titles."""
    known = [name for name in names if isinstance(name, str) and name in fields]
    if len(known) < len(names) or len(set(known)) < len(names):
        return False
    titled = [fields[name] for name in known if isinstance(fields[name], tuple) and len(fields[name]) == 3]
    by_title = {field[2]: field for field in titled if isinstance(field[2], str)}
    return all(fields[each] is by_title.get(each) for each in fields.keys() - set(known))


def _overlap(fields: Sequence[tuple[DType, int]]) -> bool:
    """Whether fields share bytes: numbers could be passed off as objects."""
    ordered = sorted((offset, offset + part.size) for part, offset in fields)
    return any(end > begin for (_, end), (begin, _) in pairwise(ordered))


def _field_type(value: Node, size: int, depth: int) -> tuple[DType, int]:
    """The type of a field, and where it begins."""
    match value:
        case (dtype, int(offset), *titles) if all(isinstance(title, str) for title in titles):
            part = _part(dtype, depth)
            if offset >= 0 and offset + part.size <= size:
                return part, offset
    raise UnreadablePickle("has the type of an array with a field that does not lie within it")


def _count(shape: Sequence[Node]) -> int:
    """How many elements an array has; raises `UnreadablePickle`."""
    if len(shape) > _MOST_DIMENSIONS:
        raise UnreadablePickle("has an array with more dimensions than NumPy knows")
    count = 1
    for length in shape:
        if type(length) is not int or not 0 <= length < _MOST_BYTES or count > _MOST_BYTES:
            raise UnreadablePickle("has an array whose shape is not made of lengths")
        count *= length
    return count


def _empty(arguments: Node) -> Global:
    """The class of an array that is made without elements, before its state fills it."""
    match arguments:
        case (Global() as cls, (0,), mark) if mark in (b"b", "b") or class_of(mark) == "builtins.bytes":
            return cls
    raise UnreadablePickle("has an array that is made as NumPy never makes one")


def _reconstructed(cls: Global, arguments: tuple[Node, ...], state: Node) -> ArrayContent:
    match state:
        case (version, tuple(shape), dtype, order, data):
            kind, elements, parts = _data(dtype_of(dtype), shape, resolved(data))
            return ArrayContent(cls.dotted, kind, elements, (*arguments, version, shape, dtype, order, *parts))
    raise UnreadablePickle("has an array in a state that NumPy does not write")


def _masked(cls: Global, arguments: tuple[Node, ...], state: Node) -> ArrayContent:
    match state:
        case (version, tuple(shape), dtype, order, data, mask, fill_value):
            kind, elements, parts = _data(dtype_of(dtype), shape, resolved(data))
            parts = (*arguments, version, shape, dtype, order, mask, *parts)
            if kind in "OT":
                return ArrayContent(cls.dotted, kind, (*elements, fill_value), parts)
            return ArrayContent(cls.dotted, kind, elements, (*parts, fill_value))
    raise UnreadablePickle("has a masked array in a state that NumPy does not write")


def _data(dtype: DType, shape: Sequence[Node], data: Node) -> tuple[str, Sequence[Node], tuple[Node, ...]]:
    """The kind, the objects and the bytes of an array whose state has this data: a list where elements are objects."""
    count = _count(shape)
    if not dtype.size and count > _MOST_OF_NOTHING:
        raise UnreadablePickle("has an array with more elements than bytes")
    if isinstance(data, list) and dtype.kind in "OT" and len(data) == count:
        return dtype.kind, data, ()
    if not isinstance(data, list) and dtype.kind not in "OT" and _length(data) in (None, count * dtype.size):
        return dtype.kind, (), (data,)
    raise UnreadablePickle("has an array whose data is not of its type and shape")


def _length(data: Node) -> int | None:
    """Bytes; None where they are written as text."""
    if isinstance(data, bytes):
        return len(data)
    return data.length if isinstance(data, OmittedValue) and data.type_name == "bytes" else None
