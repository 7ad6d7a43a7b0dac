"""A name that models may import although no list of the program has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class TrustedName:
    """Somebody vouches for what this name does when a model calls it."""

    module: str
    name: str
    """The qualified name inside the module: ``Encoder``, ``Outer.Inner``."""
    message: str
    """Why."""
    created_by: str
    created_at: datetime

    @property
    def dotted(self) -> str:
        """As `modelreg.records.scan.ImportedName.dotted`."""
        return f"{self.module}{':' if '.' in self.name else '.'}{self.name}"
