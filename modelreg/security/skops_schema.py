"""skops names every class and function that it makes in ``schema.json`` (``skops/io/_persist.py``)."""

from __future__ import annotations

from typing import Any

from modelreg.security.evidence import Evidence


def examine(schema: dict[str, Any], evidence: Evidence, place: str) -> None:
    """Name what loading would import."""
    waiting: list[object] = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            module, name = node.get("__module__"), node.get("__class__")
            if isinstance(module, str) and isinstance(name, str):
                evidence.imports(module, name, place)
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
