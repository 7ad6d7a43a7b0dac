"""Unpickles with Python's unpicklers, but with passive symbols for all names, and compares the result with a graph.

Nothing is imported and nothing real is called. Every name, result of a call and result of ``NEWOBJ`` is a symbol. All
symbols are classes, since Python only accepts classes in some places. Their metaclass records calls, items and states.
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


class _Symbol(type):
    """The metaclass of all symbols."""

    pair: tuple[str, str] | None  # of an import
    constructor: Any
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    is_new: bool

    def __call__(cls, /, *arguments: Any, **keywords: Any) -> Any:
        if cls.pair == _GETATTR and len(arguments) == 2 and getattr(arguments[0], "pair", None):
            (module, name), attribute = arguments[0].pair, arguments[1]
            return cls.names.find_symbol(module, f"{name}.{attribute}")
        return _create_result(cls, arguments, keywords, is_new=False)

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


def _create_symbol(**attributes: Any) -> Any:
    attributes |= {
        "__new__": _new,
        "items": [],
        "entries": [],
        "states": [],
        "set_by_function": [],
        "serial": next(_serials),
    }
    return type.__new__(_Symbol, "Symbol", (), attributes)


def _new(cls: Any, /, *arguments: Any, **keywords: Any) -> Any:
    return _create_result(cls, arguments, keywords, is_new=True)


def _create_result(constructor: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], *, is_new: bool) -> Any:
    result = _create_symbol(pair=None, constructor=constructor, arguments=arguments, keywords=keywords, is_new=is_new)
    pair = constructor.pair
    if pair and pair[0].endswith("cloudpickle") and len(arguments) == 2 and isinstance(arguments[0], _Symbol):
        arguments[0].set_by_function.append(arguments[1])
    return result


class PersistentObject:
    """The object for a persistent id."""

    def __init__(self, id: Any) -> None:
        self.id = id


class SymbolTable:
    """One symbol for each name that an unpickler imports."""

    def __init__(self, data: bytes) -> None:
        self._is_old = not (data[:1] == b"\x80" and data[1:2] > b"\x02")
        self.symbols: dict[tuple[str, str], Any] = {}

    def find_symbol(self, module: str, name: str) -> Any:
        pair = translate_python_2_name(module, name) if self._is_old else (module, name)
        if pair not in self.symbols:
            self.symbols[pair] = _create_symbol(pair=pair, names=self)
        return self.symbols[pair]


def load_in_c(data: bytes) -> tuple[Any, int]:
    """Unpickle with Python's C unpickler; returns the result and the number of bytes read."""
    return _load(pickle.Unpickler, data)


def load_in_python(data: bytes) -> tuple[Any, int]:
    """Unpickle with the unpickler written in Python; returns the result and the number of bytes read."""
    return _load(pickle._Unpickler, data)  # type: ignore[attr-defined]


def _load(unpickler: Any, data: bytes) -> tuple[Any, int]:
    names = SymbolTable(data)

    class Unpickler(unpickler):
        def find_class(self, module: str, name: str) -> Any:
            return names.find_symbol(module, name)

        def persistent_load(self, id: Any) -> Any:
            return PersistentObject(id)

    file = io.BufferedReader(io.BytesIO(data))  # type: ignore[arg-type]
    return Unpickler(file).load(), file.tell()


def find_difference(top: Node, value: Any) -> str | None:
    """The first difference between a graph and an unpickled or original value; None if they are equal."""
    return _Comparison().first_difference(top, value)


class _Comparison:
    """Compares a graph with a value. References must match shared objects, in both directions."""

    def __init__(self) -> None:
        self._values: dict[int, Any] = {}  # by the node's id
        self._nodes: dict[int, int] = {}  # the node's id by the value's
        self._seen: set[tuple[int, int]] = set()

    def first_difference(self, top: Node, value: Any) -> str | None:
        remaining: list[tuple[Node, Any, str]] = [(top, value, "top")]
        while remaining:
            node, value, path = remaining.pop()
            node = resolved(node)
            if (id(node), id(value)) in self._seen:
                continue
            self._seen.add((id(node), id(value)))
            try:
                remaining += [(part, other, f"{path}{step}") for part, other, step in self._parts(node, value)]
            except _Mismatch as mismatch:
                return f"{path}: {mismatch} ({node!r:.200} and {value!r:.200})"
        return None

    def _parts(self, node: Node, value: Any) -> Iterator[tuple[Node, Any, str]]:
        if type(node) in (list, dict, SetOf, Object) or (
            isinstance(node, OmittedValue) and node.type_name == "bytearray"
        ):
            self._check_identity(node, value)
        match node:
            case Object():
                yield from self._object(node, value)
            case list() | tuple():
                _check_equal((type(node), len(node)), (type(value), len(value)))
                yield from ((part, other, f"[{at}]") for at, (part, other) in enumerate(zip(node, value, strict=True)))
            case dict():
                _check_equal(dict, type(value))
                yield from _pairs(list(node.items()), list(value.items()))
            case SetOf():
                _check_equal(frozenset if node.is_frozen else set, type(value))
                yield from self._set(node.items, value)
            case Persistent(id):
                _check_equal(PersistentObject, type(value))
                yield id, value.id, ".id"
            case _:
                _check_leaf(node, value)

    def _check_identity(self, node: Node, value: Any) -> None:
        if self._values.setdefault(id(node), value) is not value:
            raise _Mismatch("is a different object in Python")
        if self._nodes.setdefault(id(value), id(node)) != id(node):
            raise _Mismatch("is the same object in Python")

    def _object(self, node: Object, value: Any) -> Iterator[tuple[Node, Any, str]]:
        if hasattr(value, "__dict__") and not isinstance(value, _Symbol):  # an original value
            _check_equal(class_of(node), f"{type(value).__module__}.{type(value).__qualname__}")
            _check_equal(node.state is ABSENT, not value.__dict__)
            if node.state is not ABSENT:
                yield node.state, value.__dict__, ".state"
            return
        _check_equal(True, isinstance(value, _Symbol) and value.pair is None)
        _check_equal(node.is_new, value.is_new)
        yield node.constructor, value.constructor, ".constructor"
        yield node.arguments, value.arguments, ".arguments"
        keywords = resolved(node.keywords) or {}
        _check_equal(dict, type(keywords))
        yield from _pairs(list(keywords.items()), list(value.keywords.items()))
        _check_equal(len(node.items or []), len(value.items))
        yield from ((part, other, ".items") for part, other in zip(node.items or [], value.items, strict=True))
        yield from _pairs(list((node.entries or {}).items()), value.entries)
        states = value.states or value.set_by_function
        _check_equal(node.state is not ABSENT, bool(value.states) or (node.state is not ABSENT and bool(states)))
        if node.state is not ABSENT:
            _check_equal(1, len(states))
            yield node.state, states[0], ".state"

    def _set(self, items: list[Node], values: Any) -> Iterator[tuple[Node, Any, str]]:
        """Pair the items of two sets, which have no order: by shape, and then in order of creation."""
        nodes_by_shape: dict[str, list[Node]] = {}
        for node in {id(item): item for item in map(resolved, items)}.values():
            nodes_by_shape.setdefault(_describe_shape(node), []).append(node)
        _check_equal(set(nodes_by_shape), set(map(_describe_shape, values)))
        for value in sorted(values, key=_serial):
            candidates = nodes_by_shape[_describe_shape(value)]
            if not isinstance(value, int | float):  # 1, 1.0 and True are the same
                yield candidates.pop(0) if len(candidates) > 1 else candidates[0], value, ".item"


class _Mismatch(Exception):
    pass


def _check_equal(expected: Any, actual: Any) -> None:
    if expected != actual:
        raise _Mismatch(f"{expected!r:.100} in the graph, {actual!r:.100} in Python")


def _check_leaf(node: Node, value: Any) -> None:
    match node:
        case Global():
            _check_equal((node.module, node.name), getattr(value, "pair", None))
        case OmittedValue():
            _check_omitted(node, value)
        case Array():
            _check_equal(node.class_name, f"numpy.{type(value).__name__}")
        case float():
            _check_equal((float, repr(node)), (type(value), repr(value)))
        case _:
            _check_equal((type(node), node), (type(value), value))


def _pairs(nodes: list[Any], values: list[Any]) -> Iterator[tuple[Node, Any, str]]:
    _check_equal(len(nodes), len(values))
    for (key, node), (other, value) in zip(nodes, values, strict=True):
        yield key, other, ".key"
        yield node, value, f"[{key!r:.20}]"


def _check_omitted(node: OmittedValue, value: Any) -> None:
    _check_equal(node.type_name, type(value).__name__)
    if node.type_name == "int":
        _check_equal(True, value.bit_length() <= 8 * node.length)
    elif node.type_name == "str":
        _check_equal(
            True, len(value.encode("utf-8", "surrogatepass")) in (node.length, *range(MAX_TEXT_KEPT, node.length))
        )
    else:
        _check_equal(node.length, len(value))


def _describe_shape(value: Any) -> str:
    value = resolved(value)
    match value:
        case Global():
            return f"name {value.module} {value.name}"
        case Object():
            return f"object {_describe_shape(value.constructor)}"
        case _Symbol():
            return f"name {' '.join(value.pair)}" if value.pair else f"object {_describe_shape(value.constructor)}"
        case tuple():
            return f"({', '.join(map(_describe_shape, value))})"
        case SetOf() | frozenset():
            items = value.items if isinstance(value, SetOf) else value
            return f"{{{', '.join(sorted(set(map(_describe_shape, items))))}}}"
        case Persistent() | PersistentObject():
            return f"persistent {_describe_shape(value.id)}"
        case OmittedValue():
            return value.type_name
        case int() | float():
            return "int" if value == value and abs(value) > 1 << 500 else f"number {float(value) + 0}"
        case str() | bytes() if len(value) > MAX_TEXT_KEPT / 4:
            return type(value).__name__
        case _:
            return f"{type(value).__name__} {value!r}"


def _serial(value: Any) -> tuple[int, ...]:
    if isinstance(value, _Symbol):
        return (value.serial,)
    return tuple(itertools.chain.from_iterable(map(_serial, value))) if isinstance(value, tuple) else ()
