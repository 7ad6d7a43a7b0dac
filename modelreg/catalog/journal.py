"""The journal's rows: appended and read, never changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from modelreg.catalog.rows import understood
from modelreg.clock import as_text, from_text
from modelreg.lifecycle.journal import Values
from modelreg.records.journal import JournalEntry
from modelreg.stages import Stage

_APPEND = """
INSERT INTO journal (seq, at, batch, action, model, name, version, from_stage, to_stage, message,
                     user, claimed_user, ci_job, tool, after, previous_hash, hash)
VALUES (:seq, :at, :batch, :action, :model, :name, :version, :from_stage, :to_stage, :message,
        :user, :claimed_user, :ci_job, :tool, :after, :previous_hash, :hash)
"""
_LAST = "SELECT * FROM journal ORDER BY seq DESC LIMIT 1"
_HASH = "SELECT hash FROM journal WHERE seq = ?"
_ALL = "SELECT * FROM journal ORDER BY seq"
_OF_MODEL = """
SELECT * FROM journal
WHERE name = :name OR model IN (SELECT model FROM journal WHERE name = :name AND model <> 0)
ORDER BY seq
"""
_INTO_PRODUCTION = "SELECT * FROM journal WHERE model = :model AND to_stage = 'Production' ORDER BY seq"
_OF_VERSION = """
SELECT * FROM journal
WHERE (name = :name OR model IN (SELECT model FROM journal WHERE name = :name AND model <> 0)) AND version = :version
ORDER BY seq
"""

_LAST_IMPORT = """
SELECT after FROM journal WHERE model = :model AND version IS :version AND action = 'import' ORDER BY seq DESC LIMIT 1
"""


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


def entries(connection: sqlite3.Connection, name: str | None = None) -> Iterator[JournalEntry]:
    """All entries, or those of the models that ever had this name, oldest first."""
    rows = connection.execute(_ALL) if name is None else connection.execute(_OF_MODEL, {"name": name})
    return map(_entry, rows)


def entries_into_production(connection: sqlite3.Connection, model: int) -> list[JournalEntry]:
    """What was said about going into Production, of one model, oldest first."""
    return [_entry(row) for row in connection.execute(_INTO_PRODUCTION, {"model": model})]


def entries_of_version(connection: sqlite3.Connection, name: str, version: int) -> list[JournalEntry]:
    """The entries of one version of the models that ever had this name, oldest first."""
    return [_entry(row) for row in connection.execute(_OF_VERSION, {"name": name, "version": version})]


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
