"""The arrays that joblib writes as raw bytes into the middle of its pickles.

joblib pickles a ``NumpyArrayWrapper`` in an array's place; right behind the operation that builds it (``BUILD``) stand,
as ``joblib/numpy_pickle.py`` writes them:

- since joblib 1.2, one byte with the length of a padding, and that padding;
- the elements, without anything around them; or, where the type holds Python objects, another pickle of the array.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelreg.security.pickle_stream import UnreadablePickle
from modelreg.security.stand_ins import Global, Made, Plain, StandIn, Table

WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"

_HAS_OBJECTS = 0x01  # NPY_ITEM_HASOBJECT, in the last of a dtype's eight state values
_BYTES_A_CHARACTER = {"U": 4}
_MOST_BYTES = 1 << 62  # beyond what NumPy can count


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
    match wrapper.state:
        case Table({"subclass": Global() as subclass, "shape": tuple(shape), "dtype": Made() as dtype} as state):
            size = _item_size(dtype)
            padded = state.get("numpy_array_alignment_bytes") is not None
            return RawArray(subclass.dotted, padded, None if size is None else size * _count(shape))
    raise UnreadablePickle("an array of joblib's says neither its shape nor its type")


def _count(shape: tuple[StandIn, ...]) -> int:
    count = 1
    for length in shape:
        if type(length) is not int or not 0 <= length < _MOST_BYTES or count > _MOST_BYTES:
            raise UnreadablePickle("the shape of an array is not made of lengths")
        count *= length
    return count


def _item_size(dtype: Made) -> int | None:
    """Bytes of one element; None for Python objects.

    A dtype is pickled as ``numpy.dtype('f8', False, True)`` and, as its state, version, byte order, subtype, names,
    fields, size, alignment and flags.
    """
    match dtype:
        case Made(Global("numpy", "dtype"), (str(code), *_)) if code and code[1:].isdecimal() and len(code) < 12:
            if code[0] == "O" or _holds_objects(dtype.state):
                return None
            return int(code[1:]) * _BYTES_A_CHARACTER.get(code[0], 1)
    raise UnreadablePickle("the type of an array is none that NumPy writes")


def _holds_objects(state: StandIn) -> bool:
    match state:
        case (_, _, _, _, _, _, _, int(flags), *_):
            return bool(flags & _HAS_OBJECTS)
        case _:
            return False


def array_stand_in(array: RawArray) -> StandIn:
    """What the pickle goes on with in the wrapper's place."""
    return Plain(array.class_name)
