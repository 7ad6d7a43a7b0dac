"""MLflow's module-level functions, which work on the active run."""

from __future__ import annotations

import atexit
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from types import TracebackType
from typing import Any, Literal, TypeVar

from modelreg.domain.runs import FAILED, FINISHED
from modelreg.mlflow import experiments, location, logged_models
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
from modelreg.mlflow.exceptions import INVALID_STATE, MlflowException, translate_errors
from modelreg.mlflow.logged_models import parse_run_id
from modelreg.mlflow.tracking_client import build_metric_points

T = TypeVar("T")

_DESCRIPTION = "mlflow.note.content"


class ActiveRun(Run):
    """A started run, for a ``with`` block: it ends FINISHED, or FAILED if an exception leaves the block."""

    def __enter__(self) -> ActiveRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        active = _active.runs
        if any(run.info.run_id == self.info.run_id for run in active):
            while active[-1].info.run_id != self.info.run_id:  # nested runs that are still active
                end_run(FINISHED if kind is None else FAILED)
            end_run(FINISHED if kind is None else FAILED)


class _ActiveRuns(threading.local):
    """The active runs of the current thread, innermost last."""

    def __init__(self) -> None:
        self.runs: list[ActiveRun] = []


_active = _ActiveRuns()
_process = os.getpid()
_last_run_id: str | None = None
"""The run that ended last in this process."""
_last_model_id: str | None = None
"""The model that was logged last in this process."""


@translate_errors
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
    """Start a run, or resume the run ``run_id``, and make it the active run; use it as a ``with`` block.

    Raises `MlflowException` with ``INVALID_STATE`` if another run is active, unless ``nested``.
    """
    parent = _active.runs[-1].info.run_id if _active.runs else None
    if parent is not None and not nested:
        raise MlflowException(
            f"run {parent} is already active: call end_run() first, or pass nested=True to start a run inside it",
            INVALID_STATE,
        )
    if log_system_metrics:
        warnings.warn("system metrics are not logged", stacklevel=3)
    runs = location.open_registry().runs
    new_tags = dict(tags or {}) if description is None else {_DESCRIPTION: description} | dict(tags or {})
    if run_id is not None:
        record = runs.resume(run_id)
        if new_tags:
            runs.log(run_id, tags=new_tags)
            record = runs.run(run_id)
    else:
        record = runs.start(run_name, tags=_build_relation_tags(experiment_id, parent_run_id or parent) | new_tags)
    run = Run.of(record)
    _active.runs.append(ActiveRun(run.info, run.data))
    return _active.runs[-1]


@translate_errors
def end_run(status: str = FINISHED) -> None:
    """End the active run, if there is one, with the status ``FINISHED``, ``FAILED`` or ``KILLED``."""
    global _last_run_id
    if _active.runs:
        run = _active.runs.pop()  # before anything can fail: the caller will not log to it again
        _last_run_id = run.info.run_id
        location.open_registry().runs.end(run.info.run_id, status)


def active_run() -> ActiveRun | None:
    """The active run, with its data as of its start."""
    return _active.runs[-1] if _active.runs else None


@translate_errors
def last_active_run() -> Run | None:
    """The active run, with its data as of its start; else the run that ended last in this process, as it is now."""
    return active_run() or (None if _last_run_id is None else get_run(_last_run_id))


@contextmanager
def active_or_new_run() -> Iterator[str]:
    """The id of the active run, or of a new run that ends with the block."""
    active = active_run()
    with nullcontext(active) if active else start_run() as run:
        yield run.info.run_id


@translate_errors
def get_run(run_id: str) -> Run:
    """A run with everything that was logged to it."""
    return Run.of(location.open_registry().runs.run(run_id))


@translate_errors
def log_param(key: str, value: object, synchronous: bool | None = None) -> object:
    """Log a parameter to the active run and return its value; a parameter cannot change."""
    _log(None, params={key: value})
    return value


@translate_errors
def log_params(params: Mapping[str, object], synchronous: bool | None = None, run_id: str | None = None) -> None:
    """Log parameters to the active run: all of them, or none."""
    _log(run_id, params=params)


@translate_errors
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
    """Log a value of a metric to the active run; see `log_metrics`."""
    log_metrics({key: value}, step, run_id=run_id, timestamp=timestamp, model_id=model_id, dataset=dataset)


@translate_errors
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

    With ``model_id`` they are also logged to the run of that model, from which its versions take their metrics.
    ``dataset`` is logged as an input of the run.
    """
    points = build_metric_points(metrics, step, timestamp)
    target_id = resolve_run_id(run_id)
    location.open_registry().runs.log(target_id, metrics=points)
    if model_id is not None and parse_run_id(model_id) != target_id:
        location.open_registry().runs.log(parse_run_id(model_id), metrics=points)
    if dataset is not None:
        _log_dataset(target_id, dataset, None, None)


@translate_errors
def set_tag(key: str, value: object, synchronous: bool | None = None) -> None:
    """Set a tag of the active run."""
    _log(None, tags={key: value})


@translate_errors
def set_tags(tags: Mapping[str, object], synchronous: bool | None = None) -> None:
    """Set tags of the active run."""
    _log(None, tags=tags)


@translate_errors
def delete_tag(key: str) -> None:
    """Remove a tag of the active run."""
    location.open_registry().runs.remove_tag(resolve_run_id(), key)


@translate_errors
def log_input(
    dataset: Dataset | None = None,
    context: str | None = None,
    tags: Mapping[str, str] | None = None,
    model: object = None,
) -> None:
    """Log the name, digest and number of rows of a dataset as an input of the active run."""
    if model is not None:
        raise MlflowException.invalid_parameter_value(
            "a model cannot be logged as an input of a run: set a tag instead"
        )
    if dataset is not None:
        _log_dataset(resolve_run_id(), dataset, context, tags)


@translate_errors
def log_inputs(
    datasets: Sequence[Dataset] | None = None,
    contexts: Sequence[str | None] | None = None,
    tags_list: Sequence[Mapping[str, str] | None] | None = None,
    models: object = None,
) -> None:
    """Log several datasets as inputs of the active run."""
    count = len(datasets or ())
    for dataset, context, tags in zip(
        datasets or (), contexts or [None] * count, tags_list or [None] * count, strict=True
    ):
        log_input(dataset, context, tags, models)


@translate_errors
def get_parent_run(run_id: str) -> Run | None:
    """The parent of a nested run; None for any other run."""
    return MlflowClient().get_parent_run(run_id)


@translate_errors
def delete_run(run_id: str) -> None:
    """Mark a run as deleted; its versions and files are kept."""
    MlflowClient().delete_run(run_id)


@translate_errors
def get_logged_model(model_id: str) -> LoggedModel:
    """The logged model with this id, with the metrics and parameters of its run."""
    return logged_models.get_logged_model(model_id)


@translate_errors
def last_logged_model() -> LoggedModel | None:
    """The model that was logged last in this process."""
    return None if _last_model_id is None else logged_models.get_logged_model(_last_model_id)


@translate_errors
def log_model_params(params: Mapping[str, object], model_id: str | None = None) -> None:
    """Log parameters to the run of a model, or to the active run."""
    _log(None if model_id is None else parse_run_id(model_id), params=params)


@translate_errors
def set_logged_model_tags(model_id: str, tags: Mapping[str, object]) -> None:
    """Set tags of a logged model."""
    MlflowClient().set_logged_model_tags(model_id, tags)


@translate_errors
def search_logged_models(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str | None = None,
    datasets: object = None,
    max_results: int | None = None,
    order_by: Sequence[Mapping[str, object]] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
) -> Any:
    """The logged models of experiments, by default of the active one, as a DataFrame or a list."""
    experiments_to_search = experiment_ids or [experiments.get_active_id() or DEFAULT_EXPERIMENT]
    models = MlflowClient().search_logged_models(experiments_to_search, filter_string, datasets, max_results, order_by)
    if output_format == "list":
        return models.to_list()
    import pandas as pd

    return pd.DataFrame([dict(model) for model in models])


def set_last_logged_model(model_id: str) -> None:
    """Store the model that `last_logged_model` returns."""
    global _last_model_id
    _last_model_id = model_id


@translate_errors
def set_model_version_tag(
    name: str, version: str | int | None = None, key: str | None = None, value: object = None
) -> None:
    """Set a tag of a version."""
    MlflowClient().set_model_version_tag(name, version, key, value)


@translate_errors
def register_model(
    model_uri: str,
    name: str,
    await_registration_for: int | None = None,
    *,
    tags: Mapping[str, object] | None = None,
) -> ModelVersion:
    """Register a file, a folder, ``runs:/RUN/PATH`` or ``models:/…`` as a version of ``name``, created if needed."""
    return MlflowClient().register(name, model_uri, tags=tags)


@translate_errors
def search_registered_models(
    max_results: int | None = None, filter_string: str | None = None, order_by: list[str] | None = None
) -> list[RegisteredModel]:
    """All registered models that match a filter, at most ``max_results``."""
    client = MlflowClient()
    return _collect_pages(
        lambda token: client.search_registered_models(filter_string, 1000, order_by, token), max_results
    )


@translate_errors
def search_model_versions(
    max_results: int | None = None, filter_string: str | None = None, order_by: list[str] | None = None
) -> list[ModelVersion]:
    """All versions that match a filter, at most ``max_results``."""
    client = MlflowClient()
    return _collect_pages(
        lambda token: client.search_model_versions(filter_string, 10_000, order_by, token), max_results
    )


def _collect_pages(search: Callable[[str | None], PagedList[T]], max_results: int | None) -> list[T]:
    """Call ``search`` with one page token after another, until there are ``max_results`` items or no more pages."""
    items: list[T] = []
    token: str | None = None
    while max_results is None or len(items) < max_results:
        page = search(token)
        items += page
        token = page.token
        if token is None:
            break
    return items[:max_results]


def _build_relation_tags(experiment_id: str | None, parent: str | None) -> dict[str, object]:
    """The tags of a new run that name its experiment and its parent run."""
    experiment = experiments.get_active_id() if experiment_id is None else str(experiment_id)
    relations = {EXPERIMENT_NAME: None if experiment == DEFAULT_EXPERIMENT else experiment, PARENT_RUN_ID: parent}
    return {name: value for name, value in relations.items() if value is not None}


def resolve_run_id(run_id: str | None = None) -> str:
    """``run_id``, or the id of the active run; starts a run if none is active, as MLflow does."""
    return run_id or (active_run() or start_run()).info.run_id


def _log(run_id: str | None, **logged: Any) -> None:
    location.open_registry().runs.log(resolve_run_id(run_id), **logged)


def _log_dataset(run_id: str, dataset: Dataset, context: str | None, tags: Mapping[str, str] | None) -> None:
    labels = ({CONTEXT: context} if context else {}) | dict(tags or {})
    dataset_input = DatasetInput(dataset.to_entity(), [InputTag(*pair) for pair in labels.items()])
    MlflowClient().log_inputs(run_id, [dataset_input])


@atexit.register
def _end_active_runs() -> None:
    """End the runs that are active at exit; those of a forked process belong to its parent."""
    with suppress(MlflowException):  # the registry's folder may have been deleted
        while _active.runs and os.getpid() == _process:
            end_run()
