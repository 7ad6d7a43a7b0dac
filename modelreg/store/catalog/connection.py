"""SQLite connections to the catalog: one for each transaction, and only to a catalog of modelreg.

SQLite's errors become errors of ours.
"""

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
    LockTimeout,
    ModelregError,
    NoRegistry,
    StorageFailure,
    WriteFailed,
    shown,
)
from modelreg.errors.os_errors import disk_hint
from modelreg.store.catalog.schema import APPLICATION_ID, SCHEMA_VERSION, STEPS, migrate
from modelreg.system import interrupts
from modelreg.system.files import change_mode, open_new_file, sync_path

_OLDEST_SQLITE = (3, 37, 0)  # the first with STRICT tables
_CREATION_TIMEOUT = 30.0  # seconds; no other process knows the file yet
_MAX_TIMEOUT = 1_000_000.0  # seconds; SQLite counts milliseconds in 31 bits
_SCHEMA_CHANGED = "no such (table|column|index|trigger)|table .* has no column|.* already exists|duplicate column name"
"""SQLite's messages when a table, a column or the record of a migration was removed by hand."""

Journal = Callable[[sqlite3.Connection], None]
"""Writes journal entries in the transaction of a connection."""


class _Connection(sqlite3.Connection):
    """A connection that closes its cursors: a cursor that was not read to the end would keep SQLite's locks."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._cursors: WeakSet[sqlite3.Cursor] = WeakSet()
        self.row_factory = sqlite3.Row

    def cursor(self, *arguments: Any, **options: Any) -> Any:
        """A cursor that `close` will close."""
        cursor = super().cursor(*arguments, **options)
        self._cursors.add(cursor)
        return cursor

    def close(self) -> None:
        """Close the connection and all its cursors."""
        for cursor in list(self._cursors):
            cursor.close()
        super().close()


@contextmanager
def reading(path: Path, timeout: float) -> Iterator[sqlite3.Connection]:
    """A connection inside one read transaction, which sees one consistent snapshot.

    Nothing is written: a catalog with an older schema is migrated in a temporary copy. Raises `NoRegistry` or
    `CatalogDamaged` before anything is read, and `WriteFailed` or `LockTimeout` for errors of the operating system.
    """
    with _translating_errors(path, timeout), _open(path, timeout) as connection:
        version = _read_schema_version(connection, path)
        if version < SCHEMA_VERSION:
            with closing(_migrated_copy(connection, version)) as migrated:
                yield migrated
            return
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        yield connection
        connection.execute("ROLLBACK")


def _migrated_copy(connection: sqlite3.Connection, version: int) -> sqlite3.Connection:
    """A migrated temporary copy of the catalog; its journal and its ``user_version`` stay those of the file."""
    copy = sqlite3.connect("", isolation_level=None, factory=_Connection)  # SQLite keeps a large one in a file
    try:
        connection.backup(copy)
        copy.execute("BEGIN")
        for step in STEPS[version:]:
            step(copy)
        copy.execute("COMMIT")
        copy.execute("PRAGMA query_only = ON")
    except BaseException:
        copy.close()
        raise
    return copy


@contextmanager
def writing(path: Path, timeout: float) -> Iterator[sqlite3.Connection]:
    """A connection inside one write transaction: committed at the end, rolled back on an exception.

    The caller holds the write lock. Raises what `reading` raises.
    """
    with _translating_errors(path, timeout), _open(path, timeout) as connection:
        _read_schema_version(connection, path)
        connection.execute("PRAGMA foreign_keys = ON")
        _make_durable(connection)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            if connection.in_transaction:  # on a full disk SQLite has already rolled back
                connection.execute("ROLLBACK")
            raise
        _commit(connection, path.parent)


def upgrade(path: Path, timeout: float, journal: Journal) -> None:
    """Migrate a catalog with an older schema, and first keep a copy beside it.

    ``journal`` records the migration in the same transaction. The caller holds the write lock.
    """
    with _translating_errors(path, timeout), _open(path, timeout) as connection:
        before = _read_schema_version(connection, path)
        if before == SCHEMA_VERSION:
            return
        backup = path.with_name(f"{path.stem}-schema-{before}{path.suffix}")
        _make_durable(connection)
        backup.unlink(missing_ok=True)  # left by a killed migration, which has changed nothing
        connection.execute("VACUUM INTO ?", (str(backup),))
        change_mode(backup, stat.S_IMODE(path.stat().st_mode))
        migrate(connection, journal)


def create(path: Path, mode: int, journal: Journal) -> None:
    """Create a catalog in a temporary file, flush it to disk, and rename it to ``path``.

    ``journal`` writes its first rows. The caller holds the write lock. A killed process leaves a complete catalog
    or none.
    """
    private = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    with _translating_errors(path, _CREATION_TIMEOUT):
        try:
            os.close(open_new_file(private, 0o600))
            with _open(private, _CREATION_TIMEOUT) as connection:
                _make_durable(connection)
                migrate(connection, journal)
            change_mode(private, mode)
            os.rename(private, path)
            try:
                sync_path(path.parent)
            except OSError:
                path.unlink(missing_ok=True)  # under the write lock, so nobody has written to it
                raise
        finally:
            for leftover in (private, private.with_name(f"{private.name}-journal")):
                leftover.unlink(missing_ok=True)


def _commit(connection: sqlite3.Connection, folder: Path) -> None:
    interrupts.begin_commit()
    try:
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if error.sqlite_errorname != "SQLITE_IOERR_DIR_FSYNC":
            interrupts.fail_commit()
            raise
        sync_committed(folder)
    interrupts.finish_commit()


def sync_committed(folder: Path) -> None:
    """Flush a folder to disk after a commit in it; raises `StorageFailure` if that fails."""
    try:
        sync_path(folder)
    except OSError as error:
        raise build_flush_error(error, folder) from error


def build_flush_error(error: OSError, folder: Path) -> StorageFailure:
    """The error for a committed change that could not be flushed to disk."""
    check = disk_hint(os.fspath(folder))
    return StorageFailure(
        f"{shown(os.fspath(folder))}: {error.strerror or error}; the change is committed, but could not be "
        "flushed to disk: a power failure now may lose it",
        f"'modelreg history' shows it; {check}",
        python_hint=f"registry.history() lists it; {check}",
        code="unconfirmed",
    )


def copy(path: Path, private: Path, timeout: float) -> None:
    """Write a consistent copy of the catalog at ``path`` to the new file ``private``, with its schema, on disk.

    Nothing is written to ``path``. Raises what `reading` raises.
    """
    with _translating_errors(path, timeout), _open(path, timeout) as source:
        _read_schema_version(source, path)
        os.close(open_new_file(private, 0o600))
        with _open(private, timeout) as target:
            _make_durable(target)
            try:
                source.backup(target)  # in one step, hence consistent
            except sqlite3.OperationalError as error:
                name = error.sqlite_errorname
                if name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and not name.endswith("READ")):
                    raise _translate(error, private, timeout) from error
                raise


def _make_durable(connection: sqlite3.Connection) -> None:
    """Make commits survive a power failure: sync the folder after the journal is deleted, and on macOS the drive.

    https://www.sqlite.org/pragma.html#pragma_fullfsync
    """
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("PRAGMA fullfsync = ON")


@contextmanager
def _open(path: Path, timeout: float) -> Iterator[sqlite3.Connection]:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise NoRegistry(
            f"this Python was built with SQLite {sqlite3.sqlite_version}, and modelreg needs 3.37 or newer",
            "use a Python with a newer SQLite",
            code="old_sqlite",
        )
    # 'rw' for readers too: the next process must roll back the journal that a killed writer left
    address = f"{path.absolute().as_uri()}?mode={'rw' if can_be_written(path) else 'ro'}"
    seconds = min(timeout, _MAX_TIMEOUT)
    with closing(
        sqlite3.connect(address, uri=True, isolation_level=None, timeout=seconds, factory=_Connection)
    ) as connection:
        yield connection


def can_be_written(path: Path) -> bool:
    """Whether this process may write the catalog file, and the journal beside it."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _read_schema_version(connection: sqlite3.Connection, path: Path) -> int:
    """The catalog's schema version; raises `CatalogDamaged` if it is not of modelreg, `NoRegistry` if it is newer."""
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID or version < 1:
        empty = path.stat().st_size == 0
        raise CatalogDamaged(
            f"{str(path)!r} is {'empty' if empty else 'not a catalog of modelreg'}; nothing was changed",
            "restore it from a backup, or choose another folder with --registry",
        )
    if version > SCHEMA_VERSION:
        raise NoRegistry(
            f"the registry has schema {version}, and this modelreg supports schemas up to {SCHEMA_VERSION}",
            "upgrade: pip install --upgrade modelreg",
            code="registry_too_new",
        )
    return version


@contextmanager
def _translating_errors(path: Path, timeout: float) -> Iterator[None]:
    """Turn errors of SQLite into errors of ours."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _translate(error, path, timeout) from error
    except OverflowError as error:  # somebody set a counter to the largest integer
        raise CatalogDamaged(f"{str(path)!r} is damaged: {error}", "restore it from a backup") from error
    except UnicodeDecodeError as error:  # SQLite's message about a damaged text
        raise CatalogDamaged(f"{str(path)!r} is damaged: {error}", "restore it from a backup") from error


def build_recovery_error(path: Path) -> StorageFailure:
    """The error for a catalog whose writer was killed, and that this user may not roll back."""
    return StorageFailure(
        f"{shown(os.fspath(path))} cannot be read: a process was killed while writing, and this user has no "
        "permission to roll its write back; nothing was changed",
        "run any command as a user who may write to the folder: modelreg list",
        code="journal_left",
    )


def _translate(error: sqlite3.DatabaseError, path: Path, timeout: float) -> ModelregError | sqlite3.DatabaseError:
    name = getattr(error, "sqlite_errorname", "")
    match name.removeprefix("SQLITE_").split("_")[0]:
        case "BUSY" | "LOCKED":
            return LockTimeout(timeout, "another program that uses the catalog")
        case "FULL":
            return WriteFailed(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)))
        case "IOERR":
            return WriteFailed(OSError(errno.EIO, f"{os.strerror(errno.EIO)} ({name})", str(path)))
        case "CANTOPEN" if os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK)):
            # its journal, for a reason that SQLite does not report
            return WriteFailed(OSError(errno.EIO, f"{error} ({name})", str(path)))
        case "READONLY" | "CANTOPEN" if path.with_name(f"{path.name}-journal").exists() and not can_be_written(path):
            return build_recovery_error(path)
        case "READONLY" | "CANTOPEN" | "PERM":
            return WriteFailed(OSError(errno.EACCES, f"{os.strerror(errno.EACCES)} ({name})", str(path)))
        case "CORRUPT" | "NOTADB":
            return CatalogDamaged(f"{str(path)!r} is damaged: {error}", "restore it from a backup")
        case "ERROR" if re.match(_SCHEMA_CHANGED, str(error)):
            return CatalogDamaged(f"{str(path)!r} is damaged: {error}", "restore it from a backup")
        case _ if re.match("Could not decode|cannot store", str(error)):  # a counter overflowed
            return CatalogDamaged(f"{str(path)!r} is damaged: {error}", "restore it from a backup")
        case _:
            return error
