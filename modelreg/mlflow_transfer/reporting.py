"""Progress, notes and interruptions of imports and exports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from modelreg.errors import ModelregError, TransferInterrupted, WriteFailed

Progress = Callable[[int, int], None]
"""Called with the number of finished versions and the number of all versions."""


def format_error(error: ModelregError) -> str:
    """An error as a note in the report."""
    return f"{error.message}; {error.hint}" if error.hint else error.message


@contextmanager
def wrap_storage_errors(folder: Path) -> Iterator[None]:
    """Raise `TransferInterrupted` when storage fails: the versions that are finished stay."""
    try:
        yield
    except WriteFailed as error:
        raise TransferInterrupted(error.error, folder) from error
    except OSError as error:
        raise TransferInterrupted(error, folder) from error
