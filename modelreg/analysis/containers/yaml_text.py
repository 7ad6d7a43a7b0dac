"""Reads YAML from strangers: whatever is wrong with it, the answer is None.

It is read without its types, tags and merge keys: nested merges make a small file as large as one likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

_MOST_NESTING = 100  # an MLmodel has seven levels,
_MOST_EVENTS = 20_000  # and some hundred events: keys, values, beginnings and ends


def parse_mapping(source: str) -> dict[object, object] | None:
    """The mapping that ``source`` holds, with texts for all its scalars; None when it holds none, or is too much."""
    import yaml  # about 20 ms

    value = _read(source, yaml.load)
    return value if isinstance(value, dict) else None


def texts_of_mappings(source: str) -> list[tuple[str, str]] | None:
    """Each key that has a text, with the text, of all mappings in ``source`` wherever they stand; None as above.

    Of a list, each of its texts counts as the key's. Those that an alias or a merge key leads to are among them.
    """
    import yaml

    root = _read(source, yaml.compose)
    return None if root is None else list(_texts(root))


def _read(source: str, read: Any) -> Any:
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # libyaml is ten times faster, where PyYAML has it
    try:
        return read(source, Loader=loader) if _is_modest(yaml.parse(source, Loader=loader)) else None
    except (yaml.YAMLError, RecursionError, ValueError):
        return None


def _is_modest(events: Iterable[object]) -> bool:
    """Whether the document is as small and flat as an MLmodel: libyaml's loader crashes Python on very deep ones."""
    depth = 0
    for number, event in enumerate(events):
        kind = type(event).__name__
        depth += kind.endswith("StartEvent")
        depth -= kind.endswith("EndEvent")
        if depth > _MOST_NESTING or number > _MOST_EVENTS:
            return False
    return True


def _texts(root: Any) -> Iterator[tuple[str, str]]:
    """A node's value is a text, a list of nodes, or a list of pairs of nodes."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or isinstance(node.value, str):
            continue
        seen.add(id(node))
        for entry in node.value:
            if isinstance(entry, tuple):
                key, value = entry
                waiting += [key, value]
                if isinstance(key.value, str):
                    yield from ((key.value, text) for text in _own_texts(value))
            else:
                waiting.append(entry)


def _own_texts(node: Any) -> list[str]:
    """The text that a node is, or those in the list that it is."""
    if isinstance(node.value, str):
        return [node.value]
    return [entry.value for entry in node.value if isinstance(getattr(entry, "value", None), str)]
