"""The policy: the allow-list of names, and the kinds of values that each attribute of each class may hold.

``scripts/policy`` generates ``policy.json`` from genuine models of the supported releases. Names are exact, without
prefixes or patterns, because a prefix would allow re-exports: ``os.getpid`` is also in ``sklearn.datasets._base``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, reduce
from operator import or_
from pathlib import Path
from typing import Any, Generic, TypeVar

from modelreg.analysis.denied_names import is_dangerous
from modelreg.analysis.kinds import BYTES, FUNCTION, LABELS, NUMBERS, OBJECT, OBJECTS, TEXT, TYPE, Kinds
from modelreg.analysis.pickle.object_graph import Global
from modelreg.domain.scans import Verdict
from modelreg.errors import InvalidInput, shown

_FILE = Path(__file__).parent / "policy.json"
_RESTRICTED_ATTRIBUTES = frozenset(
    {
        *("input", "memory", "stack_method", "stack_method_", "response_method", "_response_method"),
        *("_parse_arg_template", "snapshot_file", "train_dir", "importance_getter", "verbose_feature_names_out"),
    }
)
"""Attributes that name a method or file, or are executed. They are restricted in users' subclasses, too."""
_MAX_NOTE_LENGTH = 100  # characters

ESTIMATOR, STORAGE = "estimator", "storage"
"""Categories of classes: models and their fitted parts; storages of PyTorch."""

_OF_ARRAYS = (
    *("numpy.dtype", "numpy._core._internal._convert_to_stringdtype_kwargs", "builtins.bytes", "builtins.bytearray"),
    *("@numpy.ndarray", "@numpy.memmap", "@numpy.matrix", "@numpy.record", "@numpy.rec.recarray", "@numpy.recarray"),
    *("@numpy.ma.MaskedArray", "@numpy.ma.core.MaskedArray", "@numpy.ma.core.MaskedConstant", "@pandas.NA"),
)

Part = TypeVar("Part")
Pairs = frozenset[tuple[str, str]]
"""Pairs of module and qualified name."""


@dataclass(slots=True)
class ClassPolicy:
    """The kinds of values that objects of one class may hold."""

    _source: Mapping[str, Any]
    category: str = ""
    """The category of classes with the same use, such as ``estimator``."""
    attributes: Mapping[str, Kinds] = field(init=False)
    new: Sequence[Kinds] | None = field(init=False)
    """Arguments of ``__new__``, by position; None if no genuine model creates objects of the class in this way."""
    keywords: Kinds | None = field(init=False)
    items: Kinds | None = field(init=False)
    entries: Kinds | None = field(init=False)
    state: Sequence[Kinds] = field(init=False)
    """The parts of a state that is not a dictionary of attributes."""
    members: frozenset[str] | None = field(init=False)
    """Names that the class defines or uses. Any other attribute is a note that a user set on the object. None if
    objects of the class may have no notes."""
    has_slots: bool = field(init=False)
    """Whether the state may be a pair of dictionaries, the second one for slots. A class with its own
    ``__setstate__`` would read such a pair differently."""

    def __post_init__(self) -> None:
        source = self._source
        self.category = source.get("category", "")
        self.attributes = {name: Kinds.parse(kinds) for name, kinds in source.get("attributes", {}).items()}
        self.members = frozenset(source["members"]) if "members" in source else None
        self.has_slots = source.get("slots", False)
        self.new = _parse_positions(source["new"]) if "new" in source else None
        self.state = _parse_positions(source.get("state", ()))
        self.keywords, self.items, self.entries = (
            Kinds.parse(source[part]) if part in source else None for part in ("keywords", "items", "entries")
        )


class _LazyMapping(Generic[Part]):
    """A section of the policy whose entries are parsed on first use: a model uses few of the classes."""

    def __init__(self, source: Mapping[str, Any], parse: Callable[[Any], Part]) -> None:
        self.source = source
        self._parse = parse
        self._parsed: dict[str, Part] = {}

    def get(self, name: str) -> Part | None:
        if name not in self._parsed and name in self.source:
            self._parsed[name] = self._parse(self.source[name])
        return self._parsed.get(name)


class Policy:
    """The content of ``policy.json``."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        self.classes = _LazyMapping(source["classes"], ClassPolicy)
        self.calls = _LazyMapping(source["calls"], _parse_positions)
        """Function or class that a file may call -> the kinds of its arguments, by position."""
        self.functions = frozenset(_join_dotted_names(source["functions"]))
        """Functions that a model may hold as a value."""
        self.types = frozenset(_join_dotted_names(source["types"]))
        """Classes that a model may hold as a value."""
        self.conversions = frozenset(_join_dotted_names(source["conversions"]))
        """The subset of `types` that a model may call."""
        self.names: Pairs = frozenset((module, name) for module, names in source["names"].items() for name in names)
        self.root = _any_data(OBJECT, FUNCTION, TYPE)
        """Kinds allowed as the top object of a file."""
        self.simple = _any_data(FUNCTION, TYPE, OBJECTS, *source["simple"])
        """Kinds allowed in the attributes of a trusted class."""
        self.notes = _any_data(OBJECTS, *source["notes"])
        """Kinds allowed in notes: attributes that a user set on an object and that its class does not use."""
        self._no_notes = frozenset(source["no_notes"])
        self._restricted: dict[str, Kinds] = {}
        self.array_parts = _nested(NUMBERS, LABELS, TEXT, BYTES, *_OF_ARRAYS)
        """Kinds allowed in the dtype, shape and bytes of an array."""
        self.storage_id = Kinds(frozenset({TEXT, STORAGE, TYPE}), Kinds(frozenset({TEXT, TYPE})))

    def has(self, node: Global) -> bool:
        """Whether the name is in the policy."""
        return (node.module, node.name) in self.names

    def kinds_of_extra(self, owner: ClassPolicy, name: str) -> Kinds | None:
        """Kinds allowed in the note ``name`` on an object of a class; None if this note is not allowed."""
        is_name = name.isidentifier() and not name.startswith("_") and len(name) <= _MAX_NOTE_LENGTH
        if owner.members is None or not is_name or name in owner.members or name in self._no_notes:
            return None
        return self.notes

    def kinds_in_trusted_class(self, name: str) -> Kinds:
        """Kinds allowed in an attribute of a trusted class.

        One of `_RESTRICTED_ATTRIBUTES` may hold what it may hold in the classes of libraries.
        """
        if name not in _RESTRICTED_ATTRIBUTES:
            return self.simple
        if name not in self._restricted:
            entries = (entry.get("attributes", {}).get(name) for entry in self.classes.source.values())
            alternatives = (Kinds.parse(kinds) for kinds in entries if kinds is not None)
            self._restricted[name] = reduce(or_, alternatives, Kinds(frozenset()))
        return self._restricted[name]

    @staticmethod
    def admits_trusted_classes(kinds: Kinds) -> bool:
        """Whether a place may hold an object of a trusted class: where estimators or functions may stand."""
        return not kinds.words.isdisjoint((ESTIMATOR, OBJECT, FUNCTION))


@cache
def policy() -> Policy:
    """The policy, parsed once per process."""
    return Policy(json.loads(_FILE.read_bytes()))


def allowed_names() -> Pairs:
    """The allow-list: names that any model may import."""
    return policy().names


def verdict_of(module: str, name: str) -> Verdict:
    """The verdict on importing ``name`` from ``module``."""
    if (module, name) in allowed_names():
        return Verdict.SAFE
    return Verdict.DANGEROUS if is_dangerous(module, name) else Verdict.UNKNOWN


def attribute_for_functions(text: str) -> str:
    """Resolve an attribute that may hold a function, such as ``sklearn.preprocessing.FunctionTransformer.func``.

    Returns the attribute with the module that defines its class; ``text`` may use a package that re-exports the class.
    Raises `InvalidInput`.
    """
    class_name, _, attribute = text.rpartition(".")
    package, _, name = class_name.rpartition(".")
    classes = policy().classes
    reexported = (key for key in classes.source if key.startswith(f"{package}.") and key.endswith(f".{name}"))
    for key in (class_name, *reexported) if package else ():
        rules = classes.get(key)
        if rules is not None and attribute in rules.attributes:
            if FUNCTION in rules.attributes[attribute].words:
                return f"{key}.{attribute}"
            raise InvalidInput(
                f"{shown(text)} does not hold functions", "trust the name itself: modelreg trust add NAME"
            )
    raise InvalidInput(
        f"{shown(text)} is not an attribute of a class on the allow-list",
        "write sklearn.preprocessing.FunctionTransformer.func=mypackage.features.clean",
    )


def _join_dotted_names(source: Mapping[str, Sequence[str]]) -> Iterator[str]:
    return (f"{module}.{name}" for module, names in source.items() for name in names)


def _parse_positions(source: Sequence[Any]) -> Sequence[Kinds]:
    return tuple(map(Kinds.parse, source))


def _any_data(*words: str) -> Kinds:
    """Data of any kind and the kinds ``words``, in containers of any depth."""
    return _nested(NUMBERS, LABELS, TEXT, BYTES, *words)


def _nested(*words: str) -> Kinds:
    """The kinds ``words``, in containers of any depth."""
    kinds = Kinds(frozenset(words))
    for part in ("items", "keys", "values"):
        object.__setattr__(kinds, part, kinds)
    return kinds
