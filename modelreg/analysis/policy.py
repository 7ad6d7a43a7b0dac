"""The policy: which names a model may import, and which kinds of values each attribute of each class may hold.

It is ``policy.json``, which ``scripts/policy`` makes from genuine models of the supported releases. It has exact names
without prefixes or patterns: ``sklearn.datasets._base`` and ``os.getpid`` lead to ``os.getpid``, too.
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
_DECIDING = frozenset(
    {
        *("input", "memory", "stack_method", "stack_method_", "response_method", "_response_method"),
        *("_parse_arg_template", "snapshot_file", "train_dir", "importance_getter", "verbose_feature_names_out"),
    }
)
"""Attributes of libraries' classes that name a method or a file, or are executed, also in a class derived from one."""
_LONGEST_NOTE = 100  # characters of the name of an attribute that a user gives to an estimator

ESTIMATOR, STORAGE = "estimator", "storage"
"""Categories: models and their fitted parts; PyTorch's storages."""

_OF_ARRAYS = (
    *("numpy.dtype", "numpy._core._internal._convert_to_stringdtype_kwargs", "builtins.bytes", "builtins.bytearray"),
    *("@numpy.ndarray", "@numpy.memmap", "@numpy.matrix", "@numpy.record", "@numpy.rec.recarray", "@numpy.recarray"),
    *("@numpy.ma.MaskedArray", "@numpy.ma.core.MaskedArray", "@numpy.ma.core.MaskedConstant", "@pandas.NA"),
)

Part = TypeVar("Part")
Pairs = frozenset[tuple[str, str]]
"""Module and qualified name."""


@dataclass(slots=True)
class ClassPolicy:
    """What objects of one class may hold."""

    _written: Mapping[str, Any]
    category: str = ""
    """Further classes of the same use, as ``estimator``."""
    attributes: Mapping[str, Kinds] = field(init=False)
    new: Sequence[Kinds] | None = field(init=False)
    """Arguments where the file names the class of an object; None where no model does."""
    keywords: Kinds | None = field(init=False)
    items: Kinds | None = field(init=False)
    entries: Kinds | None = field(init=False)
    state: Sequence[Kinds] = field(init=False)
    """The parts of a state that is no dictionary of attributes."""
    members: frozenset[str] | None = field(init=False)
    """What objects have from their class, or use themselves: any other name is a note that a user has left on the
    object. None where no object has notes."""
    has_slots: bool = field(init=False)
    """Whether a state may be a pair of the attributes and those in slots: whoever reads its state otherwise would take
    such a pair for something else."""

    def __post_init__(self) -> None:
        written = self._written
        self.category = written.get("category", "")
        self.attributes = {name: Kinds.parse(kinds) for name, kinds in written.get("attributes", {}).items()}
        self.members = frozenset(written["members"]) if "members" in written else None
        self.has_slots = written.get("slots", False)
        self.new = _positions(written["new"]) if "new" in written else None
        self.state = _positions(written.get("state", ()))
        self.keywords, self.items, self.entries = (
            Kinds.parse(written[part]) if part in written else None for part in ("keywords", "items", "entries")
        )


class _Parsed(Generic[Part]):
    """A part of the policy by name, parsed when it is asked for first: a model has few of the classes."""

    def __init__(self, written: Mapping[str, Any], parse: Callable[[Any], Part]) -> None:
        self.written = written
        self._parse = parse
        self._parsed: dict[str, Part] = {}

    def get(self, name: str) -> Part | None:
        if name not in self._parsed and name in self.written:
            self._parsed[name] = self._parse(self.written[name])
        return self._parsed.get(name)


class Policy:
    """What ``policy.json`` says."""

    def __init__(self, written: Mapping[str, Any]) -> None:
        self.classes = _Parsed(written["classes"], ClassPolicy)
        self.calls = _Parsed(written["calls"], _positions)
        """Functions and classes that a file may call -> the kinds of their arguments, by position."""
        self.functions = frozenset(_dotted(written["functions"]))
        """Functions that a model may hold as a value."""
        self.types = frozenset(_dotted(written["types"]))
        """Classes that a model may hold as a value."""
        self.conversions = frozenset(_dotted(written["conversions"]))
        """Those of the types that may be called."""
        self.names = _pairs(written["names"])
        self.root = _open(OBJECT, FUNCTION, TYPE)
        """What a file may hold as a whole."""
        self.simple = _open(FUNCTION, TYPE, OBJECTS, *written["simple"])
        """What the attributes of a trusted class may hold."""
        self.notes = _open(OBJECTS, *written["notes"])
        """What attributes may hold that a user has set on an object, and of which its class knows nothing."""
        self._no_notes = frozenset(written["no_notes"])
        self._deciding: dict[str, Kinds] = {}
        self.array_parts = _nested(NUMBERS, LABELS, TEXT, BYTES, *_OF_ARRAYS)
        """What the type, shape and bytes of an array are made of."""
        self.storage_id = Kinds(frozenset({TEXT, STORAGE, TYPE}), Kinds(frozenset({TEXT, TYPE})))

    def has(self, node: Global) -> bool:
        """Whether the name is in the policy."""
        return (node.module, node.name) in self.names

    def noted(self, owner: ClassPolicy, name: str) -> Kinds | None:
        """What an attribute of this name may hold where the class does not know it; None where there may be none."""
        is_name = name.isidentifier() and not name.startswith("_") and len(name) <= _LONGEST_NOTE
        if owner.members is None or not is_name or name in owner.members or name in self._no_notes:
            return None
        return self.notes

    def of_own(self, name: str) -> Kinds:
        """What an attribute of a trusted class may hold; for `_DECIDING`, what it may hold in libraries' classes."""
        if name not in _DECIDING:
            return self.simple
        if name not in self._deciding:
            written = (each.get("attributes", {}).get(name) for each in self.classes.written.values())
            found = (Kinds.parse(kinds) for kinds in written if kinds is not None)
            self._deciding[name] = reduce(or_, found, Kinds(frozenset()))
        return self._deciding[name]

    @staticmethod
    def admits_own_classes(kinds: Kinds) -> bool:
        """Whether an object of a user's class may stand at a place: where estimators and functions may."""
        return not kinds.words.isdisjoint((ESTIMATOR, OBJECT, FUNCTION))


@cache
def policy() -> Policy:
    """The policy of this program."""
    return Policy(json.loads(_FILE.read_bytes()))


def allowed() -> Pairs:
    """The names that models may import."""
    return policy().names


def verdict_of(module: str, name: str) -> Verdict:
    """The verdict on importing ``name`` from ``module``."""
    if (module, name) in allowed():
        return Verdict.SAFE
    return Verdict.DANGEROUS if is_dangerous(module, name) else Verdict.UNKNOWN


def attribute_for_functions(text: str) -> str:
    """The whole name of an attribute that may hold a function, from ``sklearn.preprocessing.FunctionTransformer.func``.

    A class may be named by a package that offers it. Raises `InvalidInput`.
    """
    named, _, attribute = text.rpartition(".")
    package, _, name = named.rpartition(".")
    known = policy().classes
    for key in (
        named,
        *(each for each in known.written if each.startswith(f"{package}.") and each.endswith(f".{name}")),
    ):
        found = known.get(key) if package else None
        if found is not None and attribute in found.attributes:
            if FUNCTION in found.attributes[attribute].words:
                return f"{key}.{attribute}"
            raise InvalidInput(
                f"{shown(text)} does not hold functions", "trust the name itself: modelreg trust add NAME"
            )
    raise InvalidInput(
        f"{shown(text)} is not an attribute of a class that models may have",
        "write sklearn.preprocessing.FunctionTransformer.func=mypackage.features.clean",
    )


def _pairs(written: Mapping[str, Sequence[str]]) -> Pairs:
    return frozenset((module, name) for module, names in written.items() for name in names)


def _dotted(written: Mapping[str, Sequence[str]]) -> Iterator[str]:
    return (f"{module}.{name}" for module, names in written.items() for name in names)


def _positions(written: Sequence[Any]) -> Sequence[Kinds]:
    return tuple(map(Kinds.parse, written))


def _open(*words: str) -> Kinds:
    """Data of any kind, and these categories, in containers of any depth."""
    return _nested(NUMBERS, LABELS, TEXT, BYTES, *words)


def _nested(*words: str) -> Kinds:
    """These kinds, in containers of any depth."""
    found = Kinds(frozenset(words))
    for part in ("items", "keys", "values"):
        object.__setattr__(found, part, found)
    return found
