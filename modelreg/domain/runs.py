"""Runs: what was tried, with which parameters, how well it did, and the models that came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from modelreg.domain.references import Digest
from modelreg.domain.versions import ModelFile
from modelreg.errors import InvalidReference

RUNNING = "RUNNING"
FINISHED = "FINISHED"
FAILED = "FAILED"
STATUSES = ("RUNNING", "SCHEDULED", FINISHED, FAILED, "KILLED")
"""What a run may be, in MLflow's words."""

_RUNS = "runs:/"


@dataclass(frozen=True, slots=True)
class RunReference:
    """A run's id, and what the run calls a model that it logged."""

    run_id: str
    path: str

    @classmethod
    def is_one(cls, text: str) -> bool:
        """Whether ``text`` is meant to name a run's model."""
        return text.startswith(_RUNS)

    @classmethod
    def parse(cls, text: str) -> RunReference:
        """Read ``runs:/RUN/PATH``; raises `InvalidReference`."""
        run_id, _, path = text.removeprefix(_RUNS).strip("/").partition("/")
        if not (cls.is_one(text) and run_id and path):
            raise InvalidReference(text, "write runs:/RUN/PATH, where PATH is what the run calls the model")
        return cls(run_id, path)


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """A model that a run made: stored, and not a version of anything yet."""

    run_id: str
    path: str
    """What the run calls it."""
    digest: Digest
    """The digest of its manifest, which has the signature; metrics and parameters are the run's."""
    file: ModelFile
    created_at: datetime

    @property
    def files(self) -> tuple[ModelFile, ...]:
        """The one file that it is."""
        return (self.file,)

    @property
    def is_artifact(self) -> bool:
        """Whether it is a file that was logged under its own name, rather than a model in a folder named ``path``."""
        return self.path.rpartition("/")[2] == self.file.path

    @property
    def file_path(self) -> str:
        """Where its file is among the run's artifacts."""
        return self.path if self.is_artifact else f"{self.path}/{self.file.path}"

    @property
    def reference(self) -> str:
        """``runs:/RUN/PATH``."""
        return f"{_RUNS}{self.run_id}/{self.path}"


@dataclass(frozen=True, slots=True)
class Run:
    """One run, with the latest value of everything that was logged."""

    run_id: str
    name: str
    status: str
    """One of `STATUSES`."""
    created_by: str
    started_at: datetime
    ended_at: datetime | None
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    models: Mapping[str, LoggedModel]
    """Path -> model, or other file that was logged."""

    def folder(self, path: str) -> tuple[ModelFile, ...]:
        """The files below a folder of the run's artifacts, named from there; the whole run's for an empty path."""
        inside = f"{path}/" if path else ""
        files = (
            ModelFile(each.file_path.removeprefix(inside), each.file.digest, each.file.size)
            for each in self.models.values()
            if each.file_path.startswith(inside)
        )
        return tuple(sorted(files, key=lambda file: file.path))

    def model_at(self, path: str) -> LoggedModel | None:
        """The model or file of this path; None for a folder, and for nothing."""
        by_file = {each.file_path: each for each in self.models.values()}
        return self.models.get(path) or by_file.get(path)


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One value of a metric, as it was logged."""

    name: str
    value: float
    """It may be NaN or infinite: then the run has no value of this metric from then on."""
    step: int
    timestamp: int
    """Milliseconds since 1970."""


MISSING = "modelreg.missing."
"""What the tag begins with that says why a run has no value of a metric: ``NaN``, ``Infinity`` or ``-Infinity``."""
