"""A state of the catalog that may be larger than the memory: its many values are in a temporary database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, MutableMapping
from typing import Generic, TypeVar, cast

from modelreg.store.catalog.journal_chain import State, Values

Key = TypeVar("Key")

_MOST_MEMORY = 32_000  # KiB, of each mapping
_TABLE = "CREATE TABLE kept (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
_GET = "SELECT value FROM kept WHERE key = ?"
_PUT = "INSERT OR REPLACE INTO kept VALUES (?, ?)"


class DiskBackedMapping(MutableMapping[Key, Values], Generic[Key]):
    """Values by key, which SQLite writes into a temporary file where they are many, and deletes in any case.

    Keys and values are what JSON can hold; tuples are keys, too. A value that is changed has to be put again.
    """

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute(f"PRAGMA cache_size = -{_MOST_MEMORY}")
        self._connection.execute("BEGIN")  # what is committed is written to the file at once
        self._connection.execute(_TABLE)

    def __getitem__(self, key: Key) -> Values:
        row = self._connection.execute(_GET, (_text(key),)).fetchone()
        if row is None:
            raise KeyError(key)
        return cast("Values", json.loads(row[0]))

    def __setitem__(self, key: Key, value: Values) -> None:
        text = json.dumps(value, default=repr)  # somebody may have written bytes into the catalog by hand
        self._connection.execute(_PUT, (_text(key), text))

    def __delitem__(self, key: Key) -> None:
        if not self._connection.execute("DELETE FROM kept WHERE key = ?", (_text(key),)).rowcount:
            raise KeyError(key)

    def __iter__(self) -> Iterator[Key]:
        for (text,) in self._connection.execute("SELECT key FROM kept"):
            key = json.loads(text)
            yield cast("Key", tuple(key) if isinstance(key, list) else key)

    def __len__(self) -> int:
        (count,) = self._connection.execute("SELECT count(*) FROM kept").fetchone()
        return int(count)


def large_state() -> State:
    """An empty state whose versions, evaluations, approvals and runs may be more than fit into memory."""
    return State(
        versions=DiskBackedMapping(),
        evaluations=DiskBackedMapping(),
        approvals=DiskBackedMapping(),
        runs=DiskBackedMapping(),
    )


def _text(key: object) -> str:
    return json.dumps(key)
