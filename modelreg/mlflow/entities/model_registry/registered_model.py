"""Registered models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from modelreg.domain.models import Model
from modelreg.domain.versions import ModelVersion as StoredVersion
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
    """The user who created the model; MLflow has this for versions only."""
    latest_version: str | None
    """The highest version number; None if there are no versions."""
    latest_versions: list[ModelVersion] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Model, latest: Sequence[StoredVersion]) -> RegisteredModel:
        """Convert from modelreg's record."""
        return cls(
            name=model.name,
            creation_timestamp=as_milliseconds(model.created_at),
            last_updated_timestamp=as_milliseconds(model.updated_at),
            description=model.description or None,
            user_id=model.created_by,
            latest_version=None if model.latest is None else str(model.latest),
            latest_versions=[ModelVersion.of(version) for version in latest],
            tags=dict(model.tags),
            aliases={alias: str(version) for alias, version in model.aliases.items()},
        )
