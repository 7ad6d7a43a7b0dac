"""The journal's rows: appended and read, never changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from modelreg.domain.journal import JournalEntry
from modelreg.domain.stages import Stage
from modelreg.store.catalog.journal_chain import Values
from modelreg.store.catalog.rows import understood
from modelreg.system.clock import as_text, from_text

_APPEND = """
INSERT INTO journal (seq, at, batch, action, model, name, version, from_stage, to_stage, message,
                     user, claimed_user, ci_job, tool, after, previous_hash, hash)
VALUES (:seq, :at, :batch, :action, :model, :name, :version, :from_stage, :to_stage, :message,
        :user, :claimed_user, :ci_job, :tool, :after, :previous_hash, :hash)
"""
_LAST = "SELECT * FROM journal ORDER BY seq DESC LIMIT 1"
_HASH = "SELECT hash FROM journal WHERE seq = ?"
_ALL = "SELECT * FROM journal ORDER BY seq"
_INTO_PRODUCTION = "SELECT * FROM journal WHERE model = :model AND to_stage = 'Production' ORDER BY seq"
_CHOSEN = "SELECT * FROM journal WHERE {where} ORDER BY seq DESC LIMIT :limit"
# Each model is found by the one before it, through the index: a name may have thousands of entries, and few models.
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


class JournalFilter(NamedTuple):
    """Which entries are wanted: those of which all that is given is true."""

    name: str | None = None
    """Of the models that ever had this name."""
    version: int | None = None
    since: datetime | None = None
    user: str | None = None
    """The OS user, or the one that the environment claimed."""
    action: str | None = None
    limit: int | None = None
    """The newest so many."""


EVERYTHING = JournalFilter()


def append(connection: sqlite3.Connection, entry: JournalEntry) -> None:
    """Write ``entry`` down, inside the transaction that makes the change."""
    values = {name: getattr(entry, name) for name in JournalEntry.__slots__}
    connection.execute(_APPEND, values | {"at": as_text(entry.at)})


def last(connection: sqlite3.Connection) -> JournalEntry | None:
    """The newest entry."""
    row = connection.execute(_LAST).fetchone()
    return row and _entry(row)


def hash_of(connection: sqlite3.Connection, seq: int) -> str | None:
    """The hash of one entry, which stands for all entries up to it."""
    row = connection.execute(_HASH, (seq,)).fetchone()
    return None if row is None else str(row["hash"])


def entries(connection: sqlite3.Connection, chosen: JournalFilter = EVERYTHING) -> Iterator[JournalEntry]:
    """All entries, or those that are chosen, oldest first."""
    if chosen == EVERYTHING:
        return map(_entry, connection.execute(_ALL))
    values = chosen._asdict() | {"since": chosen.since and as_text(chosen.since), "limit": chosen.limit or -1}
    conditions = [sql for key, sql in _CONDITIONS.items() if values[key] is not None]
    found: list[sqlite3.Row] = []
    for scope in _scopes(connection, chosen.name):
        where = " AND ".join([*scope, *conditions]) or "TRUE"
        found += connection.execute(_CHOSEN.format(where=where), values).fetchall()
    found.sort(key=itemgetter("seq"))
    return map(_entry, found[-chosen.limit :] if chosen.limit else found)


def _scopes(connection: sqlite3.Connection, name: str | None) -> list[list[str]]:
    """Conditions that together hold for the entries of the models that ever had this name, each found by an index.

    What is told of a name that no model had yet has no model.
    """
    if name is None:
        return [[]]
    models = [model for (model,) in connection.execute(_MODELS_OF_NAME, {"name": name})]
    return [["model = 0", "name = :name"] if model == 0 else [f"model = {int(model)}"] for model in models]


def last_into_stage(connection: sqlite3.Connection, model: int, version: int) -> JournalEntry | None:
    """What put a version into the stage that it has."""
    row = connection.execute(_INTO_STAGE, {"model": model, "version": version}).fetchone()
    return row and _entry(row)


def entries_into_production(connection: sqlite3.Connection, model: int) -> list[JournalEntry]:
    """What was said about going into Production, of one model, oldest first."""
    return [_entry(row) for row in connection.execute(_INTO_PRODUCTION, {"model": model})]


def last_import(connection: sqlite3.Connection, model: int, version: int | None) -> Values | None:
    """What was written down of a version, or of the model itself, when it was imported last."""
    row = connection.execute(_LAST_IMPORT, {"model": model, "version": version}).fetchone()
    if row is None:
        return None
    with understood():
        found: Values = json.loads(row["after"])["imported"]
        return found


def _entry(row: sqlite3.Row) -> JournalEntry:
    values = dict(row)
    with understood():
        return _parsed(values)


def _parsed(values: dict[str, Any]) -> JournalEntry:
    at = from_text(values["at"])
    if as_text(at) != values["at"]:
        raise ValueError(f"{values['at']!r} is not how a time is written")
    return JournalEntry(
        **values
        | {
            "at": at,
            "from_stage": values["from_stage"] and Stage(values["from_stage"]),
            "to_stage": values["to_stage"] and Stage(values["to_stage"]),
        }
    )
