"""Looks at the bytes of a model's files, in bounded pieces."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

Files = Mapping[str, Path]
"""Path inside the model, with ``/`` -> where its bytes lie now."""


def only_file(files: Files, is_folder: bool) -> Path | None:
    """The model's file where a file was registered; None for a folder."""
    if is_folder or len(files) != 1:
        return None
    return next(iter(files.values()))


def head(path: Path, count: int) -> bytes:
    """The first ``count`` bytes of a file, or all that there are."""
    with path.open("rb") as file:
        return file.read(count)


def tail(path: Path, count: int) -> bytes:
    """The last ``count`` bytes of a file, or all that there are."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - count))
        return file.read(count)


def text(path: Path, most: int) -> str | None:
    """The whole of a file as UTF-8 text; None when it is longer than ``most`` bytes, or none."""
    data = head(path, most + 1)
    if len(data) > most:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
