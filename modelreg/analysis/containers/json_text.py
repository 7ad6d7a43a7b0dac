"""Parses untrusted JSON within limits. Functions return None for invalid JSON instead of raising."""

from __future__ import annotations

from modelreg.analysis.containers.bounds import Bounds

MAX_JSON_SIZE = 32 << 20
"""In bytes. skops writes 31 KB per tree of a forest."""

_MAX_VALUES = 2_000_000  # a large skops schema has 200,000, a safetensors header with 100,000 tensors a million


def is_within_limits(data: bytes | str, bounds: Bounds | None = None) -> bool:
    """Whether ``data`` is small enough to parse. Its values are subtracted from ``bounds``, if given."""
    values = count_values(data) if len(data) <= MAX_JSON_SIZE else _MAX_VALUES + 1
    return values <= _MAX_VALUES and (bounds is None or bounds.take(values=values))


def count_values(data: bytes | str) -> int:
    """An upper bound on the number of values in JSON ``data``: all but the first of a container follow a comma."""
    text = data if isinstance(data, bytes) else data.encode("utf-8", "replace")
    return sum(text.count(mark) for mark in (b",", b"[", b"{"))


def parse_object(data: bytes | str | None, bounds: Bounds | None = None) -> dict[str, object] | None:
    """Parse a JSON object; None if ``data`` is invalid, not an object, or not within the limits."""
    import json

    if data is None or not is_within_limits(data, bounds):
        return None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):  # ValueError: also undecodable bytes and too long numbers
        return None
    return value if isinstance(value, dict) else None


def text_at(value: dict[str, object], key: str) -> str | None:
    """The string at ``key``; None if there is none."""
    text = value.get(key)
    return text if isinstance(text, str) else None


def find_objects(value: object) -> list[dict[str, object]]:
    """All objects in a JSON value at any depth, including the value itself."""
    remaining: list[object] = [value]
    objects: list[dict[str, object]] = []
    while remaining:
        value = remaining.pop()
        if isinstance(value, dict):
            objects.append(value)
            remaining.extend(value.values())
        elif isinstance(value, list):
            remaining.extend(value)
    return objects
