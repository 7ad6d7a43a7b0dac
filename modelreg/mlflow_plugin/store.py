"""The store that MLflow asks: each of its methods is one of `Registry`'s, with MLflow's checks and words around it."""

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
from modelreg.domain.versions import ModelVersion as Version
from modelreg.errors import AliasNotFound, BytesElsewhere, ModelExists, TagNotFound, shown
from modelreg.mlflow.entities.model_registry.model_version import RUN_LINK
from modelreg.mlflow.exceptions import INVALID_STATE, RESOURCE_DOES_NOT_EXIST
from modelreg.mlflow.location import SCHEME
from modelreg.mlflow_plugin import searching, server
from modelreg.mlflow_plugin.artifacts import build_address
from modelreg.mlflow_plugin.entities import model_entity, tags_as_mapping, version_entity
from modelreg.mlflow_plugin.exceptions import failure, translating_errors
from modelreg.mlflow_plugin.runs import read_run_facts
from modelreg.mlflow_plugin.sources import opened
from modelreg.registry import Registry


class RegistryStore(AbstractStore):  # type: ignore[misc]  # MLflow is not typed
    """MLflow's registered models and versions in the registry that ``modelreg:///PATH`` names.

    The registry is made if it is not there, with strict rules. All methods raise `MlflowException` alone, with the
    codes of MLflow's own stores; what they take and give is said there.
    """

    def __init__(self, store_uri: str, tracking_uri: str | None = None) -> None:
        super().__init__(store_uri, tracking_uri)
        self._tracking_uri = tracking_uri
        self._registry = Registry(_folder(str(store_uri)))
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
        """Make a model without versions."""
        validation._validate_model_name(name)
        for tag in tags or ():
            validation._validate_registered_model_tag(tag.key, tag.value)
        with translating_errors(name):
            try:
                made = self._registry.create_model(name, description=description or "", tags=tags_as_mapping(tags))
            except ModelExists:
                known = self.get_registered_model(name)
                handle_resource_already_exist_error(name, has_prompt_tag(known._tags), has_prompt_tag(tags))
                raise
        return model_entity(made, (), self._rules)

    def update_registered_model(
        self, name: str, description: str | None, deployment_job_id: str | None = None
    ) -> RegisteredModel:
        """Replace the description of a model."""
        validation._validate_model_name(name)
        with translating_errors(name):
            self._registry.describe(parse_name(name), description or "")
        return self.get_registered_model(name)

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give a model another name."""
        validation._validate_model_renaming(new_name)
        with translating_errors(name, new_name=new_name):
            self._registry.rename(name, new_name)
        return self.get_registered_model(new_name)

    def delete_registered_model(self, name: str) -> None:
        """Delete a model with all its versions, as far as the registry's rules let it be deleted."""
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
        """A page of the models for which a filter is true."""
        _require_page_size("request parameter max_results", max_results, SEARCH_REGISTERED_MODEL_MAX_RESULTS_THRESHOLD)
        where, order = searching.translate_model_filter(filter_string), searching.translate_model_order(order_by)
        offset = SearchUtils.parse_start_offset_from_page_token(page_token)
        with translating_errors(""):
            found = self._registry.models(filter=where, sort=order, limit=max_results + 1, offset=offset)
            latest = self._registry.latest_in_stages(*(model.name for model in found[:max_results]))
        models = [model_entity(model, latest.get(model.name, ()), self._rules) for model in found[:max_results]]
        return PagedList(models, _next_token(len(found), offset, max_results))

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """The newest version of a model in each of ``stages``, or in each that has one."""
        wanted = {get_canonical_stage(stage) for stage in stages or ALL_STAGES}
        found = self.get_registered_model(name).latest_versions
        return [version for version in found if version.current_stage in wanted]

    def set_registered_model_tag(self, name: str, tag: RegisteredModelTag) -> None:
        """Set a tag of a model."""
        validation._validate_model_name(name)
        validation._validate_registered_model_tag(tag.key, tag.value)
        with translating_errors(name):
            self._registry.tag(parse_name(name), {tag.key: tag.value})

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Take a tag of a model away, if it has it."""
        validation._validate_model_name(name)
        validation._validate_tag_name(key)
        with translating_errors(name), suppress(TagNotFound):
            self._registry.tag(parse_name(name), remove=[key])

    def set_registered_model_alias(self, name: str, alias: str, version: int | str) -> None:
        """Let an alias mean a version, whatever it meant before."""
        reference = _reference(name, version)
        validation._validate_model_alias_name(alias)
        validation._validate_model_alias_name_reserved(alias)
        with translating_errors(name, version):
            self._registry.alias(reference, alias)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Let an alias mean nothing any more."""
        validation._validate_model_name(name)
        validation._validate_model_alias_name(alias)
        with translating_errors(name), suppress(AliasNotFound):
            self._registry.remove_alias(name, alias)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version that has an alias; ``latest`` is the highest number."""
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
        """Store what is at ``source`` as the next version of a model, or its address where it cannot be read."""
        validation._validate_model_name(name)
        for tag in tags or ():
            validation._validate_model_version_tag(tag.key, tag.value)
        linked = {RUN_LINK: run_link} if run_link else {}
        stated: dict[str, Any] = {
            "source": source,
            "tags": {**tags_as_mapping(tags), **linked},
            "description": description or None,
            "new_version": True,
        }
        with translating_errors(name):
            self._registry.model(name)
        stated |= read_run_facts(source, run_id or None, model_id or None, self._tracking_uri)
        with opened(source, self, self._tracking_uri) as found, translating_errors(name):
            return self._entity(found.register(self._registry, name, stated))

    def update_model_version(self, name: str, version: int | str, description: str | None = None) -> ModelVersion:
        """Replace the description of a version."""
        reference = _reference(name, version)
        with translating_errors(name, version):
            self._registry.describe(reference, description or "")
        return self.get_model_version(name, version)

    def transition_model_version_stage(
        self, name: str, version: int | str, stage: str, archive_existing_versions: bool
    ) -> ModelVersion:
        """Put a version into a stage, by the rules and gates of the registry.

        By strict rules one version of a model is in Production: while another is, ``INVALID_STATE`` is raised, unless
        ``archive_existing_versions`` archives that one in the same transaction.
        """
        wanted = get_canonical_stage(stage)
        if archive_existing_versions and wanted not in DEFAULT_STAGES_FOR_GET_LATEST_VERSIONS:
            raise MlflowException(
                "Model version transition cannot archive existing model versions because "
                f"{stage!r} is not an Active stage. Valid stages are {DEFAULT_STAGES_FOR_GET_LATEST_VERSIONS}"
            )
        reference = _reference(name, version)
        with translating_errors(name, version):
            self._registry.transition(reference, Stage(wanted), archive_existing=archive_existing_versions)
        return self.get_model_version(name, version)

    def delete_model_version(self, name: str, version: int | str) -> None:
        """Delete a version, as far as the registry's rules let it be deleted."""
        reference = _reference(name, version)
        with translating_errors(name, version):
            self._registry.delete(reference)

    def get_model_version(self, name: str, version: int | str) -> ModelVersion:
        """A version by its number."""
        reference = _reference(name, version)
        with translating_errors(name, version):
            return self._entity(self._registry.version(reference))

    def get_model_version_download_uri(self, name: str, version: int | str) -> str:
        """The address at which MLflow reads a version's bytes, which are checked now.

        A server answers with one that its clients, which need not see its disk, can read. A reference is refused, whose
        bytes nobody can vouch for; by MLflow's rules the address that it keeps is handed out.
        """
        reference = _reference(name, version)
        with translating_errors(name, version):
            try:
                checked = self._registry.path(reference)
            except BytesElsewhere as known:
                if self._rules is StageRules.STRICT:
                    raise
                return known.location
            if server.is_running():
                return server.handed_out(self._registry.version(reference), checked)
            return build_address(self._registry, reference)

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = SEARCH_MODEL_VERSION_MAX_RESULTS_DEFAULT,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """A page of the versions for which a filter is true."""
        _require_page_size("max_results", max_results, SEARCH_MODEL_VERSION_MAX_RESULTS_THRESHOLD)
        where, order = searching.translate_version_filter(filter_string), searching.translate_version_order(order_by)
        offset = SearchUtils.parse_start_offset_from_page_token(page_token)
        with translating_errors(""):
            found = self._registry.search(where, sort=order, limit=max_results + 1, offset=offset)
        versions = [self._entity(version) for version in found[:max_results]]
        return PagedList(versions, _next_token(len(found), offset, max_results))

    def set_model_version_tag(self, name: str, version: int | str, tag: ModelVersionTag) -> None:
        """Set a tag of a version."""
        reference = _reference(name, version)
        validation._validate_model_version_tag(tag.key, tag.value)
        with translating_errors(name, version):
            self._registry.tag(reference, {tag.key: tag.value})

    def delete_model_version_tag(self, name: str, version: int | str, key: str) -> None:
        """Take a tag of a version away, if it has it."""
        reference = _reference(name, version)
        validation._validate_tag_name(key)
        with translating_errors(name, version), suppress(TagNotFound):
            self._registry.tag(reference, remove=[key])

    # Webhooks, of which there are none

    def list_webhooks(self, max_results: int | None = None, page_token: str | None = None) -> PagedList[Webhook]:
        """A page without webhooks."""
        return PagedList([], None)

    def list_webhooks_by_event(
        self, event: WebhookEvent, max_results: int | None = None, page_token: str | None = None
    ) -> PagedList[Webhook]:
        """A page without webhooks, which a server asks for after each change."""
        return PagedList([], None)

    def get_webhook(self, webhook_id: str) -> Webhook:
        """There is no webhook."""
        raise failure(f"Webhook with ID {webhook_id} not found.", RESOURCE_DOES_NOT_EXIST)

    def create_webhook(self, name: str, url: str, events: Sequence[WebhookEvent], *others: Any, **more: Any) -> Webhook:
        """A registry keeps no webhooks; its journal has every change."""
        raise failure("a registry of modelreg keeps no webhooks", INVALID_STATE)

    def update_webhook(self, webhook_id: str, *others: Any, **more: Any) -> Webhook:
        """There is no webhook."""
        return self.get_webhook(webhook_id)

    def delete_webhook(self, webhook_id: str) -> None:
        """There is no webhook."""
        self.get_webhook(webhook_id)

    def test_webhook(self, webhook_id: str, event: WebhookEvent | None = None) -> WebhookTestResult:
        """There is no webhook."""
        raise failure(f"Webhook with ID {webhook_id} not found.", RESOURCE_DOES_NOT_EXIST)

    def _await_model_version_creation(self, mv: ModelVersion, await_creation_for: int) -> None:
        """Nothing is to be waited for: a version is there when it was made."""

    @cached_property
    def _rules(self) -> StageRules:
        """The rules of the registry, which never change."""
        return self._registry.stage_rules

    def _entity(self, version: Version) -> ModelVersion:
        return version_entity(version, self._rules)


def _folder(uri: str) -> str | None:
    """The folder that an address names; None for the one of the command line."""
    path = uri.removeprefix(SCHEME)
    if path == uri or (path and not path.startswith("/")) or "?" in path or "#" in path:
        raise MlflowException.invalid_parameter_value(
            f"{shown(uri)} names no registry: write {SCHEME}/PATH, with an absolute path as it is, or {SCHEME} alone"
        )
    return path or None


def _reference(name: str, version: int | str) -> str:
    """``NAME/VERSION``, of what MLflow lets be a name and a number."""
    validation._validate_model_name(name)
    return f"{name}/{validation._validate_model_version(version)}"


def _require_page_size(what: str, max_results: int, most: int) -> None:
    if not isinstance(max_results, int) or not 1 <= max_results <= most:
        raise MlflowException.invalid_parameter_value(
            f"Invalid value for {what}. It must be a whole number from 1 to {most}, but got value {max_results}"
        )


def _next_token(found: int, offset: int, max_results: int) -> str | None:
    if found <= max_results:
        return None
    token: bytes = SearchUtils.create_page_token(offset + max_results)
    return token.decode()
