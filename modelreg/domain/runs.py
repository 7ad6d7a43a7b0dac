"""Runs: logged parameters, metrics, tags, files and models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from modelreg.domain.display import Displayed
from modelreg.domain.references import Digest
from modelreg.domain.versions import ModelFile
from modelreg.errors import InvalidReference, NotFound, did_you_mean, shown

RUNNING = "RUNNING"
FINISHED = "FINISHED"
FAILED = "FAILED"
STATUSES = ("RUNNING", "SCHEDULED", FINISHED, FAILED, "KILLED")
"""The statuses of a run, named as in MLflow."""

_RUNS = "runs:/"


@dataclass(frozen=True, slots=True)
class RunReference:
    """A run ID and the path of a model within the run."""

    run_id: str
    path: str

    @classmethod
    def matches(cls, text: str) -> bool:
        """Whether ``text`` has the form of a reference to a model of a run."""
        return text.startswith(_RUNS)

    @classmethod
    def parse(cls, text: str) -> RunReference:
        """Parse ``runs:/RUN/PATH``; raises `InvalidReference`."""
        run_id, _, path = text.removeprefix(_RUNS).strip("/").partition("/")
        if not (cls.matches(text) and run_id and path):
            raise InvalidReference(text, "write runs:/RUN/PATH, where PATH is the model's path in the run")
        return cls(run_id, path)


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """A model or file logged in a run: stored, but not registered as a version."""

    run_id: str
    path: str
    """Its path within the run."""
    digest: Digest
    """The digest of its manifest, which holds the signature; metrics and parameters are those of the run."""
    file: ModelFile
    created_at: datetime

    @property
    def files(self) -> tuple[ModelFile, ...]:
        """Its only file."""
        return (self.file,)

    @property
    def is_artifact(self) -> bool:
        """Whether it is a file logged under its own name, not a model in a folder named ``path``."""
        return self.path.rpartition("/")[2] == self.file.path

    @property
    def file_path(self) -> str:
        """The path of its file among the artifacts of the run."""
        return self.path if self.is_artifact else f"{self.path}/{self.file.path}"

    @property
    def reference(self) -> str:
        """``runs:/RUN/PATH``."""
        return f"{_RUNS}{self.run_id}/{self.path}"


@dataclass(frozen=True, slots=True, repr=False)
class Run(Displayed):
    """One run with the latest value of everything logged."""

    table_columns = ("run_id", "name", "status", "params", "metrics", "started_at")

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
    """Path -> logged model or file."""

    def label(self) -> str:
        """The identity and most important values."""
        return f"{self.run_id} {self.name} {self.status}"

    def folder(self, path: str) -> tuple[ModelFile, ...]:
        """The files below a folder of the run's artifacts, with paths relative to it; all files for an empty path."""
        prefix = f"{path}/" if path else ""
        files = (
            ModelFile(model.file_path.removeprefix(prefix), model.file.digest, model.file.size)
            for model in self.models.values()
            if model.file_path.startswith(prefix)
        )
        return tuple(sorted(files, key=lambda file: file.path))

    def model_at(self, path: str) -> LoggedModel | None:
        """The model or file at this path; None for a folder or a path that does not exist."""
        by_file = {model.file_path: model for model in self.models.values()}
        return self.models.get(path) or by_file.get(path)


def build_logged_model_error(run_id: str, path: str, paths: Sequence[str]) -> NotFound:
    """The error for a run that has no model at this path; ``paths`` are those of its models."""
    has = f"it has {', '.join(paths)}" if paths else "it has no models"
    hint = did_you_mean(path, paths) or has
    return NotFound(f"run {run_id} has no model {shown(path)}", hint, code="logged_model_not_found")


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One logged value of a metric."""

    name: str
    value: float
    """NaN or an infinite value removes the value of this metric from the run."""
    step: int
    timestamp: int
    """Milliseconds since 1970."""


MISSING = "modelreg.missing."
"""Prefix of the tags that say why a run has no value of a metric: ``NaN``, ``Infinity`` or ``-Infinity``."""
