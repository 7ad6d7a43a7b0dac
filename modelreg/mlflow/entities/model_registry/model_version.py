"""Versions of registered models."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelreg.domain.versions import READY
from modelreg.domain.versions import ModelVersion as StoredVersion
from modelreg.mlflow.entities.entity import Entity
from modelreg.system.clock import as_milliseconds

RUN_LINK = "mlflow.runLink"
"""The tag that stores a version's link to a run elsewhere."""
ELSEWHERE = "The registry has only the address of this version's files, not the files."
"""The status message of a reference; MLflow has no status for it."""


@dataclass(frozen=True)
class ModelVersion(Entity):
    """A version of a registered model."""

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str | None
    user_id: str
    current_stage: str
    source: str
    run_id: str | None
    run_link: str | None
    status: str
    status_message: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    aliases: list[str] = field(default_factory=list)
    model_id: str | None = None

    @classmethod
    def of(cls, version: StoredVersion) -> ModelVersion:
        """Convert from modelreg's record."""
        return cls(
            name=version.name,
            version=str(version.version),
            creation_timestamp=as_milliseconds(version.created_at),
            last_updated_timestamp=as_milliseconds(version.updated_at),
            description=version.description or None,
            user_id=version.created_by,
            current_stage=version.stage.value,
            source=version.source,
            run_id=version.run_id,
            run_link=version.tags.get(RUN_LINK),
            status=READY,
            status_message=None if version.has_bytes else ELSEWHERE,
            tags={name: value for name, value in version.tags.items() if name != RUN_LINK},
            aliases=list(version.aliases),
        )
