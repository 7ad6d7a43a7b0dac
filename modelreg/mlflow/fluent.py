"""The functions that know which run is the active one."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from modelreg.mlflow import experiments, location
from modelreg.mlflow.client import MlflowClient, as_numbers
from modelreg.mlflow.entities import ModelVersion, PagedList, RegisteredModel, Run
from modelreg.mlflow.entities.run import DEFAULT_EXPERIMENT, EXPERIMENT_NAME, PARENT_RUN_ID
from modelreg.mlflow.exceptions import INVALID_STATE, MlflowException, speaks_mlflow
from modelreg.records.run import FAILED, FINISHED

if TYPE_CHECKING:
    from modelreg.records.run import Run as KnownRun
    from modelreg.runs import Runs

T = TypeVar("T")

_DESCRIPTION = "mlflow.note.content"


class ActiveRun(Run):
    """A run that ends with the block that it is used in: FINISHED, or FAILED when an error leaves the block."""

    def __enter__(self) -> ActiveRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        active = _active.runs
        if any(run.info.run_id == self.info.run_id for run in active):
            while active[-1].info.run_id != self.info.run_id:  # runs inside of it that nobody ended
                end_run(FINISHED if kind is None else FAILED)
            end_run(FINISHED if kind is None else FAILED)


class _Active(threading.local):
    """The active runs of a thread, the innermost last."""

    def __init__(self) -> None:
        self.runs: list[ActiveRun] = []


_active = _Active()
_process = os.getpid()
_latest: str | None = None
"""The run that was started last in this process."""


@speaks_mlflow
def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, object] | None = None,
    description: str | None = None,
    log_system_metrics: bool | None = None,
) -> ActiveRun:
    """Start a run, or let the run ``run_id`` go on, and make it the active one; it ends with a ``with`` block.

    Raises `MlflowException` with ``INVALID_STATE`` while another is active, unless ``nested``.
    """
    global _latest
    parent = _active.runs[-1].info.run_id if _active.runs else None
    if parent is not None and not nested:
        raise MlflowException(
            f"run {parent} is active already: end it by end_run(), or start one inside of it with nested=True",
            INVALID_STATE,
        )
    runs = location.opened().runs
    given = dict(tags or {}) if description is None else {_DESCRIPTION: description} | dict(tags or {})
    if run_id is not None:
        started = _resumed(runs, run_id, given)
    else:
        started = runs.start(run_name, tags=_place(experiment_id, parent_run_id or parent) | given)
    run = Run.of(started)
    _latest = run.info.run_id
    _active.runs.append(ActiveRun(run.info, run.data))
    return _active.runs[-1]


@speaks_mlflow
def end_run(status: str = FINISHED) -> None:
    """End the active run, if there is one: ``FINISHED``, ``FAILED`` or ``KILLED``."""
    if _active.runs:
        run = _active.runs.pop()  # whatever comes: nobody wants to log to it any more
        location.opened().runs.end(run.info.run_id, status)


def active_run() -> ActiveRun | None:
    """The active run, as it was when it was started."""
    return _active.runs[-1] if _active.runs else None


@speaks_mlflow
def last_active_run() -> Run | None:
    """The run that was started last in this process, as it is now."""
    return None if _latest is None else get_run(_latest)


@contextmanager
def run_of_a_model() -> Iterator[str]:
    """The id of the active run, or of one that is over with the block: logging a model leaves none active."""
    active = active_run()
    with nullcontext(active) if active else start_run() as run:
        yield run.info.run_id


@speaks_mlflow
def get_run(run_id: str) -> Run:
    """A run with everything that was logged."""
    return Run.of(location.opened().runs.run(run_id))


@speaks_mlflow
def log_param(key: str, value: object, synchronous: bool | None = None) -> object:
    """Keep a parameter of the active run, which has one value for ever; returns it."""
    _log(None, params={key: value})
    return value


@speaks_mlflow
def log_params(params: Mapping[str, object], synchronous: bool | None = None, run_id: str | None = None) -> None:
    """Keep parameters of the active run: all of them, or none."""
    _log(run_id, params=params)


@speaks_mlflow
def log_metric(
    key: str,
    value: float,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: object = None,
) -> None:
    """Keep the latest value of a metric of the active run; neither its steps nor its times are kept.

    ``model_id`` and ``dataset`` have no effect: a version has all metrics of its run.
    """
    log_metrics({key: value}, run_id=run_id)


@speaks_mlflow
def log_metrics(
    metrics: Mapping[str, float],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: object = None,
) -> None:
    """Keep the latest values of metrics of the active run: all of them, or none; see `log_metric`."""
    _log(run_id, metrics=as_numbers(metrics))


@speaks_mlflow
def set_tag(key: str, value: object, synchronous: bool | None = None) -> None:
    """Set a tag of the active run."""
    _log(None, tags={key: value})


@speaks_mlflow
def set_tags(tags: Mapping[str, object], synchronous: bool | None = None) -> None:
    """Set tags of the active run."""
    _log(None, tags=tags)


@speaks_mlflow
def register_model(
    model_uri: str,
    name: str,
    await_registration_for: int | None = None,
    *,
    tags: Mapping[str, object] | None = None,
) -> ModelVersion:
    """Make a version of ``name``, itself made if need be, of ``runs:/RUN/PATH``, ``models:/…``, a file or a folder."""
    return MlflowClient().register(name, model_uri, tags=tags)


@speaks_mlflow
def search_registered_models(
    max_results: int | None = None, filter_string: str | None = None, order_by: list[str] | None = None
) -> list[RegisteredModel]:
    """All registered models for which a filter is true, or the first so many."""
    client = MlflowClient()
    return _of_all_pages(
        lambda token: client.search_registered_models(filter_string, 1000, order_by, token), max_results
    )


@speaks_mlflow
def search_model_versions(
    max_results: int | None = None, filter_string: str | None = None, order_by: list[str] | None = None
) -> list[ModelVersion]:
    """All versions for which a filter is true, or the first so many."""
    client = MlflowClient()
    return _of_all_pages(
        lambda token: client.search_model_versions(filter_string, 10_000, order_by, token), max_results
    )


def _of_all_pages(search: Callable[[str | None], PagedList[T]], most: int | None) -> list[T]:
    """What ``search`` finds with the token of each page after the other, or the first so many."""
    found: list[T] = []
    token: str | None = None
    while most is None or len(found) < most:
        page = search(token)
        found += page
        token = page.token
        if token is None:
            break
    return found[:most]


def _place(experiment_id: str | None, parent: str | None) -> dict[str, object]:
    """The tags that say which experiment a new run belongs to, and which run."""
    experiment = experiments.chosen() if experiment_id is None else experiment_id
    stated = {EXPERIMENT_NAME: None if experiment == DEFAULT_EXPERIMENT else experiment, PARENT_RUN_ID: parent}
    return {name: value for name, value in stated.items() if value is not None}


def _resumed(runs: Runs, run_id: str, tags: Mapping[str, object]) -> KnownRun:
    run = runs.resume(run_id)
    runs.log(run_id, tags=tags)
    return runs.run(run_id) if tags else run


def _log(run_id: str | None, **logged: Any) -> None:
    """Into a run, the active one if none is named; one is started if there is none, as MLflow does."""
    location.opened().runs.log(run_id or (active_run() or start_run()).info.run_id, **logged)


@atexit.register
def _end_what_is_active() -> None:
    """A run that was started by itself is over with its program; one that was forked belongs to the parent."""
    with suppress(MlflowException):  # the registry's folder may be gone
        while _active.runs and os.getpid() == _process:
            end_run()
