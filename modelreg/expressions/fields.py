"""The fields of a version that an expression may name, and what each holds."""

from __future__ import annotations

import math
import re
from enum import Enum


class Kind(Enum):
    """What a field holds, which decides what it may be compared with."""

    NUMBER = "a number"
    TEXT = "a text"
    MOMENT = "a time"
    STAGE = "a stage"
    VERDICT = "a verdict"
    ALIAS = "an alias"
    """Any number of them: ``alias = 'champion'`` is true when one of them is it."""
    LOOSE = "a text or a number"
    """A text that may be compared as a number too: parameters and tags."""
    RELEASE = "a release of a library"
    """``library.numpy < '2'``: compared number by number, and not as a text."""


PLAIN = {
    "name": Kind.TEXT,
    "version": Kind.NUMBER,
    "stage": Kind.STAGE,
    "status": Kind.TEXT,
    "alias": Kind.ALIAS,
    "digest": Kind.TEXT,
    "size": Kind.NUMBER,
    "flavor": Kind.TEXT,
    "format": Kind.TEXT,
    "model_class": Kind.TEXT,
    "signature": Kind.TEXT,
    "scan": Kind.VERDICT,
    "description": Kind.TEXT,
    "source": Kind.TEXT,
    "run_id": Kind.TEXT,
    "git_commit": Kind.TEXT,
    "git_branch": Kind.TEXT,
    "approvals": Kind.NUMBER,
    "created_by": Kind.TEXT,
    "created_at": Kind.MOMENT,
    "updated_at": Kind.MOMENT,
}
"""Fields that stand by themselves."""

KEYED = {"metrics": Kind.NUMBER, "params": Kind.LOOSE, "tags": Kind.LOOSE, "eval": Kind.NUMBER, "library": Kind.RELEASE}
"""Fields that are followed by a key, ``eval`` by a data set and a metric."""

OF_MODEL = {
    "name": Kind.TEXT,
    "versions": Kind.NUMBER,
    "latest": Kind.NUMBER,
    "production": Kind.NUMBER,
    "archived": Kind.NUMBER,
    "description": Kind.TEXT,
    "created_by": Kind.TEXT,
    "created_at": Kind.MOMENT,
    "updated_at": Kind.MOMENT,
}
"""Fields of a model, by which models are sorted."""

OF_RUN = {
    "run_id": Kind.TEXT,
    "name": Kind.TEXT,
    "status": Kind.TEXT,
    "created_by": Kind.TEXT,
    "started_at": Kind.MOMENT,
    "ended_at": Kind.MOMENT,
}
"""Fields of a run that stand by themselves."""

KEYED_OF_RUN = {name: kind for name, kind in KEYED.items() if name not in ("eval", "library")}
"""Fields of a run that are followed by a key."""


_RELEASE = re.compile(r"v?(\d+(?:\.\d+)*)(.*)", re.ASCII | re.DOTALL)
_AFTER_THE_RELEASE = re.compile(r"[.-]?(?:post|r\d|rev)|\+")


def release_key(text: str | None) -> str | None:
    """A text that sorts as the release ``text`` does: 1.10 behind 1.9, 1.5rc1 before 1.5, and 1.5.0 is 1.5.

    The numbers as Python's packages have them (https://packaging.python.org/specifications/version-specifiers/); None
    for what does not begin with one.
    """
    found = _RELEASE.fullmatch(text.strip().lower()) if text else None
    if found is None:
        return None
    numbers, rest = found.groups()
    parts = [part.lstrip("0") for part in numbers.split(".")]
    while parts and not parts[-1]:
        parts.pop()
    written = "".join(f".{len(part):02}{part}" for part in parts)
    mark = "#" if not rest else "+" if _AFTER_THE_RELEASE.match(rest) else "!"  # each sorts before the dot of a number
    return f"{written}{mark}{rest}"


def number_in(text: str | None) -> float | None:
    """The finite number that ``text`` is, or None."""
    if text is None or "_" in text:  # which Python would take for a separator of digits
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
