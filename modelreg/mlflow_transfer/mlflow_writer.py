"""Write registered models, their versions, and runs with the versions' files to MLflow."""

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
from modelreg.mlflow_transfer.reserved_names import DIGEST, MANIFEST, MODEL, NUMBER, PARAM_LENGTH, PLACEHOLDER
from modelreg.system.clock import as_milliseconds

_EXPERIMENT = "modelreg"
_PLACEHOLDER_SOURCE = "modelreg:/placeholder"
"""The source of a placeholder version."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A version that is to be written to MLflow, with its files."""

    version: ModelVersion
    folder: Path
    """The folder with the version's files, under their stored paths."""
    manifest: bytes


class MLflowTarget:
    """MLflow's data, written through its client; every method raises `MLflowFailed` if MLflow fails."""

    def __init__(self, client: Any, location: Location) -> None:
        self._client = client
        self._location = location
        self._experiment: str | None = None

    def add_model(self, name: str) -> None:
        """Create a registered model."""
        with wrap_failures(f"{name} in MLflow"):
            self._client.create_registered_model(name)

    def describe(self, name: str, number: int | None, description: str) -> None:
        """Replace the description of a version, or of the model if ``number`` is None."""
        with wrap_failures("its description"):
            if number is None:
                self._client.update_registered_model(name, description)
            else:
                self._client.update_model_version(name, str(number), description)

    def tag(self, name: str, number: int | None, key: str, value: str) -> None:
        """Set a tag of a version, or of the model if ``number`` is None."""
        with wrap_failures(f"tag {shown(key)}"):
            if number is None:
                self._client.set_registered_model_tag(name, key, value)
            else:
                self._client.set_model_version_tag(name, str(number), key, value)

    def set_alias(self, name: str, alias: str, number: int) -> None:
        """Point an alias at a version."""
        with wrap_failures(f"alias {shown(alias)}"):
            self._client.set_registered_model_alias(name, alias, str(number))

    def set_stage(self, name: str, number: int, stage: str) -> None:
        """Move a version to a stage; versions that are already in the stage stay there."""
        with wrap_failures(f"stage {stage}"):
            self._client.transition_model_version_stage(name, str(number), stage)

    def skip_number(self, name: str) -> int:
        """Use up the next version number without a version; returns it."""
        with wrap_failures(f"{name} in MLflow"):
            placeholder = self._client.create_model_version(name, _PLACEHOLDER_SOURCE, tags={PLACEHOLDER: "true"})
            self._client.delete_model_version(name, placeholder.version)
            return int(placeholder.version)

    def delete_version(self, name: str, number: int) -> None:
        """Delete a version."""
        with wrap_failures(f"{name}/{number} in MLflow"):
            self._client.delete_model_version(name, str(number))

    def add_version(self, upload: Upload) -> tuple[int, list[str]]:
        """Log a version's files in a new run, and register them as a version.

        Returns the version's number, and notes about what the run could not store. The version is registered last, with
        the tags by which it is recognised: if the export stops earlier, it leaves only a run that no version refers to.
        """
        version = upload.version
        with wrap_failures(f"the files of {version.reference}"):
            run = self._client.create_run(
                self._get_experiment_id(),
                start_time=as_milliseconds(version.created_at),
                run_name=version.reference,
                tags={"mlflow.user": version.created_by, DIGEST: version.digest},
            )
            run_id = run.info.run_id
            self._client.log_artifacts(run_id, str(upload.folder), MODEL)
            with TemporaryDirectory(prefix="modelreg-") as folder:
                (Path(folder) / MANIFEST).write_bytes(upload.manifest)
                self._client.log_artifact(run_id, str(Path(folder) / MANIFEST))
        notes = _log_each("metric", version.metrics, lambda key, value: self._client.log_metric(run_id, key, value))
        params = {key: value for key, value in version.params.items() if len(value) <= PARAM_LENGTH}
        notes += _log_each("parameter", params, lambda key, value: self._client.log_param(run_id, key, value))
        notes += [
            f"parameter {shown(key)} is left out of the run in MLflow: it has {len(version.params[key]):,} characters, "
            f"and MLflow stores at most {PARAM_LENGTH:,}"
            for key in sorted(version.params.keys() - params.keys())
        ]
        with wrap_failures(f"{version.reference} in MLflow"):
            self._client.set_terminated(run_id)
            source = f"{run.info.artifact_uri.rstrip('/')}/{MODEL}"
            tags = {DIGEST: version.digest, NUMBER: str(version.version)}
            return int(self._client.create_model_version(version.name, source, run_id, tags).version), notes

    def _get_experiment_id(self) -> str:
        """The id of the experiment for exported versions, which is created if needed."""
        if self._experiment is None:
            experiment = self._client.get_experiment_by_name(_EXPERIMENT)
            self._experiment = experiment.experiment_id if experiment else self._create_experiment()
        return self._experiment

    def _create_experiment(self) -> str:
        """Create the experiment; for a SQLite file its artifacts go beside the file, not into the current folder."""
        path = self._location.path
        is_database = self._location.kind is StoreKind.DATABASE
        artifacts = (path.parent / "mlartifacts").as_uri() if path is not None and is_database else None
        return str(self._client.create_experiment(_EXPERIMENT, artifacts))


def _log_each(kind: str, pairs: Mapping[str, object], log: Callable[[str, Any], object]) -> list[str]:
    notes = []
    for key, value in pairs.items():
        try:
            with wrap_failures(f"{kind} {shown(key)} is left out of the run in MLflow"):
                log(key, value)
        except MLflowFailed as error:
            notes.append(error.message)
    return notes
