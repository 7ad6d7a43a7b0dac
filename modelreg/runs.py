"""Runs: what is logged while a model is made, and the models themselves, stored as a version's files are."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from modelreg import provenance
from modelreg.artifacts.manifest import Facts
from modelreg.artifacts.source import find_source
from modelreg.clock import as_text
from modelreg.containers.content import OpenModel
from modelreg.errors import InvalidInput, ParamChanged, shown
from modelreg.estimators import dumped
from modelreg.flavors import load, recognise
from modelreg.home import Home
from modelreg.records.run import FINISHED, STATUSES, LoggedModel, Run, RunReference
from modelreg.records.signature import Signature
from modelreg.references import parse_model_path
from modelreg.registration import publish, require_published, scan_notes
from modelreg.security.trust import Trust, honoured
from modelreg.statements import checked_count, checked_metrics, checked_params, checked_tags, checked_text
from modelreg.storing import reading, storing, writing

if TYPE_CHECKING:
    from modelreg.expressions.evaluation import Value
    from modelreg.expressions.tree import Field


class Runs:
    """The runs of one registry; made by `Registry.runs`.

    Each change is one transaction, with its entry in the journal. Methods raise what those of `Registry` raise.
    """

    def __init__(self, home: Home) -> None:
        self._home = home

    def start(self, name: str | None = None, *, tags: Mapping[str, object] | None = None) -> Run:
        """Start a run; makes the registry if need be. Without a name it gets one."""
        run_id = os.urandom(16).hex()
        called = checked_text(name or f"run-{run_id[:8]}", "the run's name")
        checked = checked_tags(tags)
        with storing(inside=self._home.path):
            self._home.create()
        with writing(self._home) as change:
            change.start_run(run_id, called, checked)
            return change.run(run_id)

    def resume(self, run_id: str) -> Run:
        """Let a run go on, also one that is over; raises `RunNotFound`."""
        with writing(self._home) as change:
            change.run(run_id)
            change.resume_run(run_id)
            return change.run(run_id)

    def end(self, run_id: str, status: str = FINISHED) -> Run:
        """Say how a run ended: ``FINISHED``, ``FAILED``, ``KILLED``; raises `RunNotFound` and `InvalidInput`."""
        if status not in STATUSES:
            raise InvalidInput(f"{shown(status)} is not what a run can be", f"it is {', '.join(STATUSES)}")
        with writing(self._home) as change:
            change.run(run_id)
            change.end_run(run_id, status)
            return change.run(run_id)

    def run(self, run_id: str) -> Run:
        """One run with everything that was logged; raises `RunNotFound`."""
        with reading(self._home) as catalog:
            return catalog.run(run_id)

    def search(
        self, filter: str | None = None, *, sort: str | None = None, limit: int | None = None, offset: int = 0
    ) -> list[Run]:
        """The runs for which ``filter`` is true, ordered by ``sort``, else the one that was started last first.

        ``metrics.auc > 0.9 AND params.depth = 3 AND status = 'FINISHED'``; the fields are those of `Run`. ``limit``
        takes so many of them after the first ``offset``. Raises `InvalidExpression`.
        """
        from modelreg.expressions.choosing import chosen
        from modelreg.expressions.parsing import parse_filter_of_runs, parse_order_of_runs

        where = None if filter is None else parse_filter_of_runs(filter)
        order = () if sort is None else parse_order_of_runs(sort)
        end = None if limit is None else offset + (checked_count(limit, "the limit") or 0)
        with reading(self._home) as catalog:
            return chosen(catalog.runs(), where, order, _value_of)[offset:end]

    def log(
        self,
        run_id: str,
        *,
        params: Mapping[str, object] | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, object] | None = None,
    ) -> None:
        """Keep parameters, metrics and tags; of metrics and tags the latest value counts, a parameter has one only.

        Raises `RunNotFound`, `ParamChanged`, and `InvalidInput` in one of its forms; then none of them was kept.
        """
        stated = checked_params(params)
        logged: dict[str, dict[str, Any]] = {
            "params": stated,
            "metrics": checked_metrics(metrics),
            "tags": checked_tags(tags),
        }
        with writing(self._home) as change:
            run = change.run(run_id)
            for name, value in stated.items():
                if run.params.get(name, value) != value:
                    raise ParamChanged(run_id, name, run.params[name], value)
            known: dict[str, Mapping[str, Any]] = {"params": run.params, "metrics": run.metrics, "tags": run.tags}
            if any(not values.items() <= known[what].items() for what, values in logged.items()):
                change.log(run_id, logged)

    def log_model(
        self, run_id: str, path: str, estimator: object, *, signature: Signature | None = None
    ) -> LoggedModel:
        """Write ``estimator`` with joblib and keep it as the run's model ``path``, in the place of an earlier one.

        Warns when loading it will take trust. Raises `RunNotFound`, `UnusableSource` for what cannot be pickled,
        `UnsafeModel`.
        """
        called = parse_model_path(path)
        self.run(run_id)  # before anything is written for nothing
        with dumped(estimator) as file, storing(inside=self._home.path), self._home.ingesting():
            source = find_source(file, self._home.path)
            with self._home.artifacts.receiving(source.files) as receipt:
                facts = Facts(source.is_folder, signature, {}, {})
                published = publish(receipt, source.root, facts, allow_unsafe=False)
                with self._home.catalog.writing(provenance.actor()) as change:
                    change.run(run_id)
                    require_published(receipt, f"runs:/{run_id}/{called}")
                    model = LoggedModel(run_id, called, published.digest, published.files[0], change.moment)
                    change.log_model(model)
                    notes = scan_notes(published.scan, change)
        for note in notes:
            warnings.warn(f"{model.reference}: {note}", stacklevel=2)
        return model

    def model(self, reference: str) -> LoggedModel:
        """The model that ``runs:/RUN/PATH`` names; raises `RunNotFound` or `LoggedModelNotFound`."""
        named = RunReference.parse(reference)
        with reading(self._home) as catalog:
            return catalog.logged_model(named.run_id, named.path)

    def signature(self, model: LoggedModel) -> Signature | None:
        """What a model takes and gives, where that was said when it was logged; raises `BlobDamaged`."""
        with storing(inside=self._home.path):
            return self._home.artifacts.manifest(model).signature

    def load(self, model: LoggedModel) -> Any:
        """The model itself, ready to predict, from bytes that were checked now.

        It imports nothing but names of the allow-list and trusted ones. Raises `BlobDamaged` and `UntrustedModel`.
        """
        with reading(self._home) as catalog:
            trusted = honoured(catalog.trusted_names())
        store = self._home.artifacts
        with storing(), store.opened_and_checked(model.file, model.reference) as file:
            found = recognise({model.file.path: store.path(model.file.digest)}, False)
            return load(OpenModel(file, None), found.format, Trust(model.reference, trusted))


def _value_of(run: Run, field: Field) -> Value:
    value: Value | Mapping[str, Value] | datetime = getattr(run, field.name)
    match value:
        case datetime():
            return as_text(value)
        case Mapping():
            return value.get(field.keys[0])
        case _:
            return value
