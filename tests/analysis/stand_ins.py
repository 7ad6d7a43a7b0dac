"""What Python's unpicklers build from a pickle when every name stands for a class that only records, against the graph.

Nothing is imported and nothing real is called. Everything that a name, a call or ``NEWOBJ`` gives is a class, since
Python accepts only classes in some places; a metaclass records what happens to it.
"""

from __future__ import annotations

import io
import itertools
import pickle
from collections.abc import Iterator
from typing import Any

from modelreg.analysis.pickle.object_graph import (
    ABSENT,
    Array,
    Global,
    Node,
    Object,
    OmittedValue,
    Persistent,
    SetOf,
    class_of,
    resolved,
)
from modelreg.analysis.pickle.reader import translate_python_2_name
from modelreg.analysis.pickle.stack import MAX_TEXT_KEPT

_serials = itertools.count()
_GETATTR = ("builtins", "getattr")


class _Record(type):
    """The class of all stand-ins."""

    pair: tuple[str, str] | None  # of an import
    constructor: Any
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    is_new: bool

    def __call__(cls, /, *arguments: Any, **keywords: Any) -> Any:
        if cls.pair == _GETATTR and len(arguments) == 2 and getattr(arguments[0], "pair", None):
            (module, name), attribute = arguments[0].pair, arguments[1]
            return cls.names.find(module, f"{name}.{attribute}")
        return _made(cls, arguments, keywords, is_new=False)

    def append(cls, value: Any) -> None:
        cls.items.append(value)

    def extend(cls, values: Any) -> None:
        cls.items += values

    def __setitem__(cls, key: Any, value: Any) -> None:
        cls.entries.append((key, value))

    def __setstate__(cls, state: Any) -> None:
        cls.states.append(state)

    def __repr__(cls) -> str:
        return f"<{cls.pair or (cls.constructor, cls.arguments)}>"


def _record(**facts: Any) -> Any:
    facts |= {
        "__new__": _new,
        "items": [],
        "entries": [],
        "states": [],
        "set_from_outside": [],
        "serial": next(_serials),
    }
    return type.__new__(_Record, "StandIn", (), facts)


def _new(cls: Any, /, *arguments: Any, **keywords: Any) -> Any:
    return _made(cls, arguments, keywords, is_new=True)


def _made(constructor: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], *, is_new: bool) -> Any:
    made = _record(pair=None, constructor=constructor, arguments=arguments, keywords=keywords, is_new=is_new)
    pair = constructor.pair
    if pair and pair[0].endswith("cloudpickle") and len(arguments) == 2 and isinstance(arguments[0], _Record):
        arguments[0].set_from_outside.append(arguments[1])
    return made


class StoredOutside:
    """What a persistent id stands for."""

    def __init__(self, id: Any) -> None:
        self.id = id


class Names:
    """One stand-in for each name that an unpickler asks for."""

    def __init__(self, data: bytes) -> None:
        self._is_old = not (data[:1] == b"\x80" and data[1:2] > b"\x02")
        self.found: dict[tuple[str, str], Any] = {}

    def find(self, module: str, name: str) -> Any:
        pair = translate_python_2_name(module, name) if self._is_old else (module, name)
        if pair not in self.found:
            self.found[pair] = _record(pair=pair, names=self)
        return self.found[pair]


def built_in_c(data: bytes) -> tuple[Any, int]:
    """What Python's unpickler in C builds, and how many bytes it takes."""
    return _built(pickle.Unpickler, data)


def built_in_python(data: bytes) -> tuple[Any, int]:
    """What Python's unpickler in Python builds, and how many bytes it takes."""
    return _built(pickle._Unpickler, data)  # type: ignore[attr-defined]


def _built(unpickler: Any, data: bytes) -> tuple[Any, int]:
    names = Names(data)

    class Unpickler(unpickler):
        def find_class(self, module: str, name: str) -> Any:
            return names.find(module, name)

        def persistent_load(self, id: Any) -> Any:
            return StoredOutside(id)

    file = io.BufferedReader(io.BytesIO(data))  # type: ignore[arg-type]
    return Unpickler(file).load(), file.tell()


def difference(top: Node, value: Any) -> str | None:
    """Where the graph and what Python built, or what was pickled, are not the same; None where they are."""
    return _Comparison().first_difference(top, value)


class _Comparison:
    """One walk through both. ``Reference`` and sharing have to agree, in both directions."""

    def __init__(self) -> None:
        self._values: dict[int, Any] = {}  # by the node's id
        self._nodes: dict[int, int] = {}  # the node's id by the value's
        self._seen: set[tuple[int, int]] = set()

    def first_difference(self, top: Node, value: Any) -> str | None:
        waiting: list[tuple[Node, Any, str]] = [(top, value, "top")]
        while waiting:
            node, value, place = waiting.pop()
            node = resolved(node)
            if (id(node), id(value)) in self._seen:
                continue
            self._seen.add((id(node), id(value)))
            try:
                waiting += [(part, other, f"{place}{where}") for part, other, where in self._parts(node, value)]
            except _Differs as differs:
                return f"{place}: {differs} ({node!r:.200} and {value!r:.200})"
        return None

    def _parts(self, node: Node, value: Any) -> Iterator[tuple[Node, Any, str]]:
        if type(node) in (list, dict, SetOf, Object) or (
            isinstance(node, OmittedValue) and node.type_name == "bytearray"
        ):
            self._is_the_same(node, value)
        match node:
            case Object():
                yield from self._object(node, value)
            case list() | tuple():
                _same((type(node), len(node)), (type(value), len(value)))
                yield from ((part, other, f"[{at}]") for at, (part, other) in enumerate(zip(node, value, strict=True)))
            case dict():
                _same(dict, type(value))
                yield from _pairs(list(node.items()), list(value.items()))
            case SetOf():
                _same(frozenset if node.is_frozen else set, type(value))
                yield from self._set(node.items, value)
            case Persistent(id):
                _same(StoredOutside, type(value))
                yield id, value.id, ".id"
            case _:
                _compare_leaves(node, value)

    def _is_the_same(self, node: Node, value: Any) -> None:
        if self._values.setdefault(id(node), value) is not value:
            raise _Differs("is another object for Python than before")
        if self._nodes.setdefault(id(value), id(node)) != id(node):
            raise _Differs("is the same object for Python")

    def _object(self, node: Object, value: Any) -> Iterator[tuple[Node, Any, str]]:
        if hasattr(value, "__dict__") and not isinstance(value, _Record):  # what was pickled
            _same(class_of(node), f"{type(value).__module__}.{type(value).__qualname__}")
            _same(node.state is ABSENT, not value.__dict__)
            if node.state is not ABSENT:
                yield node.state, value.__dict__, ".state"
            return
        _same(True, isinstance(value, _Record) and value.pair is None)
        _same(node.is_new, value.is_new)
        yield node.constructor, value.constructor, ".constructor"
        yield node.arguments, value.arguments, ".arguments"
        keywords = resolved(node.keywords) or {}
        _same(dict, type(keywords))
        yield from _pairs(list(keywords.items()), list(value.keywords.items()))
        _same(len(node.items or []), len(value.items))
        yield from ((part, other, ".items") for part, other in zip(node.items or [], value.items, strict=True))
        yield from _pairs(list((node.entries or {}).items()), value.entries)
        states = value.states or value.set_from_outside
        _same(node.state is not ABSENT, bool(value.states) or (node.state is not ABSENT and bool(states)))
        if node.state is not ABSENT:
            _same(1, len(states))
            yield node.state, states[0], ".state"

    def _set(self, items: list[Node], values: Any) -> Iterator[tuple[Node, Any, str]]:
        """Python's sets have no order: like goes to like, and objects in the order in which they were made."""
        looks: dict[str, list[Node]] = {}
        for node in {id(each): each for each in map(resolved, items)}.values():
            looks.setdefault(_look(node), []).append(node)
        _same(set(looks), set(map(_look, values)))
        for value in sorted(values, key=_serial):
            alike = looks[_look(value)]
            if not isinstance(value, int | float):  # 1, 1.0 and True are the same
                yield alike.pop(0) if len(alike) > 1 else alike[0], value, ".item"


class _Differs(Exception):
    pass


def _same(expected: Any, found: Any) -> None:
    if expected != found:
        raise _Differs(f"{expected!r:.100} in the graph, {found!r:.100} for Python")


def _compare_leaves(node: Node, value: Any) -> None:
    match node:
        case Global():
            _same((node.module, node.name), getattr(value, "pair", None))
        case OmittedValue():
            _omitted(node, value)
        case Array():
            _same(node.class_name, f"numpy.{type(value).__name__}")
        case float():
            _same((float, repr(node)), (type(value), repr(value)))
        case _:
            _same((type(node), node), (type(value), value))


def _pairs(nodes: list[Any], values: list[Any]) -> Iterator[tuple[Node, Any, str]]:
    _same(len(nodes), len(values))
    for (key, node), (other, value) in zip(nodes, values, strict=True):
        yield key, other, ".key"
        yield node, value, f"[{key!r:.20}]"


def _omitted(node: OmittedValue, value: Any) -> None:
    _same(node.type_name, type(value).__name__)
    if node.type_name == "int":
        _same(True, value.bit_length() <= 8 * node.length)
    elif node.type_name == "str":
        _same(True, len(value.encode("utf-8", "surrogatepass")) in (node.length, *range(MAX_TEXT_KEPT, node.length)))
    else:
        _same(node.length, len(value))


def _look(value: Any) -> str:
    value = resolved(value)
    match value:
        case Global():
            return f"name {value.module} {value.name}"
        case Object():
            return f"object {_look(value.constructor)}"
        case _Record():
            return f"name {' '.join(value.pair)}" if value.pair else f"object {_look(value.constructor)}"
        case tuple():
            return f"({', '.join(map(_look, value))})"
        case SetOf() | frozenset():
            items = value.items if isinstance(value, SetOf) else value
            return f"{{{', '.join(sorted(set(map(_look, items))))}}}"
        case Persistent() | StoredOutside():
            return f"persistent {_look(value.id)}"
        case OmittedValue():
            return value.type_name
        case int() | float():
            return "int" if value == value and abs(value) > 1 << 500 else f"number {float(value) + 0}"
        case str() | bytes() if len(value) > MAX_TEXT_KEPT / 4:
            return type(value).__name__
        case _:
            return f"{type(value).__name__} {value!r}"


def _serial(value: Any) -> tuple[int, ...]:
    if isinstance(value, _Record):
        return (value.serial,)
    return tuple(itertools.chain.from_iterable(map(_serial, value))) if isinstance(value, tuple) else ()
