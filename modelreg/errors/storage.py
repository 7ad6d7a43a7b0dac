"""Storage, locks, and the registry folder itself."""

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
        """``needed`` is the space that it takes, in bytes; ``is_changed`` says that something was committed before."""
        place = path_text(path or error.filename or "the registry")
        super().__init__(
            f"{shown(place)}: {error.strerror or error}; {COMMITTED if is_changed else 'nothing was changed'}",
            storage_hint(error, place, needed),
        )
        self.error, self.needed = error, needed
        self._place = place

    def after_a_change(self) -> WriteFailed:
        """The same error where something was committed before."""
        return WriteFailed(self.error, self._place, self.needed, is_changed=True)


class JournalLeft(StorageFailure):
    """A writer was killed, and who only reads may not roll back what it left."""

    code = "journal_left"

    def __init__(self, catalog: os.PathLike[str]) -> None:
        super().__init__(
            f"{shown(os.fspath(catalog))} cannot be read: a process was killed while it wrote, and this user may not "
            "roll that back; nothing was changed",
            "any command of a user who may write to the folder does: modelreg list",
        )


class NoLocks(StorageFailure):
    """The file system of a registry has no locks, without which processes would overwrite each other's work."""

    code = "no_locks"

    def __init__(self, error: OSError, path: os.PathLike[str]) -> None:
        super().__init__(
            f"{shown(os.fspath(path))}: {error.strerror or error}; nothing was changed",
            "the file system has no flock, which a registry needs: use a local disk, or mount it with locks",
        )


class Unconfirmed(StorageFailure):
    """A change was made, and the disk did not say that it would survive a loss of power."""

    code = "unconfirmed"

    def __init__(self, error: OSError, folder: os.PathLike[str]) -> None:
        super().__init__(
            f"{shown(os.fspath(folder))}: {error.strerror or error}; the change was made, and is lost perhaps should "
            "the power fail now",
            f"'modelreg history' shows it; {disk_hint(os.fspath(folder))}",
        )


class AnswerLost(StorageFailure):
    """The answer could not be written to stdout; what was asked may have been done."""

    code = "answer_lost"

    def __init__(self, error: OSError, *, done: bool) -> None:
        super().__init__(
            f"the answer could not be written to stdout: {error.strerror or error}"
            + ("; the change itself was made" if done else ""),
            "'modelreg history' shows it" if done else None,
        )


class PruneInterrupted(StorageFailure):
    """Versions were removed, and some of the bytes that were to go with them could not be."""

    code = "prune_interrupted"

    def __init__(self, error: OSError, registry: os.PathLike[str]) -> None:
        super().__init__(
            f"{shown(os.fspath(error.filename or registry))}: {error.strerror or error}; the versions that were "
            "to be removed are, and some bytes are left",
            "run 'modelreg prune' again when that is mended",
        )


class BackupInterrupted(StorageFailure):
    """A backup could not be written to its end."""

    code = "backup_interrupted"

    def __init__(self, error: OSError, folder: os.PathLike[str], needed: int | None = None) -> None:
        place = os.fspath(folder)
        super().__init__(
            f"{shown(place)}: {error.strerror or error}; the backup is not finished, and the same command again "
            "completes it",
            storage_hint(error, place, needed),
        )


class RestorationInterrupted(StorageFailure):
    """A restoration could neither go on nor remove what it had copied."""

    code = "restoration_interrupted"

    def __init__(self, error: OSError, folder: os.PathLike[str]) -> None:
        place = os.fspath(folder)
        super().__init__(
            f"{shown(place)}: {error.strerror or error}; the restoration is not finished, and the same command again "
            "completes it",
            storage_hint(error, place, None),
        )


class MLflowFailed(StorageFailure):
    """MLflow could not read or write something."""

    code = "mlflow_failed"

    def __init__(self, what: str, error: Exception) -> None:
        said = re.sub(r"//[^/@\s]+@", "//", str(error))  # without a password in an address
        lines = said.strip().splitlines() or [type(error).__name__]
        super().__init__(f"{what}: {shortened(lines[0])}", "check the address, and that MLflow itself can read it")


class TransferInterrupted(StorageFailure):
    """An import or export could not go on."""

    code = "transfer_interrupted"

    def __init__(self, error: OSError, folder: os.PathLike[str]) -> None:
        place = os.fspath(error.filename or folder)
        super().__init__(
            f"{shown(place)}: {error.strerror or error}; what was brought over until then is there, and the same "
            "command again goes on",
            storage_hint(error, place, None),
        )


class TransferIncomplete(StorageFailure):
    """Some models or versions could not be brought from MLflow, or to it."""

    code = "transfer_incomplete"

    def __init__(self, count: int) -> None:
        what = "1 model or version" if count == 1 else f"{count} models or versions"
        super().__init__(
            f"{what} could not be brought over; of each the report says why",
            "everything else was; the same command again goes on with what is missing",
        )


class LockTimeout(Busy):
    """Another process held the lock for longer than was to be waited."""

    code = "lock_timeout"

    def __init__(self, waited: float, holder: str, *, is_changed: bool = False) -> None:
        super().__init__(
            f"the registry is locked by {holder}; waited {waited:g} s, and "
            + (COMMITTED if is_changed else "nothing was changed"),
            "try again, or wait longer with --lock-timeout SECONDS",
        )
        self._waited, self._holder = waited, holder

    def after_a_change(self) -> LockTimeout:
        """The same error where something was committed before."""
        return LockTimeout(self._waited, self._holder, is_changed=True)


class RegistryNotFound(NoRegistry):
    """A command that reads was given a folder that is no registry."""

    code = "registry_not_found"

    def __init__(self, path: os.PathLike[str] | str, *, is_last_resort: bool = False) -> None:
        elsewhere = "there is no .modelreg in this folder or above, and " if is_last_resort else ""
        super().__init__(
            f"{elsewhere}{shown(os.fspath(path))} is not a registry",
            "'modelreg init' or the first 'modelreg register' makes one; --registry or MODELREG_HOME name another",
        )


class BackupNotFound(NoRegistry):
    """A registry was to be restored from a folder that holds none."""

    code = "backup_not_found"

    def __init__(self, folder: os.PathLike[str]) -> None:
        super().__init__(
            f"there is no backup in {shown(os.fspath(folder))}; nothing was restored",
            "name the folder to which 'modelreg backup' wrote",
        )


class RegistryTooNew(NoRegistry):
    """A newer modelreg made this registry."""

    code = "registry_too_new"

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"the registry has schema {found}, and this modelreg knows schemas up to {known}",
            "upgrade: pip install --upgrade modelreg",
        )


class UnsafeRegistry(NoRegistry):
    """Others may write to the registry, or it belongs to somebody else."""

    code = "unsafe_registry"


class UnusableFolder(NoRegistry):
    """A registry cannot be made in this folder."""

    code = "unusable_folder"


class OldSQLite(NoRegistry):
    """The SQLite of this Python is too old."""

    code = "old_sqlite"
