"""Errors of modelreg in MLflow's words, where MLflow's callers and its web page look for those."""

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
    """What asking again does not mend: by MLflow's own status, 500, clients ask for minutes and lose the message."""

    def get_http_status_code(self) -> int:
        """409, a conflict with what there is."""
        return 409


@contextmanager
def translating_errors(
    name: str, version: object = None, *, alias: str | None = None, new_name: str | None = None
) -> Iterator[None]:
    """Let `MlflowException` alone pass; the arguments are what was asked about, which MLflow's messages name."""
    try:
        yield
    except (errors.ModelNotFound, errors.VersionNotFound) as error:
        subject = f"Registered Model with name={name}" if version is None else _version(name, version)
        raise failure(f"{subject} not found", RESOURCE_DOES_NOT_EXIST) from error
    except errors.NameInUse as error:
        raise failure(f"Registered Model (name={new_name}) already exists", RESOURCE_ALREADY_EXISTS) from error
    except errors.AliasNotFound as error:
        raise failure(f"Registered model alias {alias} not found.", INVALID_PARAMETER_VALUE) from error
    except errors.ModelregError as error:
        known = to_mlflow_exception(error)
        raise failure(known.message, known.error_code) from error


def failure(message: str, code: str) -> MlflowException:
    """An error of MLflow's with a code by its name."""
    kind = ConflictException if code in (INVALID_STATE, DATA_LOSS) else MlflowException
    return kind(message, error_code=ErrorCode.Value(code))


def _version(name: str, version: object) -> str:
    return f"Model Version (name={name}, version={version})"
