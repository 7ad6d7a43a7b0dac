"""Progress, notes and interruptions of imports and exports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from modelreg.errors import ModelregError, OperationInterrupted, WriteFailed

Progress = Callable[[int, int], None]
"""Called with the number of finished versions and the number of all versions."""


def format_error(error: ModelregError) -> str:
    """An error as a note in the report."""
    return f"{error.message}; {error.hint}" if error.hint else error.message


@contextmanager
def wrap_storage_errors(folder: Path) -> Iterator[None]:
    """Raise `OperationInterrupted` when storage fails: the versions that are finished stay."""
    try:
        yield
    except (OSError, WriteFailed) as failure:
        error = failure.error if isinstance(failure, WriteFailed) else failure
        raise OperationInterrupted(error, error.filename or folder, code="transfer_interrupted") from failure
