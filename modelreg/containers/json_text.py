"""Reads JSON from strangers: whatever is wrong with it, the answer is None."""

from __future__ import annotations


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
