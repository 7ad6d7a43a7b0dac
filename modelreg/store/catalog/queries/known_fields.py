"""The fields with keys that versions have values of: which metrics, parameters, tags and scores there are."""

from __future__ import annotations

import sqlite3

from modelreg.expressions.tree import Field

_QUERIES = {
    "metrics": "SELECT DISTINCT name FROM metrics",
    "params": "SELECT DISTINCT name FROM params",
    "tags": "SELECT DISTINCT name FROM version_tags",
    "library": "SELECT DISTINCT key FROM versions, json_each(versions.environment, '$.libraries')",
    "eval": "SELECT DISTINCT dataset, metric FROM evaluation_metrics",
}


def known_fields(connection: sqlite3.Connection, model: int | None, name: str) -> list[Field]:
    """The fields that begin with ``name``, as ``metrics``, and have a value in some version of a model, or of any."""
    rows = connection.execute(f"{_QUERIES[name]} WHERE :model IS NULL OR model = :model", {"model": model})
    return [Field(name, tuple(row)) for row in rows]
