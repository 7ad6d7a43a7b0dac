"""Errors as MLflow has them: the one place where those of modelreg become one of these."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from modelreg import errors
from modelreg.mlflow.advice import advice_of

P = ParamSpec("P")
R = TypeVar("R")

DATA_LOSS = "DATA_LOSS"
INTERNAL_ERROR = "INTERNAL_ERROR"
INVALID_PARAMETER_VALUE = "INVALID_PARAMETER_VALUE"
INVALID_STATE = "INVALID_STATE"
RESOURCE_ALREADY_EXISTS = "RESOURCE_ALREADY_EXISTS"
RESOURCE_DOES_NOT_EXIST = "RESOURCE_DOES_NOT_EXIST"

_STATUS = {
    INTERNAL_ERROR: 500,
    INVALID_STATE: 500,
    DATA_LOSS: 500,
    "TEMPORARILY_UNAVAILABLE": 503,
    "PERMISSION_DENIED": 403,
    RESOURCE_DOES_NOT_EXIST: 404,
    RESOURCE_ALREADY_EXISTS: 400,
    INVALID_PARAMETER_VALUE: 400,
}
"""Error code -> the status of an HTTP answer that would carry it."""

_CODES: dict[type[errors.ModelregError], str] = {
    errors.ModelExists: RESOURCE_ALREADY_EXISTS,
    errors.NameInUse: RESOURCE_ALREADY_EXISTS,
    errors.NameTaken: RESOURCE_ALREADY_EXISTS,
    errors.InvalidInput: INVALID_PARAMETER_VALUE,
    errors.NotFound: RESOURCE_DOES_NOT_EXIST,
    errors.Conflict: INVALID_STATE,
    errors.RefusedByGate: INVALID_STATE,
    errors.Damaged: DATA_LOSS,
    errors.Untrusted: "PERMISSION_DENIED",
    errors.Busy: "TEMPORARILY_UNAVAILABLE",
    errors.NoRegistry: INVALID_STATE,
    errors.ModelregError: INTERNAL_ERROR,
}
"""The code of an error is that of the nearest of its classes."""


class MlflowException(Exception):
    """What this interface raises; its cause is the error of modelreg, where there is one."""

    def __init__(self, message: str, error_code: str = INTERNAL_ERROR) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = error_code

    def get_http_status_code(self) -> int:
        """The status of an HTTP answer that would carry this."""
        return _STATUS.get(self.error_code, 500)

    def serialize_as_json(self) -> str:
        """Code and message as a JSON object."""
        return json.dumps({"error_code": self.error_code, "message": self.message})

    @classmethod
    def invalid_parameter_value(cls, message: str) -> MlflowException:
        """One with the code ``INVALID_PARAMETER_VALUE``."""
        return cls(message, INVALID_PARAMETER_VALUE)


RestException = MlflowException
"""What code that was written for a server catches."""


def speaks_mlflow(function: Callable[P, R]) -> Callable[P, R]:
    """Let ``function`` raise `MlflowException` where modelreg's own errors would leave it."""

    @wraps(function)
    def speaking(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except errors.ModelregError as error:
            raise translated(error) from error

    return speaking


def all_speak_mlflow(kind: type[R]) -> type[R]:
    """The same for every public method of a class."""
    for name, method in inspect.getmembers(kind, inspect.isfunction):
        if not name.startswith("_") or name == "__init__":
            setattr(kind, name, speaks_mlflow(method))
    return kind


def translated(error: errors.ModelregError) -> MlflowException:
    """An error of modelreg in MLflow's words, and with what it advises."""
    code = next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)
    advice = advice_of(error)
    return MlflowException(f"{error.message} ({advice})" if advice else error.message, code)
