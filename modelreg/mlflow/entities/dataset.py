"""Datasets that were logged as inputs of a run: name, digest and number of rows, but not the data."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelreg.mlflow.entities.entity import Entity

CONTEXT = "mlflow.data.context"


@dataclass(frozen=True)
class Dataset(Entity):
    """A logged dataset."""

    name: str
    digest: str
    source_type: str = "local"
    source: str = ""
    schema: str | None = None
    profile: str | None = None
    """JSON object with the number of rows."""


@dataclass(frozen=True)
class InputTag(Entity):
    """A tag of a logged dataset; ``mlflow.data.context`` says what it was used for."""

    key: str
    value: str


@dataclass(frozen=True)
class DatasetInput(Entity):
    """A dataset of a run, with its tags."""

    dataset: Dataset
    tags: list[InputTag] = field(default_factory=list)


@dataclass(frozen=True)
class RunInputs(Entity):
    """The inputs of a run."""

    dataset_inputs: list[DatasetInput] = field(default_factory=list)
