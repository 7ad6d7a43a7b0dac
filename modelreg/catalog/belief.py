"""Whether the catalog can be believed when it says which bytes are needed: asked before anything is deleted for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from modelreg.catalog import journal
from modelreg.lifecycle.journal import entry_hash

_LENGTH = "SELECT count(*), coalesce(max(seq), 0) FROM journal"
_HASH = "SELECT hash FROM journal WHERE seq = ?"
_TOLD = """
SELECT model, version, json_extract(after, '$.version.digest') AS digest FROM journal AS told
WHERE version IS NOT NULL AND json_extract(after, '$.version.digest') IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM journal AS later
                  WHERE later.model = told.model AND later.version = told.version AND later.seq > told.seq
                    AND json_type(later.after, '$.version') = 'null')
"""
_PRESENT = "SELECT model, version, digest FROM versions"
_LOST = f"SELECT model, version FROM ({_TOLD} EXCEPT {_PRESENT}) LIMIT 1"
_UNTOLD = f"SELECT model, version FROM ({_PRESENT} EXCEPT {_TOLD}) LIMIT 1"


def journal_problems(connection: sqlite3.Connection) -> Iterator[str]:
    """Where the journal ends too soon, or tells of other versions or digests than the catalog has.

    The whole chain of hashes is for `verify`, which takes its time: this looks at the last link alone.
    """
    count, last_seq = connection.execute(_LENGTH).fetchone()
    if count != last_seq:
        yield "entries of the journal are missing"
    last = journal.last(connection)
    if last is not None and entry_hash(last) != last.hash:
        yield f"entry {last.seq} of the journal was changed after it was written"
    for query, what in (
        (_LOST, "not in the catalog as the journal tells"),
        (_UNTOLD, "in the catalog without journal"),
    ):
        for model, version in connection.execute(query):
            yield f"version {version} of model {model} is {what}"


def journal_hash(connection: sqlite3.Connection, seq: int) -> str | None:
    """The hash of one entry, which stands for all entries up to it."""
    row = connection.execute(_HASH, (seq,)).fetchone()
    return None if row is None else str(row["hash"])
