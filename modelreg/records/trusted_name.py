"""A name that models may import although no list of the program has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class TrustedName:
    """A name that users of this registry trust, anywhere in a model or as the value of one attribute."""

    module: str
    name: str
    """The qualified name inside the module: ``Encoder``, ``Outer.Inner``."""
    message: str
    """Why."""
    created_by: str
    created_at: datetime
    attribute: str = ""
    """Where the name is trusted as the value of one attribute alone: that, as ``package.Class.attribute``."""

    @property
    def pair(self) -> tuple[str, str]:
        """Module and name as verdicts compare them, with the attribute before: ``package.Class.attribute=module``."""
        return (f"{self.attribute}={self.module}" if self.attribute else self.module), self.name

    @property
    def dotted(self) -> str:
        """As `modelreg.records.scan.ImportedName.dotted`, with the attribute before it."""
        return f"{self.pair[0]}{':' if '.' in self.name else '.'}{self.name}"
