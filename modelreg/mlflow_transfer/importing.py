"""Import models from MLflow: each version in a transaction of its own, with its metadata.

A version keeps its number. The journal stores the version's state in MLflow; by that the next import recognises the
version, and detects what changed in MLflow since. A version that cannot be imported is reported, and does not stop the
import of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from modelreg.domain.facts import Facts
from modelreg.domain.references import ModelName, Reference, parse_name
from modelreg.domain.registrations import Provenance
from modelreg.domain.stages import Stage
from modelreg.domain.transfers import Transfer, TransferItem, TransferOutcome
from modelreg.domain.validation import parse_metrics, parse_params
from modelreg.domain.versions import READY, Environment
from modelreg.errors import (
    ExportedVersionChanged,
    InvalidInput,
    MLflowFailed,
    NameTaken,
    NotFound,
    NumberTaken,
    UnsafeModel,
    shown,
)
from modelreg.mlflow_transfer import applying
from modelreg.mlflow_transfer.connection import open_for_reading
from modelreg.mlflow_transfer.environment import read_environment
from modelreg.mlflow_transfer.location import Location
from modelreg.mlflow_transfer.merging import (
    UpstreamChanges,
    UpstreamState,
    build_creation_tags,
    build_model_state,
    build_version_state,
    filter_run_facts,
    plan_stages,
)
from modelreg.mlflow_transfer.mlflow_reader import MLflowModel, MLflowSource, MLflowVersion
from modelreg.mlflow_transfer.recognition import build_import_record, get_last_model_state, get_last_version_state
from modelreg.mlflow_transfer.reporting import Progress, format_error, wrap_storage_errors
from modelreg.registration.register import PublishedFiles, add_version, check_published, publish
from modelreg.store.actor import current_actor
from modelreg.store.artifacts.copying import digest_of_bytes
from modelreg.store.artifacts.manifest import Manifest
from modelreg.store.artifacts.source import Source, find_source
from modelreg.store.catalog.writer import CatalogWriter, NewVersion
from modelreg.store.folder import RegistryFolder
from modelreg.system import interrupts

_ITEM_ERRORS = (InvalidInput, NotFound, NameTaken, NumberTaken, ExportedVersionChanged, UnsafeModel, MLflowFailed)
"""Errors of a single model or version, after which the import continues."""
_MAX_NUMBER = 2**31 - 1
"""The highest version number: most of MLflow's databases store it as a 32-bit INTEGER."""


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """The parameters of an import."""

    location: Location
    names: tuple[str, ...]
    """Model names; empty for all models."""
    allow_unsafe: str | None
    """The reason for importing versions that are unsafe to load; None refuses them."""
    dry_run: bool


@dataclass(frozen=True, slots=True)
class _PlannedVersion:
    """A version of MLflow, and its intended state in the registry."""

    name: ModelName
    version: MLflowVersion
    state: UpstreamState
    model: MLflowModel
    stages: Mapping[int, Stage]
    """The stage of each version of the model."""

    @property
    def reference(self) -> Reference:
        return Reference(self.name, self.version.number)


@dataclass(frozen=True, slots=True)
class _VersionOrigin:
    """How a version was created: its files, the facts that enter its digest, and other observations."""

    facts: Facts
    files: Source
    tags: Mapping[str, str]
    git_commit: str | None
    git_branch: str | None
    notes: list[str]


def import_models(folder: RegistryFolder, request: ImportRequest, progress: Progress | None) -> Transfer:
    """Import new and changed versions; `Registry.import_mlflow` documents the errors."""
    with (
        open_for_reading(request.location) as client,
        _open_registry(folder, request.dry_run) as registry,
        wrap_storage_errors(folder.path),
    ):
        return _Import(registry, request, MLflowSource(client, request.location)).run(progress)


@contextmanager
def _open_registry(folder: RegistryFolder, dry_run: bool) -> Iterator[RegistryFolder]:
    """The registry, which is created if needed; a dry run on a missing registry gets an empty temporary one."""
    if folder.catalog.path.exists():
        folder.check()
        yield folder
    elif dry_run:
        with TemporaryDirectory(prefix="modelreg-") as temporary:
            empty = RegistryFolder(Path(temporary) / "registry", folder.lock_timeout)
            empty.create()
            yield empty
    else:
        folder.create()
        yield folder


class _Import:
    """One import through one connection."""

    def __init__(self, folder: RegistryFolder, request: ImportRequest, source: MLflowSource) -> None:
        self._folder = folder
        self._request = request
        self._source = source
        self._location = request.location.shown

    def run(self, progress: Progress | None) -> Transfer:
        """Import the requested models."""
        items: list[TransferItem] = []
        models: list[MLflowModel] = []
        for name in self._request.names or self._source.names():
            with _reporting_errors(items, name, None):
                parse_name(name)
                models.append(self._source.model(name))
        total, done = sum(len(model.versions) for model in models), 0
        for model in models:
            for item in self._import_model_with_versions(model):
                items.append(item)
                done += item.version is not None
                if progress is not None:
                    progress(done, total)
        return Transfer.of(self._location, items, dry_run=self._request.dry_run)

    def _import_model_with_versions(self, model: MLflowModel) -> Iterator[TransferItem]:
        name = ModelName(model.name)
        items: list[TransferItem] = []
        with _reporting_errors(items, name, None):
            with self._folder.catalog.reading() as catalog:
                rules = catalog.rules
            planned_stages = plan_stages(model.versions, rules)
            items.append(self._import_model(name, model))
        yield from items
        if items[0].outcome in (TransferOutcome.SKIPPED, TransferOutcome.FAILED):
            return
        stages = {number: stage for number, (stage, _) in planned_stages.items()}
        for version in model.versions:
            items.clear()
            with _reporting_errors(items, name, version.number):
                _check_number(version)
                state, notes = build_version_state(version, model, stages[version.number], rules)
                notes += filter(None, [planned_stages[version.number][1]])
                items.append(self._import_version(_PlannedVersion(name, version, state, model, stages), notes))
            (item,) = items
            if item.outcome is TransferOutcome.FAILED and stages[version.number] is Stage.PRODUCTION:
                item = replace(item, notes=(*item.notes, "in Production in MLflow, but not in the registry"))
            yield item

    def _import_model(self, name: ModelName, model: MLflowModel) -> TransferItem:
        """Import the model itself, without its versions."""
        state, notes = build_model_state(model)
        with self._folder.catalog.reading() as catalog:
            catalog.check_name(name)
            is_new = not catalog.has_model(name)
            if is_new and catalog.journal.was_used(name):
                return TransferItem(
                    name,
                    None,
                    TransferOutcome.SKIPPED,
                    ("the registry had a model of this name, which was deleted or renamed",),
                )
            if not is_new and not UpstreamChanges.between(get_last_model_state(catalog, name, state), state):
                return TransferItem(name, None, TransferOutcome.UNCHANGED)
        if not self._request.dry_run:
            with self._changing() as writer:
                if writer.has_model(name):  # another process may have created it since the check above
                    differences = UpstreamChanges.between(get_last_model_state(writer, name, state), state)
                    applying.describe_and_tag(writer, name, None, differences)
                else:
                    writer.add_model(name, state.description, state.tags)
                writer.record_import(name, None, build_import_record(self._location, state))
        return TransferItem(name, None, TransferOutcome.ADDED if is_new else TransferOutcome.CHANGED, tuple(notes))

    def _import_version(self, planned: _PlannedVersion, notes: list[str]) -> TransferItem:
        with self._folder.catalog.reading() as catalog:
            before = get_last_version_state(catalog, planned.name, planned.version, planned.state)
            if before is None and catalog.journal.was_used(planned.name, planned.version.number):
                return _build_item(planned, TransferOutcome.SKIPPED, ["it was deleted in the registry"])
        if before is None:
            return self._add(planned, notes)
        if not UpstreamChanges.between(before, planned.state):
            return _build_item(planned, TransferOutcome.UNCHANGED, [])
        if not self._request.dry_run:
            with self._changing() as writer:
                before = get_last_version_state(writer, planned.name, planned.version, planned.state)
                notes += self._apply(writer, planned, before or planned.state)
        return _build_item(planned, TransferOutcome.CHANGED, notes)

    def _add(self, planned: _PlannedVersion, notes: list[str]) -> TransferItem:
        """Import a new version, unless another import has just done so."""
        version, unsafe_reason = planned.version, self._request.allow_unsafe
        if self._request.dry_run:
            self._source.check_files(version)
            return _build_item(planned, TransferOutcome.ADDED, notes)
        with self._source.files(version) as path:
            origin = self._read_origin(version, path)
            with self._folder.ingesting(), self._folder.artifacts.receiving(origin.files.files) as staged:
                environment = read_environment(staged.contents())
                published = publish(
                    staged, Path(str(planned.reference)), origin.facts, allow_unsafe=unsafe_reason is not None
                )
                if version.digest not in (None, published.digest):
                    raise ExportedVersionChanged(str(planned.reference), "the content")
                new = self._build_new_version(planned, origin, published, environment)
                with self._changing() as writer:
                    check_published(staged, planned.name)
                    if get_last_version_state(writer, planned.name, version, planned.state) is not None:
                        return _build_item(planned, TransferOutcome.UNCHANGED, ["another import has just added it"])
                    if writer.journal.was_used(planned.name, version.number):
                        raise NumberTaken(str(planned.reference))
                    add_version(writer, planned.name, new, unsafe_reason, version.number)
                    before = UpstreamState(planned.state.description, planned.state.tags)
                    return _build_item(
                        planned, TransferOutcome.ADDED, notes + origin.notes + self._apply(writer, planned, before)
                    )

    def _read_origin(self, version: MLflowVersion, path: Path) -> _VersionOrigin:
        run = self._source.run(version)
        if version.digest is not None:
            facts, first = _parse_facts(self._source.manifest(version), version)
            files = find_source(path if facts.is_folder else path / first, self._folder.path)
            return _VersionOrigin(facts, files, {}, run.git_commit, run.git_branch, [])
        metrics, params, notes = filter_run_facts(run)
        files = find_source(path, self._folder.path)
        facts = Facts(files.is_folder, None, metrics, params)
        return _VersionOrigin(
            facts, files, build_creation_tags(version, run, notes), run.git_commit, run.git_branch, notes
        )

    def _build_new_version(
        self, planned: _PlannedVersion, origin: _VersionOrigin, published: PublishedFiles, environment: Environment
    ) -> NewVersion:
        return NewVersion(
            status=READY,
            digest=published.digest,
            files=published.files,
            described=published.described,
            scan=published.scan,
            facts=replace(origin.facts, signature=origin.facts.signature or published.described.signature),
            tags={**origin.tags, **planned.state.tags},
            description=planned.state.description,
            provenance=Provenance(
                source=f"models:/{planned.reference} in {self._location}",
                git_commit=origin.git_commit,
                git_branch=origin.git_branch,
                git_dirty=None,
                run_id=planned.version.run_id,
                ci_job=None,
                environment=environment,
            ),
        )

    def _apply(self, writer: CatalogWriter, planned: _PlannedVersion, before: UpstreamState) -> list[str]:
        differences = UpstreamChanges.between(before, planned.state)
        notes = applying.apply(writer, planned.reference, differences, planned.model.aliases, planned.stages)
        writer.record_import(
            planned.name, planned.version.number, build_import_record(self._location, planned.state, planned.version)
        )
        return notes

    @contextmanager
    def _changing(self) -> Iterator[CatalogWriter]:
        with self._folder.catalog.writing(current_actor(), f"imported from {self._location}") as writer:
            yield writer
        interrupts.allow_interrupts()


@contextmanager
def _reporting_errors(items: list[TransferItem], name: str, version: int | None) -> Iterator[None]:
    """Turn an error of one model or version into an item of the report."""
    try:
        yield
    except _ITEM_ERRORS as error:
        items.append(TransferItem(name, version, TransferOutcome.FAILED, (format_error(error),)))


def _check_number(version: MLflowVersion) -> None:
    """Raise `InvalidInput` for a number outside of MLflow's range, which would leave no next number."""
    if not 1 <= version.number <= _MAX_NUMBER:
        raise InvalidInput(
            f"{shown(version.name)} has a version {version.number}: the number must be from 1 to {_MAX_NUMBER}"
        )


def _parse_facts(content: bytes, version: MLflowVersion) -> tuple[Facts, str]:
    """The facts in the manifest of an exported version, and the path of its first file.

    Raises `ExportedVersionChanged` if this is not the manifest that was exported.
    """
    try:
        manifest = Manifest.parse(content)
        if digest_of_bytes(content) != version.digest:
            raise ValueError("another digest")
        facts = manifest.facts
        metrics, params = parse_metrics(facts["metrics"]), parse_params(facts["params"])
        return Facts(manifest.is_folder, manifest.signature, metrics, params), manifest.files[0].path
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        raise ExportedVersionChanged(f"{version.name}/{version.number}", "the manifest") from error


def _build_item(planned: _PlannedVersion, outcome: TransferOutcome, notes: list[str]) -> TransferItem:
    return TransferItem(planned.name, planned.version.number, outcome, tuple(notes))
