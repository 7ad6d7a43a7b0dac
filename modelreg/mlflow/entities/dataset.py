"""Datasets that were logged as the input of a run: name, digest and number of rows, never the data."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelreg.mlflow.entities.entity import Entity

CONTEXT = "mlflow.data.context"


@dataclass(frozen=True)
class Dataset(Entity):
    """What is kept of a dataset."""

    name: str
    digest: str
    source_type: str = "local"
    source: str = ""
    schema: str | None = None
    profile: str | None = None
    """JSON with the number of rows."""


@dataclass(frozen=True)
class InputTag(Entity):
    """What the dataset was used for, under the key ``mlflow.data.context``."""

    key: str
    value: str


@dataclass(frozen=True)
class DatasetInput(Entity):
    """A dataset of a run."""

    dataset: Dataset
    tags: list[InputTag] = field(default_factory=list)


@dataclass(frozen=True)
class RunInputs(Entity):
    """What went into a run."""

    dataset_inputs: list[DatasetInput] = field(default_factory=list)
