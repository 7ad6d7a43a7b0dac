"""Parses NumPy arrays and dtypes in an object graph, in all forms that pickles use.

- NumPy: ``_reconstruct`` and a state, or ``_frombuffer``.
- joblib: ``NumpyArrayWrapper``. The data follows right after the opcode ``BUILD``, as ``joblib/numpy_pickle.py`` writes
  it: raw elements, since joblib 1.2 after one byte with the size of a padding and the padding; or, for dtypes with
  Python objects, a separate pickle of the array.

A dtype is checked when it is created. NumPy trusts what a dtype states about itself, so a contradictory one could make
it read raw bytes as object pointers. The size of joblib's data must be certain, or code could hide in it.
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
WRAPPER_NAMES = frozenset({"NumpyArrayWrapper", "NDArrayWrapper", "ZNDArrayWrapper"})
"""Names of joblib's classes after which it reads data outside of the pickle."""

_ALIGNMENT_KEY = "numpy_array_alignment_bytes"
MAX_PADDING = 16  # bytes; the size of a longer one could be an opcode

_FIXED_CODES = frozenset(
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
_FLOAT_FORMATS = {2: "<e", 4: "<f", 8: "<d"}
"""Size of a float in bytes -> format for `struct.unpack`."""
_VALID_FLAGS = frozenset({0, 8, 16, 24, 27, 63, 128, 144, 155})
"""Flags that NumPy writes: for objects (63), texts (8), records (16), records with objects (27), aligned records."""
_VALID_ALIGNMENTS = frozenset({-1, 1, 2, 4, 8, 16})
_HAS_OBJECTS = 0x01  # NPY_ITEM_HASOBJECT, in the last of a dtype's eight state values
_BYTES_PER_CHARACTER = {"U": 4}
_KINDS_WITH_STATE_SIZE = "SUV"
"""Kinds of dtypes whose size NumPy reads from the state."""
_STRING_DTYPE = "numpy._core._internal._convert_to_stringdtype_kwargs"
"""Constructor of ``StringDType``, whose arrays are pickled as arrays of objects."""
_MAX_BYTES = 1 << 62  # more than NumPy can count
_MAX_DIMENSIONS = 64
_MAX_EMPTY_ELEMENTS = 1_000_000
"""Limit for elements of zero bytes, which would need memory in a table."""
_MAX_NESTING = 20  # of dtypes within dtypes
_RECONSTRUCT = frozenset({"numpy._core.multiarray._reconstruct", "numpy.core.multiarray._reconstruct"})
_FROM_BUFFER = frozenset({"numpy._core.numeric._frombuffer", "numpy.core.numeric._frombuffer"})
_MASKED = "numpy.ma.core._mareconstruct"
_SCALARS = frozenset({"numpy._core.multiarray.scalar", "numpy.core.multiarray.scalar"})


@dataclass(frozen=True, slots=True)
class DType:
    """Size and kind of a NumPy dtype."""

    size: int
    """Size of an element in bytes."""
    kind: str
    """NumPy's letter for the dtype, such as ``f``. ``O`` for all dtypes with Python objects, ``T`` for ``StringDType``,
    ``S`` for records with texts, ``V`` for other records."""


@dataclass(frozen=True, slots=True)
class StoredArray:
    """Dtype and shape of an array in a ``.npy`` file."""

    dtype: DType
    shape: tuple[int, ...]
    text: bytes | None = None
    """The UTF-32 bytes of the element, for an array without dimensions that contains a text."""


@dataclass(frozen=True, slots=True)
class WrappedArray:
    """The array data after a joblib wrapper."""

    class_name: str
    dtype: Node
    is_padded: bool
    """Whether a padding precedes the elements."""
    bytes: int | None
    """Size of all elements; None if they are a separate pickle."""


@dataclass(frozen=True, slots=True)
class ArrayContent:
    """The content of an array."""

    class_name: str
    kind: str
    """See `DType`."""
    elements: Sequence[Node] = ()
    """The elements of an array of objects, and its fill value if it is masked."""
    parts: Sequence[Node] = ()
    """All other parts of the array: dtype, shape and bytes."""


def parse_wrapper(wrapper: Object) -> WrappedArray:
    """Parse the state of a joblib wrapper; raises `UnreadablePickle` if it is invalid."""
    if not _is_created_without_arguments(wrapper):
        raise UnreadablePickle("has an array wrapper of joblib's with arguments or items")
    match resolved(wrapper.state):
        case {"subclass": Global() as subclass, "shape": tuple(shape), "dtype": dtype, **attributes} if (
            _is_valid_layout(attributes)
        ):
            element_type, element_count = dtype_of(dtype), _count_elements(shape)
            size = None if element_type.kind in "OT" else element_type.size * element_count
            is_padded = attributes.get(_ALIGNMENT_KEY) is not None
            return WrappedArray(subclass.dotted, dtype, is_padded, size)
    raise UnreadablePickle("has an array wrapper of joblib's without a valid shape and dtype")


def _is_created_without_arguments(wrapper: Object) -> bool:
    """Whether it was created without arguments and has no items."""
    match wrapper.arguments:
        case () | (Global(), Global("builtins", "object"), None):
            return wrapper.keywords is None and wrapper.items is None and wrapper.entries is None
        case _:
            return False


def _is_valid_layout(attributes: Mapping[Any, Any]) -> bool:
    """Whether these are valid other attributes of a wrapper. Unknown ones could replace a method of its class."""
    if not attributes.keys() <= {"order", "allow_mmap", _ALIGNMENT_KEY}:
        return False
    is_aligned = type(attributes.get(_ALIGNMENT_KEY)) in (int, type(None))
    return attributes.get("order") in ("C", "F") and isinstance(attributes.get("allow_mmap"), bool) and is_aligned


def array_content(node: Node) -> ArrayContent | None:
    """The content of an array in any form; None if the node is not an array. Raises `UnreadablePickle`."""
    match node:
        case Array(class_name, dtype, None):
            return ArrayContent(class_name, dtype_of(dtype).kind, parts=(dtype,))
        case Array(class_name, _, elements):
            inner = array_content(resolved(elements))
            if inner is None:
                raise UnreadablePickle("has another object in the place of a joblib array")
            return ArrayContent(class_name, inner.kind, inner.elements, (node.dtype, *inner.parts))
        case Object(Global() as function, tuple(arguments), False) if function.dotted in _RECONSTRUCT:
            return _parse_reconstructed(_get_array_class(arguments), arguments, resolved(node.state))
        case Object(Global() as function, (buffer, dtype, *rest), False) if function.dotted in _FROM_BUFFER:
            if node.state is not ABSENT:
                raise UnreadablePickle("has an array that is created from bytes and then changed")
            kind = dtype_of(dtype).kind
            if kind in "OT" or type(resolved(buffer)) not in (bytes, OmittedValue):
                raise UnreadablePickle("has an array of objects that is created from bytes")
            return ArrayContent("numpy.ndarray", kind, parts=(buffer, dtype, *rest))
        case Object(Global() as function, (cls, Global() as base, *rest), False) if function.dotted == _MASKED:
            return _parse_masked(_get_array_class((cls, *rest)), (cls, base, *rest), resolved(node.state))
        case _:
            return None


def scalar_content(node: Node) -> ArrayContent | None:
    """The content of a NumPy scalar; None if the node is not one. Raises `UnreadablePickle`."""
    match node:
        case Object(Global() as function, (dtype, data), False) if function.dotted in _SCALARS and node.state is ABSENT:
            return ArrayContent("numpy.generic", dtype_of(dtype).kind, parts=(dtype, data))
        case _:
            return None


def get_scalar_text(content: ArrayContent) -> str | None:
    """The text in a NumPy scalar; None if it is not a text, too long to be kept, or not little-endian."""
    data = _get_scalar_bytes(content)
    if content.kind != "U" or data is None:
        return None
    try:
        return data.decode("utf-32-le").rstrip("\0")
    except UnicodeDecodeError:
        return None


def get_scalar_value(content: ArrayContent) -> str | int | float | None:
    """The text or number in a NumPy scalar, as a Python value; None if it is not certain."""
    data, dtype = _get_scalar_bytes(content), resolved(content.parts[0])
    if data is None or not isinstance(dtype, Object) or (isinstance(dtype.state, tuple) and dtype.state[1] == ">"):
        return None
    if content.kind in "iub":
        return int.from_bytes(data, "little", signed=content.kind == "i")
    if content.kind == "f" and len(data) in _FLOAT_FORMATS:
        value: float = unpack(_FLOAT_FORMATS[len(data)], data)[0]
        return value
    return get_scalar_text(content)


def _get_scalar_bytes(content: ArrayContent) -> bytes | None:
    data = resolved(content.parts[-1]) if len(content.parts) > 1 else None
    match data:
        case Object(Global("_codecs", "encode"), (str(text), "latin1"), False):  # bytes in protocols 0 to 2
            return text.encode("latin-1", "replace")
        case bytes():
            return data
        case _:
            return None


def dtype_of(node: Node) -> DType:
    """The parsed dtype in a node; raises `UnreadablePickle` if it is not a dtype as NumPy writes it."""
    node = resolved(node)
    if type(node) is Object and node.dtype is None:
        check_dtype(node)
    if type(node) is not Object or not isinstance(node.dtype, DType):
        raise UnreadablePickle("has another object in the place of a dtype")
    return node.dtype


def check_dtype(dtype: Object, depth: int = 0) -> None:
    """Parse a dtype after its state was set, and store the result in it.

    Raises `UnreadablePickle` if its parts and flags contradict each other, which NumPy does not check.
    """
    if dtype.dtype is not None:  # dtypes are shared
        return
    if depth > _MAX_NESTING:
        raise UnreadablePickle("has dtypes that are nested too deeply")
    if type(dtype.constructor) is Global and dtype.constructor.dotted == _STRING_DTYPE:
        dtype.dtype = DType(16, "T")
        return
    if dtype.keywords is not None or dtype.items is not None or dtype.entries is not None:
        raise UnreadablePickle("has a dtype that NumPy does not write")
    code, state = _get_code(dtype), dtype.state
    size = _get_size(code, state)
    match state:
        case (_, _, subtype, names, fields, _, int(alignment), int(flags), *metadata) if all(
            map(_is_metadata, metadata)
        ):
            parts = _get_part_types(resolved(subtype), names, resolved(fields), size, depth)
            has_objects = bool(flags & _HAS_OBJECTS)
            if flags not in _VALID_FLAGS or alignment not in _VALID_ALIGNMENTS:
                raise UnreadablePickle("has a dtype with flags that NumPy does not write")
        case _ if state is ABSENT:
            parts, has_objects = [], code[0] == "O"
        case _:
            raise UnreadablePickle("has a dtype with a state that NumPy does not write")
    if parts and code[0] != "V":
        raise UnreadablePickle("has a dtype with fields that NumPy does not write")
    kinds = {part.kind for part in parts}
    if ("O" in kinds or "T" in kinds or code[0] == "O") != has_objects:
        raise UnreadablePickle("has a dtype with a wrong flag for objects")
    dtype.dtype = DType(size, "O" if has_objects else "S" if kinds & {"S", "U"} else code[0])


def _get_size(code: str, state: Node) -> int:
    """The size of one element in bytes.

    A dtype is pickled as ``numpy.dtype('f8', False, True)`` and a state: version, byte order, subtype, names, fields,
    size, alignment and flags. The size in the state is -1 if the code contains it.
    """
    size = int(code[1:]) * _BYTES_PER_CHARACTER.get(code[0], 1)
    match state:
        case _ if state is ABSENT:
            return size
        case (_, _, _, _, _, int(stated_size), *_):
            if stated_size == size or (stated_size == -1 and code[0] not in _KINDS_WITH_STATE_SIZE):
                return size
    raise UnreadablePickle("has a dtype with two sizes")


def _get_code(dtype: Object) -> str:
    """The letter for the kind and the size, such as ``f8``. Arrays of records have their class instead."""
    match dtype:
        case Object(Global("numpy", "dtype"), (Global("numpy", "record"), *_), state=(_, _, _, _, _, int(size), *_)):
            return f"V{size}"
        case Object(Global("numpy", "dtype"), (str(code), *_)) if code in _FIXED_CODES or _SIZED_CODE.fullmatch(code):
            return code
    raise UnreadablePickle("has a dtype that NumPy does not write")


def _is_metadata(metadata: Node) -> bool:
    """Whether this is valid metadata: the unit of times, as an empty dictionary or None, a name and factors."""
    match metadata:
        case None:
            return True
        case (owner, (unit, *factors)):
            has_name = isinstance(unit, str | bytes) or class_of(unit) == "builtins.bytes"
            return has_name and resolved(owner) in (None, {}) and all(type(factor) is int for factor in factors)
        case _:
            return False


def _get_part_types(subtype: Node, names: Node, fields: Node, size: int, depth: int) -> list[DType]:
    """The dtypes in a dtype of ``size`` bytes: of its subarray, or of its fields, which must fit into it."""
    match subtype, fields:
        case None, None if names is None:
            return []
        case (inner, shape), None if names is None:
            lengths = shape if isinstance(shape, tuple) else (shape,)
            part = _get_part_type(inner, depth)
            if part.size * _count_elements(lengths) == size:
                return [part]
        case None, dict() if isinstance(names, tuple) and _are_valid_fields(names, fields):
            field_types = [_get_field_type(fields[name], size, depth) for name in names]
            if not any(part.kind in "OT" for part, _ in field_types) or not _overlap(field_types):
                return [part for part, _ in field_types]
    raise UnreadablePickle("has a dtype with fields that NumPy does not write")


def _get_part_type(node: Node, depth: int) -> DType:
    inner = resolved(node)
    if type(inner) is Object:
        check_dtype(inner, depth + 1)
    return dtype_of(inner)


def _are_valid_fields(names: Sequence[Node], fields: Mapping[Any, Any]) -> bool:
    """Whether there is a field for each name, and all other fields are the same ones by their titles."""
    field_names = [name for name in names if isinstance(name, str) and name in fields]
    if len(field_names) < len(names) or len(set(field_names)) < len(names):
        return False
    titled_fields = [fields[name] for name in field_names if isinstance(fields[name], tuple) and len(fields[name]) == 3]
    by_title = {field[2]: field for field in titled_fields if isinstance(field[2], str)}
    return all(fields[title] is by_title.get(title) for title in fields.keys() - set(field_names))


def _overlap(fields: Sequence[tuple[DType, int]]) -> bool:
    """Whether fields share bytes. If one has objects, bytes of another could be read as object pointers."""
    ordered = sorted((offset, offset + part.size) for part, offset in fields)
    return any(end > start for (_, end), (start, _) in pairwise(ordered))


def _get_field_type(value: Node, size: int, depth: int) -> tuple[DType, int]:
    """The dtype and offset of a field."""
    match value:
        case (dtype, int(offset), *titles) if all(isinstance(title, str) for title in titles):
            part = _get_part_type(dtype, depth)
            if offset >= 0 and offset + part.size <= size:
                return part, offset
    raise UnreadablePickle("has a dtype with a field outside of its bytes")


def _count_elements(shape: Sequence[Node]) -> int:
    """The number of elements of an array; raises `UnreadablePickle`."""
    if len(shape) > _MAX_DIMENSIONS:
        raise UnreadablePickle(f"has an array with {len(shape)} dimensions, more than NumPy supports")
    element_count = 1
    for length in shape:
        if type(length) is not int or not 0 <= length < _MAX_BYTES or element_count > _MAX_BYTES:
            raise UnreadablePickle("has an array with an invalid shape")
        element_count *= length
    return element_count


def _get_array_class(arguments: Node) -> Global:
    """The class of an array that is created empty, before its state is set."""
    match arguments:
        case (Global() as cls, (0,), mark) if mark in (b"b", "b") or class_of(mark) == "builtins.bytes":
            return cls
    raise UnreadablePickle("has an array that is created in a way that NumPy does not use")


def _parse_reconstructed(cls: Global, arguments: tuple[Node, ...], state: Node) -> ArrayContent:
    match state:
        case (version, tuple(shape), dtype, order, data):
            kind, elements, parts = _split_data(dtype_of(dtype), shape, resolved(data))
            return ArrayContent(cls.dotted, kind, elements, (*arguments, version, shape, dtype, order, *parts))
    raise UnreadablePickle("has an array with a state that NumPy does not write")


def _parse_masked(cls: Global, arguments: tuple[Node, ...], state: Node) -> ArrayContent:
    match state:
        case (version, tuple(shape), dtype, order, data, mask, fill_value):
            kind, elements, parts = _split_data(dtype_of(dtype), shape, resolved(data))
            parts = (*arguments, version, shape, dtype, order, mask, *parts)
            if kind in "OT":
                return ArrayContent(cls.dotted, kind, (*elements, fill_value), parts)
            return ArrayContent(cls.dotted, kind, elements, (*parts, fill_value))
    raise UnreadablePickle("has a masked array with a state that NumPy does not write")


def _split_data(dtype: DType, shape: Sequence[Node], data: Node) -> tuple[str, Sequence[Node], tuple[Node, ...]]:
    """Kind, object elements and raw bytes of the data in an array's state. Elements that are objects are in a list."""
    element_count = _count_elements(shape)
    if not dtype.size and element_count > _MAX_EMPTY_ELEMENTS:
        raise UnreadablePickle("has an array with more elements than bytes")
    if isinstance(data, list) and dtype.kind in "OT" and len(data) == element_count:
        return dtype.kind, data, ()
    if (
        not isinstance(data, list)
        and dtype.kind not in "OT"
        and _get_data_size(data) in (None, element_count * dtype.size)
    ):
        return dtype.kind, (), (data,)
    raise UnreadablePickle("has an array whose data does not match its dtype and shape")


def _get_data_size(data: Node) -> int | None:
    """Size of the data in bytes; None if it is written as text."""
    if isinstance(data, bytes):
        return len(data)
    return data.length if isinstance(data, OmittedValue) and data.type_name == "bytes" else None
