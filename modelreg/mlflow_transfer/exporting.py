"""Models of a registry become models of MLflow, version after version, so that numbers agree where nothing was before.

A version is known again by the tags `marks` names, or because it came from there. An export adds and sets; it takes
nothing away in MLflow.
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
from modelreg.errors import BlobDamaged, BytesElsewhere, InvalidInput, MLflowFailed, shown
from modelreg.mlflow_transfer.connection import reading, writing
from modelreg.mlflow_transfer.location import Location
from modelreg.mlflow_transfer.marks import CREATED_AT, CREATED_BY, NUMBER, PLACEHOLDER, PROMPT
from modelreg.mlflow_transfer.reporting import Progress, sentence, wrap_storage_errors
from modelreg.mlflow_transfer.source import MLflowModel, MLflowSource, MLflowVersion
from modelreg.mlflow_transfer.target import MLflowTarget, Upload
from modelreg.store.artifacts.checkout import check_out
from modelreg.store.folder import RegistryFolder

_MAX_SKIPPED_NUMBERS = 10_000
"""Numbers without a version, each of which is made and deleted in MLflow one by one."""
_KNOWN_THERE = (CREATED_AT, CREATED_BY)
"""Tags that an import makes of what MLflow itself knows of a version."""


class _Step(NamedTuple):
    """One change in MLflow."""

    what: str
    """As it is reported."""
    make: Callable[[], None]


_ITEM_ERRORS = (InvalidInput, BlobDamaged, BytesElsewhere, MLflowFailed)
"""What is wrong with one model or version, and no reason not to go on with the next."""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What is to be exported."""

    location: Location
    names: tuple[ModelName, ...]
    """Of the models; none stands for all."""
    dry_run: bool


@dataclass(frozen=True, slots=True)
class _LocalModel:
    """A model as it is here, with its versions, oldest first, and when those that came from MLflow were made there."""

    model: Model
    versions: tuple[ModelVersion, ...]
    made_in_mlflow: dict[int, str]


def export_models(home: RegistryFolder, request: ExportRequest, progress: Progress | None) -> Transfer:
    """Bring over what is new or changed; `Registry.export_mlflow` says what is raised."""
    mine = _models(home, request.names)
    with _opened(request) as client, wrap_storage_errors(home.path):
        return _Export(home, request, client).run(mine, progress)


def _models(home: RegistryFolder, names: tuple[ModelName, ...]) -> list[_LocalModel]:
    with home.catalog.reading() as catalog:
        return [
            _LocalModel(
                model=model,
                versions=versions,
                made_in_mlflow={
                    version.version: record["created_at"]
                    for version in versions
                    if (record := catalog.last_import(model.name, version.version)) is not None
                },
            )
            for model in (map(catalog.model, names) if names else filter(_is_no_prompt, catalog.models()))
            for versions in [tuple(reversed(catalog.versions(model.name)))]
        ]


def _is_no_prompt(model: Model) -> bool:
    """MLflow keeps prompts as models without bytes, with a tag; an import leaves them out, too."""
    return PROMPT not in model.tags


@contextmanager
def _opened(request: ExportRequest) -> Iterator[Any]:
    """MLflow's client; for a dry run one that changes nothing, and None where nothing is there yet."""
    location = request.location
    if not request.dry_run:
        with writing(location) as client:
            yield client
    elif location.is_empty():
        yield None
    else:
        with reading(location) as client:
            yield client


class _Export:
    """One export, over one connection."""

    def __init__(self, home: RegistryFolder, request: ExportRequest, client: Any) -> None:
        self._home = home
        self._dry_run = request.dry_run
        self._location = request.location
        self._source = MLflowSource(client, request.location)
        self._target = MLflowTarget(client, request.location)
        self._names = set() if client is None else set(self._source.names())

    def run(self, mine: list[_LocalModel], progress: Progress | None) -> Transfer:
        """Export every model."""
        items: list[TransferItem] = []
        total, done = sum(len(each.versions) for each in mine), 0
        for each in mine:
            for item in self._model_with_versions(each):
                items.append(item)
                done += item.version is not None
                if progress is not None:
                    progress(done, total)
        return Transfer.of(self._location.shown, items, dry_run=self._dry_run)

    def _model_with_versions(self, mine: _LocalModel) -> Iterator[TransferItem]:
        name = mine.model.name
        try:
            theirs = self._source.model(name) if name in self._names else None
            yield self._model(mine.model, theirs)
        except _ITEM_ERRORS as error:
            yield TransferItem(name, None, TransferOutcome.FAILED, (sentence(error),))
            return
        last = max((version.number for version in theirs.versions), default=0) if theirs else 0
        for version in mine.versions:
            try:
                known = _find(version, mine, theirs)
                if known is not None:
                    yield self._update(version, known)
                    continue
                last, notes = self._add(version, last)
                yield TransferItem(name, version.version, TransferOutcome.ADDED, tuple(notes))
            except _ITEM_ERRORS as error:
                yield TransferItem(name, version.version, TransferOutcome.FAILED, (sentence(error),))

    def _model(self, model: Model, theirs: MLflowModel | None) -> TransferItem:
        """The model itself."""
        if not self._dry_run:
            if theirs is None:
                self._target.add_model(model.name)
            for left in theirs.versions if theirs else ():
                if PLACEHOLDER in left.tags:  # an export was ended just before it deleted it
                    self._target.delete_version(model.name, left.number)
        changes = self._descriptions(model.name, None, model, theirs)
        outcome = (
            TransferOutcome.ADDED
            if theirs is None
            else TransferOutcome.CHANGED
            if changes
            else TransferOutcome.UNCHANGED
        )
        return TransferItem(model.name, None, outcome, tuple(self._made(changes)))

    def _add(self, version: ModelVersion, last: int) -> tuple[int, list[str]]:
        """Bring over a version that is new; returns its number there, and what is to be said of it.

        ``last`` is the highest number there now.
        """
        notes: list[str] = []
        if version.version - last > _MAX_SKIPPED_NUMBERS:
            raise InvalidInput(
                f"more than {_MAX_SKIPPED_NUMBERS:,} numbers before {version.reference} would have to be skipped"
            )
        if self._dry_run:
            number = max(last + 1, version.version)
        else:
            while last + 1 < version.version:
                last = self._target.skip_number(version.name)
            store = self._home.artifacts
            manifest = store.manifest(version)
            if manifest.location is not None:
                raise BytesElsewhere(version.reference, manifest.location)
            place, still = self._home.checkouts, self._home.keeping_still
            folder = check_out(store, place, version.reference, version.digest, manifest.files, still)
            number, notes = self._target.add_version(Upload(version, folder, store.read(version.digest)))
            notes += self._made(self._changes(version, number, None))
        if number != version.version:
            notes.append(f"is version {number} there")
        return number, notes

    def _update(self, version: ModelVersion, theirs: MLflowVersion) -> TransferItem:
        changes = self._changes(version, theirs.number, theirs)
        outcome = TransferOutcome.CHANGED if changes else TransferOutcome.UNCHANGED
        notes = [change.what for change in changes] + self._made(changes)
        return TransferItem(version.name, version.version, outcome, tuple(notes))

    def _changes(self, version: ModelVersion, number: int, theirs: MLflowVersion | None) -> list[_Step]:
        """What makes a version there what it is here."""
        name, target = version.name, self._target
        changes = self._descriptions(name, number, version, theirs)
        for alias in version.aliases:
            if theirs is None or alias not in theirs.aliases:
                changes.append(_Step(f"alias {alias}", partial(target.set_alias, name, alias, number)))
        stage = theirs.stage if theirs else Stage.NONE.value
        if version.stage != stage:
            move = partial(target.set_stage, name, number, version.stage.value)
            changes.append(_Step(f"stage {stage} -> {version.stage.value}", move))
        return changes

    def _descriptions(
        self,
        name: str,
        number: int | None,
        mine: Model | ModelVersion,
        theirs: MLflowModel | MLflowVersion | None,
    ) -> list[_Step]:
        """What makes the description and the tags of a model or version there what they are here."""
        changes: list[_Step] = []
        if mine.description != (theirs.description if theirs else ""):
            changes.append(_Step("description", partial(self._target.describe, name, number, mine.description)))
        for key, value in mine.tags.items():
            if theirs is None or (key not in _KNOWN_THERE and theirs.tags.get(key) != value):
                changes.append(_Step(f"tag {shown(key)}", partial(self._target.tag, name, number, key, value)))
        return changes

    def _made(self, changes: list[_Step]) -> list[str]:
        """Make changes, unless it is a dry run; returns sentences about what MLflow does not take."""
        notes = []
        for change in [] if self._dry_run else changes:
            try:
                change.make()
            except MLflowFailed as error:
                notes.append(f"left out there: {error.message}")
        return notes


def _find(version: ModelVersion, mine: _LocalModel, theirs: MLflowModel | None) -> MLflowVersion | None:
    """The version there that this one was brought to, or came from."""
    for each in theirs.versions if theirs else ():
        if each.digest == version.digest and each.tags.get(NUMBER) == str(version.version):
            return each
        if each.number == version.version and each.created_at == mine.made_in_mlflow.get(version.version):
            return each
    return None
