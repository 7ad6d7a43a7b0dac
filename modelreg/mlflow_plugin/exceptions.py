"""Translate modelreg's errors to MLflow's exceptions, with the codes and messages that MLflow's callers look for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import ErrorCode

from modelreg import errors
from modelreg.mlflow.exceptions import (
    DATA_LOSS,
    INVALID_PARAMETER_VALUE,
    INVALID_STATE,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
    to_mlflow_exception,
)


class ConflictException(MlflowException):  # type: ignore[misc]  # MLflow is not typed
    """An error that a retry cannot fix. With MLflow's own status, 500, clients would retry for minutes."""

    def get_http_status_code(self) -> int:
        """409 Conflict."""
        return 409


@contextmanager
def translating_errors(
    name: str, version: object = None, *, alias: str | None = None, new_name: str | None = None
) -> Iterator[None]:
    """Raise `MlflowException` instead of modelreg's errors; the arguments are named in MLflow's messages."""
    try:
        yield
    except (errors.ModelNotFound, errors.VersionNotFound) as error:
        if version is None:
            message = f"Registered Model with name={name} not found"
        else:
            message = f"Model Version (name={name}, version={version}) not found"
        raise build_exception(message, RESOURCE_DOES_NOT_EXIST) from error
    except errors.ModelExists as error:
        message = f"Registered Model (name={new_name or name}) already exists"
        raise build_exception(message, RESOURCE_ALREADY_EXISTS) from error
    except errors.AliasNotFound as error:
        raise build_exception(f"Registered model alias {alias} not found.", INVALID_PARAMETER_VALUE) from error
    except errors.ModelregError as error:
        exception = to_mlflow_exception(error)
        raise build_exception(exception.message, exception.error_code) from error


def build_exception(message: str, code: str) -> MlflowException:
    """An exception of MLflow with the error code of this name."""
    cls = ConflictException if code in (INVALID_STATE, DATA_LOSS) else MlflowException
    return cls(message, error_code=ErrorCode.Value(code))
