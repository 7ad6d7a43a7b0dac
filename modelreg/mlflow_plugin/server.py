"""Rules for ``mlflow server``: its clients are not trusted, and cannot see its disk.

A client names the source of a version, and must not be able to make the server fetch arbitrary files. The server reads
only sources that MLflow's server has checked, which refuses sources outside the artifacts of their run or model, and
the locations that runs and logged models state. It stores all other addresses without reading them.
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

_SERVER_VARIABLES = {"_MLFLOW_SERVER_FILE_STORE", "_MLFLOW_SERVER_ARTIFACT_ROOT"}
"""Environment variables of a server process; importing MLflow's constants would import the whole server."""
_PROXY_SCHEME = "mlflow-artifacts"
_PUBLISHED_FOLDER = "modelreg"
"""The folder of the server's artifacts from which clients read versions."""


def is_running() -> bool:
    """Whether this process is an ``mlflow server``."""
    return not _SERVER_VARIABLES.isdisjoint(os.environ)


def resolve_source(source: str) -> str | None:
    """The actual location of a source that the server may read; None for any other. Raises `MlflowException`."""
    scheme = urlparse(source).scheme
    if scheme == "runs":
        run_id, path = RunsArtifactRepository.parse_runs_uri(source)
        return str(append_to_uri_path(tracking_store().get_run(run_id).info.artifact_uri, path))
    if scheme == "models":
        return str(tracking_store().get_logged_model(source.rpartition("/")[2]).artifact_location)
    return source if scheme == _PROXY_SCHEME or is_local_uri(source) else None


def download(location: str, folder: str) -> Path:
    """Copy the file or folder at a location into ``folder``; raises the errors of MLflow's artifact repositories."""
    from mlflow.server import handlers

    parsed = urlparse(location)
    if parsed.scheme != _PROXY_SCHEME:
        return Path(get_artifact_repository(location).download_artifacts("", folder))
    path = validate_path_is_safe(parsed.path.lstrip("/"))
    return Path(handlers._get_artifact_repo_mlflow_artifacts().download_artifacts(path, folder))


def publish_version(version: ModelVersion, verified_path: Path) -> str:
    """Copy a version's files to the server's artifacts; returns the URI at which clients can read them.

    If the server serves no artifacts, its clients see its disk, and this returns the path.
    """
    from mlflow.server import handlers

    if not handlers._is_serving_proxied_artifacts():
        return str(verified_path)
    base = f"{_PUBLISHED_FOLDER}/{version.digest.replace(':', '-')}"
    artifacts = handlers._get_artifact_repo_mlflow_artifacts()
    folder = verified_path if verified_path.is_dir() else verified_path.parent
    published = _list_published(artifacts, base, version.files)
    for file in version.files:
        path = f"{base}/{file.path}"
        if path in published and _get_digest(artifacts, path) == file.digest:
            continue  # do not replace it: it is read-only, and a client may be reading it
        if path in published:
            artifacts.delete_artifacts(path)
        artifacts.log_artifact(str(folder / file.path), path.rpartition("/")[0])
    return f"{_PROXY_SCHEME}:/{base}"


def _list_published(artifacts: Any, base: str, files: Sequence[ModelFile]) -> set[str]:
    """The paths that were published before; clients may have replaced the files since."""
    folders = {f"{base}/{file.path}".rpartition("/")[0] for file in files}
    return {info.path for folder in sorted(folders) for info in artifacts.list_artifacts(folder)}


def _get_digest(artifacts: Any, path: str) -> str:
    """Download a file of the server's artifacts; returns its digest."""
    with TemporaryDirectory(prefix="modelreg-") as folder:
        copy = Path(artifacts.download_artifacts(path, folder))
        with copy.open("rb") as file:
            return digest_of(file.fileno())


def tracking_store() -> Any:
    """The server's tracking store."""
    from mlflow.server import handlers

    return handlers._get_tracking_store()
