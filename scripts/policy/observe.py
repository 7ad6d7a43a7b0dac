"""Observe genuine model files: the kinds of the attributes, arguments, items and states of each class."""

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
NO_KINDS = Kinds()


@dataclass
class Observed:
    """The observations of one class."""

    attributes: dict[str, Kinds] = field(default_factory=dict)
    new: list[Kinds] | None = None
    keywords: Kinds | None = None
    items: Kinds | None = None
    entries: Kinds | None = None
    state: list[Kinds] = field(default_factory=list)


class Observations:
    """The observations of all files so far."""

    def __init__(self) -> None:
        self.names: set[Pair] = set()
        self.classes: dict[str, Observed] = defaultdict(Observed)
        self.calls: dict[str, list[Kinds]] = {}

    def add_file(self, path: Path) -> str | None:
        """Observe one pickle or skops file; returns a problem, or None."""
        if path.suffix == ".skops":
            return self._add_skops(path)
        with path.open("rb") as file:
            start = file.read(16)
            file.seek(0)
            file_size = path.stat().st_size
            content = open_decompressed(file, Bounds.of_model(file_size)) if is_compressed(start) else file
            size = None if is_compressed(start) else file_size
            for reading in read_pickles(content, size, Budget(50_000_000, 1 << 32, 50_000_000)):
                if reading.end is not End.STOP:
                    return f"{path}: {reading.end.name}: {reading.problem}"
                try:
                    self.add_graph(reading.top, reading.globals)
                except UnreadablePickle as error:
                    return f"{path}: {error}"
        return None

    def _add_skops(self, path: Path) -> str | None:
        if not zipfile.is_zipfile(path):
            return f"{path}: not a zip archive"
        bounds = Bounds.of_model(path.stat().st_size)
        with zipfile.ZipFile(path) as archive:

            def array_of(name: str) -> StoredArray | None:
                with archive.open(name) as member:
                    return numpy_header.read_array(cast("BinaryIO", member), bounds)

            try:
                content = read_schema(json.loads(archive.read("schema.json")), array_of, archive.namelist(), bounds)
            except UnreadablePickle as error:
                return f"{path}: {error}"
        self.add_graph(content.top, content.names)
        return None

    def add_graph(self, top: Node, names: Iterable[Global]) -> None:
        """Observe one object graph."""
        self.names |= {(name.module, name.name) for name in names}
        pending, visited = [top], set()
        while pending:
            node = resolved(pending.pop())
            if isinstance(node, list | dict | tuple | SetOf | Object | Array) and id(node) not in visited:
                visited.add(id(node))
                pending += parts_of(node)
                if isinstance(node, Object):
                    self._add_object(node)

    def _add_object(self, node: Object) -> None:
        if array_content(node) or scalar_content(node):
            return
        constructor = resolved(node.constructor)
        if not isinstance(constructor, Global):
            return
        observed = self.classes[class_name_of(node)]
        arguments = [kinds_of(argument) for argument in node.arguments]  # type: ignore[union-attr]
        if node.is_new:
            observed.new = union_by_position(observed.new or [], arguments)
        else:
            self.calls[constructor.dotted] = union_by_position(self.calls.get(constructor.dotted, []), arguments)
        for part in ("keywords", "items", "entries"):
            value = getattr(node, part)
            if value is not None:
                setattr(observed, part, (getattr(observed, part) or NO_KINDS) | kinds_of(value))
        state = resolved(node.state) if node.state is not ABSENT else {}  # type: ignore[arg-type]
        self._add_state(observed, node, state)

    @staticmethod
    def _add_state(observed: Observed, node: Object, state: Node) -> None:
        if (
            isinstance(state, tuple)
            and len(state) == 2
            and all(isinstance(resolved(part), dict | None) for part in state)
        ):
            tables = [resolved(part) for part in state]
        elif isinstance(state, dict):
            tables = [state]
        else:
            parts = state if isinstance(state, tuple) else (state,)
            observed.state = union_by_position(observed.state, [kinds_of(part) for part in parts])
            return
        for table in tables:
            for name, value in (table or {}).items():
                kinds = words(METHOD) if is_own_method(value, node, name) else kinds_of(value)
                observed.attributes[name] = observed.attributes.get(name, NO_KINDS) | kinds


def class_name_of(node: Object) -> str:
    """The policy's name for the class of an object, or of the function that created it if the class is unknown."""
    constructor = resolved(node.constructor)
    return class_of(node) or (constructor.dotted if isinstance(constructor, Global) else "?")


def union_by_position(first: list[Kinds], second: list[Kinds]) -> list[Kinds]:
    """The union of two lists of kinds, by position."""
    longest = max(len(first), len(second))
    padded = (kinds + [NO_KINDS] * (longest - len(kinds)) for kinds in (first, second))
    return [a | b for a, b in zip(*padded, strict=True)]


def kinds_of(node: Node, within: frozenset[int] = frozenset()) -> Kinds:
    """The kinds that allow exactly this value."""
    node = resolved(node)
    if isinstance(node, str):
        return words(literal(node))
    if node is None or isinstance(node, bool | int | float):
        return NO_KINDS
    if isinstance(node, Global):
        return words(f"@{node.dotted}")
    if isinstance(node, bytes | OmittedValue):
        return words(TEXT if isinstance(node, OmittedValue) and node.type_name == "str" else BYTES)
    if isinstance(node, Persistent):
        return words("storage")
    if id(node) in within:
        return NO_KINDS
    return _kinds_of_container(node, lambda inner: kinds_of(inner, within | {id(node)}))


def _kinds_of_container(node: Node, inner: Callable[[Node], Kinds]) -> Kinds:
    if isinstance(node, list | tuple | SetOf):
        return _kinds_of_items(node.items if isinstance(node, SetOf) else node, inner)
    if isinstance(node, dict):
        return Kinds(keys=_union_of_kinds(node, inner), values=_union_of_kinds(node.values(), inner))
    content = array_content(node) or scalar_content(node)
    if content is None:
        assert isinstance(node, Object)
        return words(class_name_of(node))
    if content.class_name == "numpy.generic" and content.kind != "O":
        text = get_scalar_text(content)
        return NO_KINDS if content.kind not in "SU" else words(LABELS if text is None else literal(text))
    cls = NO_KINDS if content.class_name in PLAIN_ARRAYS else words(content.class_name)
    if content.kind in "OT":
        return cls | _kinds_of_items(content.elements, inner)
    return cls | words(LABELS if content.kind in "SU" else NUMBERS)


def _kinds_of_items(values: Iterable[Node], inner: Callable[[Node], Kinds]) -> Kinds:
    kinds = _union_of_kinds(values, inner)
    return words(NUMBERS) if kinds == NO_KINDS else Kinds(items=kinds)


def _union_of_kinds(values: Iterable[Node], inner: Callable[[Node], Kinds]) -> Kinds:
    union = NO_KINDS
    for value in values:
        if type(value) in (bool, int, float, type(None)):
            continue
        kinds = inner(value)
        if not (kinds.words <= union.words and kinds.items is None and kinds.keys is None):
            union |= kinds
    return union


def as_json(observations: Observations) -> dict[str, Any]:
    """The observations as JSON, which `merge` reads."""

    def positions(arguments: list[Kinds] | None) -> Any:
        return None if arguments is None else [kinds.as_json() for kinds in arguments]

    def optional(kinds: Kinds | None) -> Any:
        return None if kinds is None else kinds.as_json()

    classes = {
        name: {
            "attributes": {attribute: kinds.as_json() for attribute, kinds in observed.attributes.items()},
            "new": positions(observed.new),
            "state": positions(observed.state),
            "keywords": optional(observed.keywords),
            "items": optional(observed.items),
            "entries": optional(observed.entries),
        }
        for name, observed in observations.classes.items()
    }
    calls = {name: positions(kinds) for name, kinds in observations.calls.items()}
    return {"names": sorted(map(list, observations.names)), "classes": classes, "calls": calls}


def merge(parts: Iterable[Mapping[str, Any]]) -> Observations:
    """Merge the observations of several runs."""
    merged = Observations()
    for part in parts:
        merged.names |= {(module, name) for module, name in part["names"]}
        for name, entry in part["classes"].items():
            observed = merged.classes[name]
            for attribute, kinds in entry["attributes"].items():
                observed.attributes[attribute] = observed.attributes.get(attribute, NO_KINDS) | Kinds.parse(kinds)
            if entry["new"] is not None:
                observed.new = union_by_position(observed.new or [], [Kinds.parse(kinds) for kinds in entry["new"]])
            observed.state = union_by_position(observed.state, [Kinds.parse(kinds) for kinds in entry["state"] or ()])
            for key in ("keywords", "items", "entries"):
                if entry[key] is not None:
                    setattr(observed, key, (getattr(observed, key) or NO_KINDS) | Kinds.parse(entry[key]))
        for name, arguments in part["calls"].items():
            parsed = [Kinds.parse(kinds) for kinds in arguments]
            merged.calls[name] = union_by_position(merged.calls.get(name, []), parsed)
    return merged
