"""Which names may be imported by a model: an allow-list of exact pairs, and names that are known to run code.

The allow-list is ``allowed_names.json``, which ``scripts/write_allow_list.py`` makes from the installed libraries. It
has no prefixes and no patterns: ``sklearn.datasets._base`` and ``os.getpid`` lead to ``os.getpid``, too. It also says
which of them a pickle may call while it is loaded. What is on neither list is unknown; ``dangerous_names.json`` only
decides how that is called, and never what is loaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from modelreg.records.scan import Verdict

_FOLDER = Path(__file__).parent

Pairs = frozenset[tuple[str, str]]
"""Module and qualified name."""


def verdict_of(module: str, name: str) -> Verdict:
    """What importing ``name`` from ``module`` means, as far as the names tell."""
    if (module, name) in allowed():
        return Verdict.SAFE
    return Verdict.DANGEROUS if is_dangerous(module, name) else Verdict.UNKNOWN


def is_dangerous(module: str, name: str) -> bool:
    """Whether importing the name is known to lead to code that runs."""
    return _dangerous().includes(module, name)


def is_trustable(module: str, name: str) -> bool:
    """Whether the name stands for itself: not for what runs or makes whatever code a file brings along."""
    return not is_dangerous(module, name) and (module, name) not in _dangerous().code_makers


@cache
def allowed() -> Pairs:
    """The allow-list."""
    return _pairs(_read("allowed_names.json")["names"])


@cache
def only_mentioned() -> Pairs:
    """What of the allow-list no genuine pickle calls: functions for later, and classes that it fills an instance of.

    Most of these call methods of what they are given, which a pickle can have made to be something else.
    """
    return allowed() - _pairs(_read("allowed_names.json")["called"])


@dataclass(frozen=True, slots=True)
class _DangerousNames:
    modules: frozenset[str]
    """Everything in them, and below them."""
    packages: tuple[str, ...]
    """Everything below them."""
    builtins: frozenset[str]
    parts: frozenset[str]
    """Parts of a name that lead to such a module or function, from whatever module they are reached."""
    names: Pairs
    harmless: Pairs
    """What of all these runs nothing by itself."""
    code_makers: Pairs
    """What makes functions and classes of a file's own: genuine models have them, and hostile ones."""

    def includes(self, module: str, name: str) -> bool:
        """What `is_dangerous` answers."""
        if (module, name) in self.harmless | self.code_makers:
            return False
        parts = name.split(".")
        return (
            (module, name) in self.names
            or module.partition(".")[0] in self.modules
            or f"{module}.".startswith(self.packages)
            or (module == "builtins" and parts[0] in self.builtins)
            or any(part in self.parts or _is_special(part) for part in parts)
        )


@cache
def _dangerous() -> _DangerousNames:
    found = _read("dangerous_names.json")
    return _DangerousNames(
        modules=frozenset(found["modules"]),
        packages=tuple(f"{package}." for package in found["packages"]),
        builtins=frozenset(found["builtins"]),
        parts=frozenset(found["parts"]),
        names=_pairs(found["names"]),
        harmless=_pairs(found["harmless"]),
        code_makers=_pairs(found["code_makers"]),
    )


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((_FOLDER / name).read_bytes())
    return content


def _pairs(names: Mapping[str, Sequence[str]]) -> Pairs:
    return frozenset((module, name) for module, ours in names.items() for name in ours)


def _is_special(part: str) -> bool:
    """``__globals__`` and the like, by which one gets from anything to anything; ``__new__`` only makes an object."""
    return part != "__new__" and len(part) > 4 and part.startswith("__") and part.endswith("__")
