"""The arrays that joblib writes as raw bytes into the middle of its pickles.

joblib pickles a ``NumpyArrayWrapper`` in an array's place; right behind the operation that builds it (``BUILD``) stand,
as ``joblib/numpy_pickle.py`` writes them:

- since joblib 1.2, one byte with the length of a padding, and that padding;
- the elements, without anything around them; or, where the type holds Python objects, another pickle of the array.

Where the length of that gap is not certain, the pickle is unreadable: whatever hides behind a gap that is measured
wrongly would not be seen.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelreg.security.pickle_stream import UnreadablePickle
from modelreg.security.stand_ins import Global, Made, Plain, StandIn, Table

WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"
ANY_WRAPPER = frozenset({"NumpyArrayWrapper", "NDArrayWrapper", "ZNDArrayWrapper"})
"""joblib's classes for which it reads more than the pickle itself."""

LONGEST_PADDING = 16  # bytes; a longer one could begin with the code of an operation

_HAS_OBJECTS = 0x01  # NPY_ITEM_HASOBJECT, in the last of a dtype's eight state values
_BYTES_A_CHARACTER = {"U": 4}
_SIZED_BY_STATE = "SUV"
"""Kinds of types whose state has their size, which NumPy takes from there."""
_TYPES_OF_TEXTS = "numpy._core._internal._convert_to_stringdtype_kwargs"
"""What makes NumPy's type of texts of any length, whose arrays joblib writes as pickles, too."""
_MOST_BYTES = 1 << 62  # beyond what NumPy can count
_MOST_NESTING = 20  # of dtypes within dtypes


@dataclass(frozen=True, slots=True)
class RawArray:
    """What stands behind a wrapper."""

    class_name: str
    padded: bool
    """Whether a padding goes before the elements."""
    bytes: int | None
    """The size of the elements; None where they are a pickle of their own."""


def raw_array(wrapper: Made) -> RawArray:
    """What stands behind ``wrapper``; raises `UnreadablePickle` where its state doesn't say."""
    if wrapper.state_is_whole:
        match wrapper.state:
            case Table(
                {"subclass": Global() as subclass, "shape": tuple(shape), "dtype": Made() as dtype} as state, True
            ):
                padded = state.get("numpy_array_alignment_bytes") is not None
                item_size, holds_objects = array_type(dtype)
                return RawArray(subclass.dotted, padded, None if holds_objects else item_size * _count(shape))
    raise UnreadablePickle("an array of joblib's says neither its shape nor its type")


def _count(shape: tuple[StandIn, ...]) -> int:
    count = 1
    for length in shape:
        if type(length) is not int or not 0 <= length < _MOST_BYTES or count > _MOST_BYTES:
            raise UnreadablePickle("the shape of an array is not made of lengths")
        count *= length
    return count


def _item_size(dtype: Made) -> int:
    """Bytes of one element.

    A dtype is pickled as ``numpy.dtype('f8', False, True)`` and, as its state, version, byte order, subtype, names,
    fields, size, alignment and flags. The size is -1 where the code already tells it.
    """
    code = _code(dtype)
    size = int(code[1:]) * _BYTES_A_CHARACTER.get(code[0], 1)
    match dtype.state:
        case None:
            return size
        case (_, _, _, _, _, int(stated), *_) if dtype.state_is_whole:
            if stated == size or (stated == -1 and code[0] not in _SIZED_BY_STATE):
                return size
    raise UnreadablePickle("the type of an array has two sizes")


def _code(dtype: Made) -> str:
    """A letter for the kind, and the size of it: ``f8``; an array of records names its class instead."""
    match dtype:
        case Made(Global("numpy", "dtype"), (Global("numpy", "record"), *_), state=(_, _, _, _, _, int(size), *_)):
            return f"V{size}"
        case Made(Global("numpy", "dtype"), (str(code), *_)) if code.isascii() and code[1:].isdecimal():
            if len(code) < 12 and code[0].isalpha():
                return code
    raise UnreadablePickle("the type of an array is none that NumPy writes")


def array_type(dtype: Made) -> tuple[int, bool]:
    """Bytes of an element of this NumPy type, and whether elements are or hold Python objects.

    Raises `UnreadablePickle` for a type whose parts and flags do not agree, which NumPy takes as it is given.
    """
    if dtype.array_type is None:
        if isinstance(dtype.maker, Global) and dtype.maker.dotted == _TYPES_OF_TEXTS:
            dtype.array_type = 0, True
        else:
            dtype.array_type = _item_size(dtype), _holds_objects(dtype, 0)
    return dtype.array_type


def _holds_objects(dtype: Made, depth: int) -> bool:
    """Whether elements are or contain Python objects; what the flags and the fields say has to agree."""
    if depth > _MOST_NESTING:
        raise UnreadablePickle("the type of an array has no end")
    if isinstance(dtype.maker, Global) and dtype.maker.dotted == _TYPES_OF_TEXTS:
        return True
    code = _code(dtype)
    match dtype.state:
        case (_, _, subtype, _, fields, _, _, int(flags), *_):
            flagged = bool(flags & _HAS_OBJECTS)
        case None | tuple():
            subtype, fields, flagged = None, None, code[0] == "O"
        case _:
            raise UnreadablePickle("the state of an array's type is none that NumPy writes")
    parts_hold = [_holds_objects(part, depth + 1) for part in _parts(subtype, fields, _item_size(dtype))]
    if (any(parts_hold) or code[0] == "O") != flagged:
        raise UnreadablePickle("the type of an array says and denies that it holds objects")
    return flagged


def _parts(subtype: StandIn, fields: StandIn, size: int) -> list[Made]:
    """The types within a type of ``size`` bytes: of its elements, or of its fields, which have to fit into it."""
    match subtype, fields:
        case None, None:
            return []
        case (Made() as inner, shape), None:
            lengths = shape if isinstance(shape, tuple) else (shape,)
            if _item_size(inner) * _count(lengths) == size:
                return [inner]
        case None, Table(entries, True):
            return [_field_type(value, size) for value in entries.values()]
    raise UnreadablePickle("the type of an array has fields that NumPy does not write")


def _field_type(value: StandIn, size: int) -> Made:
    match value:
        case (Made() as dtype, int(offset), *_) if offset >= 0 and offset + _item_size(dtype) <= size:
            return dtype
    raise UnreadablePickle("a field of an array's type does not lie within it")


def array_stand_in(array: RawArray) -> StandIn:
    """What the pickle goes on with in the wrapper's place."""
    return Plain(array.class_name)
