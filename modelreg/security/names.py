"""The allow-list: exact pairs of module and name that models may import.

``scripts/write_allow_list.py`` makes ``allowed_names.json`` from the installed libraries. It has no prefixes and no
patterns, since ``sklearn.datasets._base`` and ``os.getpid`` lead to ``os.getpid``, too. It also says which names a
pickle may call while it is loaded. ``denied_names.py`` says which other names are dangerous, and which ones users may
trust.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from modelreg.records.scan import Verdict
from modelreg.security.denied_names import Refusal, is_dangerous, is_trustable, trust_refusal

__all__ = [
    "Pairs",
    "Refusal",
    "allowed",
    "is_dangerous",
    "is_trustable",
    "only_mentioned",
    "trust_refusal",
    "verdict_of",
]

Pairs = frozenset[tuple[str, str]]
"""Module and qualified name."""


def verdict_of(module: str, name: str) -> Verdict:
    """The verdict on importing ``name`` from ``module``."""
    if (module, name) in allowed():
        return Verdict.SAFE
    return Verdict.DANGEROUS if is_dangerous(module, name) else Verdict.UNKNOWN


@cache
def allowed() -> Pairs:
    """The allow-list."""
    return _pairs(_data()["names"])


@cache
def only_mentioned() -> Pairs:
    """The names on the allow-list that no genuine pickle calls: functions for later, and classes of instances.

    Most of these call methods of their arguments, which a pickle could choose.
    """
    return allowed() - _pairs(_data()["called"])


def _data() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((Path(__file__).parent / "allowed_names.json").read_bytes())
    return content


def _pairs(names: Mapping[str, Sequence[str]]) -> Pairs:
    return frozenset((module, name) for module, listed in names.items() for name in listed)
