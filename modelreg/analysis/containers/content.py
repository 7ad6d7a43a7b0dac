"""Looks at the bytes of a model's files, in bounded pieces."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

Files = Mapping[str, Path]
"""Path inside the model, with ``/`` -> where its bytes lie now."""


@dataclass(frozen=True, slots=True)
class OpenModel:
    """A model whose bytes were checked just now, on its way to a loader."""

    file: BinaryIO | None
    """Of a model of one file: opened, at its beginning, and the very one that was checked."""
    folder: Path | None
    """Of a model of several."""

    @property
    def only_file(self) -> BinaryIO:
        """The file; raises ValueError for a folder, which no format of one file is."""
        if self.file is None:
            raise ValueError("a folder is no model of one file")
        return self.file

    def files(self) -> Files:
        """The files of a folder, by their paths within it; raises ValueError for a model of one file."""
        if self.folder is None:
            raise ValueError("a model of one file is no folder")
        found = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path for path in found}

    def read(self) -> bytes:
        """All bytes of the file."""
        self.only_file.seek(0)
        return self.only_file.read()


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
