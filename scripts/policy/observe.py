"""What genuine model files hold: of each class, the kinds of its attributes, arguments, items and states."""

from __future__ import annotations

import json
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from modelreg.analysis.containers.bounds import Bounds
from modelreg.analysis.containers.compressed import is_compressed, open_decompressed
from modelreg.analysis.formats import numpy_header
from modelreg.analysis.formats.arrays import StoredArray, array_content, get_scalar_text, scalar_content
from modelreg.analysis.formats.skops_reader import read_schema
from modelreg.analysis.judge import PLAIN_ARRAYS, is_own_method
from modelreg.analysis.kinds import BYTES, LABELS, METHOD, NUMBERS, TEXT, Kinds, literal, words
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
    parts_of,
    resolved,
)
from modelreg.analysis.pickle.reader import Budget, End, read_pickles
from modelreg.analysis.pickle.stream import UnreadablePickle

Pair = tuple[str, str]
NOTHING = Kinds()


@dataclass
class Observed:
    """What was seen of one class."""

    attributes: dict[str, Kinds] = field(default_factory=dict)
    new: list[Kinds] | None = None
    keywords: Kinds | None = None
    items: Kinds | None = None
    entries: Kinds | None = None
    state: list[Kinds] = field(default_factory=list)


class Observations:
    """What was seen in all files so far."""

    def __init__(self) -> None:
        self.names: set[Pair] = set()
        self.classes: dict[str, Observed] = defaultdict(Observed)
        self.calls: dict[str, list[Kinds]] = {}

    def file(self, path: Path) -> str | None:
        """Look at one pickle or skops file; returns what is wrong with it, if anything."""
        if path.suffix == ".skops":
            return self._skops(path)
        with path.open("rb") as file:
            start = file.read(16)
            file.seek(0)
            written = path.stat().st_size
            content = open_decompressed(file, Bounds.of_model(written)) if is_compressed(start) else file
            size = None if is_compressed(start) else written
            for reading in read_pickles(content, size, Budget(50_000_000, 1 << 32, 50_000_000)):
                if reading.end is not End.STOP:
                    return f"{path}: {reading.end.name}: {reading.problem}"
                try:
                    self.graph(reading.top, reading.globals)
                except UnreadablePickle as unreadable:
                    return f"{path}: {unreadable}"
        return None

    def _skops(self, path: Path) -> str | None:
        if not zipfile.is_zipfile(path):
            return f"{path}: no archive"
        bounds = Bounds.of_model(path.stat().st_size)
        with zipfile.ZipFile(path) as archive:

            def array_of(name: str) -> StoredArray | None:
                with archive.open(name) as member:
                    return numpy_header.read_array(cast("BinaryIO", member), bounds)

            try:
                read = read_schema(json.loads(archive.read("schema.json")), array_of, archive.namelist(), bounds)
            except UnreadablePickle as unreadable:
                return f"{path}: {unreadable}"
        self.graph(read.top, read.names)
        return None

    def graph(self, top: Node, names: Iterable[Global]) -> None:
        """Look at one object graph."""
        self.names |= {(each.module, each.name) for each in names}
        waiting, seen = [top], set()
        while waiting:
            node = resolved(waiting.pop())
            if isinstance(node, list | dict | tuple | SetOf | Object | Array) and id(node) not in seen:
                seen.add(id(node))
                waiting += parts_of(node)
                if isinstance(node, Object):
                    self._object(node)

    def _object(self, node: Object) -> None:
        if array_content(node) or scalar_content(node):
            return
        constructor = resolved(node.constructor)
        if not isinstance(constructor, Global):
            return
        seen = self.classes[key_of(node)]
        arguments = [kinds_of(argument) for argument in node.arguments]  # type: ignore[union-attr]
        if node.is_new:
            seen.new = either(seen.new or [], arguments)
        else:
            self.calls[constructor.dotted] = either(self.calls.get(constructor.dotted, []), arguments)
        for part in ("keywords", "items", "entries"):
            value = getattr(node, part)
            if value is not None:
                setattr(seen, part, (getattr(seen, part) or NOTHING) | kinds_of(value))
        state = resolved(node.state) if node.state is not ABSENT else {}  # type: ignore[arg-type]
        self._state(seen, node, state)

    @staticmethod
    def _state(seen: Observed, node: Object, state: Node) -> None:
        if (
            isinstance(state, tuple)
            and len(state) == 2
            and all(isinstance(resolved(each), dict | None) for each in state)
        ):
            tables = [resolved(each) for each in state]
        elif isinstance(state, dict):
            tables = [state]
        else:
            parts = state if isinstance(state, tuple) else (state,)
            seen.state = either(seen.state, [kinds_of(part) for part in parts])
            return
        for table in tables:
            for name, value in (table or {}).items():
                kinds = words(METHOD) if is_own_method(value, node, name) else kinds_of(value)
                seen.attributes[name] = seen.attributes.get(name, NOTHING) | kinds


def key_of(node: Object) -> str:
    """The policy's name for the class of an object: that of the function which made it where nothing else tells."""
    constructor = resolved(node.constructor)
    return class_of(node) or (constructor.dotted if isinstance(constructor, Global) else "?")


def either(first: list[Kinds], second: list[Kinds]) -> list[Kinds]:
    """Kinds by position."""
    longest = max(len(first), len(second))
    padded = (each + [NOTHING] * (longest - len(each)) for each in (first, second))
    return [a | b for a, b in zip(*padded, strict=True)]


def kinds_of(node: Node, within: frozenset[int] = frozenset()) -> Kinds:
    """The kinds that admit exactly such a value."""
    node = resolved(node)
    if isinstance(node, str):
        return words(literal(node))
    if node is None or isinstance(node, bool | int | float):
        return NOTHING
    if isinstance(node, Global):
        return words(f"@{node.dotted}")
    if isinstance(node, bytes | OmittedValue):
        return words(TEXT if isinstance(node, OmittedValue) and node.type_name == "str" else BYTES)
    if isinstance(node, Persistent):
        return words("storage")
    if id(node) in within:
        return NOTHING
    return _of_container(node, lambda inner: kinds_of(inner, within | {id(node)}))


def _of_container(node: Node, inner: Callable[[Node], Kinds]) -> Kinds:
    if isinstance(node, list | tuple | SetOf):
        return _of_items(node.items if isinstance(node, SetOf) else node, inner)
    if isinstance(node, dict):
        return Kinds(keys=_union(node, inner), values=_union(node.values(), inner))
    content = array_content(node) or scalar_content(node)
    if content is None:
        assert isinstance(node, Object)
        return words(key_of(node))
    if content.class_name == "numpy.generic" and content.kind != "O":
        text = get_scalar_text(content)
        return NOTHING if content.kind not in "SU" else words(LABELS if text is None else literal(text))
    cls = NOTHING if content.class_name in PLAIN_ARRAYS else words(content.class_name)
    if content.kind in "OT":
        return cls | _of_items(content.elements, inner)
    return cls | words(LABELS if content.kind in "SU" else NUMBERS)


def _of_items(values: Iterable[Node], inner: Callable[[Node], Kinds]) -> Kinds:
    found = _union(values, inner)
    return words(NUMBERS) if found == NOTHING else Kinds(items=found)


def _union(values: Iterable[Node], inner: Callable[[Node], Kinds]) -> Kinds:
    found = NOTHING
    seen: set[type] = set()
    for value in values:
        if type(value) in (bool, int, float, type(None)):
            continue
        kinds = inner(value)
        if not (kinds.words <= found.words and kinds.items is None and kinds.keys is None):
            found |= kinds
    del seen
    return found


def as_json(observations: Observations) -> dict[str, Any]:
    """A form to keep and to merge."""

    def positions(kinds: list[Kinds] | None) -> Any:
        return None if kinds is None else [each.as_json() for each in kinds]

    def one(kinds: Kinds | None) -> Any:
        return None if kinds is None else kinds.as_json()

    classes = {
        name: {
            "attributes": {attribute: kinds.as_json() for attribute, kinds in seen.attributes.items()},
            "new": positions(seen.new),
            "state": positions(seen.state),
            "keywords": one(seen.keywords),
            "items": one(seen.items),
            "entries": one(seen.entries),
        }
        for name, seen in observations.classes.items()
    }
    calls = {name: positions(kinds) for name, kinds in observations.calls.items()}
    return {"names": sorted(map(list, observations.names)), "classes": classes, "calls": calls}


def merged(parts: Iterable[Mapping[str, Any]]) -> Observations:
    """What several runs saw."""
    whole = Observations()
    for part in parts:
        whole.names |= {(module, name) for module, name in part["names"]}
        for name, written in part["classes"].items():
            seen = whole.classes[name]
            for attribute, kinds in written["attributes"].items():
                seen.attributes[attribute] = seen.attributes.get(attribute, NOTHING) | Kinds.parse(kinds)
            if written["new"] is not None:
                seen.new = either(seen.new or [], [Kinds.parse(each) for each in written["new"]])
            seen.state = either(seen.state, [Kinds.parse(each) for each in written["state"] or ()])
            for key in ("keywords", "items", "entries"):
                if written[key] is not None:
                    setattr(seen, key, (getattr(seen, key) or NOTHING) | Kinds.parse(written[key]))
        for name, written in part["calls"].items():
            whole.calls[name] = either(whole.calls.get(name, []), [Kinds.parse(each) for each in written])
    return whole
