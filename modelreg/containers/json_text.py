"""Reads JSON from strangers: whatever is wrong with it, the answer is None."""

from __future__ import annotations

MOST_JSON = 32 << 20
"""Bytes; skops writes 31 KB for each tree of a forest."""

_MOST_VALUES = 1_000_000  # a schema of that length has 200,000, and none takes less than some dozen bytes of memory


def is_modest(data: bytes) -> bool:
    """Whether ``data`` may be parsed: a value that is not its container's first goes behind a comma."""
    if len(data) > MOST_JSON:
        return False
    return sum(data.count(mark) for mark in (b",", b"[", b"{")) <= _MOST_VALUES


def parse_object(data: bytes | str | None) -> dict[str, object] | None:
    """The object that ``data`` holds; None when it holds none, or something else."""
    import json

    if data is None:
        return None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):  # a ValueError also for bytes that are no text, and for endless numbers
        return None
    return value if isinstance(value, dict) else None


def text_at(value: dict[str, object], key: str) -> str | None:
    """The text that stands under ``key``, if a text does."""
    found = value.get(key)
    return found if isinstance(found, str) else None


def objects_in(value: object) -> list[dict[str, object]]:
    """Every object in ``value``, itself among them, however deeply it is nested."""
    waiting, found = [value], []
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            found.append(each)
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
    return found
