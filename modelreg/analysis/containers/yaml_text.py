"""Parses untrusted YAML within limits. Functions return None for invalid YAML instead of raising.

Types, tags and merge keys are ignored: nested merge keys expand a small file without limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

_MAX_NESTING = 100  # an MLmodel file has seven levels
_MAX_EVENTS = 20_000  # an MLmodel file has a few hundred


def parse_mapping(source: str) -> dict[object, object] | None:
    """Parse a mapping, with all scalars as strings; None if it is invalid, not a mapping, or too large."""
    import yaml  # about 20 ms

    value = _parse(source, yaml.load)
    return value if isinstance(value, dict) else None


def parse_mapping_texts(source: str) -> list[tuple[str, str]] | None:
    """All pairs of a key and a string in the mappings of ``source``, at any depth; None if it is invalid or too large.

    A key with a list yields one pair per string of the list. Targets of aliases and merge keys are included.
    """
    import yaml

    root = _parse(source, yaml.compose)
    return None if root is None else list(_find_texts(root))


def _parse(source: str, parse: Any) -> Any:
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # libyaml is ten times faster, if available
    try:
        return parse(source, Loader=loader) if _is_within_limits(yaml.parse(source, Loader=loader)) else None
    except (yaml.YAMLError, RecursionError, ValueError):
        return None


def _is_within_limits(events: Iterable[object]) -> bool:
    """Whether the document is small and flat. libyaml's loader crashes Python on very deep documents."""
    depth = 0
    for index, event in enumerate(events):
        event_type = type(event).__name__
        depth += event_type.endswith("StartEvent")
        depth -= event_type.endswith("EndEvent")
        if depth > _MAX_NESTING or index > _MAX_EVENTS:
            return False
    return True


def _find_texts(root: Any) -> Iterator[tuple[str, str]]:
    """Yield key and string pairs. The value of a YAML node is a string, a list of nodes, or a list of node pairs."""
    remaining, seen = [root], set()
    while remaining:
        node = remaining.pop()
        if id(node) in seen or isinstance(node.value, str):
            continue
        seen.add(id(node))
        for entry in node.value:
            if isinstance(entry, tuple):
                key, value = entry
                remaining += [key, value]
                if isinstance(key.value, str):
                    yield from ((key.value, text) for text in _list_texts(value))
            else:
                remaining.append(entry)


def _list_texts(node: Any) -> list[str]:
    """The string of a scalar node, or the strings of a list node."""
    if isinstance(node.value, str):
        return [node.value]
    return [entry.value for entry in node.value if isinstance(getattr(entry, "value", None), str)]
