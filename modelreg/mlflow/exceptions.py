"""MLflow's exception class, and the translation of modelreg's errors into it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from modelreg import errors
from modelreg.mlflow.hint_translation import translate_hint

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
"""Error code -> HTTP status."""

_CODES: dict[type[errors.ModelregError], str] = {
    errors.ModelExists: RESOURCE_ALREADY_EXISTS,
    errors.NameTaken: RESOURCE_ALREADY_EXISTS,
    errors.InvalidInput: INVALID_PARAMETER_VALUE,
    errors.NotFound: RESOURCE_DOES_NOT_EXIST,
    errors.Conflict: INVALID_STATE,
    errors.GateRefused: INVALID_STATE,
    errors.Damaged: DATA_LOSS,
    errors.Untrusted: "PERMISSION_DENIED",
    errors.LockTimeout: "TEMPORARILY_UNAVAILABLE",
    errors.NoRegistry: INVALID_STATE,
    errors.ModelregError: INTERNAL_ERROR,
}
"""modelreg's error class -> MLflow's error code; the nearest base class that is listed counts."""


class MlflowException(Exception):
    """The only exception that `modelreg.mlflow` raises; ``__cause__`` is modelreg's error, if there is one."""

    def __init__(self, message: str, error_code: str = INTERNAL_ERROR) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = error_code

    def get_http_status_code(self) -> int:
        """The HTTP status for this error code."""
        return _STATUS.get(self.error_code, 500)

    def serialize_as_json(self) -> str:
        """The code and message as a JSON object."""
        return json.dumps({"error_code": self.error_code, "message": self.message})

    @classmethod
    def invalid_parameter_value(cls, message: str) -> MlflowException:
        """An exception with the code ``INVALID_PARAMETER_VALUE``."""
        return cls(message, INVALID_PARAMETER_VALUE)


RestException = MlflowException
"""Alias for code that catches MLflow's exception for errors of a server."""


def translate_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator: raise `MlflowException` instead of modelreg's errors."""

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except errors.ModelregError as error:
            raise to_mlflow_exception(error) from error

    return wrapper


def translate_method_errors(cls: type[R]) -> type[R]:
    """Class decorator: apply `translate_errors` to every public method."""
    for name, method in inspect.getmembers(cls, inspect.isfunction):
        if not name.startswith("_") or name == "__init__":
            setattr(cls, name, translate_errors(method))
    return cls


def to_mlflow_exception(error: errors.ModelregError) -> MlflowException:
    """The `MlflowException` for an error of modelreg: its code, its message and its hint."""
    code = next(_CODES[cls] for cls in type(error).__mro__ if cls in _CODES)
    hint = translate_hint(error)
    return MlflowException(f"{error.message} ({hint})" if hint else error.message, code)
