"""A catalog state that may be larger than memory: its large mappings are kept in a temporary database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, MutableMapping
from typing import Generic, TypeVar, cast

from modelreg.store.catalog.journal_chain import State, Values

Key = TypeVar("Key")

_CACHE_SIZE = 32_000  # KiB of memory for each mapping
_TABLE = "CREATE TABLE entries (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
_GET = "SELECT value FROM entries WHERE key = ?"
_PUT = "INSERT OR REPLACE INTO entries VALUES (?, ?)"


class DiskBackedMapping(MutableMapping[Key, Values], Generic[Key]):
    """A mapping that SQLite moves to a temporary file when it outgrows its cache, and deletes on close.

    Keys and values are anything that JSON can represent; keys may be tuples. A changed value must be assigned again.
    """

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute(f"PRAGMA cache_size = -{_CACHE_SIZE}")
        self._connection.execute("BEGIN")  # a commit would write everything to the file at once
        self._connection.execute(_TABLE)

    def __getitem__(self, key: Key) -> Values:
        row = self._connection.execute(_GET, (json.dumps(key),)).fetchone()
        if row is None:
            raise KeyError(key)
        return cast("Values", json.loads(row[0]))

    def __setitem__(self, key: Key, value: Values) -> None:
        text = json.dumps(value, default=repr)  # a catalog changed by hand may contain bytes
        self._connection.execute(_PUT, (json.dumps(key), text))

    def __delitem__(self, key: Key) -> None:
        if not self._connection.execute("DELETE FROM entries WHERE key = ?", (json.dumps(key),)).rowcount:
            raise KeyError(key)

    def __iter__(self) -> Iterator[Key]:
        for (text,) in self._connection.execute("SELECT key FROM entries"):
            key = json.loads(text)
            yield cast("Key", tuple(key) if isinstance(key, list) else key)

    def __len__(self) -> int:
        (count,) = self._connection.execute("SELECT count(*) FROM entries").fetchone()
        return int(count)


def large_state() -> State:
    """An empty state whose versions, evaluations, approvals and runs may exceed memory."""
    return State(
        versions=DiskBackedMapping(),
        evaluations=DiskBackedMapping(),
        approvals=DiskBackedMapping(),
        runs=DiskBackedMapping(),
    )
