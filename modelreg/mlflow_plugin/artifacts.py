"""Artifact repository for versions: MLflow gets copies, since it writes beside the files that it loads."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

from mlflow.entities import FileInfo
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
from mlflow.utils.file_utils import create_tmp_dir

from modelreg.errors import shown
from modelreg.mlflow.location import SCHEME
from modelreg.mlflow_plugin.exceptions import translating_errors
from modelreg.registry import Registry

MLMODEL = "MLmodel"
"""The file by which MLflow recognises a model folder."""
_logger = logging.getLogger(__name__)


def build_address(registry: Registry, reference: str) -> str:
    """The URI ``modelreg:///PATH/NAME/3`` of a version, which `VersionArtifacts` reads."""
    return f"{SCHEME}{registry.folder}/{reference}"


class VersionArtifacts(ArtifactRepository):  # type: ignore[misc]  # MLflow is not typed
    """The files of the version at ``modelreg:///PATH/NAME/3``, verified at each request."""

    def __init__(self, artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None) -> None:
        from modelreg.mlflow_plugin.server import is_running  # that module imports parts of MLflow that import this one

        if is_running():  # clients could name any registry on the server's disk; `publish_version` serves versions
            raise MlflowException.invalid_parameter_value("a server does not read versions from URIs of clients")
        super().__init__(artifact_uri, tracking_uri, registry_uri)
        folder, self._name, self._version = artifact_uri.removeprefix(SCHEME).rsplit("/", 2)
        self._registry = Registry(folder)

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """The entries of a folder of the version."""
        entries: list[FileInfo] = LocalArtifactRepository(str(self._get_verified_folder())).list_artifacts(path)
        return entries

    def download_artifacts(self, artifact_path: str, dst_path: str | None = None, **others: Any) -> str:
        """Copy a file or folder of the version to ``dst_path``, or to a new folder; returns the path of the copy."""
        source, target = self._get_verified_folder() / artifact_path, Path(dst_path or create_tmp_dir()) / artifact_path
        if not source.exists():
            raise MlflowException(self._describe_missing(artifact_path), RESOURCE_DOES_NOT_EXIST)
        if not artifact_path and not (source / MLMODEL).exists():
            _logger.warning("%s", self._not_saved_by_mlflow)  # MLflow's own error says only that there is no MLmodel
        if source.is_dir():
            shutil.copytree(source, target, copy_function=shutil.copyfile, dirs_exist_ok=True)
        else:
            self._download_file(artifact_path, str(target))
        return str(target)

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Refused: the files of a version never change."""
        raise MlflowException.invalid_parameter_value("the files of a registered version never change")

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Refused: the files of a version never change."""
        raise MlflowException.invalid_parameter_value("the files of a registered version never change")

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        target = Path(local_path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._get_verified_folder() / remote_file_path, target)

    def _describe_missing(self, path: str) -> str:
        if path == MLMODEL:
            return self._not_saved_by_mlflow
        return f"{self._name}/{self._version} has no file or folder {shown(path)}"

    @property
    def _not_saved_by_mlflow(self) -> str:
        return (
            f"{self._name}/{self._version} was not saved by MLflow, which loads only models that it saved: "
            "load it with modelreg.mlflow or Registry.load"
        )

    def _get_verified_folder(self) -> Path:
        """The folder with the version's verified files; for a single-file version, the folder of that file."""
        with translating_errors(self._name, self._version):
            path = self._registry.path(f"{self._name}/{self._version}")
        return path if path.is_dir() else path.parent
