"""Files of a run."""

from __future__ import annotations

from dataclasses import dataclass

from modelreg.mlflow.entities.entity import Entity


@dataclass(frozen=True)
class FileInfo(Entity):
    """A file or folder among the artifacts of a run."""

    path: str
    is_dir: bool
    file_size: int | None
