"""What is different in ``mlflow server``: it answers clients, who need not be trusted, nor see its disk.

A client names the source of a version, and must not make the server fetch what it wishes. Read are the places that
MLflow's server has checked, which refuses sources that are not among the artifacts of their run or model, and where
runs and logged models say that they are. All other addresses are kept and never asked.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlparse

from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.artifact.runs_artifact_repo import RunsArtifactRepository
from mlflow.utils.uri import append_to_uri_path, is_local_uri, validate_path_is_safe

from modelreg.domain.versions import ModelFile, ModelVersion
from modelreg.store.artifacts.copying import digest_of

_ENVIRONMENT = {"_MLFLOW_SERVER_FILE_STORE", "_MLFLOW_SERVER_ARTIFACT_ROOT"}
"""What MLflow sets in the environment of its servers; importing its constants would import the whole server."""
_PROXIED = "mlflow-artifacts"
_SHARED = "modelreg"
"""The folder of the server's artifacts in which versions are handed out."""


def is_running() -> bool:
    """Whether this is a process of ``mlflow server``."""
    return not _ENVIRONMENT.isdisjoint(os.environ)


def location(source: str) -> str | None:
    """Where a source really is that may be read; None for any other. Raises `MlflowException`."""
    scheme = urlparse(source).scheme
    if scheme == "runs":
        run_id, path = RunsArtifactRepository.parse_runs_uri(source)
        return str(append_to_uri_path(tracking_store().get_run(run_id).info.artifact_uri, path))
    if scheme == "models":
        return str(tracking_store().get_logged_model(source.rpartition("/")[2]).artifact_location)
    return source if scheme == _PROXIED or is_local_uri(source) else None


def fetched(location: str, folder: str) -> Path:
    """The file or folder at a location, copied into ``folder``; raises what MLflow's places raise."""
    from mlflow.server import handlers

    parsed = urlparse(location)
    if parsed.scheme != _PROXIED:
        return Path(get_artifact_repository(location).download_artifacts("", folder))
    path = validate_path_is_safe(parsed.path.lstrip("/"))
    return Path(handlers._get_artifact_repo_mlflow_artifacts().download_artifacts(path, folder))


def handed_out(version: ModelVersion, checked: Path) -> str:
    """The address at which clients can read the version, whose ``checked`` bytes are put among the server's artifacts.

    A server that serves no artifacts has only clients that see its disk: they get the path.
    """
    from mlflow.server import handlers

    if not handlers._is_serving_proxied_artifacts():
        return str(checked)
    place = f"{_SHARED}/{version.digest.replace(':', '-')}"
    artifacts = handlers._get_artifact_repo_mlflow_artifacts()
    folder = checked if checked.is_dir() else checked.parent
    present = _present(artifacts, place, version.files)
    for file in version.files:
        path = f"{place}/{file.path}"
        if path in present and _digest(artifacts, path) == file.digest:
            continue  # alone: it is read-only, and may be being read
        if path in present:
            artifacts.delete_artifacts(path)
        artifacts.log_artifact(str(folder / file.path), path.rpartition("/")[0])
    return f"{_PROXIED}:/{place}"


def _present(artifacts: Any, place: str, files: Sequence[ModelFile]) -> set[str]:
    """The paths of what was handed out before; clients may have replaced it since."""
    folders = {f"{place}/{file.path}".rpartition("/")[0] for file in files}
    return {info.path for folder in sorted(folders) for info in artifacts.list_artifacts(folder)}


def _digest(artifacts: Any, path: str) -> str:
    """The digest of a file among the server's artifacts."""
    with TemporaryDirectory(prefix="modelreg-") as folder:
        copy = Path(artifacts.download_artifacts(path, folder))
        with copy.open("rb") as file:
            return digest_of(file.fileno())


def tracking_store() -> Any:
    """The store of the server's runs."""
    from mlflow.server import handlers

    return handlers._get_tracking_store()
