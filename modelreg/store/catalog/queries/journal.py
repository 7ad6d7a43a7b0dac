"""The journal's table: entries are appended and read, never changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from operator import itemgetter
from typing import Any

from modelreg.domain.journal import JournalEntry
from modelreg.domain.references import ModelName
from modelreg.domain.stages import Stage
from modelreg.store.catalog.journal_chain import Values
from modelreg.store.catalog.queries.models import model_id
from modelreg.store.catalog.rows import parsing_rows
from modelreg.system.clock import as_text, from_text

_APPEND = """
INSERT INTO journal (seq, at, batch, action, model, name, version, from_stage, to_stage, message,
                     user, claimed_user, ci_job, tool, after, previous_hash, hash)
VALUES (:seq, :at, :batch, :action, :model, :name, :version, :from_stage, :to_stage, :message,
        :user, :claimed_user, :ci_job, :tool, :after, :previous_hash, :hash)
"""
_HEAD = "SELECT * FROM journal ORDER BY seq DESC LIMIT 1"
_HASH = "SELECT hash FROM journal WHERE seq = ?"
_ALL = "SELECT * FROM journal ORDER BY seq"
_INTO_PRODUCTION = "SELECT * FROM journal WHERE model = :model AND to_stage = 'Production' ORDER BY seq"
_FILTERED = "SELECT * FROM journal WHERE {where} ORDER BY seq DESC LIMIT :limit"
# Finds each model id from the previous one through the index: a name may have thousands of entries, but few models.
_MODELS_OF_NAME = """
WITH RECURSIVE of_name(model) AS (
  SELECT min(model) FROM journal WHERE name = :name
  UNION ALL
  SELECT (SELECT min(model) FROM journal WHERE name = :name AND model > of_name.model) FROM of_name
  WHERE of_name.model IS NOT NULL
)
SELECT model FROM of_name WHERE model IS NOT NULL
"""
_CONDITIONS = {
    "version": "version = :version",
    "since": "at >= :since",
    "user": ":user IN (user, claimed_user)",
    "action": "action = :action",
}
_INTO_STAGE = """
SELECT * FROM journal
WHERE model = :model AND version = :version AND to_stage IS NOT NULL AND action <> 'refuse' ORDER BY seq DESC LIMIT 1
"""
_LAST_IMPORT = """
SELECT after FROM journal WHERE model = :model AND version IS :version AND action = 'import' ORDER BY seq DESC LIMIT 1
"""


class JournalQueries:
    """Reads the journal; entries come oldest first."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def entries(
        self,
        name: str | None = None,
        version: int | None = None,
        since: datetime | None = None,
        user: str | None = None,
        action: str | None = None,
        limit: int | None = None,
    ) -> Iterator[JournalEntry]:
        """All entries, or those that match every given filter; of these the newest ``limit``.

        ``name`` selects the models that ever had this name. ``user`` is the OS user, or the claimed one.
        """
        if (name, version, since, user, action, limit) == (None,) * 6:
            return map(_parse_entry, self._connection.execute(_ALL))
        values = {"name": name, "version": version, "user": user, "action": action, "limit": limit or -1}
        values["since"] = None if since is None else as_text(since)
        conditions = [sql for key, sql in _CONDITIONS.items() if values[key] is not None]
        rows: list[sqlite3.Row] = []
        for scope in self._list_scopes(name):
            where = " AND ".join([*scope, *conditions]) or "TRUE"
            rows += self._connection.execute(_FILTERED.format(where=where), values).fetchall()
        rows.sort(key=itemgetter("seq"))
        return map(_parse_entry, rows[-limit:] if limit else rows)

    def _list_scopes(self, name: str | None) -> list[list[str]]:
        """SQL conditions, one list for each model that ever had this name, so that an index answers each.

        An entry about a name that no model had yet has model id 0.
        """
        if name is None:
            return [[]]
        models = [model for (model,) in self._connection.execute(_MODELS_OF_NAME, {"name": name})]
        return [["model = 0", "name = :name"] if model == 0 else [f"model = {int(model)}"] for model in models]

    def head(self) -> JournalEntry | None:
        """The newest entry."""
        row = self._connection.execute(_HEAD).fetchone()
        return row and _parse_entry(row)

    def has_entry(self, seq: int, hash: str) -> bool:
        """Whether the entry ``seq`` has this hash, and so all entries before it are the same, too."""
        row = self._connection.execute(_HASH, (seq,)).fetchone()
        return row is not None and str(row["hash"]) == hash

    def was_used(self, name: ModelName, version: int | None = None) -> bool:
        """Whether any model ever had this name, or any version of such a model this number."""
        if version is None:
            return any(entry.model for entry in self.entries(name))
        return next(self.entries(name, version, limit=1), None) is not None

    def into_production(self, name: ModelName) -> list[JournalEntry]:
        """The entries about entering Production, refusals included; raises `ModelNotFound`."""
        rows = self._connection.execute(_INTO_PRODUCTION, {"model": model_id(self._connection, name)})
        return [_parse_entry(row) for row in rows]

    def last_into_stage(self, name: ModelName, version: int) -> JournalEntry | None:
        """The entry that moved a version into its current stage; raises `ModelNotFound`."""
        values = {"model": model_id(self._connection, name), "version": version}
        row = self._connection.execute(_INTO_STAGE, values).fetchone()
        return row and _parse_entry(row)

    def last_import(self, name: ModelName, version: int | None) -> Values | None:
        """The record of the last import of a version, or of the model itself; raises `ModelNotFound`."""
        values = {"model": model_id(self._connection, name), "version": version}
        row = self._connection.execute(_LAST_IMPORT, values).fetchone()
        if row is None:
            return None
        with parsing_rows():
            record: Values = json.loads(row["after"])["imported"]
            return record


def append(connection: sqlite3.Connection, entry: JournalEntry) -> None:
    """Append ``entry`` in the transaction that makes the change."""
    values = {name: getattr(entry, name) for name in JournalEntry.__slots__}
    connection.execute(_APPEND, values | {"at": as_text(entry.at)})


def _parse_entry(row: sqlite3.Row) -> JournalEntry:
    values: dict[str, Any] = dict(row)
    with parsing_rows():
        at = from_text(values["at"])
        if as_text(at) != values["at"]:
            raise ValueError(f"{values['at']!r} is not a time as modelreg writes it")
        values |= {
            "at": at,
            "from_stage": values["from_stage"] and Stage(values["from_stage"]),
            "to_stage": values["to_stage"] and Stage(values["to_stage"]),
        }
        return JournalEntry(**values)
