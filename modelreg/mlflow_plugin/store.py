"""MLflow's model registry store on a modelreg registry: `Registry`'s methods with MLflow's validation and messages."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

from mlflow.entities.model_registry import ModelVersion, ModelVersionTag, RegisteredModel, RegisteredModelTag
from mlflow.entities.model_registry.model_version_stages import (
    ALL_STAGES,
    DEFAULT_STAGES_FOR_GET_LATEST_VERSIONS,
    get_canonical_stage,
)
from mlflow.entities.webhook import Webhook, WebhookEvent, WebhookTestResult
from mlflow.exceptions import MlflowException
from mlflow.prompt.registry_utils import handle_resource_already_exist_error, has_prompt_tag
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.model_registry import (
    SEARCH_MODEL_VERSION_MAX_RESULTS_DEFAULT,
    SEARCH_MODEL_VERSION_MAX_RESULTS_THRESHOLD,
    SEARCH_REGISTERED_MODEL_MAX_RESULTS_DEFAULT,
    SEARCH_REGISTERED_MODEL_MAX_RESULTS_THRESHOLD,
)
from mlflow.store.model_registry.abstract_store import AbstractStore
from mlflow.utils import validation
from mlflow.utils.search_utils import SearchUtils

from modelreg.domain.references import LATEST, parse_name
from modelreg.domain.stages import Stage, StageRules
from modelreg.domain.versions import ModelVersion as StoredVersion
from modelreg.errors import AliasNotFound, BytesNotStored, ModelExists, TagNotFound, shown
from modelreg.mlflow.entities.model_registry.model_version import RUN_LINK
from modelreg.mlflow.exceptions import INVALID_STATE, RESOURCE_DOES_NOT_EXIST
from modelreg.mlflow.location import SCHEME
from modelreg.mlflow_plugin import searching, server
from modelreg.mlflow_plugin.artifacts import build_address
from modelreg.mlflow_plugin.entities import model_entity, tags_as_mapping, version_entity
from modelreg.mlflow_plugin.exceptions import build_exception, translating_errors
from modelreg.mlflow_plugin.runs import read_run_facts
from modelreg.mlflow_plugin.sources import open_source
from modelreg.registry import Registry


class RegistryStore(AbstractStore):  # type: ignore[misc]  # MLflow is not typed
    """The registered models and versions of the registry at ``modelreg:///PATH``.

    The registry is created with strict rules if it does not exist. All methods raise `MlflowException` only, with the
    codes of MLflow's own stores; `AbstractStore` documents their parameters and results.
    """

    def __init__(self, store_uri: str, tracking_uri: str | None = None) -> None:
        super().__init__(store_uri, tracking_uri)
        self._tracking_uri = tracking_uri
        self._registry = Registry(_parse_folder(str(store_uri)))
        with translating_errors(""):
            if not self._registry.exists():
                self._registry.create()

    # Registered models

    def create_registered_model(
        self,
        name: str,
        tags: Sequence[RegisteredModelTag] | None = None,
        description: str | None = None,
        deployment_job_id: str | None = None,
    ) -> RegisteredModel:
        """Create a model without versions."""
        validation._validate_model_name(name)
        for tag in tags or ():
            validation._validate_registered_model_tag(tag.key, tag.value)
        with translating_errors(name):
            try:
                model = self._registry.create_model(name, description=description or "", tags=tags_as_mapping(tags))
            except ModelExists:
                existing = self.get_registered_model(name)
                handle_resource_already_exist_error(name, has_prompt_tag(existing._tags), has_prompt_tag(tags))
                raise
        return model_entity(model, (), self._rules)

    def update_registered_model(
        self, name: str, description: str | None, deployment_job_id: str | None = None
    ) -> RegisteredModel:
        """Replace the description of a model."""
        validation._validate_model_name(name)
        with translating_errors(name):
            self._registry.describe(parse_name(name), description or "")
        return self.get_registered_model(name)

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Rename a model."""
        validation._validate_model_renaming(new_name)
        with translating_errors(name, new_name=new_name):
            self._registry.rename(name, new_name)
        return self.get_registered_model(new_name)

    def delete_registered_model(self, name: str) -> None:
        """Delete a model and its versions, if the registry's rules permit it."""
        validation._validate_model_name(name)
        with translating_errors(name):
            self._registry.delete(parse_name(name), with_versions=True)

    def get_registered_model(self, name: str) -> RegisteredModel:
        """A model, with its newest version in each stage."""
        validation._validate_model_name(name)
        with translating_errors(name):
            model = self._registry.model(name)
            return model_entity(model, self._registry.latest_in_stages(name).get(model.name, ()), self._rules)

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = SEARCH_REGISTERED_MODEL_MAX_RESULTS_DEFAULT,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """One page of the models that match a filter."""
        _check_page_size("request parameter max_results", max_results, SEARCH_REGISTERED_MODEL_MAX_RESULTS_THRESHOLD)
        where, order = searching.translate_model_filter(filter_string), searching.translate_model_order(order_by)
        offset = SearchUtils.parse_start_offset_from_page_token(page_token)
        with translating_errors(""):
            matches = self._registry.models(filter=where, sort=order, limit=max_results + 1, offset=offset)
            latest = self._registry.latest_in_stages(*(model.name for model in matches[:max_results]))
        models = [model_entity(model, latest.get(model.name, ()), self._rules) for model in matches[:max_results]]
        return PagedList(models, _build_next_token(len(matches), offset, max_results))

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """The newest version of a model in each of ``stages``, by default in every non-empty stage."""
        selected = {get_canonical_stage(stage) for stage in stages or ALL_STAGES}
        versions = self.get_registered_model(name).latest_versions
        return [version for version in versions if version.current_stage in selected]

    def set_registered_model_tag(self, name: str, tag: RegisteredModelTag) -> None:
        """Set a tag of a model."""
        validation._validate_model_name(name)
        validation._validate_registered_model_tag(tag.key, tag.value)
        with translating_errors(name):
            self._registry.tag(parse_name(name), {tag.key: tag.value})

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Remove a tag of a model, if it exists."""
        validation._validate_model_name(name)
        validation._validate_tag_name(key)
        with translating_errors(name), suppress(TagNotFound):
            self._registry.tag(parse_name(name), remove=[key])

    def set_registered_model_alias(self, name: str, alias: str, version: int | str) -> None:
        """Point an alias at a version."""
        reference = _build_reference(name, version)
        validation._validate_model_alias_name(alias)
        validation._validate_model_alias_name_reserved(alias)
        with translating_errors(name, version):
            self._registry.alias(reference, alias)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Remove an alias, if it exists."""
        validation._validate_model_name(name)
        validation._validate_model_alias_name(alias)
        with translating_errors(name), suppress(AliasNotFound):
            self._registry.remove_alias(name, alias)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version that an alias points at; ``latest`` means the highest number."""
        validation._validate_model_name(name)
        validation._validate_model_alias_name(alias)
        is_latest = alias.lower() == LATEST
        with translating_errors(name, alias=alias):
            return self._entity(self._registry.version(f"{name}/{LATEST}" if is_latest else f"{name}@{alias}"))

    # Versions

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Sequence[ModelVersionTag] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        local_model_path: str | None = None,
        model_id: str | None = None,
    ) -> ModelVersion:
        """Store the files at ``source`` as the next version of a model, or only the address if they cannot be read."""
        validation._validate_model_name(name)
        for tag in tags or ():
            validation._validate_model_version_tag(tag.key, tag.value)
        link_tags = {RUN_LINK: run_link} if run_link else {}
        metadata: dict[str, Any] = {
            "source": source,
            "tags": {**tags_as_mapping(tags), **link_tags},
            "description": description or None,
            "new_version": True,
        }
        with translating_errors(name):
            self._registry.model(name)
        metadata |= read_run_facts(source, run_id or None, model_id or None, self._tracking_uri)
        with open_source(source, self, self._tracking_uri) as resolved, translating_errors(name):
            return self._entity(resolved.register(self._registry, name, metadata))

    def update_model_version(self, name: str, version: int | str, description: str | None = None) -> ModelVersion:
        """Replace the description of a version."""
        reference = _build_reference(name, version)
        with translating_errors(name, version):
            self._registry.describe(reference, description or "")
        return self.get_model_version(name, version)

    def transition_model_version_stage(
        self, name: str, version: int | str, stage: str, archive_existing_versions: bool
    ) -> ModelVersion:
        """Move a version to a stage, by the rules and gates of the registry.

        With strict rules only one version of a model can be in Production. If another one is, this raises
        ``INVALID_STATE``, unless ``archive_existing_versions`` archives it in the same transaction.
        """
        to_stage = get_canonical_stage(stage)
        if archive_existing_versions and to_stage not in DEFAULT_STAGES_FOR_GET_LATEST_VERSIONS:
            raise MlflowException(
                "Model version transition cannot archive existing model versions because "
                f"{stage!r} is not an Active stage. Valid stages are {DEFAULT_STAGES_FOR_GET_LATEST_VERSIONS}"
            )
        reference = _build_reference(name, version)
        with translating_errors(name, version):
            self._registry.transition(reference, Stage(to_stage), archive_existing=archive_existing_versions)
        return self.get_model_version(name, version)

    def delete_model_version(self, name: str, version: int | str) -> None:
        """Delete a version, if the registry's rules permit it."""
        reference = _build_reference(name, version)
        with translating_errors(name, version):
            self._registry.delete(reference)

    def get_model_version(self, name: str, version: int | str) -> ModelVersion:
        """The version with this number."""
        reference = _build_reference(name, version)
        with translating_errors(name, version):
            return self._entity(self._registry.version(reference))

    def get_model_version_download_uri(self, name: str, version: int | str) -> str:
        """The URI from which MLflow reads a version's files, which are verified now.

        A server returns a URI that its clients can read, who may not see its disk. The files of a reference cannot be
        verified: strict rules refuse it, MLflow's rules return the address that it stores.
        """
        reference = _build_reference(name, version)
        with translating_errors(name, version):
            try:
                verified_path = self._registry.path(reference)
            except BytesNotStored as error:
                if self._rules is StageRules.STRICT:
                    raise
                return error.location
            if server.is_running():
                return server.publish_version(self._registry.version(reference), verified_path)
            return build_address(self._registry, reference)

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = SEARCH_MODEL_VERSION_MAX_RESULTS_DEFAULT,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """One page of the versions that match a filter."""
        _check_page_size("max_results", max_results, SEARCH_MODEL_VERSION_MAX_RESULTS_THRESHOLD)
        where, order = searching.translate_version_filter(filter_string), searching.translate_version_order(order_by)
        offset = SearchUtils.parse_start_offset_from_page_token(page_token)
        with translating_errors(""):
            matches = self._registry.search(where, sort=order, limit=max_results + 1, offset=offset)
        versions = [self._entity(version) for version in matches[:max_results]]
        return PagedList(versions, _build_next_token(len(matches), offset, max_results))

    def set_model_version_tag(self, name: str, version: int | str, tag: ModelVersionTag) -> None:
        """Set a tag of a version."""
        reference = _build_reference(name, version)
        validation._validate_model_version_tag(tag.key, tag.value)
        with translating_errors(name, version):
            self._registry.tag(reference, {tag.key: tag.value})

    def delete_model_version_tag(self, name: str, version: int | str, key: str) -> None:
        """Remove a tag of a version, if it exists."""
        reference = _build_reference(name, version)
        validation._validate_tag_name(key)
        with translating_errors(name, version), suppress(TagNotFound):
            self._registry.tag(reference, remove=[key])

    # Webhooks, which are not supported

    def list_webhooks(self, max_results: int | None = None, page_token: str | None = None) -> PagedList[Webhook]:
        """An empty page."""
        return PagedList([], None)

    def list_webhooks_by_event(
        self, event: WebhookEvent, max_results: int | None = None, page_token: str | None = None
    ) -> PagedList[Webhook]:
        """An empty page; MLflow's server calls this after each change."""
        return PagedList([], None)

    def get_webhook(self, webhook_id: str) -> Webhook:
        """Refused: there are no webhooks."""
        raise build_exception(f"Webhook with ID {webhook_id} not found.", RESOURCE_DOES_NOT_EXIST)

    def create_webhook(self, name: str, url: str, events: Sequence[WebhookEvent], *others: Any, **more: Any) -> Webhook:
        """Refused: webhooks are not supported; the journal records every change."""
        raise build_exception("modelreg registries do not support webhooks", INVALID_STATE)

    def update_webhook(self, webhook_id: str, *others: Any, **more: Any) -> Webhook:
        """Refused: there are no webhooks."""
        return self.get_webhook(webhook_id)

    def delete_webhook(self, webhook_id: str) -> None:
        """Refused: there are no webhooks."""
        self.get_webhook(webhook_id)

    def test_webhook(self, webhook_id: str, event: WebhookEvent | None = None) -> WebhookTestResult:
        """Refused: there are no webhooks."""
        raise build_exception(f"Webhook with ID {webhook_id} not found.", RESOURCE_DOES_NOT_EXIST)

    def _await_model_version_creation(self, mv: ModelVersion, await_creation_for: int) -> None:
        """Do nothing: a version is ready as soon as it is created."""

    @cached_property
    def _rules(self) -> StageRules:
        """The stage rules of the registry, which never change."""
        return self._registry.stage_rules

    def _entity(self, version: StoredVersion) -> ModelVersion:
        return version_entity(version, self._rules)


def _parse_folder(uri: str) -> str | None:
    """The folder of a ``modelreg:`` URI; None for the default registry of the command line."""
    path = uri.removeprefix(SCHEME)
    if path == uri or (path and not path.startswith("/")) or "?" in path or "#" in path:
        raise MlflowException.invalid_parameter_value(
            f"{shown(uri)} is not a registry URI: use {SCHEME}/PATH with an absolute, unquoted path, or {SCHEME} alone"
        )
    return path or None


def _build_reference(name: str, version: int | str) -> str:
    """``NAME/VERSION``, validated by MLflow's rules."""
    validation._validate_model_name(name)
    return f"{name}/{validation._validate_model_version(version)}"


def _check_page_size(parameter: str, max_results: int, limit: int) -> None:
    if not isinstance(max_results, int) or not 1 <= max_results <= limit:
        raise MlflowException.invalid_parameter_value(
            f"Invalid value for {parameter}. It must be a whole number from 1 to {limit}, but got value {max_results}"
        )


def _build_next_token(count: int, offset: int, max_results: int) -> str | None:
    if count <= max_results:
        return None
    token: bytes = SearchUtils.create_page_token(offset + max_results)
    return token.decode()
