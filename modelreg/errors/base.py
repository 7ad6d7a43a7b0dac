"""The base class of all errors, and the families of errors, each with its exit status."""

from __future__ import annotations

from typing import Any

from modelreg.errors.text import with_parameters


class ModelregError(Exception):
    """The base class of all errors that modelreg raises on purpose."""

    code = "unexpected"
    exit = 1
    python_hint: str | None = None

    def __init__(
        self, message: str, hint: str | None = None, *, python_hint: str | None = None, code: str | None = None
    ) -> None:
        """``hint`` is for the command line; ``python_hint`` for calls, by default with options as parameters.

        ``code`` replaces the code of the class. It is for errors that no program catches separately: they have a code
        of their own, but no class.
        """
        super().__init__(message)
        if code is not None:
            self.code = code
        self.message = message
        self.hint = hint
        self.python_hint = python_hint or (hint and with_parameters(hint))
        if self.python_hint:
            self.add_note(f"hint: {self.python_hint}")  # shown in tracebacks


class InvalidInput(ModelregError):
    """An argument, option or file cannot be used."""

    code = "invalid_input"
    exit = 2


class NotFound(ModelregError):
    """A model, version, stage, alias or run does not exist."""

    code = "not_found"
    exit = 3


class Conflict(ModelregError):
    """The current state of the registry does not allow the change."""

    code = "conflict"
    exit = 4


class GateRefused(ModelregError):
    """A version did not pass the gates of a stage."""

    code = "gate_refused"
    exit = 5

    def __init__(self, message: str, hint: str, python_hint: str, check: Any) -> None:
        super().__init__(message, hint, python_hint=python_hint)
        self.check = check
        """The `modelreg.domain.gates.GateCheck`: the result of each gate."""


class Damaged(ModelregError):
    """Stored bytes or the catalog differ from what was registered."""

    code = "damaged"
    exit = 6


class Untrusted(ModelregError):
    """Loading the model could run code that is not allowed."""

    code = "untrusted"
    exit = 7


class StorageFailure(ModelregError):
    """A file or folder could not be read or written."""

    code = "storage_failure"
    exit = 8


class NoRegistry(ModelregError):
    """There is no registry, or it must not be used."""

    code = "no_registry"
    exit = 10
