"""Experiments: a run names its experiment in a tag; an experiment's own data is a setting of the registry."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from modelreg.errors import InvalidInput, shown
from modelreg.mlflow import location
from modelreg.mlflow.entities.experiment import Experiment
from modelreg.mlflow.entities.paged_list import PagedList
from modelreg.mlflow.entities.run import DEFAULT_EXPERIMENT, DEFAULT_NAME, EXPERIMENT_NAME, LifecycleStage, ViewType
from modelreg.mlflow.exceptions import (
    INVALID_STATE,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
    MlflowException,
    translate_errors,
)
from modelreg.mlflow.searching import parse_page, translate_filter, translate_order
from modelreg.system import clock
from modelreg.system.clock import as_milliseconds

_MAX_EXPERIMENTS = 50_000
_EXPERIMENT_FIELDS = {
    "creation_time": "started_at",
    "last_update_time": "ended_at",
    "experiment_id": "run_id",
    "lifecycle_stage": "status",
}
"""MLflow's field of an experiment -> the run field that stands for it in modelreg's expressions."""

_active_id: str | None = None
"""The experiment of new runs; None for the default experiment."""


def get_active_id() -> str | None:
    """The id of the experiment of new runs; None for the default experiment."""
    return _active_id


@translate_errors
def set_experiment(experiment_name: str | None = None, experiment_id: str | None = None) -> Experiment:
    """Set the experiment of new runs; it is created if it does not exist."""
    global _active_id
    if (experiment_name is None) == (experiment_id is None):
        raise MlflowException.invalid_parameter_value("set_experiment takes either experiment_name or experiment_id")
    if _is_default(experiment_name or experiment_id):
        _active_id = None
        return Experiment.named(None)
    experiment = get_experiment(experiment_id) if experiment_id else get_experiment_by_name(str(experiment_name))
    if experiment is not None and experiment.lifecycle_stage == LifecycleStage.DELETED:
        raise MlflowException(
            f"experiment {experiment.name} is deleted: restore it with "
            f"client.restore_experiment({experiment.experiment_id!r})",
            INVALID_STATE,
        )
    if experiment is None:
        experiment = get_experiment(create_experiment(str(experiment_name)))
    _active_id = experiment.experiment_id
    return experiment


@translate_errors
def create_experiment(name: str, artifact_location: str | None = None, tags: Mapping[str, object] | None = None) -> str:
    """Create an experiment; returns its id, which is its name."""
    if not isinstance(name, str) or not name.strip():
        raise MlflowException.invalid_parameter_value("an experiment name must be a non-empty text")
    if get_experiment_by_name(name) is not None:
        raise MlflowException(f"Experiment '{name}' already exists.", RESOURCE_ALREADY_EXISTS)
    if artifact_location is not None:
        warnings.warn("artifact_location has no effect: the registry stores the files of runs", stacklevel=3)
    now = as_milliseconds(clock.now())
    texts = {key: str(value) for key, value in (tags or {}).items()}
    _save(replace(Experiment.named(name), tags=texts, creation_time=now, last_update_time=now))
    return name


@translate_errors
def get_experiment(experiment_id: str) -> Experiment:
    """The experiment with this id; raises `MlflowException` with ``RESOURCE_DOES_NOT_EXIST``."""
    experiment = get_experiment_by_name(str(experiment_id))
    if experiment is None:
        raise MlflowException(f"No Experiment with id={experiment_id} exists", RESOURCE_DOES_NOT_EXIST)
    return experiment


@translate_errors
def get_experiment_by_name(name: str) -> Experiment | None:
    """The experiment with this name, even if deleted; None if it was never created and has no run."""
    experiment = _load_saved().get(Experiment.named(name).name)
    if experiment is not None:
        return experiment
    if _is_default(name) or name == _active_id:
        return Experiment.named(name)
    runs = location.open_registry().runs.search(build_runs_filter(name), limit=1)
    return Experiment.named(name) if runs else None


@translate_errors
def search_experiments(
    view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[Experiment]:
    """The experiments that match a filter on name, tags or times; newest first by default."""
    matches = find_experiments(view_type, filter_string, order_by)
    return matches if max_results is None else matches[:max_results]


def get_experiments_page(
    view_type: int, max_results: int, filter_string: str | None, order_by: Sequence[str] | None, token: str | None
) -> PagedList[Experiment]:
    """One page of the experiments that match a filter."""
    page = parse_page(max_results, _MAX_EXPERIMENTS, token)
    matches = find_experiments(view_type, filter_string, order_by)[page.offset :]
    return PagedList(matches[: page.size], page.next if len(matches) > page.size else None)


def find_experiments(view_type: int, filter_string: str | None, order_by: Sequence[str] | None) -> list[Experiment]:
    """All experiments that match a filter; raises `InvalidExpression`."""
    from modelreg.expressions.in_memory import select
    from modelreg.expressions.parsing import parse_filter_of_runs, parse_order_of_runs

    text = translate_filter(filter_string, _EXPERIMENT_FIELDS)
    where = None if text is None else parse_filter_of_runs(text)
    order = parse_order_of_runs(translate_order(order_by, "started_at DESC", _EXPERIMENT_FIELDS))
    stages = {
        ViewType.ACTIVE_ONLY: (LifecycleStage.ACTIVE,),
        ViewType.DELETED_ONLY: (LifecycleStage.DELETED,),
        ViewType.ALL: (LifecycleStage.ACTIVE, LifecycleStage.DELETED),
    }[ViewType(view_type)]
    experiments = [experiment for experiment in _list_all() if experiment.lifecycle_stage in stages]
    return list(select(experiments, where, order, _get_field))


def update_experiment(experiment_id: str, **changes: Any) -> None:
    """Replace fields of an experiment; raises `MlflowException` if there is no such experiment."""
    experiment = get_experiment(experiment_id)
    if _is_default(experiment_id) and changes.get("lifecycle_stage"):
        raise InvalidInput("the default experiment cannot be deleted")
    _save(replace(experiment, last_update_time=as_milliseconds(clock.now()), **changes))


@translate_errors
def set_experiment_tag(key: str, value: object) -> None:
    """Set a tag of the active experiment."""
    set_experiment_tags({key: value})


@translate_errors
def set_experiment_tags(tags: Mapping[str, object]) -> None:
    """Set tags of the active experiment."""
    tag_experiment(_active_id or DEFAULT_EXPERIMENT, tags)


def tag_experiment(experiment_id: str, tags: Mapping[str, object]) -> None:
    """Set tags of an experiment."""
    experiment = get_experiment(experiment_id)
    update_experiment(experiment_id, tags=experiment.tags | {key: str(value) for key, value in tags.items()})


@translate_errors
def delete_experiment(experiment_id: str) -> None:
    """Mark an experiment as deleted; its runs are not changed."""
    update_experiment(experiment_id, lifecycle_stage=LifecycleStage.DELETED)


def build_runs_filter(experiments: Iterable[str | int] | str | int) -> str:
    """A filter expression for the runs of one or several experiments, given by name or id."""
    names = [experiments] if isinstance(experiments, str | int) else experiments
    tag = f"tags.`{EXPERIMENT_NAME}`"
    return " OR ".join(
        f"{tag} IS NULL" if _is_default(name) else f"{tag} = {_quote(name)}" for name in dict.fromkeys(map(str, names))
    )


def _save(experiment: Experiment) -> None:
    location.open_registry().runs.store_experiment(experiment.name, json.dumps(dict(experiment), sort_keys=True))


def _load_saved() -> dict[str, Experiment]:
    return {name: Experiment(**json.loads(text)) for name, text in location.open_registry().runs.experiments().items()}


def _list_all() -> list[Experiment]:
    """The default experiment, the ones that were created, and the ones that only runs name."""
    runs = location.open_registry().runs.search()
    named_by_runs = {run.tags[EXPERIMENT_NAME] for run in runs if EXPERIMENT_NAME in run.tags}
    by_name = {name: Experiment.named(name) for name in sorted(named_by_runs)} | _load_saved()
    return list(({DEFAULT_NAME: Experiment.named(None)} | by_name).values())


def _get_field(experiment: Experiment, field: Any) -> Any:
    match field.name:
        case "name":
            return experiment.name
        case "run_id":
            return experiment.experiment_id
        case "status":
            return experiment.lifecycle_stage
        case "started_at":
            return experiment.creation_time or 0
        case "ended_at":
            return experiment.last_update_time or 0
        case "tags":
            return experiment.tags.get(field.keys[0])
        case _:
            raise InvalidInput(
                f"experiments have no field {shown(field.name)}", "filter by name, tags or creation_time"
            )


def _is_default(name: str | None) -> bool:
    return name is None or name in (DEFAULT_EXPERIMENT, DEFAULT_NAME)


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
