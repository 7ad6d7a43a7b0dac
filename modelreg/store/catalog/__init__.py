"""The catalog: what models and versions there are, in SQLite. The only package with SQL in it."""

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
    """One catalog file, the lock under which it is written, and how many seconds to wait for other programs."""

    def __init__(
        self,
        path: Path,
        write_lock: Callable[[], AbstractContextManager[None]],
        timeout: float,
        actor: Callable[[], Actor],
    ) -> None:
        """``actor`` says who creates or migrates it, which happens by itself."""
        self.path = path
        self._timeout = timeout
        self._write_lock = write_lock
        self._actor = actor

    def create(self, mode: int, settings: Mapping[str, str]) -> None:
        """Make the catalog file; call it under the write lock. There is a whole one afterwards, or none."""
        connection.create(self.path, mode, lambda opened: self._change(opened).create(settings))

    def copy_to(self, private: Path) -> None:
        """Write one moment of it to the new file ``private``, on disk."""
        connection.copy(self.path, private, self._timeout)

    @contextmanager
    def reading(self) -> Iterator[CatalogReader]:
        """One moment of the catalog, however long it is looked at."""
        with connection.reading(self.path, self._timeout) as open_connection:
            yield CatalogReader(open_connection)

    @contextmanager
    def writing(self, actor: Actor, message: str | None = None) -> Iterator[CatalogWriter]:
        """One change of the catalog: all of what is done inside, with its journal entries, or nothing.

        ``message`` is why; it is kept in the journal.
        """
        from modelreg.store.catalog.writer import CatalogWriter

        with self._write_lock():
            connection.upgrade(self.path, self._timeout, self._note_migration)
            with connection.writing(self.path, self._timeout) as open_connection:
                yield CatalogWriter(open_connection, actor, message)

    def _note_migration(self, opened: sqlite3.Connection) -> None:
        self._change(opened).migrate()

    def _change(self, opened: sqlite3.Connection) -> CatalogWriter:
        from modelreg.store.catalog.writer import CatalogWriter

        return CatalogWriter(opened, self._actor(), None)
