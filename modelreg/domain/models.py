"""Registered models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from modelreg.domain.display import Displayed
from modelreg.domain.references import ModelName


@dataclass(frozen=True, slots=True, repr=False)
class Model(Displayed):
    """A registered model: a named series of versions."""

    table_columns = ("name", "versions", "production", "staging", "aliases", "tags", "updated_at")

    name: ModelName
    description: str
    versions: int
    """How many versions there are now."""
    latest: int | None
    """The highest version number; None while there is no version."""
    staging: tuple[int, ...]
    production: int | None
    """The version in Production; None if there is none."""
    production_since: datetime | None
    """When that version was moved into Production."""
    production_by: str | None
    """The user who moved it there."""
    archived: int
    """How many versions are archived."""
    aliases: Mapping[str, int]
    tags: Mapping[str, str]
    created_by: str
    created_at: datetime
    updated_at: datetime

    def label(self) -> str:
        """The identity and most important values."""
        count = "1 version" if self.versions == 1 else f"{self.versions} versions"
        return f"{self.name}: {count}, Production {'none' if self.production is None else self.production}"
