"""The deny-list: names that users may not trust, and which of them are dangerous.

``denied_names.json`` holds groups of names. Each group has a reason and the published lists that it comes from:

- ``modules``: whole modules; ``names``: names in a module; ``parts``: parts of names in any module;
- ``methods_of``: modules whose classes' attributes are denied.

``modules_anywhere`` lists modules that many others import, so they are denied under any prefix. ``aliases`` are their
usual short names (``np``), and underscores around a name are ignored (``_os``). Of Python's standard library only the
data types in ``standard_library`` can be trusted.

The deny-list never allows a name: a name that is neither on the allow-list nor trusted is refused in any case.
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
_DEFAULT_HINT = "put the code into a class of your own in an importable module, and trust that class"
_MAIN = (
    "belongs to __main__, which is another module in every program",
    "move it to an importable module, and pickle the model again",
)
_NAMELESS = (
    "is a function without a name, which cannot be imported",
    "define a named function in an importable module, and pickle the model again",
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why users may not trust a name."""

    reason: str
    """A clause whose subject is the name: ``starts programs``."""
    instead: str
    """What to do instead, in the imperative."""


def is_dangerous(module: str, name: str) -> bool:
    """Whether the name is known to run code, access files, open connections or unpickle data."""
    group = _deny_list().group_of(module, name)
    return group is not None and group.is_dangerous


def is_trustable(module: str, name: str) -> bool:
    """Whether users may trust the name for every model."""
    return trust_refusal(module, name) is None


def trust_refusal(module: str, name: str) -> Refusal | None:
    """The reason why users may not trust the name; None if they may."""
    if module.partition(".")[0] == "__main__":
        return Refusal(*_MAIN)
    if "<" in name:
        return Refusal(*_NAMELESS)
    deny_list = _deny_list()
    group = deny_list.group_of(module, name)
    if group is not None:
        return group.refusal
    return deny_list.refusal_of_standard_library(module, name) or deny_list.refusal_of_standard_library(
        module, deny_list.resolve_aliases(name)
    )


@dataclass(frozen=True, slots=True)
class _Group:
    refusal: Refusal
    is_dangerous: bool


@dataclass(frozen=True, slots=True)
class _DenyList:
    """The data of ``denied_names.json``, indexed for look-ups."""

    modules: Mapping[str, _Group]
    """Module -> its group. Everything in the module and below it is denied."""
    names: Mapping[str, Mapping[str, _Group]]
    """Module -> qualified name -> its group. Everything in the name is denied, too."""
    parts: Mapping[str, _Group]
    """Part of a qualified name, in any module -> its group."""
    methods: Mapping[str, _Group]
    """Module -> the group of the attributes of its classes."""
    modules_anywhere: Mapping[str, _Group]
    """Module, as a part of any module or qualified name -> its group."""
    aliases: Mapping[str, str]
    """Usual short name of a module -> the module: ``np`` -> ``numpy``."""
    makers: _Group
    """The group of all other names in a copy of cloudpickle."""
    special: _Group
    data_names: frozenset[tuple[str, str]]
    data_modules: frozenset[str]
    standard_library: frozenset[str]
    library_refusal: Refusal

    def group_of(self, module: str, name: str) -> _Group | None:
        """The most specific group that denies the name; None if no group does."""
        resolved = self.resolve_aliases(name)
        return self._find_group(module, name) or (self._find_group(module, resolved) if resolved != name else None)

    def resolve_aliases(self, name: str) -> str:
        """Replace aliases of modules inside a name: ``numpy.load`` for ``np.load``."""
        *containers, last = name.split(".")
        modules = []
        for container in containers:
            bare = container.strip("_") or container
            modules.append(self.aliases.get(bare, bare if bare in self.standard_library else container))
        return ".".join([*modules, last])

    def _find_group(self, module: str, name: str) -> _Group | None:
        if (module, name) in self.data_names:
            return None
        return (
            self._names_of(module).get(name)
            or (self.methods.get(module) if "." in name else None)
            or self._group_of_name(module, name)
            or self._group_of_reexport(name)
            or self._group_of_module(module)
            or self._group_of_part(module, name)
            or self._group_of_nested_module(module, name)
            or (self.makers if "cloudpickle" in module else None)
        )

    def refusal_of_standard_library(self, module: str, name: str) -> Refusal | None:
        """The refusal of a name of Python's standard library that is not a data type; None for other names."""
        *containers, _ = name.split(".")
        if (module, name) in self.data_names or (module in self.data_modules and not containers):
            return None
        roots = {module.partition(".")[0], *containers}
        return self.library_refusal if roots & self.standard_library else None

    def _names_of(self, module: str) -> Mapping[str, _Group]:
        """The denied names of a module. Copies of cloudpickle have those of cloudpickle."""
        return self.names.get("cloudpickle" if "cloudpickle" in module else module, {})

    def _group_of_name(self, module: str, name: str) -> _Group | None:
        names = self._names_of(module)
        return next((names[prefix] for prefix in _prefixes(name) if prefix in names), None)

    def _group_of_module(self, module: str) -> _Group | None:
        return next((self.modules[prefix] for prefix in _prefixes(module) if prefix in self.modules), None)

    def _group_of_reexport(self, name: str) -> _Group | None:
        """The group of a module inside a qualified name: ``code.interact`` in any module that imports ``code``."""
        groups = (
            self._group_of_name(module, inner)
            or self._group_of_module(module)
            or (self.methods.get(module) if "." in inner else None)
            for module, inner in _splits(name)
        )
        return next((group for group in groups if group is not None), None)

    def _group_of_part(self, module: str, name: str) -> _Group | None:
        for part in name.split("."):
            if _is_special(part):
                return self.special
            if part in self.parts:
                return self.parts[part]
        below = module.split(".")[1:]
        return next((self.modules_anywhere[p] for p in (*below, *name.split(".")) if p in self.modules_anywhere), None)

    def _group_of_nested_module(self, module: str, name: str) -> _Group | None:
        """The group of a denied name at the end of a longer path: ``joblib.externals.operator.call``."""
        below = module.partition(".")[2]
        ends = (split for split in _splits(f"{below}.{name}") if split[1].endswith(name)) if below else ()
        return next((group for split in ends if (group := self._group_of_name(*split)) is not None), None)


@cache
def _deny_list() -> _DenyList:
    data: dict[str, Any] = json.loads(_FILE.read_bytes())
    groups = {
        group["id"]: _Group(Refusal(group["reason"], group.get("instead", _DEFAULT_HINT)), group["dangerous"])
        for group in data["groups"]
    }
    names: dict[str, dict[str, _Group]] = {}
    for group in data["groups"]:
        for module, listed in group["names"].items():
            for name in listed:
                names.setdefault(module, {}).setdefault(name, groups[group["id"]])
    library = data["standard_library"]
    return _DenyList(
        modules=_index_entries(data["groups"], groups, "modules"),
        names=names,
        parts=_index_entries(data["groups"], groups, "parts"),
        methods=_index_entries(data["groups"], groups, "methods_of"),
        modules_anywhere={module: groups[group] for module, group in data["modules_anywhere"].items()},
        aliases=data["aliases"],
        makers=groups["makers of code"],
        special=groups["special attributes"],
        data_names=frozenset((module, name) for module, listed in library["data_names"].items() for name in listed),
        data_modules=frozenset(library["data_modules"]),
        standard_library=frozenset(library["removed_modules"]) | sys.stdlib_module_names,
        library_refusal=Refusal(library["reason"], _DEFAULT_HINT),
    )


def _index_entries(data: list[dict[str, Any]], groups: Mapping[str, _Group], key: str) -> dict[str, _Group]:
    return {entry: groups[group["id"]] for group in data for entry in group[key]}


def _prefixes(dotted: str) -> Iterator[str]:
    """A dotted path and its parents, longest first."""
    while dotted:
        yield dotted
        dotted = dotted.rpartition(".")[0]


def _splits(dotted: str) -> Iterator[tuple[str, str]]:
    """Every (module, name) that a dotted path contains, longest modules first."""
    parts = dotted.split(".")
    for start in range(len(parts) - 1):
        for middle in range(len(parts) - 1, start, -1):
            yield ".".join(parts[start:middle]), ".".join(parts[middle:])


def _is_special(part: str) -> bool:
    """Whether a part is a special attribute such as ``__globals__``. ``__new__`` is not: it only creates an object."""
    return part != "__new__" and len(part) > 4 and part.startswith("__") and part.endswith("__")
