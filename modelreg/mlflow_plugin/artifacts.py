"""A version's files, for MLflow to copy: it writes beside what it loads, which nobody may do in a checkout."""

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
"""The file that makes a folder one that MLflow can load."""
_logger = logging.getLogger(__name__)


def build_address(registry: Registry, reference: str) -> str:
    """``modelreg:///PATH/NAME/3``, at which `VersionArtifacts` finds a version."""
    return f"{SCHEME}{registry.folder}/{reference}"


class VersionArtifacts(ArtifactRepository):  # type: ignore[misc]  # MLflow is not typed
    """The files of the version at ``modelreg:///PATH/NAME/3``, every byte checked when they are asked for."""

    def __init__(self, artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None) -> None:
        from modelreg.mlflow_plugin.server import is_running  # it needs of MLflow what is importing this module

        if is_running():  # it hands versions out otherwise, and clients could name any registry of its disk
            raise MlflowException.invalid_parameter_value("a server reads no versions by addresses of clients")
        super().__init__(artifact_uri, tracking_uri, registry_uri)
        folder, self._name, self._version = artifact_uri.removeprefix(SCHEME).rsplit("/", 2)
        self._registry = Registry(folder)

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """What is in a folder of the version."""
        found: list[FileInfo] = LocalArtifactRepository(str(self._checked())).list_artifacts(path)
        return found

    def download_artifacts(self, artifact_path: str, dst_path: str | None = None, **others: Any) -> str:
        """Copy a file or folder of the version to ``dst_path``, or into a new folder; returns where it is."""
        source, target = self._checked() / artifact_path, Path(dst_path or create_tmp_dir()) / artifact_path
        if not source.exists():
            raise MlflowException(self._missing(artifact_path), RESOURCE_DOES_NOT_EXIST)
        if not artifact_path and not (source / MLMODEL).exists():
            _logger.warning("%s", self._not_of_mlflow)  # it says no more than that there is no MLmodel, if it loads it
        if source.is_dir():
            shutil.copytree(source, target, copy_function=shutil.copyfile, dirs_exist_ok=True)
        else:
            self._download_file(artifact_path, str(target))
        return str(target)

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """A version's files never change."""
        raise MlflowException.invalid_parameter_value("the files of a registered version never change")

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """A version's files never change."""
        raise MlflowException.invalid_parameter_value("the files of a registered version never change")

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        target = Path(local_path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._checked() / remote_file_path, target)

    def _missing(self, path: str) -> str:
        if path == MLMODEL:
            return self._not_of_mlflow
        return f"{self._name}/{self._version} has no file or folder {shown(path)}"

    @property
    def _not_of_mlflow(self) -> str:
        return (
            f"{self._name}/{self._version} was not saved by MLflow, which can load only what it saved itself: "
            "modelreg.mlflow and Registry.load can load it"
        )

    def _checked(self) -> Path:
        """The folder that holds the version's files; of a version of one file the one in which that is."""
        with translating_errors(self._name, self._version):
            path = self._registry.path(f"{self._name}/{self._version}")
        return path if path.is_dir() else path.parent
