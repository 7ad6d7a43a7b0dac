"""Values as text for people and for tab-separated lines; control characters in them are escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelreg.domain.signatures import SignatureField

# C0 and C1 controls, line separators, and characters that change the direction of text (Bidi_Control)
_CONTROL = "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
_NAMED = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def escape(text: str) -> str:
    """``text`` on one line, with control characters written as ``\\x1b`` or ``\\u202e``."""
    return re.sub(_CONTROL, _escape_character, text)


def format_field(value: object) -> str:
    """A value in a tab-separated line: empty for None, with backslashes doubled."""
    return "" if value is None else escape(str(value).replace("\\", "\\\\"))


def format_pairs(values: Mapping[str, object]) -> str:
    """Names and values as ``auc=0.93 f1=0.88``."""
    return " ".join(f"{name}={value}" for name, value in values.items())


def format_value(value: object, exact: bool = False, none: str = "missing") -> str:
    """A value of any type: numbers with six digits unless ``exact``, and ``none`` for None."""
    if value is None:
        return none
    if isinstance(value, float) and not exact:
        return f"{value:.6g}"
    return format_pairs(value) if isinstance(value, Mapping) else str(value)


def format_delta(delta: float | None) -> str:
    """A difference with its sign, as ``+0.0125``; empty for None."""
    return "" if delta is None else f"{delta:+.6g}"


def format_size(count: int) -> str:
    """A number of bytes as ``1.4 MB``, in SI units (powers of 1,000)."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 999.5:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def format_signature_field(field: SignatureField) -> str:
    """A field as ``age int64``, ``income float64, may be missing`` or ``float64 (any, 4)``."""
    lengths = ["any" if length is None else str(length) for length in field.shape]
    name = "" if field.name is None else str(field.name)
    parts = [name, field.dtype, lengths and f"({', '.join(lengths)})"]
    return " ".join(part for part in parts if part) + (", may be missing" if field.nullable else "")


def format_age(moment: datetime) -> str:
    """The time since ``moment``, as ``3 hours ago``."""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    for length, unit in ((86400 * 365, "year"), (86400 * 30, "month"), (86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def _escape_character(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    return _NAMED.get(character) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
