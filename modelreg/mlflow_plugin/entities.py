"""Convert modelreg's records to MLflow's entities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlflow.entities.model_registry import ModelVersion, ModelVersionTag, RegisteredModel, RegisteredModelTag
from mlflow.entities.model_registry.registered_model_alias import RegisteredModelAlias

from modelreg.domain.models import Model
from modelreg.domain.stages import StageRules
from modelreg.domain.versions import ModelVersion as StoredVersion
from modelreg.mlflow.entities.model_registry.model_version import ModelVersion as VersionEntity
from modelreg.mlflow_plugin import server
from modelreg.system.clock import as_milliseconds


class ExtendedRegisteredModel(RegisteredModel):  # type: ignore[misc]  # MLflow is not typed
    """A registered model with its creator and newest version, which tutorials use and MLflow does not provide."""

    def __init__(self, user_id: str, latest_version: int | None, **fields: Any) -> None:
        super().__init__(**fields)
        self._user_id = user_id
        self._newest = latest_version

    @classmethod
    def _properties(cls) -> list[str]:
        """The properties that `dict` and `print` show; MLflow itself lists only those of the class."""
        return sorted([*RegisteredModel._properties(), *cls._get_properties_helper()])

    @property
    def user_id(self) -> str:
        """The user who created the model."""
        return self._user_id

    @property
    def latest_version(self) -> int | None:
        """The highest version number; None if there are no versions."""
        return self._newest


def version_entity(version: StoredVersion, rules: StageRules) -> ModelVersion:
    """Convert a version; with strict rules, ``status_message`` says if the files are elsewhere, unlike in MLflow."""
    fields = dict(VersionEntity.of(version))
    return ModelVersion(
        **fields
        | {
            "version": version.version,
            "description": version.description or _get_empty_description(),
            "status_message": fields["status_message"] if rules is StageRules.STRICT else None,
            "tags": [ModelVersionTag(*pair) for pair in fields["tags"].items()],
        }
    )


def model_entity(model: Model, latest: Iterable[StoredVersion], rules: StageRules) -> RegisteredModel:
    """Convert a registered model, with its newest version in each stage."""
    return ExtendedRegisteredModel(
        model.created_by,
        model.latest,
        name=model.name,
        creation_timestamp=as_milliseconds(model.created_at),
        last_updated_timestamp=as_milliseconds(model.updated_at),
        description=model.description or _get_empty_description(),
        latest_versions=[version_entity(version, rules) for version in latest],
        tags=[RegisteredModelTag(*pair) for pair in model.tags.items()],
        aliases=[RegisteredModelAlias(*pair) for pair in model.aliases.items()],
    )


def _get_empty_description() -> str | None:
    """MLflow's value for a missing description: an empty text over HTTP, None otherwise."""
    return "" if server.is_running() else None


def tags_as_mapping(tags: Iterable[Any] | None) -> Mapping[str, str]:
    """MLflow's tags as a dictionary; the last one counts if a key is repeated."""
    return {tag.key: tag.value for tag in tags or ()}
