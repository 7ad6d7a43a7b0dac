"""The catalog: models, versions, runs and the journal, in SQLite. The only package that contains SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from modelreg.store.catalog import connection
from modelreg.store.catalog.reader import CatalogReader

if TYPE_CHECKING:
    import sqlite3

    from modelreg.domain.journal import Actor
    from modelreg.store.catalog.writer import CatalogWriter


class Catalog:
    """One catalog file. Opens a connection for each transaction."""

    def __init__(
        self,
        path: Path,
        write_lock: Callable[[], AbstractContextManager[None]],
        timeout: float,
        actor: Callable[[], Actor],
    ) -> None:
        """``timeout`` is how long to wait for other programs that use the file, in seconds.

        ``actor`` returns the user to journal for creating or migrating the catalog.
        """
        self.path = path
        self._timeout = timeout
        self._write_lock = write_lock
        self._actor = actor

    def create(self, mode: int, settings: Mapping[str, str]) -> None:
        """Create the catalog file with ``mode``, completely or not at all. The caller holds the write lock."""
        connection.create(self.path, mode, lambda database: self._writer(database).create(settings))

    def copy_to(self, path: Path) -> None:
        """Write a consistent copy to the new file ``path``, flushed to disk."""
        connection.copy(self.path, path, self._timeout)

    @contextmanager
    def reading(self) -> Iterator[CatalogReader]:
        """Read one consistent snapshot."""
        with connection.reading(self.path, self._timeout) as database:
            yield CatalogReader(database)

    @contextmanager
    def writing(self, actor: Actor, message: str | None = None) -> Iterator[CatalogWriter]:
        """Change the catalog in one transaction, under the write lock, and migrate it first if it is older.

        ``actor`` and ``message`` are written to the journal.
        """
        from modelreg.store.catalog.writer import CatalogWriter

        with self._write_lock():
            connection.upgrade(self.path, self._timeout, lambda database: self._writer(database).record_migration())
            with connection.writing(self.path, self._timeout) as database:
                yield CatalogWriter(database, actor, message)

    def _writer(self, database: sqlite3.Connection) -> CatalogWriter:
        from modelreg.store.catalog.writer import CatalogWriter

        return CatalogWriter(database, self._actor(), None)
