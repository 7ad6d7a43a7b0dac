"""Errors of the operating system, of locks, and of the registry folder."""

from __future__ import annotations

import os
import re

from modelreg.errors.base import (
    ModelregError,
    NoRegistry,
    StorageFailure,
)
from modelreg.errors.os_errors import COMMITTED, storage_hint
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


class OperationInterrupted(StorageFailure):
    """The operating system stopped a backup, restoration, import, export or prune; it can be continued."""

    code = "operation_interrupted"

    def __init__(self, error: OSError, place: os.PathLike[str] | str, *, code: str, needed: int | None = None) -> None:
        """``code`` names the operation: a key of `_INTERRUPTED`. ``needed`` is the space needed, in bytes."""
        place, is_prune = os.fspath(place), code == "prune_interrupted"
        super().__init__(
            f"{shown(place)}: {error.strerror or error}; {_INTERRUPTED[code]}",
            "fix the cause, then run 'modelreg prune' again" if is_prune else storage_hint(error, place, needed),
            python_hint="fix the cause, then call prune() again" if is_prune else None,
            code=code,
        )


_INTERRUPTED = {
    "backup_interrupted": "the backup is incomplete; the same command completes it",
    "prune_interrupted": "the versions were removed, but some of their bytes are still stored",
    "restoration_interrupted": "the restoration is incomplete; the same command completes it",
    "transfer_interrupted": "what was transferred is kept, and the same command continues",
}
"""Code of an interrupted operation -> what it left behind."""


class MLflowFailed(StorageFailure):
    """MLflow failed to read or write."""

    code = "mlflow_failed"

    def __init__(self, what: str, error: Exception) -> None:
        text = re.sub(r"//[^/@\s]+@", "//", str(error))  # without a password in an address
        lines = text.strip().splitlines() or [type(error).__name__]
        super().__init__(f"{what}: {shortened(lines[0])}", "check the address, and that MLflow itself can read it")


class LockTimeout(ModelregError):
    """Another process held the lock until the timeout."""

    code = "lock_timeout"
    exit = 9

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


class UnsafeRegistry(NoRegistry):
    """Other users can write to the registry, or it belongs to another user."""

    code = "unsafe_registry"


class UnusableFolder(NoRegistry):
    """A registry cannot be created in this folder."""

    code = "unusable_folder"
