"""Connections to the catalog: opened for one transaction, never kept, never of a catalog that is not ours."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakSet

from modelreg.errors import (
    CatalogDamaged,
    JournalLeft,
    LockTimeout,
    ModelregError,
    OldSQLite,
    RegistryTooNew,
    Unconfirmed,
    WriteFailed,
)
from modelreg.store.catalog.schema import APPLICATION_ID, SCHEMA_VERSION, STEPS, migrate
from modelreg.system import interrupts
from modelreg.system.files import change_mode, open_new_file, sync_path

_OLDEST_SQLITE = (3, 37, 0)  # the first with STRICT tables
_CREATION_TIMEOUT = 30.0  # seconds; nobody else knows the file yet
_LONGEST_WAIT = 1_000_000.0  # seconds, which SQLite counts in milliseconds of 31 bits
_LOST = "no such (table|column|index|trigger)|table .* has no column|.* already exists|duplicate column name"
"""What SQLite says when somebody took a table or a column away, or the note of a step of the schema."""

Record = Callable[[sqlite3.Connection], None]


class _Connection(sqlite3.Connection):
    """A connection that knows its cursors: one that was not read to its end keeps SQLite's locks after the close."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._cursors: WeakSet[sqlite3.Cursor] = WeakSet()
        self.row_factory = sqlite3.Row

    def cursor(self, *arguments: Any, **options: Any) -> Any:
        """A cursor, which `close` closes."""
        made = super().cursor(*arguments, **options)
        self._cursors.add(made)
        return made

    def close(self) -> None:
        """Close it for good, whatever was being read."""
        for cursor in list(self._cursors):
            cursor.close()
        super().close()


@contextmanager
def reading(path: Path, timeout: float) -> Iterator[sqlite3.Connection]:
    """A connection inside one read transaction, so that all it sees belongs to one moment.

    Nothing is written: a catalog of an older program is read as a private copy with the steps of the schema that it
    lacks. Raises `RegistryTooNew` or `CatalogDamaged` before anything is read, `WriteFailed` or `LockTimeout` for what
    the operating system says.
    """
    with _translated(path, timeout), _opened(path, timeout) as connection:
        version = _schema_version(connection, path)
        if version < SCHEMA_VERSION:
            with closing(_migrated_copy(connection, version)) as copied:
                yield copied
            return
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        yield connection
        connection.execute("ROLLBACK")


def _migrated_copy(connection: sqlite3.Connection, version: int) -> sqlite3.Connection:
    """The catalog in a temporary database, with today's tables; its journal and its version are those of the file."""
    copied = sqlite3.connect("", isolation_level=None, factory=_Connection)  # in a file of SQLite's where it is large
    try:
        connection.backup(copied)
        copied.execute("BEGIN")
        for step in STEPS[version:]:
            step(copied)
        copied.execute("COMMIT")
        copied.execute("PRAGMA query_only = ON")
    except BaseException:
        copied.close()
        raise
    return copied


@contextmanager
def writing(path: Path, timeout: float) -> Iterator[sqlite3.Connection]:
    """A connection inside one write transaction: committed at the end, rolled back when an error passes through.

    Call it under the registry's write lock. Raises what `reading` raises.
    """
    with _translated(path, timeout), _opened(path, timeout) as connection:
        _schema_version(connection, path)
        connection.execute("PRAGMA foreign_keys = ON")
        _make_durable(connection)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            if connection.in_transaction:  # SQLite has rolled back by itself when the disk was full
                connection.execute("ROLLBACK")
            raise
        _commit(connection, path.parent)


def upgrade(path: Path, timeout: float, record: Record) -> None:
    """Migrate a catalog that is behind, after a copy of it as it was has been put beside it.

    ``record`` writes down, in the same transaction, that it was done.

    Call it under the registry's write lock.
    """
    with _translated(path, timeout), _opened(path, timeout) as connection:
        before = _schema_version(connection, path)
        if before == SCHEMA_VERSION:
            return
        backup = path.with_name(f"{path.stem}-schema-{before}{path.suffix}")
        _make_durable(connection)
        backup.unlink(missing_ok=True)  # of a migration that was killed; the catalog is still as it was then
        connection.execute("VACUUM INTO ?", (str(backup),))
        change_mode(backup, stat.S_IMODE(path.stat().st_mode))
        migrate(connection, record)


def create(path: Path, mode: int, record: Record) -> None:
    """Build a catalog beside ``path`` under a private name, with all on disk, and rename it into place.

    ``record`` writes its first rows. Call it under the registry's write lock. A kill at any moment leaves a whole
    catalog or none.
    """
    private = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    with _translated(path, _CREATION_TIMEOUT):
        try:
            os.close(open_new_file(private, 0o600))
            with _opened(private, _CREATION_TIMEOUT) as connection:
                _make_durable(connection)
                migrate(connection, record)
            change_mode(private, mode)
            os.rename(private, path)
            try:
                sync_path(path.parent)
            except OSError:
                path.unlink(missing_ok=True)  # nobody has written to it: this is under the write lock
                raise
        finally:
            for left in (private, private.with_name(f"{private.name}-journal")):
                left.unlink(missing_ok=True)


def _commit(connection: sqlite3.Connection, folder: Path) -> None:
    interrupts.begin_commit()
    try:
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if error.sqlite_errorname != "SQLITE_IOERR_DIR_FSYNC":
            interrupts.fail_commit()
            raise
        confirm(folder)
    interrupts.finish_commit()


def confirm(folder: Path) -> None:
    """Sync a folder in which a change was just made for good; raises `Unconfirmed` where that fails."""
    try:
        sync_path(folder)
    except OSError as error:
        raise Unconfirmed(error, folder) from error


def copy(path: Path, private: Path, timeout: float) -> None:
    """Write one moment of the catalog at ``path`` to the new file ``private``, on disk, of whatever schema it is.

    Nothing is written to ``path``. Raises what `reading` raises.
    """
    with _translated(path, timeout), _opened(path, timeout) as source:
        _schema_version(source, path)
        os.close(open_new_file(private, 0o600))
        with _opened(private, timeout) as target:
            _make_durable(target)
            try:
                source.backup(target)  # in one step, so that it is one moment
            except sqlite3.OperationalError as error:
                name = error.sqlite_errorname
                if name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and not name.endswith("READ")):
                    raise _in_our_words(error, private, timeout) from error
                raise


def _make_durable(connection: sqlite3.Connection) -> None:
    """Let a commit survive a loss of power: the folder is synced after the journal is gone, and on macOS the drive.

    https://www.sqlite.org/pragma.html#pragma_fullfsync
    """
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("PRAGMA fullfsync = ON")


@contextmanager
def _opened(path: Path, timeout: float) -> Iterator[sqlite3.Connection]:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise OldSQLite(
            f"this Python has SQLite {sqlite3.sqlite_version}, and modelreg needs 3.37 or newer",
            "use a Python that was built with a newer SQLite",
        )
    # 'rw' for readers too: a killed writer may have left a journal, and whoever comes next must roll it back
    address = f"{path.absolute().as_uri()}?mode={'rw' if can_be_written(path) else 'ro'}"
    wait = min(timeout, _LONGEST_WAIT)
    with closing(sqlite3.connect(address, uri=True, isolation_level=None, timeout=wait, factory=_Connection)) as opened:
        yield opened


def can_be_written(path: Path) -> bool:
    """Whether this process may change the catalog: its file, and the journal beside it."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _schema_version(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of a catalog that is ours and not too new."""
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID or version < 1:
        empty = path.stat().st_size == 0
        raise CatalogDamaged(
            f"{str(path)!r} is {'empty' if empty else 'not a catalog of modelreg'}; nothing was changed",
            "restore it from a backup, or name another folder with --registry",
        )
    if version > SCHEMA_VERSION:
        raise RegistryTooNew(version, SCHEMA_VERSION)
    return version


@contextmanager
def _translated(path: Path, timeout: float) -> Iterator[None]:
    """SQLite's errors in our words."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _in_our_words(error, path, timeout) from error
    except OverflowError as error:  # a counter that somebody set to the largest number there is
        raise CatalogDamaged(f"{str(path)!r} is damaged: {error}", "restore it from a backup") from error
    except UnicodeDecodeError as error:  # SQLite's own words about a damaged text
        raise CatalogDamaged(f"{str(path)!r} is damaged: {error}", "restore it from a backup") from error


def _in_our_words(error: sqlite3.DatabaseError, path: Path, timeout: float) -> ModelregError | sqlite3.DatabaseError:
    name = getattr(error, "sqlite_errorname", "")
    match name.removeprefix("SQLITE_").split("_")[0]:
        case "BUSY" | "LOCKED":
            return LockTimeout(timeout, "another program that uses the catalog")
        case "FULL":
            return WriteFailed(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)))
        case "IOERR":
            return WriteFailed(OSError(errno.EIO, f"{os.strerror(errno.EIO)} ({name})", str(path)))
        case "CANTOPEN" if os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK)):
            # its journal, for a reason that SQLite does not tell
            return WriteFailed(OSError(errno.EIO, f"{error} ({name})", str(path)))
        case "READONLY" | "CANTOPEN" if path.with_name(f"{path.name}-journal").exists() and not can_be_written(path):
            return JournalLeft(path)
        case "READONLY" | "CANTOPEN" | "PERM":
            return WriteFailed(OSError(errno.EACCES, f"{os.strerror(errno.EACCES)} ({name})", str(path)))
        case "CORRUPT" | "NOTADB":
            return CatalogDamaged(f"{str(path)!r} is damaged: {error}", "restore it from a backup")
        case "ERROR" if re.match(_LOST, str(error)):
            return CatalogDamaged(f"{str(path)!r} is damaged: {error}", "restore it from a backup")
        case _ if re.match("Could not decode|cannot store", str(error)):  # a counter that became too large
            return CatalogDamaged(f"{str(path)!r} is damaged: {error}", "restore it from a backup")
        case _:
            return error
