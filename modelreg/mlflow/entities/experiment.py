"""Experiments."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelreg.mlflow.entities.entity import Entity
from modelreg.mlflow.entities.run import DEFAULT_EXPERIMENT, DEFAULT_NAME


@dataclass(frozen=True)
class Experiment(Entity):
    """An experiment: a name, which each of its runs carries as a tag."""

    experiment_id: str
    name: str
    artifact_location: str | None = None
    """None: the registry stores the files of runs."""
    lifecycle_stage: str = "active"
    creation_time: int | None = None
    last_update_time: int | None = None
    tags: dict[str, str] = field(default_factory=dict)

    @classmethod
    def named(cls, name: str | None) -> Experiment:
        """The experiment with this name or id; without one, the default experiment."""
        if name in (None, DEFAULT_EXPERIMENT, DEFAULT_NAME):
            return cls(DEFAULT_EXPERIMENT, DEFAULT_NAME)
        return cls(str(name), str(name))


@dataclass(frozen=True)
class ExperimentTag(Entity):
    """A tag of an experiment."""

    key: str
    value: str
