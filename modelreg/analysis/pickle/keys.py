"""Decides which dictionary keys and set items Python would treat as equal, and which may have colliding hashes."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from modelreg.analysis.formats.arrays import get_scalar_value, scalar_content
from modelreg.analysis.pickle.object_graph import Global, Node, Object, OmittedValue, SetOf, resolved
from modelreg.analysis.pickle.stream import UnreadablePickle

ATOMIC_TYPES: Final = frozenset({str, int, float, bool, bytes, type(None), Global})
"""Types of keys whose equality in the graph is the same as in Python."""

_MAX_NESTING = 100  # of tuples
_MAX_PARTS = 64
_LARGE_INTEGER = 1 << 60

_WELL_HASHED_CALLS: Final = frozenset(
    {
        *("datetime.date", "datetime.datetime", "datetime.time"),
        "pandas._libs.tslibs.timestamps._unpickle_timestamp",
        "pandas._libs.tslibs.timedeltas._timedelta_unpickle",
    }
)
"""Functions and classes whose results rarely have colliding hashes, whatever their arguments."""
_WELL_HASHED_KINDS: Final = frozenset("biufMmSU")
"""Kinds of NumPy scalars whose hashes rarely collide."""


def comparison_key(node: Node, depth: int = 0) -> Hashable:
    """A value that is equal for two keys if Python treats them as the same key. Raises `UnreadablePickle`.

    Keys are equal if they are the same object, or have equal parts, texts or numbers. Objects of classes that may
    define ``__eq__`` count as different. Long byte strings of the same length count as equal, since their content
    is not kept.
    """
    if depth > _MAX_NESTING:
        raise UnreadablePickle("has a key that is nested too deeply")
    node = resolved(node)
    match node:
        case tuple():
            if ATOMIC_TYPES.issuperset(map(type, node)):
                return node
            return tuple(comparison_key(part, depth + 1) for part in node)
        case SetOf():
            return frozenset(comparison_key(part, depth + 1) for part in node.items)
        case OmittedValue():
            return OmittedValue, node.type_name, node.length, node.digest
        case Object():
            value = _scalar_value(node)
            return node if value is None else value
        case _:
            return node  # type: ignore[return-value]  # lists and dictionaries are never keys


def collision_prone_hash(key: Node) -> int | None:
    """The hash of a key that many different keys may share; None if collisions of such keys are rare."""
    key = resolved(key)
    if type(key) is int:
        return hash(key) if abs(key) >= _LARGE_INTEGER else None
    if type(key) is tuple:
        value = key if ATOMIC_TYPES.issuperset(map(type, key)) else _replace_scalars(key, [_MAX_PARTS])
        return _UNKNOWN_HASH if value is None else hash(value)
    if type(key) is Object:
        return None if _is_well_hashed(key) else _UNKNOWN_HASH
    return _UNKNOWN_HASH if type(key) is SetOf or (type(key) is OmittedValue and key.type_name == "int") else None


_UNKNOWN_HASH: Final = 0
"""Stands for hashes that cannot be computed here: they are all assumed to collide."""


def _replace_scalars(key: tuple[Node, ...], parts_left: list[int]) -> tuple[Node, ...] | None:
    """Replace NumPy scalars in a tuple by their text or number; None if it has other objects or too many parts."""
    parts: list[Node] = []
    parts_left[0] -= len(key) + 1
    if parts_left[0] < 0:
        return None
    for part in key:
        value = part if type(part) in ATOMIC_TYPES else None
        if type(part) is tuple:
            value = _replace_scalars(part, parts_left)
        elif value is None and part is not None:
            value = _scalar_value(resolved(part))
        if value is None and part is not None:
            return None
        parts.append(value)
    return tuple(parts)


def _scalar_value(node: Node) -> str | int | float | None:
    """The text or number in a NumPy scalar; None for other nodes."""
    content = scalar_content(node)
    return None if content is None else get_scalar_value(content)


def _is_well_hashed(value: Object) -> bool:
    if type(value.constructor) is not Global:
        return False
    if value.constructor.dotted in _WELL_HASHED_CALLS:
        return True
    content = scalar_content(value)
    return content is not None and content.kind in _WELL_HASHED_KINDS
