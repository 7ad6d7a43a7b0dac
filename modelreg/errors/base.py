"""The families of errors, each with its exit status."""

from __future__ import annotations


class ModelregError(Exception):
    """The root of every error that modelreg raises on purpose."""

    code = "unexpected"
    exit = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if hint:
            self.add_note(f"hint: {hint}")  # which a traceback shows


class InvalidInput(ModelregError):
    """What was asked or given cannot be used."""

    code = "invalid_input"
    exit = 2


class NotFound(ModelregError):
    """What was named is not in the registry."""

    code = "not_found"
    exit = 3


class Conflict(ModelregError):
    """The present state of the registry stands against the change."""

    code = "conflict"
    exit = 4


class RefusedByGate(ModelregError):
    """A gate that the version does not pass stands before the stage."""

    code = "refused_by_gate"
    exit = 5


class Damaged(ModelregError):
    """Bytes or catalog are not what was registered."""

    code = "damaged"
    exit = 6


class Untrusted(ModelregError):
    """Loading the model could run code that nobody allowed."""

    code = "untrusted"
    exit = 7


class StorageFailure(ModelregError):
    """The folder could not be read or written."""

    code = "storage_failure"
    exit = 8


class Busy(ModelregError):
    """Another process held a lock for too long."""

    code = "busy"
    exit = 9


class NoRegistry(ModelregError):
    """There is no registry here, or one that must not be used."""

    code = "no_registry"
    exit = 10
