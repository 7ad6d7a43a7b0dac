"""What all that is handed out has in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any


class Entity:
    """A frozen dataclass that ``dict(entity)`` takes apart, as people print MLflow's."""

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        for each in fields(self):  # type: ignore[arg-type]  # of a dataclass, which every subclass is
            yield each.name, getattr(self, each.name)

    def to_dictionary(self) -> dict[str, Any]:
        """The same with the entities inside of it taken apart, too."""
        return {name: value.to_dictionary() if isinstance(value, Entity) else value for name, value in self}
