"""The files of a model, and bounded reads of their content."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

Files = Mapping[str, Path]
"""Path inside the model, with ``/`` as separator -> location on disk."""


@dataclass(frozen=True, slots=True)
class OpenModel:
    """A model whose content was just verified, to be passed to a loader."""

    file: BinaryIO | None
    """The verified file, opened at its beginning; None for a folder."""
    folder: Path | None
    """The folder of a model with several files; None for a single file."""

    @property
    def only_file(self) -> BinaryIO:
        """The model's file; raises ValueError if the model is a folder."""
        if self.file is None:
            raise ValueError("the model is a folder, not a single file")
        return self.file

    def files(self) -> Files:
        """The files of the folder, by relative path; raises ValueError if the model is a single file."""
        if self.folder is None:
            raise ValueError("the model is a single file, not a folder")
        paths = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path for path in paths}

    def read(self) -> bytes:
        """The whole content of the model's file."""
        self.only_file.seek(0)
        return self.only_file.read()


def only_file(files: Files, is_folder: bool) -> Path | None:
    """The location of the model's file if a single file was registered; None for a folder."""
    if is_folder or len(files) != 1:
        return None
    return next(iter(files.values()))


def head(path: Path, count: int) -> bytes:
    """The first ``count`` bytes of a file, or all of a shorter file."""
    with path.open("rb") as file:
        return file.read(count)


def tail(path: Path, count: int) -> bytes:
    """The last ``count`` bytes of a file, or all of a shorter file."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - count))
        return file.read(count)


def read_text(path: Path, max_size: int) -> str | None:
    """The content of a text file; None if it is larger than ``max_size`` bytes or not UTF-8."""
    data = head(path, max_size + 1)
    if len(data) > max_size:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
