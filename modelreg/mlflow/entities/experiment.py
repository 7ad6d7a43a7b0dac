"""Experiments."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelreg.mlflow.entities.entity import Entity
from modelreg.mlflow.entities.run import DEFAULT_EXPERIMENT, DEFAULT_NAME


@dataclass(frozen=True)
class Experiment(Entity):
    """What runs are for: a name, which each run of it has as a tag."""

    experiment_id: str
    name: str
    artifact_location: str | None = None
    """None: a run keeps its files in the registry."""
    lifecycle_stage: str = "active"
    creation_time: int | None = None
    last_update_time: int | None = None
    tags: dict[str, str] = field(default_factory=dict)

    @classmethod
    def named(cls, name: str | None) -> Experiment:
        """The experiment of this name or id; the default one without any."""
        if name in (None, DEFAULT_EXPERIMENT, DEFAULT_NAME):
            return cls(DEFAULT_EXPERIMENT, DEFAULT_NAME)
        return cls(str(name), str(name))


@dataclass(frozen=True)
class ExperimentTag(Entity):
    """A tag of an experiment."""

    key: str
    value: str
