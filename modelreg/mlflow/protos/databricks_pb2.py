"""The codes of errors, as MLflow names them: a code is its name here."""

from __future__ import annotations

from modelreg.mlflow.exceptions import (
    INTERNAL_ERROR,
    INVALID_PARAMETER_VALUE,
    INVALID_STATE,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
)

BAD_REQUEST = "BAD_REQUEST"
PERMISSION_DENIED = "PERMISSION_DENIED"
TEMPORARILY_UNAVAILABLE = "TEMPORARILY_UNAVAILABLE"


class ErrorCode:
    """The names of codes."""

    @staticmethod
    def Name(code: str) -> str:  # noqa: N802  # as MLflow has it
        """The name of a code."""
        return code

    @staticmethod
    def Value(name: str) -> str:  # noqa: N802
        """The code of a name."""
        return name


__all__ = [
    "BAD_REQUEST", "INTERNAL_ERROR", "INVALID_PARAMETER_VALUE", "INVALID_STATE", "PERMISSION_DENIED",
    "RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST", "TEMPORARILY_UNAVAILABLE", "ErrorCode",
]  # fmt: skip
