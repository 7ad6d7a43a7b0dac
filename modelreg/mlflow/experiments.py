"""Experiments: names that runs have as a tag; there is nothing more to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from modelreg.mlflow import location
from modelreg.mlflow.entities.run import DEFAULT_EXPERIMENT, DEFAULT_NAME, EXPERIMENT_NAME, Experiment
from modelreg.mlflow.exceptions import RESOURCE_ALREADY_EXISTS, RESOURCE_DOES_NOT_EXIST, MlflowException, speaks_mlflow

_chosen: str | None = None
_created: dict[tuple[Path, str], Experiment] = {}
"""Registry's folder and name -> what was made in this process, and may have no run yet."""


def chosen() -> str | None:
    """The experiment of the runs that are started now; None for the default one."""
    return _chosen


@speaks_mlflow
def set_experiment(experiment_name: str | None = None, experiment_id: str | None = None) -> Experiment:
    """Let the runs that are started from now on have the tag ``mlflow.experimentName``."""
    global _chosen
    name = experiment_name or experiment_id
    _chosen = None if _is_default(name) else name
    return Experiment.named(_chosen)


@speaks_mlflow
def create_experiment(name: str, artifact_location: str | None = None, tags: dict[str, object] | None = None) -> str:
    """The id of a new experiment, which is its name; other processes know it as soon as it has a run."""
    if get_experiment_by_name(name) is not None:
        raise MlflowException(f"there is an experiment {name} already", RESOURCE_ALREADY_EXISTS)
    texts = {key: str(value) for key, value in (tags or {}).items()}
    _created[location.current().folder, name] = replace(Experiment.named(name), tags=texts)
    return name


@speaks_mlflow
def get_experiment(experiment_id: str) -> Experiment:
    """The experiment of this id; raises `MlflowException` with ``RESOURCE_DOES_NOT_EXIST``."""
    found = get_experiment_by_name(experiment_id)
    if found is None:
        raise MlflowException(f"there is no experiment {experiment_id}, as no run is in it", RESOURCE_DOES_NOT_EXIST)
    return found


@speaks_mlflow
def get_experiment_by_name(name: str) -> Experiment | None:
    """The experiment of this name, or None when it is not the chosen one, was not made here, and has no run."""
    created = _created.get((location.current().folder, name))
    is_there = created or _is_default(name) or name == _chosen or _has_runs(name)
    return created or Experiment.named(name) if is_there else None


def runs_in(experiments: Iterable[str] | str) -> str:
    """A filter for the runs in an experiment, or in any of several, by name or id."""
    names = [experiments] if isinstance(experiments, str) else experiments
    tag = f"tags.`{EXPERIMENT_NAME}`"
    return " OR ".join(
        f"{tag} IS NULL" if _is_default(each) else f"{tag} = {_quoted(each)}" for each in dict.fromkeys(names)
    )


def _has_runs(name: str) -> bool:
    return bool(location.opened().runs.search(runs_in(name), limit=1))


def _is_default(name: str | None) -> bool:
    return name is None or name in (DEFAULT_EXPERIMENT, DEFAULT_NAME)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
