"""`MlflowClient`: what MLflow's client can ask of a registry, asked of modelreg's."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NoReturn

from modelreg.domain.references import parse_alias, parse_name
from modelreg.domain.runs import RunReference
from modelreg.domain.stages import Stage
from modelreg.errors import InvalidInput, InvalidReference, StageEmpty, TagNotFound, shown
from modelreg.mlflow import location, logged_models
from modelreg.mlflow.absent import absent
from modelreg.mlflow.entities import (
    ModelVersion,
    PagedList,
    RegisteredModel,
)
from modelreg.mlflow.entities.model_registry.model_version import RUN_LINK
from modelreg.mlflow.exceptions import all_speak_mlflow
from modelreg.mlflow.loading import MODELS
from modelreg.mlflow.searching import page, translated_filter, translated_order
from modelreg.mlflow.tracking_client import TrackingClient

_MOST_MODELS = 1000
_MOST_VERSIONS = 200_000
Version = str | int


@all_speak_mlflow
class MlflowClient(TrackingClient):
    """The registry in a folder, through the methods of MLflow's client.

    Without an address it is the one that `set_tracking_uri` named, else modelreg's default. It is made when it is
    first asked for something. All methods raise `MlflowException` alone.
    """

    def __init__(
        self,
        tracking_uri: str | os.PathLike[str] | None = None,
        registry_uri: str | os.PathLike[str] | None = None,
    ) -> None:
        self._uris = tracking_uri, registry_uri
        location.current(*self._uris)

    def __getattr__(self, name: str) -> NoReturn:
        raise absent("MlflowClient", name)

    @property
    def tracking_uri(self) -> str:
        """Where the registry is, as ``modelreg:///PATH``."""
        return f"{location.SCHEME}{location.current(*self._uris).folder}"

    # Registered models

    def create_registered_model(
        self, name: str, tags: Mapping[str, object] | None = None, description: str | None = None
    ) -> RegisteredModel:
        """Make a model without versions."""
        return RegisteredModel.of(self._registry.create_model(name, description=description or "", tags=tags), [])

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give a model another name."""
        self._registry.rename(name, new_name)
        return self.get_registered_model(new_name)

    def update_registered_model(self, name: str, description: str | None = None) -> RegisteredModel:
        """Replace the description of a model."""
        self._registry.describe(parse_name(name), description or "")
        return self.get_registered_model(name)

    def delete_registered_model(self, name: str) -> None:
        """Delete a model with all its versions, unless one is in Staging or Production or has an alias."""
        self._registry.delete(parse_name(name), with_versions=True)

    def get_registered_model(self, name: str) -> RegisteredModel:
        """A model, with its newest version in each stage."""
        registry = self._registry
        return RegisteredModel.of(registry.model(name), registry.latest_in_stages(name).get(name, []))

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | bytes | None = None,
    ) -> PagedList[RegisteredModel]:
        """The models for which a filter is true: a page of them, by name unless ``order_by`` says otherwise."""
        wanted = page(max_results, _MOST_MODELS, page_token)
        registry = self._registry
        found = registry.models(
            filter=translated_filter(filter_string),
            sort=translated_order(order_by, "name"),
            limit=wanted.size + 1,
            offset=wanted.offset,
        )
        latest = registry.latest_in_stages(*(model.name for model in found[: wanted.size]))
        models = [RegisteredModel.of(model, latest.get(model.name, [])) for model in found[: wanted.size]]
        return PagedList(models, wanted.next if len(found) > wanted.size else None)

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """The newest version of a model in each stage that has one, or in each of ``stages``."""
        wanted = {Stage.parse(stage) for stage in stages or Stage}
        model, registry = parse_name(name), self._registry
        registry.model(model)
        found = registry.latest_in_stages(model).get(model, [])  # it may have been deleted meanwhile
        return [ModelVersion.of(version) for version in found if version.stage in wanted]

    def set_registered_model_tag(self, name: str, key: str, value: object) -> None:
        """Set a tag of a model."""
        self._registry.tag(parse_name(name), {key: value})

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Take a tag of a model away, if it has it."""
        with suppress(TagNotFound):
            self._registry.tag(parse_name(name), remove=[key])

    def set_registered_model_alias(self, name: str, alias: str, version: Version) -> None:
        """Let an alias mean a version, whatever it meant before."""
        self._registry.alias(_reference(name, version), alias)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Let an alias mean nothing any more."""
        registry = self._registry
        if parse_alias(alias).lower() in {each.lower() for each in registry.model(name).aliases}:
            registry.remove_alias(name, alias)

    # Versions

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Mapping[str, object] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        await_creation_for: int | None = None,
        model_id: str | None = None,
    ) -> ModelVersion:
        """Store what is at ``source`` as the next version of a model that is there.

        ``source`` is a file or folder, ``runs:/RUN/PATH``, or ``models:/…``.
        """
        self._registry.model(name)
        linked = dict(tags or {}) | ({RUN_LINK: run_link} if run_link else {})
        return self.register(name, source, run_id=run_id, tags=linked, description=description)

    def copy_model_version(self, src_model_uri: str, dst_name: str) -> ModelVersion:
        """Make a version of ``dst_name`` of the same bytes, with the tags and the description that it has there."""
        if not src_model_uri.startswith(MODELS):
            raise InvalidReference(src_model_uri, "write models:/NAME/3, models:/NAME/Production or models:/NAME@ALIAS")
        registry = self._registry
        version = registry.version(src_model_uri)
        copied = registry.register_stored(
            version.reference, dst_name, tags=version.tags, description=version.description, new_version=True
        )
        return ModelVersion.of(copied)

    def update_model_version(self, name: str, version: Version, description: str | None = None) -> ModelVersion:
        """Replace the description of a version."""
        self._registry.describe(_reference(name, version), _required(description, "description"))
        return self.get_model_version(name, version)

    def transition_model_version_stage(
        self, name: str, version: Version, stage: str, archive_existing_versions: bool = False
    ) -> ModelVersion:
        """Put a version into a stage.

        Only one version of a model is in Production: while another is, ``INVALID_STATE`` is raised, unless
        ``archive_existing_versions`` archives that one in the same transaction. The model's gates are asked.
        """
        wanted = _required(stage, "stage")
        self._registry.transition(_reference(name, version), wanted, archive_existing=archive_existing_versions)
        return self.get_model_version(name, version)

    def delete_model_version(self, name: str, version: Version) -> None:
        """Delete a version, unless it is in Staging or Production or has an alias."""
        self._registry.delete(_reference(name, version))

    def get_model_version(self, name: str, version: Version) -> ModelVersion:
        """A version by its number."""
        return ModelVersion.of(self._registry.version(_reference(name, version)))

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version that has an alias."""
        return ModelVersion.of(self._registry.version(f"{parse_name(name)}@{parse_alias(alias)}"))

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: Sequence[str] | None = None,
        page_token: str | bytes | None = None,
    ) -> PagedList[ModelVersion]:
        """The versions of all models for which a filter is true: a page of them, the one that changed last first."""
        wanted = page(max_results, _MOST_VERSIONS, page_token)
        found = self._registry.search(
            translated_filter(filter_string),
            sort=translated_order(order_by, "updated_at DESC"),
            limit=wanted.size + 1,
            offset=wanted.offset,
        )
        versions = [ModelVersion.of(version) for version in found[: wanted.size]]
        return PagedList(versions, wanted.next if len(found) > wanted.size else None)

    def get_model_version_download_uri(self, name: str, version: Version) -> str:
        """The path of a read-only copy of a version's file or folder, every byte checked now."""
        return str(self._registry.path(_reference(name, version)))

    def get_model_version_stages(self, name: str, version: Version) -> list[str]:
        """The stages in which a version may be."""
        return [stage.value for stage in Stage]

    def set_model_version_tag(
        self,
        name: str,
        version: Version | None = None,
        key: str | None = None,
        value: object = None,
        stage: str | None = None,
    ) -> None:
        """Set a tag of a version, or of the newest one in a stage."""
        self._registry.tag(self._chosen(name, version, stage), {_required(key, "key of the tag"): value})

    def delete_model_version_tag(
        self, name: str, version: Version | None = None, key: str | None = None, stage: str | None = None
    ) -> None:
        """Take a tag of a version away, if it has it."""
        with suppress(TagNotFound):
            self._registry.tag(self._chosen(name, version, stage), remove=[_required(key, "key of the tag")])

    def register(
        self,
        name: str,
        source: str,
        *,
        run_id: str | None = None,
        tags: Mapping[str, object] | None = None,
        description: str | None = None,
    ) -> ModelVersion:
        """Make the next version of a model, which is made if need be; the same bytes make another one, too."""
        with self._here():
            text = logged_models.run_reference(str(source))
        registry = self._registry
        if RunReference.is_one(text) or text.startswith(MODELS):
            made = registry.register_stored(
                text, name, run_id=run_id, tags=tags, description=description, new_version=True
            )
        else:
            path = text.removeprefix("file://")
            made = registry.register(
                path, name, run_id=run_id, source=text, tags=tags, description=description, new_version=True
            )
        return ModelVersion.of(made)

    def _chosen(self, name: str, version: Version | None, stage: str | None) -> str:
        if (version is None) == (stage is None):
            raise InvalidInput("either version or stage says which version is meant, and not both")
        if stage is None:
            return _reference(name, version)
        found = self.get_latest_versions(name, [stage])
        if not found:
            raise StageEmpty(name, Stage.parse(stage))
        return _reference(name, found[0].version)


def _reference(name: str, version: Version | None) -> str:
    text = str(version)
    if not (text.isascii() and text.isdecimal()):
        raise InvalidInput(f"the version {shown(text)} is not a whole number", "an alias has methods of its own")
    return f"{parse_name(name)}/{text}"


def _required(value: str | None, what: str) -> str:
    if value is None:
        raise InvalidInput(f"the {what} is missing")
    return value
