"""Records of modelreg as MLflow's own entities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlflow.entities.model_registry import ModelVersion, ModelVersionTag, RegisteredModel, RegisteredModelTag
from mlflow.entities.model_registry.registered_model_alias import RegisteredModelAlias

from modelreg.clock import as_milliseconds
from modelreg.mlflow.entities.model_registry.model_version import ELSEWHERE, RUN_LINK
from modelreg.records.model import Model
from modelreg.records.version import ModelVersion as Version
from modelreg.stages import StageRules


class OwnedModel(RegisteredModel):  # type: ignore[misc]  # MLflow is not typed
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
    says_so = not version.has_bytes and rules is StageRules.STRICT
    return ModelVersion(
        name=version.name,
        version=version.version,
        creation_timestamp=as_milliseconds(version.created_at),
        last_updated_timestamp=as_milliseconds(version.updated_at),
        description=version.description or None,
        user_id=version.created_by,
        current_stage=version.stage.value,
        source=version.source,
        run_id=version.run_id,
        run_link=version.tags.get(RUN_LINK),
        status_message=ELSEWHERE if says_so else None,
        tags=[ModelVersionTag(*pair) for pair in version.tags.items() if pair[0] != RUN_LINK],
        aliases=list(version.aliases),
    )


def model_entity(model: Model, latest: Iterable[Version], rules: StageRules) -> RegisteredModel:
    """A registered model, with its newest version in each stage."""
    return OwnedModel(
        model.created_by,
        model.latest,
        name=model.name,
        creation_timestamp=as_milliseconds(model.created_at),
        last_updated_timestamp=as_milliseconds(model.updated_at),
        description=model.description or None,
        latest_versions=[version_entity(version, rules) for version in latest],
        tags=[RegisteredModelTag(*pair) for pair in model.tags.items()],
        aliases=[RegisteredModelAlias(*pair) for pair in model.aliases.items()],
    )


def tags_as_mapping(tags: Iterable[Any] | None) -> Mapping[str, str]:
    """MLflow's tags by key; the last counts where a key comes twice."""
    return {tag.key: tag.value for tag in tags or ()}
