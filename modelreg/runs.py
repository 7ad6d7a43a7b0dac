"""Runs: logged parameters, metrics, tags, files and models, stored like the files of versions."""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from modelreg.analysis.containers.content import OpenModel
from modelreg.domain.display import RecordList
from modelreg.domain.facts import Facts
from modelreg.domain.references import Digest, parse_key, parse_model_path
from modelreg.domain.runs import (
    FINISHED,
    MISSING,
    STATUSES,
    LoggedModel,
    MetricPoint,
    Run,
    RunReference,
    build_logged_model_error,
)
from modelreg.domain.signatures import Signature
from modelreg.domain.validation import parse_count, parse_float, parse_params, parse_tags, parse_text
from modelreg.domain.versions import ModelFile
from modelreg.errors import InvalidInput, SourceNotFound, TagNotFound, shown
from modelreg.loading.flavors import load, recognise
from modelreg.loading.trust import Trust, filter_trusted
from modelreg.registration.register import check_published, publish, scan_notes
from modelreg.registration.serialization import dumped
from modelreg.store.actor import current_actor
from modelreg.store.artifacts.checkout import check_out
from modelreg.store.artifacts.copying import digest_of_bytes
from modelreg.store.artifacts.manifest import config_content, manifest_content
from modelreg.store.artifacts.source import Source, SourceFile, find_source
from modelreg.store.folder import RegistryFolder
from modelreg.store.transactions import reading, translating_os_errors, writing
from modelreg.system import clock
from modelreg.system.clock import as_milliseconds, as_text

if TYPE_CHECKING:
    from modelreg.expressions.evaluation import Value
    from modelreg.expressions.tree import Field

StrPath = str | os.PathLike[str]

_EXPERIMENT = "experiment."
"""Prefix of the settings that store experiments."""


class Runs:
    """The runs of one registry; made by `Registry.runs`.

    Each change is one transaction, with its entry in the journal. Methods raise what those of `Registry` raise.
    """

    def __init__(self, folder: RegistryFolder) -> None:
        self._folder = folder

    def start(self, name: str | None = None, *, tags: Mapping[str, object] | None = None) -> Run:
        """Start a run; creates the registry if needed; a name is generated if none is given."""
        run_id = os.urandom(16).hex()
        run_name = parse_text(name or f"run-{run_id[:8]}", "the run's name")
        parsed_tags = parse_tags(tags)
        with translating_os_errors(inside=self._folder.path):
            self._folder.create()
        with writing(self._folder) as writer:
            writer.start_run(run_id, run_name, parsed_tags)
            return writer.runs.get(run_id)

    def resume(self, run_id: str) -> Run:
        """Resume a run, even an ended one; raises `RunNotFound`."""
        with writing(self._folder) as writer:
            writer.runs.get(run_id)
            writer.resume_run(run_id)
            return writer.runs.get(run_id)

    def end(self, run_id: str, status: str = FINISHED) -> Run:
        """End a run with the status ``FINISHED``, ``FAILED`` or ``KILLED``; raises `RunNotFound` and `InvalidInput`."""
        if status not in STATUSES:
            raise InvalidInput(f"{shown(status)} is not a run status", f"use {', '.join(STATUSES)}")
        with writing(self._folder) as writer:
            writer.runs.get(run_id)
            writer.end_run(run_id, status)
            return writer.runs.get(run_id)

    def run(self, run_id: str) -> Run:
        """One run with everything that was logged; raises `RunNotFound`."""
        with reading(self._folder) as catalog:
            return catalog.runs.get(run_id)

    def experiments(self) -> dict[str, str]:
        """The stored text of each experiment, by name."""
        with reading(self._folder) as catalog:
            return catalog.settings(_EXPERIMENT)

    def store_experiment(self, name: str, text: str) -> None:
        """Store the description of an experiment as opaque text; it replaces an earlier one."""
        experiment = parse_text(name, "the experiment's name")
        with writing(self._folder) as writer:
            writer.set_setting(f"{_EXPERIMENT}{experiment}", parse_text(text, "the experiment"))

    def search(
        self, filter: str | None = None, *, sort: str | None = None, limit: int | None = None, offset: int = 0
    ) -> RecordList[Run]:
        """List the runs for which ``filter`` is true, ordered by ``sort``, by default newest first.

        ``metrics.auc > 0.9 AND params.depth = 3 AND status = 'FINISHED'``; the fields are those of `Run`. ``limit``
        takes so many of them after the first ``offset``. Raises `InvalidExpression`.
        """
        from modelreg.expressions.in_memory import select
        from modelreg.expressions.parsing import parse_filter_of_runs, parse_order_of_runs

        where = None if filter is None else parse_filter_of_runs(filter)
        order = () if sort is None else parse_order_of_runs(sort)
        end = None if limit is None else offset + (parse_count(limit, "the limit") or 0)
        with reading(self._folder) as catalog:
            return RecordList(Run, select(catalog.runs.all(), where, order, _value_of)[offset:end])

    def log(
        self,
        run_id: str,
        *,
        params: Mapping[str, object] | None = None,
        metrics: Mapping[str, float] | Sequence[MetricPoint] | None = None,
        tags: Mapping[str, object] | None = None,
    ) -> None:
        """Log parameters, metrics and tags. A new value replaces that of a metric or tag; parameters cannot change.

        A metric that is NaN or infinite is missing from then on, and a tag says why (see `MISSING`). Metrics with
        steps and times are a sequence of `MetricPoint`. Raises `RunNotFound`, and `InvalidInput` also for a changed
        parameter; then none of them was kept.
        """
        parsed_params, parsed_tags = parse_params(params), parse_tags(tags)
        batches = _batches(_points(metrics))
        with writing(self._folder) as writer:
            run = writer.runs.get(run_id)
            for name, value in parsed_params.items():
                if run.params.get(name, value) != value:
                    raise build_param_error(run_id, name, run.params[name], value)
            if not (parsed_params.items() <= run.params.items() and parsed_tags.items() <= run.tags.items()):
                writer.log(run_id, {"params": parsed_params, "tags": parsed_tags})
            missing = {name for name in run.tags if name.startswith(MISSING)}
            for batch in batches:
                values, reasons = _values_and_reasons(batch, missing)
                places = {name: (point.step, point.timestamp) for name, point in batch.items()}
                writer.log(run_id, {"metrics": values, "tags": reasons}, places)

    def remove_tag(self, run_id: str, name: str) -> None:
        """Remove a tag of a run; raises `RunNotFound` and `TagNotFound`."""
        with writing(self._folder) as writer:
            tags = writer.runs.get(run_id).tags
            if name not in tags:
                raise TagNotFound(f"run {run_id}", name, list(tags))
            writer.log(run_id, {"tags": {name: None}})

    def metric_history(self, run_id: str, name: str) -> list[MetricPoint]:
        """Every value of a metric, in the order in which they were logged; raises `RunNotFound`."""
        with reading(self._folder) as catalog:
            return catalog.runs.metric_history(run_id, name)

    def log_files(self, run_id: str, files: Mapping[str, StrPath]) -> list[LoggedModel]:
        """Store files as artifacts of a run, each under its path there: all of them, or none.

        Raises `RunNotFound`, `SourceNotFound`, `UnusableSource`, `UnsafeModel`, and `InvalidInput` for a path below
        that of another file.
        """
        return [model for model, _ in self._store(run_id, {path: _source(path, file) for path, file in files.items()})]

    def log_model(
        self, run_id: str, path: str, estimator: object, *, signature: Signature | None = None
    ) -> LoggedModel:
        """Write ``estimator`` with joblib and keep it as the run's model ``path``, in the place of an earlier one.

        Warns when loading it will take trust. Raises `RunNotFound`, `UnusableSource` for what cannot be pickled,
        `UnsafeModel`.
        """
        with dumped(estimator) as file:
            ((model, notes),) = self._store(run_id, {path: find_source(file, self._folder.path)}, signature)
        for note in notes:
            warnings.warn(f"{model.reference}: {note}", stacklevel=2)
        return model

    def _store(
        self, run_id: str, sources: Mapping[str, Source], signature: Signature | None = None
    ) -> list[tuple[LoggedModel, Sequence[str]]]:
        """Store single-file models of a run in one transaction; returns each with its notes."""
        paths = [parse_model_path(path) for path in sources]
        self.run(run_id)  # fail early for an unknown run
        with ExitStack() as stack:
            stack.enter_context(translating_os_errors(inside=self._folder.path))
            stack.enter_context(self._folder.ingesting())
            stored = []
            for path, source in zip(paths, sources.values(), strict=True):
                staged = stack.enter_context(self._folder.artifacts.receiving(source.files))
                facts = Facts(source.is_folder, signature, {}, {})
                stored.append((path, staged, publish(staged, source.root, facts, allow_unsafe=False)))
            with self._folder.catalog.writing(current_actor()) as writer:
                _check_no_file_below_file(writer.runs.get(run_id), paths)
                models: list[tuple[LoggedModel, Sequence[str]]] = []
                for path, staged, published in stored:
                    check_published(staged, f"runs:/{run_id}/{path}")
                    model = LoggedModel(run_id, path, published.digest, published.files[0], writer.moment)
                    writer.log_model(model)
                    models.append((model, scan_notes(published.scan, writer)))
        return models

    def model(self, reference: str) -> LoggedModel:
        """The model that ``runs:/RUN/PATH`` names; raises `NotFound`."""
        named = RunReference.parse(reference)
        with reading(self._folder) as catalog:
            return catalog.runs.model(named.run_id, named.path)

    def signature(self, model: LoggedModel) -> Signature | None:
        """The signature of a logged model; None if none was given. Raises `BlobDamaged`."""
        with translating_os_errors(inside=self._folder.path):
            return self._folder.artifacts.manifest(model).signature

    def path(self, reference: str) -> Path:
        """The path of a read-only copy of a run's file, model or folder, every byte checked now.

        ``runs:/RUN`` is the folder of all artifacts. Raises `NotFound` and `BlobDamaged`.
        """
        run_id, _, path = reference.removeprefix("runs:/").strip("/").partition("/")
        run = self.run(run_id)
        model = run.model_at(path)
        if model is not None:
            return self._check_out(reference, model.digest, model.files) / model.file.path
        files = run.folder(path)
        if not files and path:
            raise build_logged_model_error(run_id, path, list(run.models))
        manifest = manifest_content(config_content(files), files, Facts(True, None, {}, {}))
        return self._check_out(reference, digest_of_bytes(manifest), files)

    def _check_out(self, reference: str, digest: Digest, files: Sequence[ModelFile]) -> Path:
        with translating_os_errors(inside=self._folder.path):
            folder = self._folder
            return check_out(folder.artifacts, folder.checkouts, reference, digest, files, folder.preventing_pruning)

    def load(self, model: LoggedModel | str, *, full_trust: bool = False) -> Any:
        """A model of a run, also by ``runs:/RUN/PATH``, ready to predict, from bytes that were checked now.

        It imports nothing but names of the allow-list and trusted ones, unless ``full_trust``. Raises `NotFound`,
        `BlobDamaged` and `UntrustedModel`.
        """
        reference = model if isinstance(model, str) else model.reference
        named = RunReference.parse(reference)
        with reading(self._folder) as catalog:
            names = filter_trusted(catalog.trusted_names())
            stored = catalog.runs.get(named.run_id).model_at(named.path)
        trust = Trust(reference, names, full=full_trust)
        store = self._folder.artifacts
        if stored is None:
            folder = self.path(reference)
            files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
            return load(OpenModel(None, folder), recognise(files, True).format, trust)
        with translating_os_errors(), store.open_checked(stored.file, stored.reference) as file:
            recognised = recognise({stored.file.path: store.path(stored.file.digest)}, False)
            return load(OpenModel(file, None), recognised.format, trust)


def _points(metrics: Mapping[str, float] | Sequence[MetricPoint] | None) -> Sequence[MetricPoint]:
    """Parse metric points; values of a mapping get step 0 and now. Raises `InvalidName` and `InvalidInput`."""
    if isinstance(metrics, Mapping):
        moment = as_milliseconds(clock.now())
        metrics = [MetricPoint(name, value, 0, moment) for name, value in metrics.items()]
    return [
        replace(point, name=parse_key(point.name, "metric"), value=parse_float(point.name, point.value))
        for point in metrics or ()
    ]


def _batches(points: Iterable[MetricPoint]) -> list[dict[str, MetricPoint]]:
    """The points in order, each metric at most once in a batch."""
    batches: list[dict[str, MetricPoint]] = []
    for point in points:
        if not batches or point.name in batches[-1]:
            batches.append({})
        batches[-1][point.name] = point
    return batches


def _values_and_reasons(
    batch: Mapping[str, MetricPoint], missing: set[str]
) -> tuple[dict[str, float | None], dict[str, str | None]]:
    """The new metric values, and the tags with the reasons of missing ones; updates ``missing``."""
    values: dict[str, float | None] = {}
    reasons: dict[str, str | None] = {}
    for name, point in batch.items():
        tag = f"{MISSING}{name}"
        if math.isfinite(point.value):
            values[name] = point.value
            if tag in missing:
                missing.discard(tag)
                reasons[tag] = None
        else:
            values[name] = None
            missing.add(tag)
            reasons[tag] = json.dumps(point.value)  # NaN, Infinity or -Infinity
    return values, reasons


def _check_no_file_below_file(run: Run, paths: Sequence[str]) -> None:
    """Raise `InvalidInput` for a path that is a folder of another one: no folder could hold both files."""
    all_paths = {*run.models, *paths}
    for path in all_paths:
        below = next((parent for parent in map(str, PurePosixPath(path).parents) if parent in all_paths), None)
        if below is not None:
            raise InvalidInput(
                f"run {run.run_id} cannot have the file {shown(path)} below the file {shown(below)}",
                "log one of them under another path",
            )


def _source(path: str, file: StrPath) -> Source:
    """A source for one file under its name in the run; empty files are allowed. Raises `SourceNotFound`."""
    place = Path(file)
    if not place.is_file():
        raise SourceNotFound(file)
    source = SourceFile(path.rpartition("/")[2], str(place.resolve()), place.stat().st_size)
    return Source(place, False, (source,))


def _value_of(run: Run, field: Field) -> Value:
    value: Value | Mapping[str, Value] | datetime = getattr(run, field.name)
    if field.name == "name":
        value = run.tags.get("mlflow.runName", run.name)  # MLflow's tag renames a run
    match value:
        case datetime():
            return as_text(value)
        case Mapping():
            return value.get(field.keys[0])
        case _:
            return value


def build_param_error(run_id: str, name: str, before: str, after: str) -> InvalidInput:
    """The error for a logged parameter that gets another value."""
    return InvalidInput(
        f"parameter {shown(name)} of run {run_id} is {shown(before)} and cannot be changed to {shown(after)}",
        "start another run, or log values that change as metrics or tags",
        code="param_changed",
    )
