"""Errors of the operating system, of locks, and of the registry folder."""

from __future__ import annotations

import os
import re

from modelreg.errors.base import (
    Busy,
    NoRegistry,
    StorageFailure,
)
from modelreg.errors.os_errors import COMMITTED, disk_hint, storage_hint
from modelreg.errors.text import path_text, shortened, shown


class WriteFailed(StorageFailure):
    """The operating system refused to read or write."""

    code = "write_failed"

    def __init__(
        self,
        error: OSError,
        path: os.PathLike[str] | str | None = None,
        needed: int | None = None,
        *,
        is_changed: bool = False,
    ) -> None:
        """``needed`` is the space needed, in bytes; ``is_changed`` says that something was committed before."""
        place = path_text(path or error.filename or "the registry")
        super().__init__(
            f"{shown(place)}: {error.strerror or error}; {COMMITTED if is_changed else 'nothing was changed'}",
            storage_hint(error, place, needed),
        )
        self.error, self.needed = error, needed
        self._place = place

    def after_a_change(self) -> WriteFailed:
        """The same error, for a command that committed something before."""
        return WriteFailed(self.error, self._place, self.needed, is_changed=True)


class CatalogRecoveryFailed(StorageFailure):
    """A writer was killed, and this user has no permission to roll its write back."""

    code = "journal_left"

    def __init__(self, catalog: os.PathLike[str]) -> None:
        super().__init__(
            f"{shown(os.fspath(catalog))} cannot be read: a process was killed while writing, and this user has no "
            "permission to roll its write back; nothing was changed",
            "run any command as a user who may write to the folder: modelreg list",
        )


class LocksUnsupported(StorageFailure):
    """The file system of the registry does not support locks."""

    code = "no_locks"

    def __init__(self, error: OSError, path: os.PathLike[str]) -> None:
        super().__init__(
            f"{shown(os.fspath(path))}: {error.strerror or error}; nothing was changed",
            "the file system does not support flock, which a registry needs: use a local disk, or mount it with locks",
        )


class FlushFailed(StorageFailure):
    """A change is committed, but could not be flushed to disk."""

    code = "unconfirmed"

    def __init__(self, error: OSError, folder: os.PathLike[str]) -> None:
        super().__init__(
            f"{shown(os.fspath(folder))}: {error.strerror or error}; the change is committed, but could not be "
            "flushed to disk: a power failure now may lose it",
            f"'modelreg history' shows it; {disk_hint(os.fspath(folder))}",
            python_hint=f"registry.history() lists it; {disk_hint(os.fspath(folder))}",
        )


class StdoutWriteFailed(StorageFailure):
    """The output could not be written to stdout; the change may be committed."""

    code = "answer_lost"

    def __init__(self, error: OSError, *, done: bool) -> None:
        super().__init__(
            f"the output could not be written to stdout: {error.strerror or error}"
            + ("; the change is committed" if done else ""),
            "'modelreg history' shows it" if done else None,
        )


class PruneInterrupted(StorageFailure):
    """Versions were removed, but not all of their bytes."""

    code = "prune_interrupted"

    def __init__(self, error: OSError, registry: os.PathLike[str]) -> None:
        super().__init__(
            f"{shown(os.fspath(error.filename or registry))}: {error.strerror or error}; the versions were "
            "removed, but some of their bytes are still stored",
            "fix the cause, then run 'modelreg prune' again",
            python_hint="fix the cause, then call prune() again",
        )


class BackupInterrupted(StorageFailure):
    """The backup is incomplete."""

    code = "backup_interrupted"

    def __init__(self, error: OSError, folder: os.PathLike[str], needed: int | None = None) -> None:
        place = os.fspath(folder)
        super().__init__(
            f"{shown(place)}: {error.strerror or error}; the backup is incomplete; the same command completes it",
            storage_hint(error, place, needed),
        )


class RestorationInterrupted(StorageFailure):
    """The restoration is incomplete, and could not be undone."""

    code = "restoration_interrupted"

    def __init__(self, error: OSError, folder: os.PathLike[str]) -> None:
        place = os.fspath(folder)
        super().__init__(
            f"{shown(place)}: {error.strerror or error}; the restoration is incomplete; the same command completes it",
            storage_hint(error, place, None),
        )


class MLflowFailed(StorageFailure):
    """MLflow failed to read or write."""

    code = "mlflow_failed"

    def __init__(self, what: str, error: Exception) -> None:
        text = re.sub(r"//[^/@\s]+@", "//", str(error))  # without a password in an address
        lines = text.strip().splitlines() or [type(error).__name__]
        super().__init__(f"{what}: {shortened(lines[0])}", "check the address, and that MLflow itself can read it")


class TransferInterrupted(StorageFailure):
    """An import or export was interrupted."""

    code = "transfer_interrupted"

    def __init__(self, error: OSError, folder: os.PathLike[str]) -> None:
        place = os.fspath(error.filename or folder)
        super().__init__(
            f"{shown(place)}: {error.strerror or error}; what was transferred is kept, and the same command continues",
            storage_hint(error, place, None),
        )


class TransferIncomplete(StorageFailure):
    """Some models or versions could not be imported or exported."""

    code = "transfer_incomplete"

    def __init__(self, count: int) -> None:
        what = "1 model or version" if count == 1 else f"{count} models or versions"
        super().__init__(
            f"{what} could not be transferred; the report says why",
            "everything else was transferred; run the same command again for the rest",
        )


class LockTimeout(Busy):
    """Another process held the lock until the timeout."""

    code = "lock_timeout"

    def __init__(self, waited: float, holder: str, *, is_changed: bool = False) -> None:
        super().__init__(
            f"the registry is locked by {holder}; waited {waited:g} s, and "
            + (COMMITTED if is_changed else "nothing was changed"),
            "try again, or wait longer with --lock-timeout SECONDS",
            python_hint="try again, or wait longer with Registry(lock_timeout=SECONDS)",
        )
        self._waited, self._holder = waited, holder

    def after_a_change(self) -> LockTimeout:
        """The same error, for a command that committed something before."""
        return LockTimeout(self._waited, self._holder, is_changed=True)


class RegistryNotFound(NoRegistry):
    """The folder is not a registry."""

    code = "registry_not_found"

    def __init__(self, path: os.PathLike[str] | str, *, is_last_resort: bool = False) -> None:
        elsewhere = "there is no .modelreg in this folder or above, and " if is_last_resort else ""
        super().__init__(
            f"{elsewhere}{shown(os.fspath(path))} is not a registry",
            "'modelreg init' or the first 'modelreg register' creates one; --registry or MODELREG_HOME selects another",
            python_hint="create() or the first register() creates one; Registry(path) or MODELREG_HOME selects another",
        )


class BackupNotFound(NoRegistry):
    """The folder holds no backup."""

    code = "backup_not_found"

    def __init__(self, folder: os.PathLike[str]) -> None:
        super().__init__(
            f"there is no backup in {shown(os.fspath(folder))}; nothing was restored",
            "name the folder to which 'modelreg backup' wrote",
        )


class RegistryTooNew(NoRegistry):
    """The registry was created by a newer modelreg."""

    code = "registry_too_new"

    def __init__(self, version: int, supported: int) -> None:
        super().__init__(
            f"the registry has schema {version}, and this modelreg supports schemas up to {supported}",
            "upgrade: pip install --upgrade modelreg",
        )


class UnsafeRegistry(NoRegistry):
    """Other users can write to the registry, or it belongs to another user."""

    code = "unsafe_registry"


class UnusableFolder(NoRegistry):
    """A registry cannot be created in this folder."""

    code = "unusable_folder"


class OldSQLite(NoRegistry):
    """The SQLite of this Python is too old."""

    code = "old_sqlite"
