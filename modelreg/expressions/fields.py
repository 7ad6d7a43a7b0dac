"""The fields of a version that an expression may name, and what each holds."""

from __future__ import annotations

import math
import re
from enum import Enum


class FieldKind(Enum):
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
    "name": FieldKind.TEXT,
    "version": FieldKind.NUMBER,
    "stage": FieldKind.STAGE,
    "status": FieldKind.TEXT,
    "alias": FieldKind.ALIAS,
    "digest": FieldKind.TEXT,
    "size": FieldKind.NUMBER,
    "flavor": FieldKind.TEXT,
    "format": FieldKind.TEXT,
    "model_class": FieldKind.TEXT,
    "signature": FieldKind.TEXT,
    "scan": FieldKind.VERDICT,
    "description": FieldKind.TEXT,
    "source": FieldKind.TEXT,
    "run_id": FieldKind.TEXT,
    "git_commit": FieldKind.TEXT,
    "git_branch": FieldKind.TEXT,
    "approvals": FieldKind.NUMBER,
    "created_by": FieldKind.TEXT,
    "created_at": FieldKind.MOMENT,
    "updated_at": FieldKind.MOMENT,
}
"""Fields that stand by themselves."""

KEYED = {
    "metrics": FieldKind.NUMBER,
    "params": FieldKind.LOOSE,
    "tags": FieldKind.LOOSE,
    "eval": FieldKind.NUMBER,
    "library": FieldKind.RELEASE,
}
"""Fields that are followed by a key, ``eval`` by a data set and a metric."""

OF_MODEL = {
    "name": FieldKind.TEXT,
    "versions": FieldKind.NUMBER,
    "latest": FieldKind.NUMBER,
    "production": FieldKind.NUMBER,
    "archived": FieldKind.NUMBER,
    "description": FieldKind.TEXT,
    "created_by": FieldKind.TEXT,
    "created_at": FieldKind.MOMENT,
    "updated_at": FieldKind.MOMENT,
}
"""Fields of a model, by which models are sorted."""

OF_RUN = {
    "run_id": FieldKind.TEXT,
    "name": FieldKind.TEXT,
    "status": FieldKind.TEXT,
    "created_by": FieldKind.TEXT,
    "started_at": FieldKind.MOMENT,
    "ended_at": FieldKind.MOMENT,
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
