"""Trusted names: names that models may import in addition to the allow-list, and the verdicts that depend on them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from modelreg.domain.scans import TrustedName
from modelreg.store.catalog.rows import parsing_rows
from modelreg.system.clock import from_text

_ALL = "SELECT module, name, message, created_by, created_at FROM trusted_names ORDER BY module, name"
_ADD = """
INSERT INTO trusted_names (module, name, message, created_by, created_at)
VALUES (:module, :name, :message, :created_by, :created_at)
"""
_REMOVE = "DELETE FROM trusted_names WHERE module = :module AND name = :name"
_UPDATE_VERDICTS = """
UPDATE versions AS v SET scan = CASE scan WHEN 'safe' THEN 'unknown' ELSE 'safe' END
WHERE scan_reasons = '[]' AND scan IN ('safe', 'unknown')
  AND (v.model, v.version) IN (
    SELECT model, version FROM imports INDEXED BY imports_by_name
    WHERE module = :module AND name = :name AND verdict <> 'safe' AND verdict = 'unknown')
  AND (scan = 'safe') = EXISTS (
    SELECT 1 FROM imports i WHERE (i.model, i.version) = (v.model, v.version) AND verdict = 'unknown'
    AND NOT EXISTS (SELECT 1 FROM trusted_names t WHERE (t.module, t.name) = (i.module, i.name))
    AND (attribute = '' OR EXISTS (
      SELECT 1 FROM json_each('["' || replace(attribute, ',', '","') || '"]') AS held_by
      WHERE NOT EXISTS (SELECT 1 FROM trusted_names t
                        WHERE (t.module, t.name) = (held_by.value || '=' || i.module, i.name)))))
RETURNING model, version
"""
_IS_IMPORTED = """
SELECT 1 FROM imports INDEXED BY imports_by_name WHERE module = :module AND name = :name AND verdict <> 'safe' LIMIT 1
"""


def read_trusted_names(connection: sqlite3.Connection) -> list[TrustedName]:
    """All trusted names, sorted."""
    with parsing_rows():
        return [
            TrustedName(module.rpartition("=")[2], name, message, user, from_text(at), module.rpartition("=")[0])
            for module, name, message, user, at in connection.execute(_ALL)
        ]


def is_imported(connection: sqlite3.Connection, module: str, name: str) -> bool:
    """Whether a version imports a name that is not on the allow-list."""
    values = {"module": module.rpartition("=")[2], "name": name}
    return connection.execute(_IS_IMPORTED, values).fetchone() is not None


def add_trusted_name(connection: sqlite3.Connection, values: Mapping[str, Any]) -> None:
    """Add a trusted name."""
    connection.execute(_ADD, values)


def remove_trusted_name(connection: sqlite3.Connection, module: str, name: str) -> None:
    """Remove a trusted name."""
    connection.execute(_REMOVE, {"module": module, "name": name})


def update_verdicts(connection: sqlite3.Connection, module: str, name: str) -> list[tuple[int, int]]:
    """Switch the verdicts that depend on this name between safe and unknown; returns the model ids and versions."""
    values = {"module": module.rpartition("=")[2], "name": name}
    rows = connection.execute(_UPDATE_VERDICTS, values).fetchall()
    return sorted((row["model"], row["version"]) for row in rows)
