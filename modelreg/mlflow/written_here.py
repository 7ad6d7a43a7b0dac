"""The models that this process wrote: it may load them, whatever their classes are.

A pickle that this process wrote from an object of its own holds no code that the process does not have. Files are
known by their SHA-256, which is checked whenever one is loaded, so a file of anybody else is never taken for one.
"""

from __future__ import annotations

from collections.abc import Iterable

from modelreg.domain.versions import ModelFile

_digests: set[str] = set()


def remember(files: Iterable[ModelFile]) -> None:
    """Note that this process wrote these files from objects of its own."""
    _digests.update(file.digest for file in files)


def wrote_a_model_among(files: Iterable[ModelFile], pickled: str | None = None) -> bool:
    """Whether the only file, or the one that is named ``pickled``, was written by this process."""
    found = [file for file in files if pickled in (None, file.path)]
    return len(found) == 1 and found[0].digest in _digests
