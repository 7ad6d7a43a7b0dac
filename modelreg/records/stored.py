"""What has to be in the store for a version to be whole."""

from __future__ import annotations

from dataclasses import dataclass

from modelreg.records.version import ModelFile
from modelreg.references import Digest, ModelName


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version, as far as bytes are concerned."""

    name: ModelName
    version: int
    digest: Digest
    files: tuple[ModelFile, ...]

    @property
    def reference(self) -> str:
        """``NAME/VERSION``."""
        return f"{self.name}/{self.version}"
