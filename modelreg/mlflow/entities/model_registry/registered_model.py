"""Registered models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from modelreg.domain.models import Model
from modelreg.domain.versions import ModelVersion as Version
from modelreg.mlflow.entities.entity import Entity
from modelreg.mlflow.entities.model_registry.model_version import ModelVersion
from modelreg.system.clock import as_milliseconds


@dataclass(frozen=True)
class RegisteredModel(Entity):
    """A registered model, with its newest version in each stage."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str | None
    user_id: str
    """Who made it; MLflow has this of versions alone."""
    latest_version: str | None
    """The highest version number; None while there is no version."""
    latest_versions: list[ModelVersion] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Model, latest: Sequence[Version]) -> RegisteredModel:
        """The same as modelreg has it."""
        return cls(
            name=model.name,
            creation_timestamp=as_milliseconds(model.created_at),
            last_updated_timestamp=as_milliseconds(model.updated_at),
            description=model.description or None,
            user_id=model.created_by,
            latest_version=None if model.latest is None else str(model.latest),
            latest_versions=[ModelVersion.of(each) for each in latest],
            tags=dict(model.tags),
            aliases={alias: str(version) for alias, version in model.aliases.items()},
        )
