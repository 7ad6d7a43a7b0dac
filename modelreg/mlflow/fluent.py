"""The functions that know which run is the active one."""

from __future__ import annotations

import atexit
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from modelreg.domain.runs import FAILED, FINISHED
from modelreg.mlflow import experiments, location
from modelreg.mlflow.client import MlflowClient
from modelreg.mlflow.data.dataset import Dataset
from modelreg.mlflow.entities import (
    DatasetInput,
    InputTag,
    LoggedModel,
    ModelVersion,
    PagedList,
    RegisteredModel,
    Run,
)
from modelreg.mlflow.entities.dataset import CONTEXT
from modelreg.mlflow.entities.run import DEFAULT_EXPERIMENT, EXPERIMENT_NAME, PARENT_RUN_ID
from modelreg.mlflow.exceptions import INVALID_STATE, MlflowException, speaks_mlflow
from modelreg.mlflow.logged_models import logged_model, run_id_of
from modelreg.mlflow.tracking_client import as_points

if TYPE_CHECKING:
    from modelreg.domain.runs import Run as KnownRun
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
"""The run that ended last in this process."""
_latest_model: str | None = None
"""The id of the model that was logged last in this process."""


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
    parent = _active.runs[-1].info.run_id if _active.runs else None
    if parent is not None and not nested:
        raise MlflowException(
            f"run {parent} is active already: end it by end_run(), or start one inside of it with nested=True",
            INVALID_STATE,
        )
    if log_system_metrics:
        warnings.warn("system metrics are not logged", stacklevel=3)
    runs = location.opened().runs
    given = dict(tags or {}) if description is None else {_DESCRIPTION: description} | dict(tags or {})
    if run_id is not None:
        started = _resumed(runs, run_id, given)
    else:
        started = runs.start(run_name, tags=_place(experiment_id, parent_run_id or parent) | given)
    run = Run.of(started)
    _active.runs.append(ActiveRun(run.info, run.data))
    return _active.runs[-1]


@speaks_mlflow
def end_run(status: str = FINISHED) -> None:
    """End the active run, if there is one: ``FINISHED``, ``FAILED`` or ``KILLED``."""
    global _latest
    if _active.runs:
        run = _active.runs.pop()  # whatever comes: nobody wants to log to it any more
        _latest = run.info.run_id
        location.opened().runs.end(run.info.run_id, status)


def active_run() -> ActiveRun | None:
    """The active run, as it was when it was started."""
    return _active.runs[-1] if _active.runs else None


@speaks_mlflow
def last_active_run() -> Run | None:
    """The active run, as it was when it was started; else the run that ended last in this process, as it is now."""
    return active_run() or (None if _latest is None else get_run(_latest))


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
    dataset: Dataset | None = None,
) -> None:
    """Log a value of a metric to the active run, of which it is the latest; see `log_metrics`."""
    log_metrics({key: value}, step, run_id=run_id, timestamp=timestamp, model_id=model_id, dataset=dataset)


@speaks_mlflow
def log_metrics(
    metrics: Mapping[str, float],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: Dataset | None = None,
) -> None:
    """Log values of metrics to the active run: all of them, or none.

    With ``model_id`` they are logged to the run of this model as well, of which a version takes its metrics.
    ``dataset`` is kept as an input of the run.
    """
    points = as_points(metrics, step, timestamp)
    into = active_run_id(run_id)
    location.opened().runs.log(into, metrics=points)
    if model_id is not None and run_id_of(model_id) != into:
        location.opened().runs.log(run_id_of(model_id), metrics=points)
    if dataset is not None:
        _log_dataset(into, dataset, None, None)


@speaks_mlflow
def set_tag(key: str, value: object, synchronous: bool | None = None) -> None:
    """Set a tag of the active run."""
    _log(None, tags={key: value})


@speaks_mlflow
def set_tags(tags: Mapping[str, object], synchronous: bool | None = None) -> None:
    """Set tags of the active run."""
    _log(None, tags=tags)


@speaks_mlflow
def delete_tag(key: str) -> None:
    """Remove a tag of the active run."""
    location.opened().runs.remove_tag(active_run_id(), key)


@speaks_mlflow
def log_input(
    dataset: Dataset | None = None,
    context: str | None = None,
    tags: Mapping[str, str] | None = None,
    model: object = None,
) -> None:
    """Keep name, digest and number of rows of a dataset as an input of the active run."""
    if model is not None:
        raise MlflowException.invalid_parameter_value("models cannot be kept as inputs of a run: log a tag instead")
    if dataset is not None:
        _log_dataset(active_run_id(), dataset, context, tags)


@speaks_mlflow
def log_inputs(
    datasets: Sequence[Dataset] | None = None,
    contexts: Sequence[str | None] | None = None,
    tags_list: Sequence[Mapping[str, str] | None] | None = None,
    models: object = None,
) -> None:
    """Keep several datasets as inputs of the active run."""
    count = len(datasets or ())
    for dataset, context, tags in zip(
        datasets or (), contexts or [None] * count, tags_list or [None] * count, strict=True
    ):
        log_input(dataset, context, tags, models)


@speaks_mlflow
def get_parent_run(run_id: str) -> Run | None:
    """The run within which a run was started; None for one by itself."""
    return MlflowClient().get_parent_run(run_id)


@speaks_mlflow
def delete_run(run_id: str) -> None:
    """Mark a run as deleted; its versions and files stay."""
    MlflowClient().delete_run(run_id)


@speaks_mlflow
def get_logged_model(model_id: str) -> LoggedModel:
    """The model of this id, with the metrics and parameters of its run."""
    return logged_model(model_id)


@speaks_mlflow
def last_logged_model() -> LoggedModel | None:
    """The model that was logged last in this process."""
    return None if _latest_model is None else logged_model(_latest_model)


@speaks_mlflow
def log_model_params(params: Mapping[str, object], model_id: str | None = None) -> None:
    """Keep parameters of a model's run, else of the active run."""
    _log(None if model_id is None else run_id_of(model_id), params=params)


@speaks_mlflow
def set_logged_model_tags(model_id: str, tags: Mapping[str, object]) -> None:
    """Set tags of a logged model."""
    MlflowClient().set_logged_model_tags(model_id, tags)


@speaks_mlflow
def search_logged_models(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str | None = None,
    datasets: object = None,
    max_results: int | None = None,
    order_by: Sequence[Mapping[str, object]] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
) -> Any:
    """The models of the runs of some experiments, else of the chosen one, as a DataFrame or as a list."""
    among = experiment_ids or [experiments.chosen() or DEFAULT_EXPERIMENT]
    found = MlflowClient().search_logged_models(among, filter_string, datasets, max_results, order_by)
    if output_format == "list":
        return found.to_list()
    import pandas as pd

    return pd.DataFrame([dict(model) for model in found])


def note_model(model_id: str) -> None:
    """Note which model was logged last."""
    global _latest_model
    _latest_model = model_id


@speaks_mlflow
def set_model_version_tag(
    name: str, version: str | int | None = None, key: str | None = None, value: object = None
) -> None:
    """Set a tag of a version."""
    MlflowClient().set_model_version_tag(name, version, key, value)


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
    experiment = experiments.chosen() if experiment_id is None else str(experiment_id)
    stated = {EXPERIMENT_NAME: None if experiment == DEFAULT_EXPERIMENT else experiment, PARENT_RUN_ID: parent}
    return {name: value for name, value in stated.items() if value is not None}


def _resumed(runs: Runs, run_id: str, tags: Mapping[str, object]) -> KnownRun:
    run = runs.resume(run_id)
    runs.log(run_id, tags=tags)
    return runs.run(run_id) if tags else run


def active_run_id(run_id: str | None = None) -> str:
    """The run that is named, else the active one; one is started if there is none, as MLflow does."""
    return run_id or (active_run() or start_run()).info.run_id


def _log(run_id: str | None, **logged: Any) -> None:
    location.opened().runs.log(active_run_id(run_id), **logged)


def _log_dataset(run_id: str, dataset: Dataset, context: str | None, tags: Mapping[str, str] | None) -> None:
    labels = ({CONTEXT: context} if context else {}) | dict(tags or {})
    kept = DatasetInput(dataset.kept(), [InputTag(*pair) for pair in labels.items()])
    MlflowClient().log_inputs(run_id, [kept])


@atexit.register
def _end_what_is_active() -> None:
    """A run that was started by itself is over with its program; one that was forked belongs to the parent."""
    with suppress(MlflowException):  # the registry's folder may be gone
        while _active.runs and os.getpid() == _process:
            end_run()
