"""Lists the imports in skops's ``schema.json`` without validating it (``skops/io/_persist.py``)."""

from __future__ import annotations

from typing import Any

from modelreg.analysis.containers.json_text import find_objects
from modelreg.analysis.evidence import Evidence


def examine(schema: dict[str, Any], evidence: Evidence, place: str) -> None:
    """Add the names that loading would import to the evidence."""
    for node in find_objects(schema):
        module, name = node.get("__module__"), node.get("__class__")
        if isinstance(module, str) and isinstance(name, str):
            evidence.add_import(module, name, place)
