"""Names that people trust besides the allow-list, and the verdicts that follow from them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from modelreg.domain.scans import TrustedName
from modelreg.store.catalog.rows import understood
from modelreg.system.clock import from_text

_ALL = "SELECT module, name, message, created_by, created_at FROM trusted_names ORDER BY module, name"
_ADD = """
INSERT INTO trusted_names (module, name, message, created_by, created_at)
VALUES (:module, :name, :message, :created_by, :created_at)
"""
_REMOVE = "DELETE FROM trusted_names WHERE module = :module AND name = :name"
_JUDGE_AGAIN = """
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


def read(connection: sqlite3.Connection) -> list[TrustedName]:
    """The trusted names, in order."""
    with understood():
        return [
            TrustedName(module.rpartition("=")[2], name, message, by, from_text(at), module.rpartition("=")[0])
            for module, name, message, by, at in connection.execute(_ALL)
        ]


def is_imported(connection: sqlite3.Connection, module: str, name: str) -> bool:
    """Whether a version imports a name that is not on the allow-list."""
    values = {"module": module.rpartition("=")[2], "name": name}
    return connection.execute(_IS_IMPORTED, values).fetchone() is not None


def add(connection: sqlite3.Connection, values: Mapping[str, Any]) -> None:
    """Trust one more name."""
    connection.execute(_ADD, values)


def remove(connection: sqlite3.Connection, module: str, name: str) -> None:
    """Trust a name no more."""
    connection.execute(_REMOVE, {"module": module, "name": name})


def judge_again(connection: sqlite3.Connection, module: str, name: str) -> list[tuple[int, int]]:
    """Turn verdicts between safe and unknown where they hang on this name; returns model and version of each."""
    values = {"module": module.rpartition("=")[2], "name": name}
    changed = connection.execute(_JUDGE_AGAIN, values).fetchall()
    return sorted((row["model"], row["version"]) for row in changed)
