"""Changes of what may change without a new version: aliases, tags, descriptions, names, approvals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class MetadataChange:
    """One value was replaced by another."""

    subject: str
    """The model as ``NAME``, or the version as ``NAME/VERSION``."""
    field: str
    """``alias``, ``tags``, ``description``, ``name`` or ``approval``."""
    key: str | None
    """Which alias; None where the field is one value."""
    before: Any
    """The version that an alias named, the text of a description, the tags that are touched; None for nothing."""
    after: Any

    @property
    def changed(self) -> bool:
        """False when it was so already."""
        return bool(self.before != self.after)
