"""What the operating system says when it refuses to read or write, as errors of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelreg.errors import WriteFailed


@contextmanager
def storing(needed: int | None = None, place: Path | None = None, inside: Path | None = None) -> Iterator[None]:
    """What the operating system refuses, in our words; ``inside`` is named where it says no file itself."""
    try:
        yield
    except BrokenPipeError:  # whoever read our output has gone, which is no failure of storage
        raise
    except OSError as error:
        raise WriteFailed(error, place or (inside if error.filename is None else None), needed) from error
