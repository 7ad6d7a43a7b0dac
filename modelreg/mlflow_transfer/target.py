"""Where an export writes: MLflow's registered models, their versions, and runs that hold the bytes of those."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modelreg.domain.versions import ModelVersion
from modelreg.errors import MLflowFailed, shown
from modelreg.mlflow_transfer.connection import wrap_failures
from modelreg.mlflow_transfer.location import Location, StoreKind
from modelreg.mlflow_transfer.marks import DIGEST, MANIFEST, MODEL, NUMBER, PARAM_LENGTH, PLACEHOLDER
from modelreg.system.clock import as_milliseconds

_EXPERIMENT = "modelreg"
_NOWHERE = "modelreg:/placeholder"
"""The source of a version that is deleted at once."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A version's bytes on their way to MLflow."""

    version: ModelVersion
    folder: Path
    """Holds its files, under their names."""
    manifest: bytes


class MLflowTarget:
    """MLflow's records, written by its client; every method raises `MLflowFailed` when it cannot."""

    def __init__(self, client: Any, location: Location) -> None:
        self._client = client
        self._location = location
        self._experiment: str | None = None

    def add_model(self, name: str) -> None:
        """Make a registered model."""
        with wrap_failures(f"{name} in MLflow"):
            self._client.create_registered_model(name)

    def describe(self, name: str, number: int | None, description: str) -> None:
        """Replace the description of a model, or of a version."""
        with wrap_failures("its description"):
            if number is None:
                self._client.update_registered_model(name, description)
            else:
                self._client.update_model_version(name, str(number), description)

    def tag(self, name: str, number: int | None, key: str, value: str) -> None:
        """Set a tag of a model, or of a version."""
        with wrap_failures(f"tag {shown(key)}"):
            if number is None:
                self._client.set_registered_model_tag(name, key, value)
            else:
                self._client.set_model_version_tag(name, str(number), key, value)

    def set_alias(self, name: str, alias: str, number: int) -> None:
        """Let an alias mean a version."""
        with wrap_failures(f"alias {shown(alias)}"):
            self._client.set_registered_model_alias(name, alias, str(number))

    def set_stage(self, name: str, number: int, stage: str) -> None:
        """Put a version into a stage, whatever else is there."""
        with wrap_failures(f"stage {stage}"):
            self._client.transition_model_version_stage(name, str(number), stage)

    def skip_number(self, name: str) -> int:
        """Let the next number be that of no version; returns it."""
        with wrap_failures(f"{name} in MLflow"):
            made = self._client.create_model_version(name, _NOWHERE, tags={PLACEHOLDER: "true"})
            self._client.delete_model_version(name, made.version)
            return int(made.version)

    def delete_version(self, name: str, number: int) -> None:
        """Delete a version."""
        with wrap_failures(f"{name}/{number} in MLflow"):
            self._client.delete_model_version(name, str(number))

    def add_version(self, upload: Upload) -> tuple[int, list[str]]:
        """Log a version's bytes in a run of its own, and make a version of them.

        Returns its number, and sentences about what of the run could not be kept. The version is made last, with the
        tags by which it is known again, so whatever ends this before leaves a run that no version refers to.
        """
        version = upload.version
        with wrap_failures(f"the bytes of {version.reference}"):
            run = self._client.create_run(
                self._experiment_id(),
                start_time=as_milliseconds(version.created_at),
                run_name=version.reference,
                tags={"mlflow.user": version.created_by, DIGEST: version.digest},
            )
            run_id = run.info.run_id
            self._client.log_artifacts(run_id, str(upload.folder), MODEL)
            with TemporaryDirectory(prefix="modelreg-") as folder:
                (Path(folder) / MANIFEST).write_bytes(upload.manifest)
                self._client.log_artifact(run_id, str(Path(folder) / MANIFEST))
        notes = _each("metric", version.metrics, lambda key, value: self._client.log_metric(run_id, key, value))
        params = {key: value for key, value in version.params.items() if len(value) <= PARAM_LENGTH}
        notes += _each("parameter", params, lambda key, value: self._client.log_param(run_id, key, value))
        notes += [
            f"parameter {shown(key)} is left out of the run there: it has {len(version.params[key]):,} characters, and "
            f"MLflow keeps {PARAM_LENGTH:,}"
            for key in sorted(version.params.keys() - params.keys())
        ]
        with wrap_failures(f"{version.reference} in MLflow"):
            self._client.set_terminated(run_id)
            source = f"{run.info.artifact_uri.rstrip('/')}/{MODEL}"
            tags = {DIGEST: version.digest, NUMBER: str(version.version)}
            return int(self._client.create_model_version(version.name, source, run_id, tags).version), notes

    def _experiment_id(self) -> str:
        """Where versions are logged; its artifacts lie beside a SQLite file, rather than where the shell is."""
        if self._experiment is None:
            found = self._client.get_experiment_by_name(_EXPERIMENT)
            self._experiment = found.experiment_id if found else self._make_experiment()
        return self._experiment

    def _make_experiment(self) -> str:
        path = self._location.path
        beside = path is not None and self._location.kind is StoreKind.DATABASE
        place = (path.parent / "mlartifacts").as_uri() if path is not None and beside else None
        return str(self._client.create_experiment(_EXPERIMENT, place))


def _each(kind: str, pairs: Mapping[str, object], log: Callable[[str, Any], object]) -> list[str]:
    notes = []
    for key, value in pairs.items():
        try:
            with wrap_failures(f"{kind} {shown(key)} is left out of the run there"):
                log(key, value)
        except MLflowFailed as error:
            notes.append(error.message)
    return notes
