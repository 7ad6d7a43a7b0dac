"""Export models to MLflow, version by version, so that version numbers agree if MLflow had none before.

An exported version is recognised by the tags in `reserved_names`, an imported one by the journal. An export adds and
updates; it removes nothing in MLflow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from modelreg.domain.models import Model
from modelreg.domain.references import ModelName
from modelreg.domain.stages import Stage
from modelreg.domain.transfers import Transfer, TransferItem, TransferOutcome
from modelreg.domain.versions import ModelVersion
from modelreg.errors import BlobDamaged, BytesNotStored, InvalidInput, MLflowFailed, shown
from modelreg.mlflow_transfer.connection import open_for_reading, open_for_writing
from modelreg.mlflow_transfer.location import Location
from modelreg.mlflow_transfer.mlflow_reader import MLflowModel, MLflowSource, MLflowVersion
from modelreg.mlflow_transfer.mlflow_writer import MLflowTarget, Upload
from modelreg.mlflow_transfer.reporting import Progress, format_error, wrap_storage_errors
from modelreg.mlflow_transfer.reserved_names import CREATED_AT, CREATED_BY, NUMBER, PLACEHOLDER, PROMPT
from modelreg.store.artifacts.checkout import check_out
from modelreg.store.folder import RegistryFolder

_MAX_SKIPPED_NUMBERS = 10_000
"""The maximum number of missing version numbers, each of which is created and deleted in MLflow."""
_IMPORT_TAGS = (CREATED_AT, CREATED_BY)
"""Tags that an import derives from MLflow's own data of a version."""


class _Change(NamedTuple):
    """One change in MLflow."""

    description: str
    """For the report."""
    apply: Callable[[], None]


_ITEM_ERRORS = (InvalidInput, BlobDamaged, BytesNotStored, MLflowFailed)
"""Errors of a single model or version, after which the export continues."""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """The parameters of an export."""

    location: Location
    names: tuple[ModelName, ...]
    """Model names; empty for all models."""
    dry_run: bool


@dataclass(frozen=True, slots=True)
class _LocalModel:
    """A model of the registry, with its versions, oldest first."""

    model: Model
    versions: tuple[ModelVersion, ...]
    created_in_mlflow: dict[int, str]
    """The creation times in MLflow of the versions that were imported."""


def export_models(folder: RegistryFolder, request: ExportRequest, progress: Progress | None) -> Transfer:
    """Export new and changed versions; `Registry.export_mlflow` documents the errors."""
    local_models = _read_models(folder, request.names)
    with _open_target(request) as client, wrap_storage_errors(folder.path):
        return _Export(folder, request, client).run(local_models, progress)


def _read_models(folder: RegistryFolder, names: tuple[ModelName, ...]) -> list[_LocalModel]:
    with folder.catalog.reading() as catalog:
        return [
            _LocalModel(
                model=model,
                versions=versions,
                created_in_mlflow={
                    version.version: record["created_at"]
                    for version in versions
                    if (record := catalog.journal.last_import(model.name, version.version)) is not None
                },
            )
            for model in (map(catalog.model, names) if names else filter(_is_not_prompt, catalog.models()))
            for versions in [tuple(reversed(catalog.versions(model.name)))]
        ]


def _is_not_prompt(model: Model) -> bool:
    """Whether a model is not a prompt: MLflow stores prompts as tagged models without files; imports skip them, too."""
    return PROMPT not in model.tags


@contextmanager
def _open_target(request: ExportRequest) -> Iterator[Any]:
    """MLflow's client; for a dry run a read-only one, or None if there is no data yet."""
    location = request.location
    if not request.dry_run:
        with open_for_writing(location) as client:
            yield client
    elif location.is_empty():
        yield None
    else:
        with open_for_reading(location) as client:
            yield client


class _Export:
    """One export through one connection."""

    def __init__(self, folder: RegistryFolder, request: ExportRequest, client: Any) -> None:
        self._folder = folder
        self._dry_run = request.dry_run
        self._location = request.location
        self._source = MLflowSource(client, request.location)
        self._target = MLflowTarget(client, request.location)
        self._names = set() if client is None else set(self._source.names())

    def run(self, local_models: list[_LocalModel], progress: Progress | None) -> Transfer:
        """Export the models."""
        items: list[TransferItem] = []
        total, done = sum(len(local.versions) for local in local_models), 0
        for local in local_models:
            for item in self._export_model_with_versions(local):
                items.append(item)
                done += item.version is not None
                if progress is not None:
                    progress(done, total)
        return Transfer.of(self._location.shown, items, dry_run=self._dry_run)

    def _export_model_with_versions(self, local: _LocalModel) -> Iterator[TransferItem]:
        name = local.model.name
        try:
            remote = self._source.model(name) if name in self._names else None
            yield self._export_model(local.model, remote)
        except _ITEM_ERRORS as error:
            yield TransferItem(name, None, TransferOutcome.FAILED, (format_error(error),))
            return
        last = max((version.number for version in remote.versions), default=0) if remote else 0
        for version in local.versions:
            try:
                counterpart = _find_counterpart(version, local, remote)
                if counterpart is not None:
                    yield self._update(version, counterpart)
                    continue
                last, notes = self._add(version, last)
                yield TransferItem(name, version.version, TransferOutcome.ADDED, tuple(notes))
            except _ITEM_ERRORS as error:
                yield TransferItem(name, version.version, TransferOutcome.FAILED, (format_error(error),))

    def _export_model(self, model: Model, remote: MLflowModel | None) -> TransferItem:
        """Export the model itself, without its versions."""
        if not self._dry_run:
            if remote is None:
                self._target.add_model(model.name)
            for version in remote.versions if remote else ():
                if PLACEHOLDER in version.tags:  # an earlier export was killed before it deleted the placeholder
                    self._target.delete_version(model.name, version.number)
        changes = self._plan_description_and_tags(model.name, None, model, remote)
        outcome = (
            TransferOutcome.ADDED
            if remote is None
            else TransferOutcome.CHANGED
            if changes
            else TransferOutcome.UNCHANGED
        )
        return TransferItem(model.name, None, outcome, tuple(self._apply(changes)))

    def _add(self, version: ModelVersion, last: int) -> tuple[int, list[str]]:
        """Export a new version; returns its number in MLflow, and notes.

        ``last`` is the highest version number in MLflow now.
        """
        notes: list[str] = []
        if version.version - last > _MAX_SKIPPED_NUMBERS:
            raise InvalidInput(
                f"{version.reference} cannot keep its number: it would skip more than {_MAX_SKIPPED_NUMBERS:,} numbers"
            )
        if self._dry_run:
            number = max(last + 1, version.version)
        else:
            while last + 1 < version.version:
                last = self._target.skip_number(version.name)
            store = self._folder.artifacts
            manifest = store.manifest(version)
            if manifest.location is not None:
                raise BytesNotStored(version.reference, manifest.location)
            checkouts, still = self._folder.checkouts, self._folder.preventing_pruning
            folder = check_out(store, checkouts, version.reference, version.digest, manifest.files, still)
            number, notes = self._target.add_version(Upload(version, folder, store.read(version.digest)))
            notes += self._apply(self._plan_changes(version, number, None))
        if number != version.version:
            notes.append(f"is version {number} in MLflow")
        return number, notes

    def _update(self, version: ModelVersion, remote: MLflowVersion) -> TransferItem:
        changes = self._plan_changes(version, remote.number, remote)
        outcome = TransferOutcome.CHANGED if changes else TransferOutcome.UNCHANGED
        notes = [change.description for change in changes] + self._apply(changes)
        return TransferItem(version.name, version.version, outcome, tuple(notes))

    def _plan_changes(self, version: ModelVersion, number: int, remote: MLflowVersion | None) -> list[_Change]:
        """The changes that make a version in MLflow match the registry."""
        name, target = version.name, self._target
        changes = self._plan_description_and_tags(name, number, version, remote)
        for alias in version.aliases:
            if remote is None or alias not in remote.aliases:
                changes.append(_Change(f"alias {alias}", partial(target.set_alias, name, alias, number)))
        stage = remote.stage if remote else Stage.NONE.value
        if version.stage != stage:
            move = partial(target.set_stage, name, number, version.stage.value)
            changes.append(_Change(f"stage {stage} -> {version.stage.value}", move))
        return changes

    def _plan_description_and_tags(
        self,
        name: str,
        number: int | None,
        local: Model | ModelVersion,
        remote: MLflowModel | MLflowVersion | None,
    ) -> list[_Change]:
        """The changes that make description and tags in MLflow match the registry; ``number`` is None for a model."""
        changes: list[_Change] = []
        if local.description != (remote.description if remote else ""):
            changes.append(_Change("description", partial(self._target.describe, name, number, local.description)))
        for key, value in local.tags.items():
            if remote is None or (key not in _IMPORT_TAGS and remote.tags.get(key) != value):
                changes.append(_Change(f"tag {shown(key)}", partial(self._target.tag, name, number, key, value)))
        return changes

    def _apply(self, changes: list[_Change]) -> list[str]:
        """Apply changes, unless it is a dry run; returns notes about what MLflow refuses."""
        notes = []
        for change in [] if self._dry_run else changes:
            try:
                change.apply()
            except MLflowFailed as error:
                notes.append(f"left out in MLflow: {error.message}")
        return notes


def _find_counterpart(version: ModelVersion, local: _LocalModel, remote: MLflowModel | None) -> MLflowVersion | None:
    """The version in MLflow that a version was exported to, or imported from."""
    for candidate in remote.versions if remote else ():
        if candidate.digest == version.digest and candidate.tags.get(NUMBER) == str(version.version):
            return candidate
        imported_at = local.created_in_mlflow.get(version.version)
        if candidate.number == version.version and candidate.created_at == imported_at:
            return candidate
    return None
