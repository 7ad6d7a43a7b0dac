"""Reads JSON from strangers: whatever is wrong with it, the answer is None."""

from __future__ import annotations

from modelreg.analysis.containers.bounds import Bounds

MOST_JSON = 32 << 20
"""Bytes; skops writes 31 KB for each tree of a forest."""

_MOST_VALUES = 2_000_000  # such a schema has 200,000, and safetensors of 100,000 tensors a million


def is_modest(data: bytes | str, bounds: Bounds | None = None) -> bool:
    """Whether ``data`` may be parsed without a use of much memory; out of a container it takes of ``bounds``."""
    values = count_values(data) if len(data) <= MOST_JSON else _MOST_VALUES + 1
    return values <= _MOST_VALUES and (bounds is None or bounds.take(values=values))


def count_values(data: bytes | str) -> int:
    """No fewer than the values that ``data`` has: one that is not its container's first goes behind a comma."""
    text = data if isinstance(data, bytes) else data.encode("utf-8", "replace")
    return sum(text.count(mark) for mark in (b",", b"[", b"{"))


def parse_object(data: bytes | str | None, bounds: Bounds | None = None) -> dict[str, object] | None:
    """The object that ``data`` holds; None when it holds none, something else, or more than `is_modest`."""
    import json

    if data is None or not is_modest(data, bounds):
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
