"""Names of metrics, parameters, tags, libraries and scores in the catalog, for completion and checks of filters."""

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


def list_fields(connection: sqlite3.Connection, model: int | None, name: str) -> list[Field]:
    """The keys of the field ``name``, such as ``metrics``, that have a value in a version of the model, or of any."""
    rows = connection.execute(f"{_QUERIES[name]} WHERE :model IS NULL OR model = :model", {"model": model})
    return [Field(name, tuple(row)) for row in rows]
