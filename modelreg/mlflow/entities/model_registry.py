"""Registered models and their versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from modelreg.records.model import Model
from modelreg.records.version import ModelVersion as Version

RUN_LINK = "mlflow.runLink"
"""The tag in which a version's link to a run elsewhere is kept."""


@dataclass(frozen=True)
class ModelVersion:
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
    def of(cls, version: Version) -> ModelVersion:
        """The same as modelreg has it."""
        return cls(
            name=version.name,
            version=str(version.version),
            creation_timestamp=milliseconds(version.created_at),
            last_updated_timestamp=milliseconds(version.updated_at),
            description=version.description or None,
            user_id=version.created_by,
            current_stage=version.stage.value,
            source=version.source,
            run_id=version.run_id,
            run_link=version.tags.get(RUN_LINK),
            status=version.status,
            tags={name: value for name, value in version.tags.items() if name != RUN_LINK},
            aliases=list(version.aliases),
        )


@dataclass(frozen=True)
class RegisteredModel:
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
            creation_timestamp=milliseconds(model.created_at),
            last_updated_timestamp=milliseconds(model.updated_at),
            description=model.description or None,
            user_id=model.created_by,
            latest_version=None if model.latest is None else str(model.latest),
            latest_versions=[ModelVersion.of(each) for each in latest],
            tags=dict(model.tags),
            aliases=_texts(model.aliases),
        )


def milliseconds(moment: datetime) -> int:
    """Since 1970."""
    return int(moment.timestamp() * 1000)


def _texts(aliases: Mapping[str, int]) -> dict[str, str]:
    return {alias: str(version) for alias, version in aliases.items()}
