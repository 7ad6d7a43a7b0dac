"""Remember the model files that this process wrote: it may load them without further trust.

A pickle of an object of this process holds no code that the process does not have already. Files are recognised by
their SHA-256, which is checked at every load, so a file from elsewhere cannot pass for one of these.
"""

from __future__ import annotations

from collections.abc import Iterable

from modelreg.domain.versions import ModelFile

_digests: set[str] = set()


def remember(files: Iterable[ModelFile]) -> None:
    """Record files that this process wrote from its own objects."""
    _digests.update(file.digest for file in files)


def is_written_here(files: Iterable[ModelFile], pickle_path: str | None = None) -> bool:
    """Whether this process wrote the model: its only file, or the file at ``pickle_path``."""
    candidates = [file for file in files if pickle_path in (None, file.path)]
    return len(candidates) == 1 and candidates[0].digest in _digests
