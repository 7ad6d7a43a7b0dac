"""Experiments: names that runs have as a tag. What is stated of one is a setting of the registry."""

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
    speaks_mlflow,
)
from modelreg.mlflow.searching import page, translated_filter, translated_order
from modelreg.system import clock
from modelreg.system.clock import as_milliseconds

_MOST_EXPERIMENTS = 50_000
_OF_EXPERIMENTS = {
    "creation_time": "started_at",
    "last_update_time": "ended_at",
    "experiment_id": "run_id",
    "lifecycle_stage": "status",
}
"""MLflow's field of experiments -> that of runs by which modelreg's expressions ask for it."""

_chosen: str | None = None


def chosen() -> str | None:
    """The experiment of the runs that are started now; None for the default one."""
    return _chosen


@speaks_mlflow
def set_experiment(experiment_name: str | None = None, experiment_id: str | None = None) -> Experiment:
    """Let the runs that are started from now on belong to an experiment, which is made if need be."""
    global _chosen
    if (experiment_name is None) == (experiment_id is None):
        raise MlflowException.invalid_parameter_value("set_experiment takes either experiment_name or experiment_id")
    if _is_default(experiment_name or experiment_id):
        _chosen = None
        return Experiment.named(None)
    found = get_experiment(experiment_id) if experiment_id else get_experiment_by_name(str(experiment_name))
    if found is not None and found.lifecycle_stage == LifecycleStage.DELETED:
        raise MlflowException(
            f"the experiment {found.name} is deleted: client.restore_experiment({found.experiment_id!r}) restores it",
            INVALID_STATE,
        )
    if found is None:
        found = get_experiment(create_experiment(str(experiment_name)))
    _chosen = found.experiment_id
    return found


@speaks_mlflow
def create_experiment(name: str, artifact_location: str | None = None, tags: Mapping[str, object] | None = None) -> str:
    """The id of a new experiment, which is its name."""
    if not isinstance(name, str) or not name.strip():
        raise MlflowException.invalid_parameter_value("the name of an experiment is a text that is not empty")
    if get_experiment_by_name(name) is not None:
        raise MlflowException(f"Experiment '{name}' already exists.", RESOURCE_ALREADY_EXISTS)
    if artifact_location is not None:
        warnings.warn("artifact_location has no effect: runs keep their files in the registry", stacklevel=3)
    moment = as_milliseconds(clock.now())
    texts = {key: str(value) for key, value in (tags or {}).items()}
    _keep(replace(Experiment.named(name), tags=texts, creation_time=moment, last_update_time=moment))
    return name


@speaks_mlflow
def get_experiment(experiment_id: str) -> Experiment:
    """The experiment of this id; raises `MlflowException` with ``RESOURCE_DOES_NOT_EXIST``."""
    found = get_experiment_by_name(str(experiment_id))
    if found is None:
        raise MlflowException(f"No Experiment with id={experiment_id} exists", RESOURCE_DOES_NOT_EXIST)
    return found


@speaks_mlflow
def get_experiment_by_name(name: str) -> Experiment | None:
    """The experiment of this name, also a deleted one; None when nobody made it and no run is in it."""
    kept = _kept().get(Experiment.named(name).name)
    if kept is not None:
        return kept
    return Experiment.named(name) if _is_default(name) or name == _chosen or _has_runs(name) else None


@speaks_mlflow
def search_experiments(
    view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[Experiment]:
    """The experiments for which a filter of name, tags or times is true, the newest first."""
    found = found_experiments(view_type, filter_string, order_by)
    return found if max_results is None else found[:max_results]


def experiments_page(
    view_type: int, max_results: int, filter_string: str | None, order_by: Sequence[str] | None, token: str | None
) -> PagedList[Experiment]:
    """A page of what `search_experiments` finds."""
    wanted = page(max_results, _MOST_EXPERIMENTS, token)
    found = found_experiments(view_type, filter_string, order_by)[wanted.offset :]
    return PagedList(found[: wanted.size], wanted.next if len(found) > wanted.size else None)


def found_experiments(view_type: int, filter_string: str | None, order_by: Sequence[str] | None) -> list[Experiment]:
    """All experiments for which a filter is true; raises `InvalidExpression`."""
    from modelreg.expressions.choosing import select
    from modelreg.expressions.parsing import parse_filter_of_runs, parse_order_of_runs

    text = translated_filter(filter_string, _OF_EXPERIMENTS)
    where = None if text is None else parse_filter_of_runs(text)
    order = parse_order_of_runs(translated_order(order_by, "started_at DESC", _OF_EXPERIMENTS))
    wanted = {
        ViewType.ACTIVE_ONLY: (LifecycleStage.ACTIVE,),
        ViewType.DELETED_ONLY: (LifecycleStage.DELETED,),
        ViewType.ALL: (LifecycleStage.ACTIVE, LifecycleStage.DELETED),
    }[ViewType(view_type)]
    among = [each for each in _all() if each.lifecycle_stage in wanted]
    return list(select(among, where, order, _value_of))


def change_experiment(experiment_id: str, **changes: Any) -> None:
    """Replace values of an experiment; raises `MlflowException` where there is none."""
    known = get_experiment(experiment_id)
    if _is_default(experiment_id) and changes.get("lifecycle_stage"):
        raise InvalidInput("the default experiment is never deleted")
    _keep(replace(known, last_update_time=as_milliseconds(clock.now()), **changes))


@speaks_mlflow
def set_experiment_tag(key: str, value: object) -> None:
    """Set a tag of the chosen experiment."""
    set_experiment_tags({key: value})


@speaks_mlflow
def set_experiment_tags(tags: Mapping[str, object]) -> None:
    """Set tags of the chosen experiment."""
    tag_experiment(_chosen or DEFAULT_EXPERIMENT, tags)


def tag_experiment(experiment_id: str, tags: Mapping[str, object]) -> None:
    """Set tags of an experiment."""
    known = get_experiment(experiment_id)
    change_experiment(experiment_id, tags=known.tags | {key: str(value) for key, value in tags.items()})


@speaks_mlflow
def delete_experiment(experiment_id: str) -> None:
    """Mark an experiment as deleted; its runs stay as they are."""
    change_experiment(experiment_id, lifecycle_stage=LifecycleStage.DELETED)


def runs_in(experiments: Iterable[str | int] | str | int) -> str:
    """A filter for the runs in an experiment, or in any of several, by name or id."""
    names = [experiments] if isinstance(experiments, str | int) else experiments
    tag = f"tags.`{EXPERIMENT_NAME}`"
    return " OR ".join(
        f"{tag} IS NULL" if _is_default(each) else f"{tag} = {_quoted(each)}" for each in dict.fromkeys(map(str, names))
    )


def _keep(experiment: Experiment) -> None:
    location.opened().runs.keep_experiment(experiment.name, json.dumps(dict(experiment), sort_keys=True))


def _kept() -> dict[str, Experiment]:
    return {name: Experiment(**json.loads(text)) for name, text in location.opened().runs.experiments().items()}


def _all() -> list[Experiment]:
    """The default one, those that were made, and those of runs."""
    runs = location.opened().runs.search()
    named = {run.tags[EXPERIMENT_NAME] for run in runs if EXPERIMENT_NAME in run.tags}
    every = {each: Experiment.named(each) for each in sorted(named)} | _kept()
    return list(({DEFAULT_NAME: Experiment.named(None)} | every).values())


def _value_of(experiment: Experiment, field: Any) -> Any:
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
            raise InvalidInput(f"{shown(field.name)} is no field of experiments", "ask for name, tags or creation_time")


def _has_runs(name: str) -> bool:
    return bool(location.opened().runs.search(runs_in(name), limit=1))


def _is_default(name: str | None) -> bool:
    return name is None or name in (DEFAULT_EXPERIMENT, DEFAULT_NAME)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
