"""What an import and an export tell of themselves: how far they are, what was wrong, and what ended them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from modelreg.errors import ModelregError, TransferInterrupted, WriteFailed

Progress = Callable[[int, int], None]
"""Called with how many versions are done, and how many there are."""


def sentence(error: ModelregError) -> str:
    """An error as a note of a report."""
    return f"{error.message}; {error.hint}" if error.hint else error.message


@contextmanager
def wrap_storage_errors(folder: Path) -> Iterator[None]:
    """Storage that fails in the middle: `TransferInterrupted`, since what was done until then stays."""
    try:
        yield
    except WriteFailed as failed:
        raise TransferInterrupted(failed.error, folder) from failed
    except OSError as error:
        raise TransferInterrupted(error, folder) from error
