"""The fields that an expression may name, and the kinds of their values."""

from __future__ import annotations

import math
import re
from enum import Enum


class FieldKind(Enum):
    """The kind of a field's values, which decides what it may be compared with. The value is its name in messages."""

    NUMBER = "a number"
    TEXT = "a text"
    TIME = "a time"
    STAGE = "a stage"
    VERDICT = "a verdict"
    ALIAS = "an alias"
    """Any number of aliases: ``alias = 'champion'`` is true if one of them is equal."""
    TEXT_OR_NUMBER = "a text or a number"
    """A text that can also be compared as a number: parameters and tags."""
    RELEASE = "a release of a library"
    """``library.numpy < '2'``: compared as version numbers, not as texts."""


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
    "created_at": FieldKind.TIME,
    "updated_at": FieldKind.TIME,
}
"""Fields of a version without a key."""

KEYED = {
    "metrics": FieldKind.NUMBER,
    "params": FieldKind.TEXT_OR_NUMBER,
    "tags": FieldKind.TEXT_OR_NUMBER,
    "eval": FieldKind.NUMBER,
    "library": FieldKind.RELEASE,
}
"""Fields of a version with a key; ``eval`` has a data set and a metric."""

OF_MODEL = {
    "name": FieldKind.TEXT,
    "versions": FieldKind.NUMBER,
    "latest": FieldKind.NUMBER,
    "production": FieldKind.NUMBER,
    "archived": FieldKind.NUMBER,
    "description": FieldKind.TEXT,
    "created_by": FieldKind.TEXT,
    "created_at": FieldKind.TIME,
    "updated_at": FieldKind.TIME,
}
"""Fields of a model, for sorting models."""

OF_RUN = {
    "run_id": FieldKind.TEXT,
    "name": FieldKind.TEXT,
    "status": FieldKind.TEXT,
    "created_by": FieldKind.TEXT,
    "started_at": FieldKind.TIME,
    "ended_at": FieldKind.TIME,
}
"""Fields of a run without a key."""

KEYED_OF_RUN = {name: kind for name, kind in KEYED.items() if name not in ("eval", "library")}
"""Fields of a run with a key."""


_RELEASE = re.compile(r"v?(\d+(?:\.\d+)*)(.*)", re.ASCII | re.DOTALL)
_POST_RELEASE = re.compile(r"[.-]?(?:post|r\d|rev)|\+")


def release_key(text: str | None) -> str | None:
    """A text that sorts like the release ``text``: 1.10 after 1.9, 1.5rc1 before 1.5, and 1.5.0 equals 1.5.

    Follows https://packaging.python.org/specifications/version-specifiers/. None if the text does not start with a
    number.
    """
    match = _RELEASE.fullmatch(text.strip().lower()) if text else None
    if match is None:
        return None
    numbers, rest = match.groups()
    parts = [part.lstrip("0") for part in numbers.split(".")]
    while parts and not parts[-1]:
        parts.pop()
    padded = "".join(f".{len(part):02}{part}" for part in parts)  # the length first, so that longer numbers sort last
    marker = "#" if not rest else "+" if _POST_RELEASE.match(rest) else "!"  # all sort before the dot of a number
    return f"{padded}{marker}{rest}"


def parse_number(text: str | None) -> float | None:
    """Parse a finite number; None for any other text."""
    if text is None or "_" in text:  # Python accepts 1_000
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
