"""Base class of MLflow's records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any


class Entity:
    """Base class for frozen dataclasses: ``dict(entity)`` returns the fields by name, as with MLflow's entities."""

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        for field in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            yield field.name, getattr(self, field.name)

    def to_dictionary(self) -> dict[str, Any]:
        """The fields by name, with nested entities converted, too."""
        return {name: value.to_dictionary() if isinstance(value, Entity) else value for name, value in self}
