"""The deny-list: names that may never be trusted one by one, and which of them are dangerous.

``denied_names.json`` holds the names in groups, each with a reason and the published lists it was taken from. A group
has whole modules, names in modules, names under any module, and modules of whose classes no method is trusted.
``modules_anywhere`` are modules that many others import, so that they are found under any prefix; ``aliases`` are what
they are called there by custom (``np``), and an underscore around a name changes nothing (``_os``). Of Python's
standard library only the types of data that ``standard_library`` lists can be trusted.

The deny-list never admits a name and never decides what is loaded: what is not on the allow-list and not trusted is
refused in any case.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parent / "denied_names.json"
_INSTEAD = "put the code into a class of your own in an importable module, and trust that class"
_MAIN = (
    "belongs to __main__, which is another module in every program",
    "move it to an importable module, and pickle the model again",
)
_NAMELESS = (
    "is a function without a name, which nothing can import",
    "define a named function in an importable module, and pickle the model again",
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a name cannot be trusted."""

    reason: str
    """A clause whose subject is the name: ``starts programs``."""
    instead: str
    """What to do instead, as an imperative."""


def is_dangerous(module: str, name: str) -> bool:
    """Whether calling the name is known to run code, touch files, open connections or unpickle what it is given."""
    group = _deny_list().group_of(module, name)
    return group is not None and group.is_dangerous


def is_trustable(module: str, name: str) -> bool:
    """Whether users may trust the name for every model."""
    return trust_refusal(module, name) is None


def trust_refusal(module: str, name: str) -> Refusal | None:
    """Why users may not trust the name for every model; None where they may."""
    if module.partition(".")[0] == "__main__":
        return Refusal(*_MAIN)
    if "<" in name:
        return Refusal(*_NAMELESS)
    deny_list = _deny_list()
    group = deny_list.group_of(module, name)
    if group is not None:
        return group.refusal
    refusals = (deny_list.refusal_of_standard_library(module, each) for each in (name, deny_list.spelled_out(name)))
    return next((refusal for refusal in refusals if refusal is not None), None)


@dataclass(frozen=True, slots=True)
class _Group:
    refusal: Refusal
    is_dangerous: bool


@dataclass(frozen=True, slots=True)
class _DenyList:
    """The data of ``denied_names.json``, indexed for look-ups."""

    modules: Mapping[str, _Group]
    """Everything in these modules and below them."""
    names: Mapping[str, Mapping[str, _Group]]
    """Qualified names by module; what they contain is denied, too."""
    parts: Mapping[str, _Group]
    """Parts of qualified names, whatever the module."""
    methods: Mapping[str, _Group]
    """Modules whose classes' attributes are denied."""
    modules_anywhere: Mapping[str, _Group]
    """Modules that are found as a part of any module or qualified name."""
    aliases: Mapping[str, str]
    """What modules are called by custom where they are imported."""
    makers: _Group
    """For whatever else a copy of cloudpickle contains."""
    special: _Group
    data_names: frozenset[tuple[str, str]]
    data_modules: frozenset[str]
    standard_library: frozenset[str]
    library_refusal: Refusal

    def group_of(self, module: str, name: str) -> _Group | None:
        """The group that denies the name, the most specific first; None for a name that no group denies."""
        spelled_out = self.spelled_out(name)
        return self._group_of(module, name) or (self._group_of(module, spelled_out) if spelled_out != name else None)

    def spelled_out(self, name: str) -> str:
        """The name with the modules in it as they are called by themselves: ``numpy.load`` for ``np.load``."""
        *containers, last = name.split(".")
        bare = [each.strip("_") or each for each in containers]
        known = [
            self.aliases.get(short, short if short in self.standard_library else each)
            for each, short in zip(containers, bare, strict=True)
        ]
        return ".".join([*known, last])

    def _group_of(self, module: str, name: str) -> _Group | None:
        if (module, name) in self.data_names:
            return None
        return (
            self._names_of(module).get(name)
            or (self.methods.get(module) if "." in name else None)
            or self._named(module, name)
            or self._reexported(name)
            or self._in_module(module)
            or self._by_part(module, name)
            or self._under_prefix(module, name)
            or (self.makers if "cloudpickle" in module else None)
        )

    def refusal_of_standard_library(self, module: str, name: str) -> Refusal | None:
        """The refusal of a name of Python's standard library that is no type of data."""
        *containers, _ = name.split(".")
        if (module, name) in self.data_names or (module in self.data_modules and not containers):
            return None
        roots = {module.partition(".")[0], *containers}
        return self.library_refusal if roots & self.standard_library else None

    def _names_of(self, module: str) -> Mapping[str, _Group]:
        """The denied names of a module; copies of cloudpickle have those of cloudpickle."""
        return self.names.get("cloudpickle" if "cloudpickle" in module else module, {})

    def _named(self, module: str, name: str) -> _Group | None:
        names = self._names_of(module)
        return next((names[prefix] for prefix in _prefixes(name) if prefix in names), None)

    def _in_module(self, module: str) -> _Group | None:
        return next((self.modules[prefix] for prefix in _prefixes(module) if prefix in self.modules), None)

    def _reexported(self, name: str) -> _Group | None:
        """The group of a module inside of a qualified name: ``code.interact`` in any module that imports ``code``."""
        found = (
            self._named(module, inner)
            or self._in_module(module)
            or (self.methods.get(module) if "." in inner else None)
            for module, inner in _splits(name)
        )
        return next((group for group in found if group is not None), None)

    def _by_part(self, module: str, name: str) -> _Group | None:
        for part in name.split("."):
            if _is_special(part):
                return self.special
            if part in self.parts:
                return self.parts[part]
        below = module.split(".")[1:]
        return next((self.modules_anywhere[p] for p in (*below, *name.split(".")) if p in self.modules_anywhere), None)

    def _under_prefix(self, module: str, name: str) -> _Group | None:
        """The group of a listed name at the end of a longer path: ``joblib.externals.operator.call``."""
        below = module.partition(".")[2]
        ends = (split for split in _splits(f"{below}.{name}") if split[1].endswith(name)) if below else ()
        return next((group for split in ends if (group := self._named(*split)) is not None), None)


@cache
def _deny_list() -> _DenyList:
    data: dict[str, Any] = json.loads(_FILE.read_bytes())
    groups = {each["id"]: _group(each) for each in data["groups"]}
    names: dict[str, dict[str, _Group]] = {}
    for each in data["groups"]:
        for module, listed in each["names"].items():
            for name in listed:
                names.setdefault(module, {}).setdefault(name, groups[each["id"]])
    library = data["standard_library"]
    return _DenyList(
        modules=_index(data["groups"], groups, "modules"),
        names=names,
        parts=_index(data["groups"], groups, "parts"),
        methods=_index(data["groups"], groups, "methods_of"),
        modules_anywhere={module: groups[group] for module, group in data["modules_anywhere"].items()},
        aliases=data["aliases"],
        makers=groups["makers of code"],
        special=groups["special attributes"],
        data_names=frozenset((module, name) for module, listed in library["data_names"].items() for name in listed),
        data_modules=frozenset(library["data_modules"]),
        standard_library=frozenset(library["removed_modules"]) | sys.stdlib_module_names,
        library_refusal=Refusal(library["reason"], _INSTEAD),
    )


def _group(data: Mapping[str, Any]) -> _Group:
    return _Group(Refusal(data["reason"], data.get("instead", _INSTEAD)), data["dangerous"])


def _index(data: list[dict[str, Any]], groups: Mapping[str, _Group], key: str) -> dict[str, _Group]:
    return {entry: groups[each["id"]] for each in data for entry in each[key]}


def _prefixes(dotted: str) -> Iterator[str]:
    """The path itself and what it is in, the longest first."""
    while dotted:
        yield dotted
        dotted = dotted.rpartition(".")[0]


def _splits(dotted: str) -> Iterator[tuple[str, str]]:
    """Every module and name that a path contains, the longest modules first."""
    parts = dotted.split(".")
    for start in range(len(parts) - 1):
        for middle in range(len(parts) - 1, start, -1):
            yield ".".join(parts[start:middle]), ".".join(parts[middle:])


def _is_special(part: str) -> bool:
    """``__globals__`` and the like; ``__new__`` only makes an object."""
    return part != "__new__" and len(part) > 4 and part.startswith("__") and part.endswith("__")
