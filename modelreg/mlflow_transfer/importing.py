"""Models of MLflow become models here: each version in a transaction of its own, with all that is said of it.

A version keeps its number. What MLflow said of it is written into the journal with it, which is how the next import
knows the version again, and what changed there since. A version that cannot be brought in is reported, and keeps
no other one out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from modelreg.domain.references import ModelName, Reference, parse_name
from modelreg.domain.registrations import Provenance
from modelreg.domain.stages import Stage
from modelreg.domain.statements import checked_metrics, checked_params
from modelreg.domain.transfers import Transfer, TransferItem, TransferOutcome
from modelreg.domain.versions import READY, Environment
from modelreg.errors import (
    InvalidInput,
    MLflowFailed,
    NameTaken,
    NotFound,
    NumberTaken,
    OtherBytes,
    UnsafeModel,
    shown,
)
from modelreg.mlflow_transfer import applying
from modelreg.mlflow_transfer.connection import reading
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
from modelreg.mlflow_transfer.recognition import build_import_record, get_last_model_state, get_last_version_state
from modelreg.mlflow_transfer.reporting import Progress, sentence, wrap_storage_errors
from modelreg.mlflow_transfer.source import MLflowModel, MLflowSource, MLflowVersion
from modelreg.registration.register import PublishedFiles, add_version, publish, require_published
from modelreg.store.actor import current_actor
from modelreg.store.artifacts.copying import of_bytes
from modelreg.store.artifacts.manifest import Facts, Manifest
from modelreg.store.artifacts.source import Source, find_source
from modelreg.store.catalog.writer import CatalogWriter, NewVersion
from modelreg.store.folder import RegistryFolder
from modelreg.system import interrupts

_ITEM_ERRORS = (InvalidInput, NotFound, NameTaken, NumberTaken, OtherBytes, UnsafeModel, MLflowFailed)
"""What is wrong with one model or version, and no reason not to go on with the next."""
_MAX_NUMBER = 2**31 - 1
"""Of a version: in most databases of MLflow's an INTEGER, which is as large."""


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What is to be imported."""

    location: Location
    names: tuple[str, ...]
    """Of the models; none stands for all."""
    allow_unsafe: str | None
    """Why versions are imported although they are dangerous to load; None refuses those."""
    dry_run: bool


@dataclass(frozen=True, slots=True)
class _PlannedVersion:
    """A version as it should be here."""

    name: ModelName
    version: MLflowVersion
    said: UpstreamState
    model: MLflowModel
    stages: Mapping[int, Stage]
    """Of all versions of the model."""

    @property
    def reference(self) -> Reference:
        return Reference(self.name, self.version.number)


@dataclass(frozen=True, slots=True)
class _Origin:
    """What is known of how a version was made: what decides its digest, and what is observed."""

    facts: Facts
    files: Source
    tags: Mapping[str, str]
    git_commit: str | None
    git_branch: str | None
    notes: list[str]


def import_models(home: RegistryFolder, request: ImportRequest, progress: Progress | None) -> Transfer:
    """Bring in what is new or changed; `Registry.import_mlflow` says what is raised."""
    with (
        reading(request.location) as client,
        _registry(home, request.dry_run) as registry,
        wrap_storage_errors(home.path),
    ):
        return _Import(registry, request, MLflowSource(client, request.location)).run(progress)


@contextmanager
def _registry(home: RegistryFolder, dry_run: bool) -> Iterator[RegistryFolder]:
    """The registry, which is made if need be; for a dry run an empty one that is gone at the end."""
    if home.catalog.path.exists():
        home.require()
        yield home
    elif dry_run:
        with TemporaryDirectory(prefix="modelreg-") as folder:
            empty = RegistryFolder(Path(folder) / "registry", home.lock_timeout)
            empty.create()
            yield empty
    else:
        home.create()
        yield home


class _Import:
    """One import, over one connection."""

    def __init__(self, home: RegistryFolder, request: ImportRequest, source: MLflowSource) -> None:
        self._home = home
        self._request = request
        self._source = source
        self._location = request.location.shown

    def run(self, progress: Progress | None) -> Transfer:
        """Import every model that was asked for."""
        items: list[TransferItem] = []
        models: list[MLflowModel] = []
        for name in self._request.names or self._source.names():
            with _reported(items, name, None):
                parse_name(name)
                models.append(self._source.model(name))
        total, done = sum(len(model.versions) for model in models), 0
        for model in models:
            for item in self._model_with_versions(model):
                items.append(item)
                done += item.version is not None
                if progress is not None:
                    progress(done, total)
        return Transfer.of(self._location, items, dry_run=self._request.dry_run)

    def _model_with_versions(self, model: MLflowModel) -> Iterator[TransferItem]:
        name = ModelName(model.name)
        items: list[TransferItem] = []
        with _reported(items, name, None):
            with self._home.catalog.reading() as catalog:
                rules = catalog.rules
            decided = plan_stages(model.versions, rules)
            items.append(self._model(name, model))
        yield from items
        if items[0].outcome in (TransferOutcome.SKIPPED, TransferOutcome.FAILED):
            return
        stages = {number: stage for number, (stage, _) in decided.items()}
        for version in model.versions:
            items.clear()
            with _reported(items, name, version.number):
                _require_number(version)
                said, notes = build_version_state(version, model, stages[version.number], rules)
                notes += filter(None, [decided[version.number][1]])
                items.append(self._version(_PlannedVersion(name, version, said, model, stages), notes))
            (item,) = items
            if item.outcome is TransferOutcome.FAILED and stages[version.number] is Stage.PRODUCTION:
                item = replace(item, notes=(*item.notes, "it is in Production in MLflow, and not here"))
            yield item

    def _model(self, name: ModelName, model: MLflowModel) -> TransferItem:
        """The model itself."""
        said, notes = build_model_state(model)
        with self._home.catalog.reading() as catalog:
            catalog.refuse_name(name)
            is_new = not catalog.has_model(name)
            if is_new and catalog.was_given(name):
                return TransferItem(
                    name, None, TransferOutcome.SKIPPED, ("a model of this name was deleted or renamed here",)
                )
            if not is_new and not UpstreamChanges.between(get_last_model_state(catalog, name, said), said):
                return TransferItem(name, None, TransferOutcome.UNCHANGED)
        if not self._request.dry_run:
            with self._changing() as change:
                if change.has_model(name):  # of which nothing may have been here when that was asked
                    differences = UpstreamChanges.between(get_last_model_state(change, name, said), said)
                    applying.describe_and_tag(change, name, None, differences)
                else:
                    change.add_model(name, said.description, said.tags)
                change.note_import(name, None, build_import_record(self._location, said))
        return TransferItem(name, None, TransferOutcome.ADDED if is_new else TransferOutcome.CHANGED, tuple(notes))

    def _version(self, wanted: _PlannedVersion, notes: list[str]) -> TransferItem:
        with self._home.catalog.reading() as catalog:
            before = get_last_version_state(catalog, wanted.name, wanted.version, wanted.said)
            if before is None and catalog.was_given(wanted.name, wanted.version.number):
                return _item(wanted, TransferOutcome.SKIPPED, ["it was deleted here"])
        if before is None:
            return self._add(wanted, notes)
        if not UpstreamChanges.between(before, wanted.said):
            return _item(wanted, TransferOutcome.UNCHANGED, [])
        if not self._request.dry_run:
            with self._changing() as change:
                before = get_last_version_state(change, wanted.name, wanted.version, wanted.said)
                notes += self._apply(change, wanted, before or wanted.said)
        return _item(wanted, TransferOutcome.CHANGED, notes)

    def _add(self, wanted: _PlannedVersion, notes: list[str]) -> TransferItem:
        """Bring in a version that is new, unless another import has done so by then."""
        version, why = wanted.version, self._request.allow_unsafe
        if self._request.dry_run:
            self._source.require_files(version)
            return _item(wanted, TransferOutcome.ADDED, notes)
        with self._source.files(version) as path:
            made = self._made(version, path)
            with self._home.ingesting(), self._home.artifacts.receiving(made.files.files) as receipt:
                environment = read_environment(receipt.contents())
                published = publish(receipt, Path(str(wanted.reference)), made.facts, allow_unsafe=why is not None)
                if version.digest not in (None, published.digest):
                    raise OtherBytes(str(wanted.reference), "the content")
                new = self._new_version(wanted, made, published, environment)
                with self._changing() as change:
                    require_published(receipt, wanted.name)
                    if get_last_version_state(change, wanted.name, version, wanted.said) is not None:
                        return _item(wanted, TransferOutcome.UNCHANGED, ["another import has just brought it"])
                    if change.was_given(wanted.name, version.number):
                        raise NumberTaken(str(wanted.reference))
                    add_version(change, wanted.name, new, why, version.number)
                    before = UpstreamState(wanted.said.description, wanted.said.tags)
                    return _item(
                        wanted, TransferOutcome.ADDED, notes + made.notes + self._apply(change, wanted, before)
                    )

    def _made(self, version: MLflowVersion, path: Path) -> _Origin:
        run = self._source.run(version)
        if version.digest is not None:
            facts, first = _facts(self._source.manifest(version), version)
            files = find_source(path if facts.is_folder else path / first, self._home.path)
            return _Origin(facts, files, {}, run.git_commit, run.git_branch, [])
        metrics, params, notes = filter_run_facts(run)
        files = find_source(path, self._home.path)
        facts = Facts(files.is_folder, None, metrics, params)
        return _Origin(facts, files, build_creation_tags(version, run, notes), run.git_commit, run.git_branch, notes)

    def _new_version(
        self, wanted: _PlannedVersion, made: _Origin, published: PublishedFiles, environment: Environment
    ) -> NewVersion:
        return NewVersion(
            status=READY,
            digest=published.digest,
            files=published.files,
            described=published.described,
            scan=published.scan,
            signature=made.facts.signature or published.described.signature,
            metrics=made.facts.metrics,
            params=made.facts.params,
            tags={**made.tags, **wanted.said.tags},
            description=wanted.said.description,
            provenance=Provenance(
                source=f"models:/{wanted.reference} in {self._location}",
                git_commit=made.git_commit,
                git_branch=made.git_branch,
                git_dirty=None,
                run_id=wanted.version.run_id,
                ci_job=None,
                environment=environment,
            ),
        )

    def _apply(self, change: CatalogWriter, wanted: _PlannedVersion, before: UpstreamState) -> list[str]:
        differences = UpstreamChanges.between(before, wanted.said)
        notes = applying.apply(change, wanted.reference, differences, wanted.model.aliases, wanted.stages)
        change.note_import(
            wanted.name, wanted.version.number, build_import_record(self._location, wanted.said, wanted.version)
        )
        return notes

    @contextmanager
    def _changing(self) -> Iterator[CatalogWriter]:
        with self._home.catalog.writing(current_actor(), f"imported from {self._location}") as change:
            yield change
        interrupts.go_on()


@contextmanager
def _reported(items: list[TransferItem], name: str, version: int | None) -> Iterator[None]:
    """What is wrong with one model or version becomes an item of the report."""
    try:
        yield
    except _ITEM_ERRORS as error:
        items.append(TransferItem(name, version, TransferOutcome.FAILED, (sentence(error),)))


def _require_number(version: MLflowVersion) -> None:
    """Raise `InvalidInput` for a number that MLflow gives no version, and after which there may be no next one."""
    if not 1 <= version.number <= _MAX_NUMBER:
        raise InvalidInput(f"{shown(version.name)} has a version {version.number}, which is no number of MLflow's")


def _facts(content: bytes, version: MLflowVersion) -> tuple[Facts, str]:
    """What the manifest of an exported version says, and the path of its first file; raises `OtherBytes`."""
    try:
        manifest = Manifest.parse(content)
        if of_bytes(content) != version.digest:
            raise ValueError("another digest")
        stated = manifest.facts
        metrics, params = checked_metrics(stated["metrics"]), checked_params(stated["params"])
        return Facts(manifest.is_folder, manifest.signature, metrics, params), manifest.files[0].path
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        raise OtherBytes(f"{version.name}/{version.number}", "the manifest") from error


def _item(wanted: _PlannedVersion, outcome: TransferOutcome, notes: list[str]) -> TransferItem:
    return TransferItem(wanted.name, wanted.version.number, outcome, tuple(notes))
