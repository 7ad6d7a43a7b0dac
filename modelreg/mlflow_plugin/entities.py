"""Records of modelreg as MLflow's own entities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlflow.entities.model_registry import ModelVersion, ModelVersionTag, RegisteredModel, RegisteredModelTag
from mlflow.entities.model_registry.registered_model_alias import RegisteredModelAlias

from modelreg.domain.models import Model
from modelreg.domain.stages import StageRules
from modelreg.domain.versions import ModelVersion as Version
from modelreg.mlflow.entities.model_registry.model_version import ModelVersion as VersionEntity
from modelreg.mlflow_plugin import server
from modelreg.system.clock import as_milliseconds


class ExtendedRegisteredModel(RegisteredModel):  # type: ignore[misc]  # MLflow is not typed
    """A registered model that also says what MLflow's tutorials ask of one, and MLflow itself does not tell."""

    def __init__(self, user_id: str, latest_version: int | None, **known: Any) -> None:
        super().__init__(**known)
        self._user_id = user_id
        self._newest = latest_version

    @classmethod
    def _properties(cls) -> list[str]:
        """What `dict` and `print` show, which MLflow looks for in the class itself alone."""
        return sorted([*RegisteredModel._properties(), *cls._get_properties_helper()])

    @property
    def user_id(self) -> str:
        """Who made it."""
        return self._user_id

    @property
    def latest_version(self) -> int | None:
        """The highest version number; None while there is no version."""
        return self._newest


def version_entity(version: Version, rules: StageRules) -> ModelVersion:
    """A version; by strict rules its ``status_message`` says when the bytes are elsewhere, which MLflow never says."""
    known = dict(VersionEntity.of(version))
    return ModelVersion(
        **known
        | {
            "version": version.version,
            "description": version.description or _no_description(),
            "status_message": known["status_message"] if rules is StageRules.STRICT else None,
            "tags": [ModelVersionTag(*pair) for pair in known["tags"].items()],
        }
    )


def model_entity(model: Model, latest: Iterable[Version], rules: StageRules) -> RegisteredModel:
    """A registered model, with its newest version in each stage."""
    return ExtendedRegisteredModel(
        model.created_by,
        model.latest,
        name=model.name,
        creation_timestamp=as_milliseconds(model.created_at),
        last_updated_timestamp=as_milliseconds(model.updated_at),
        description=model.description or _no_description(),
        latest_versions=[version_entity(version, rules) for version in latest],
        tags=[RegisteredModelTag(*pair) for pair in model.tags.items()],
        aliases=[RegisteredModelAlias(*pair) for pair in model.aliases.items()],
    )


def _no_description() -> str | None:
    """What MLflow has where nobody described anything: over HTTP an empty text, else nothing."""
    return "" if server.is_running() else None


def tags_as_mapping(tags: Iterable[Any] | None) -> Mapping[str, str]:
    """MLflow's tags by key; the last counts where a key comes twice."""
    return {tag.key: tag.value for tag in tags or ()}
