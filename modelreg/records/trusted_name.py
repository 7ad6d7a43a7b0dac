"""A name that models may import although no list of the program has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class TrustedName:
    """A name that users of this registry trust, anywhere in a model or as the value of one attribute."""

    module: str
    """Where the name is trusted as the value of one attribute, that goes before: ``package.Class.attribute=module``."""
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
