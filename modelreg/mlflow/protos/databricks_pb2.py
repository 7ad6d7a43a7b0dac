"""MLflow's error codes; here a code is its name."""

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
    """Converts between codes and names, which are the same here."""

    @staticmethod
    def Name(code: str) -> str:  # noqa: N802  # MLflow's name
        """The name of a code."""
        return code

    @staticmethod
    def Value(name: str) -> str:  # noqa: N802
        """The code with this name."""
        return name


__all__ = [
    "BAD_REQUEST", "INTERNAL_ERROR", "INVALID_PARAMETER_VALUE", "INVALID_STATE", "PERMISSION_DENIED",
    "RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST", "TEMPORARILY_UNAVAILABLE", "ErrorCode",
]  # fmt: skip
