"""Which keys of a dictionary, or items of a set, are the same for Python, and which may have the same hash."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from modelreg.analysis.formats.arrays import scalar_content, value_of_scalar
from modelreg.analysis.pickle.object_graph import Global, Node, Object, OmittedValue, SetOf, resolved
from modelreg.analysis.pickle.stream import UnreadablePickle

ATOMS: Final = frozenset({str, int, float, bool, bytes, type(None), Global})
"""Keys that the graph compares as Python does."""

_DEEP = 100  # tuples in tuples
_FEW_PARTS = 64
_LARGE_KEY = 1 << 60

_DIFFER: Final = frozenset(
    {
        *("datetime.date", "datetime.datetime", "datetime.time"),
        "pandas._libs.tslibs.timestamps._unpickle_timestamp",
        "pandas._libs.tslibs.timedeltas._timedelta_unpickle",
    }
)
"""Functions that make values of whose hashes hardly two are the same, whatever a file says."""
_FEW_COLLISIONS: Final = frozenset("biufMmSU")
"""NumPy's kinds of scalars of whose values few have the same hash."""


def key_of(node: Node, depth: int = 0) -> Hashable:
    """What is the same for two keys that Python takes for one: the same object, or equal parts, texts or numbers.

    Objects whose class may say what they are equal to count as different. Two byte strings count as one where they are
    long and of the same length, since their content is not kept. Raises `UnreadablePickle`.
    """
    if depth > _DEEP:
        raise UnreadablePickle("has a key that is nested too deeply")
    node = resolved(node)
    match node:
        case tuple():
            if ATOMS.issuperset(map(type, node)):
                return node
            return tuple(key_of(part, depth + 1) for part in node)
        case SetOf():
            return frozenset(key_of(part, depth + 1) for part in node.items)
        case OmittedValue():
            return OmittedValue, node.type_name, node.length, node.digest
        case Object():
            value = _value_of(node)
            return node if value is None else value
        case _:
            return node  # type: ignore[return-value]  # lists and dictionaries are no keys


def doubtful_hash(key: Node) -> int | None:
    """The hash of a key that may be that of many others; None for one of which few have the same."""
    key = resolved(key)
    if type(key) is int:
        return hash(key) if abs(key) >= _LARGE_KEY else None
    if type(key) is tuple:
        plain = key if ATOMS.issuperset(map(type, key)) else _plain(key, [_FEW_PARTS])
        return _ANY_HASH if plain is None else hash(plain)
    if type(key) is Object:
        return None if _has_its_own_hash(key) else _ANY_HASH
    return _ANY_HASH if type(key) is SetOf or (type(key) is OmittedValue and key.type_name == "int") else None


_ANY_HASH: Final = 0
"""Of what nobody knows the hash of: as if all had the same."""


def _plain(key: tuple[Node, ...], left: list[int]) -> tuple[Node, ...] | None:
    """A tuple with the texts and numbers that NumPy's scalars in it are; None for other objects and for many parts."""
    parts: list[Node] = []
    left[0] -= len(key) + 1
    if left[0] < 0:
        return None
    for part in key:
        plain = part if type(part) in ATOMS else None
        if type(part) is tuple:
            plain = _plain(part, left)
        elif plain is None and part is not None:
            plain = _value_of(resolved(part))
        if plain is None and part is not None:
            return None
        parts.append(plain)
    return tuple(parts)


def _value_of(node: Node) -> str | int | float | None:
    """The text or number in a NumPy scalar; None for everything else."""
    content = scalar_content(node)
    return None if content is None else value_of_scalar(content)


def _has_its_own_hash(value: Object) -> bool:
    if type(value.constructor) is not Global:
        return False
    if value.constructor.dotted in _DIFFER:
        return True
    content = scalar_content(value)
    return content is not None and content.kind in _FEW_COLLISIONS
