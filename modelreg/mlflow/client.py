"""`MlflowClient`: MLflow's client for runs, models and versions, on a modelreg registry."""

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
from modelreg.mlflow.entities import (
    ModelVersion,
    PagedList,
    RegisteredModel,
)
from modelreg.mlflow.entities.model_registry.model_version import RUN_LINK
from modelreg.mlflow.exceptions import translate_method_errors
from modelreg.mlflow.loading import MODELS_SCHEME
from modelreg.mlflow.missing_names import build_attribute_error
from modelreg.mlflow.searching import parse_page, translate_filter, translate_order
from modelreg.mlflow.tracking_client import TrackingClient

_MAX_MODELS = 1000
_MAX_VERSIONS = 200_000
Version = str | int


@translate_method_errors
class MlflowClient(TrackingClient):
    """MLflow's client on the registry in a folder.

    Without a URI it uses the registry that `set_tracking_uri` chose, else modelreg's default. The registry is created
    at the first call that needs it. All methods raise `MlflowException` only.
    """

    def __init__(
        self,
        tracking_uri: str | os.PathLike[str] | None = None,
        registry_uri: str | os.PathLike[str] | None = None,
    ) -> None:
        self._uris = tracking_uri, registry_uri
        location.get_registry(*self._uris)  # raises for an invalid URI

    def __getattr__(self, name: str) -> NoReturn:
        raise build_attribute_error("MlflowClient", name)

    @property
    def tracking_uri(self) -> str:
        """The registry's folder as ``modelreg:///PATH``."""
        return f"{location.SCHEME}{location.get_registry(*self._uris).folder}"

    # Registered models

    def create_registered_model(
        self, name: str, tags: Mapping[str, object] | None = None, description: str | None = None
    ) -> RegisteredModel:
        """Create a model without versions."""
        return RegisteredModel.of(self._registry.create_model(name, description=description or "", tags=tags), [])

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Rename a model."""
        self._registry.rename(name, new_name)
        return self.get_registered_model(new_name)

    def update_registered_model(self, name: str, description: str | None = None) -> RegisteredModel:
        """Replace the description of a model."""
        self._registry.describe(parse_name(name), description or "")
        return self.get_registered_model(name)

    def delete_registered_model(self, name: str) -> None:
        """Delete a model and its versions; refused if any is in Staging or Production or has an alias."""
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
        """One page of the models that match a filter, sorted by name by default."""
        page = parse_page(max_results, _MAX_MODELS, page_token)
        registry = self._registry
        matches = registry.models(
            filter=translate_filter(filter_string),
            sort=translate_order(order_by, "name"),
            limit=page.size + 1,
            offset=page.offset,
        )
        models = matches[: page.size]
        latest = registry.latest_in_stages(*(model.name for model in models))
        entities = [RegisteredModel.of(model, latest.get(model.name, [])) for model in models]
        return PagedList(entities, page.next if len(matches) > page.size else None)

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """The newest version of a model in each of ``stages``, by default in every non-empty stage."""
        selected = {Stage.parse(stage) for stage in stages or Stage}
        model, registry = parse_name(name), self._registry
        registry.model(model)
        latest = registry.latest_in_stages(model).get(model, [])  # empty if the model was deleted meanwhile
        return [ModelVersion.of(version) for version in latest if version.stage in selected]

    def set_registered_model_tag(self, name: str, key: str, value: object) -> None:
        """Set a tag of a model."""
        self._registry.tag(parse_name(name), {key: value})

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Remove a tag of a model, if it exists."""
        with suppress(TagNotFound):
            self._registry.tag(parse_name(name), remove=[key])

    def set_registered_model_alias(self, name: str, alias: str, version: Version) -> None:
        """Point an alias at a version."""
        self._registry.alias(_build_reference(name, version), alias)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Remove an alias, if it exists."""
        registry = self._registry
        if parse_alias(alias).lower() in map(str.lower, registry.model(name).aliases):
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
        """Store the files at ``source`` as the next version of an existing model.

        ``source`` is a file or folder, ``runs:/RUN/PATH``, or ``models:/…``.
        """
        self._registry.model(name)
        all_tags = dict(tags or {}) | ({RUN_LINK: run_link} if run_link else {})
        return self.register(name, source, run_id=run_id, tags=all_tags, description=description)

    def copy_model_version(self, src_model_uri: str, dst_name: str) -> ModelVersion:
        """Copy a version to ``dst_name``: the same files, tags and description."""
        if not src_model_uri.startswith(MODELS_SCHEME):
            raise InvalidReference(src_model_uri, "use models:/NAME/3, models:/NAME/Production or models:/NAME@ALIAS")
        registry = self._registry
        version = registry.version(src_model_uri)
        copy = registry.register_stored(
            version.reference, dst_name, tags=version.tags, description=version.description, new_version=True
        )
        return ModelVersion.of(copy)

    def update_model_version(self, name: str, version: Version, description: str | None = None) -> ModelVersion:
        """Replace the description of a version."""
        self._registry.describe(_build_reference(name, version), _get_required(description, "description"))
        return self.get_model_version(name, version)

    def transition_model_version_stage(
        self, name: str, version: Version, stage: str, archive_existing_versions: bool = False
    ) -> ModelVersion:
        """Move a version to a stage.

        Only one version of a model can be in Production. If another one is, this raises ``INVALID_STATE``, unless
        ``archive_existing_versions`` archives it in the same transaction. The model's gates are checked.
        """
        to_stage = _get_required(stage, "stage")
        self._registry.transition(_build_reference(name, version), to_stage, archive_existing=archive_existing_versions)
        return self.get_model_version(name, version)

    def delete_model_version(self, name: str, version: Version) -> None:
        """Delete a version; refused if it is in Staging or Production or has an alias."""
        self._registry.delete(_build_reference(name, version))

    def get_model_version(self, name: str, version: Version) -> ModelVersion:
        """The version with this number."""
        return ModelVersion.of(self._registry.version(_build_reference(name, version)))

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version that an alias points at."""
        return ModelVersion.of(self._registry.version(f"{parse_name(name)}@{parse_alias(alias)}"))

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: Sequence[str] | None = None,
        page_token: str | bytes | None = None,
    ) -> PagedList[ModelVersion]:
        """One page of the versions of all models that match a filter; the most recently changed first by default."""
        page = parse_page(max_results, _MAX_VERSIONS, page_token)
        matches = self._registry.search(
            translate_filter(filter_string),
            sort=translate_order(order_by, "updated_at DESC"),
            limit=page.size + 1,
            offset=page.offset,
        )
        versions = [ModelVersion.of(version) for version in matches[: page.size]]
        return PagedList(versions, page.next if len(matches) > page.size else None)

    def get_model_version_download_uri(self, name: str, version: Version) -> str:
        """The local path of a read-only copy of a version's file or folder, verified now."""
        return str(self._registry.path(_build_reference(name, version)))

    def get_model_version_stages(self, name: str, version: Version) -> list[str]:
        """All stages."""
        return [stage.value for stage in Stage]

    def set_model_version_tag(
        self,
        name: str,
        version: Version | None = None,
        key: str | None = None,
        value: object = None,
        stage: str | None = None,
    ) -> None:
        """Set a tag of a version, or of the newest version in a stage."""
        self._registry.tag(self._select(name, version, stage), {_get_required(key, "tag key"): value})

    def delete_model_version_tag(
        self, name: str, version: Version | None = None, key: str | None = None, stage: str | None = None
    ) -> None:
        """Remove a tag of a version, if it exists."""
        with suppress(TagNotFound):
            self._registry.tag(self._select(name, version, stage), remove=[_get_required(key, "tag key")])

    def register(
        self,
        name: str,
        source: str,
        *,
        run_id: str | None = None,
        tags: Mapping[str, object] | None = None,
        description: str | None = None,
    ) -> ModelVersion:
        """Register the next version of a model, created if needed; identical files still make a new version."""
        with self._use_own_registry():
            text = logged_models.resolve_model_id(str(source))
        registry = self._registry
        if RunReference.matches(text) or text.startswith(MODELS_SCHEME):
            record = registry.register_stored(
                text, name, run_id=run_id, tags=tags, description=description, new_version=True
            )
        else:
            path = text.removeprefix("file://")
            record = registry.register(
                path, name, run_id=run_id, source=text, tags=tags, description=description, new_version=True
            )
        return ModelVersion.of(record)

    def _select(self, name: str, version: Version | None, stage: str | None) -> str:
        if (version is None) == (stage is None):
            raise InvalidInput("give either version or stage, not both")
        if stage is None:
            return _build_reference(name, version)
        versions = self.get_latest_versions(name, [stage])
        if not versions:
            raise StageEmpty(name, Stage.parse(stage))
        return _build_reference(name, versions[0].version)


def _build_reference(name: str, version: Version | None) -> str:
    text = str(version)
    if not (text.isascii() and text.isdecimal()):
        raise InvalidInput(
            f"the version {shown(text)} is not a whole number", "for an alias use get_model_version_by_alias"
        )
    return f"{parse_name(name)}/{text}"


def _get_required(value: str | None, parameter: str) -> str:
    if value is None:
        raise InvalidInput(f"the {parameter} is missing")
    return value
