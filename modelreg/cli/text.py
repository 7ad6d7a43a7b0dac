"""User text on its way to a screen or a line: control characters are shown, never obeyed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelreg.domain.signatures import SignatureField

# C0 and C1 controls, and what turns the direction of text around (Unicode's Bidi_Control)
_CONTROL = "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
_NAMED = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def visible(text: str) -> str:
    """``text`` on one line, with control characters as ``\\x1b`` or ``\\u202e``."""
    return re.sub(_CONTROL, _escape, text)


def field(value: object) -> str:
    """A value as a field of a tab-separated line: empty for None, with backslashes doubled."""
    return "" if value is None else visible(str(value).replace("\\", "\\\\"))


def pairs(values: Mapping[str, object]) -> str:
    """``auc=0.93 f1=0.88``."""
    return " ".join(f"{name}={value}" for name, value in values.items())


def value(value: object, exact: bool = False, none: str = "missing") -> str:
    """A value of any kind for people: numbers with six digits unless ``exact``."""
    if value is None:
        return none
    if isinstance(value, float) and not exact:
        return f"{value:.6g}"
    return pairs(value) if isinstance(value, Mapping) else str(value)


def delta(change: float | None) -> str:
    """``+0.0125``."""
    return "" if change is None else f"{change:+.6g}"


def size(count: int) -> str:
    """A number of bytes for people: ``1.4 MB``, in powers of 1,000 as disks are sold and ``ls --si`` counts."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 999.5:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def signature_field(described: SignatureField) -> str:
    """``age int64``, ``income float64, may be missing``, ``float64 (any, 4)``."""
    lengths = ["any" if length is None else str(length) for length in described.shape]
    name = "" if described.name is None else str(described.name)
    parts = [name, described.dtype, lengths and f"({', '.join(lengths)})"]
    return " ".join(part for part in parts if part) + (", may be missing" if described.nullable else "")


def ago(moment: datetime) -> str:
    """How long ago that was, for people."""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    for length, unit in ((86400 * 365, "year"), (86400 * 30, "month"), (86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    code = ord(character)
    return _NAMED.get(character) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
