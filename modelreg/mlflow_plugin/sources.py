"""Resolve the source of a new version: a version of this registry, readable files, or an address out of reach.

Outside of ``mlflow server``, everything that MLflow can read is read; in a server, only what
`modelreg.mlflow_plugin.server` permits.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol
from urllib.parse import urlparse

from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_registered_artifact_repositories
from mlflow.store.artifact.utils.models import get_model_name_and_version, is_models_uri
from mlflow.tracking._tracking_service.utils import _get_store
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.uri import is_local_uri

from modelreg.errors import shown
from modelreg.mlflow.exceptions import INVALID_STATE, RESOURCE_DOES_NOT_EXIST
from modelreg.mlflow_plugin import server
from modelreg.mlflow_plugin.exceptions import build_exception
from modelreg.registry import Registry

_logger = logging.getLogger(__name__)


class ResolvedSource(Protocol):
    """A resolved source, which can be registered as a version."""

    def register(self, registry: Registry, name: str, metadata: dict[str, Any]) -> Any:
        """Register it as the next version of ``name``; ``metadata`` are further arguments of `Registry.register`."""


@dataclass(frozen=True)
class StoredVersionSource:
    """A version of the same registry."""

    reference: str

    def register(self, registry: Registry, name: str, metadata: dict[str, Any]) -> Any:
        """Copy the version, with its own metrics and parameters instead of those of a run."""
        metadata = {key: value for key, value in metadata.items() if key not in ("metrics", "params")}
        return registry.register_stored(self.reference, name, **metadata)


@dataclass(frozen=True)
class LocalSource:
    """A local file or folder."""

    path: Path

    def register(self, registry: Registry, name: str, metadata: dict[str, Any]) -> Any:
        """Store the files as a version."""
        return registry.register(self.path, name, **metadata)


@dataclass(frozen=True)
class RemoteSource:
    """An address that cannot be read."""

    location: str

    def register(self, registry: Registry, name: str, metadata: dict[str, Any]) -> Any:
        """Store the address as a version without files."""
        return registry.register_reference(self.location, name, **metadata)


@contextmanager
def open_source(source: str, store: Any, tracking_uri: str | None) -> Iterator[ResolvedSource]:
    """Resolve a source; downloaded files exist within the block. ``store`` resolves ``models:/`` URIs.

    Raises `MlflowException` for an invalid URI, and for a version that does not exist.
    """
    name_and_version = get_model_name_and_version(store, source) if is_models_uri(source) else ()
    if len(name_and_version) == 2:  # otherwise it is the id of a logged model
        version = store.get_model_version(*name_and_version)
        yield StoredVersionSource(f"{version.name}/{version.version}")
        return
    with TemporaryDirectory() as folder:
        path = _fetch(source, folder, tracking_uri)
        yield RemoteSource(source) if path is None else LocalSource(path)


def _fetch(source: str, folder: str, tracking_uri: str | None) -> Path | None:
    """The file or folder at ``source``, downloaded into ``folder`` if needed; None if there is nothing readable.

    Raises `MlflowException` for temporary problems: a timeout, a full disk, a missing library.
    """
    try:
        location = server.resolve_source(source) if server.is_running() else _resolve_source(source, tracking_uri)
        if location is None:
            return None
        if is_local_uri(location):
            path = local_file_uri_to_path(location)  # an empty path would be the current folder
            return Path(path) if path and os.path.exists(path) else None
        if urlparse(location).scheme not in get_registered_artifact_repositories():
            return None
        download = server.download if server.is_running() else partial(_download, tracking_uri=tracking_uri)
        return _get_path_with_files(download(location, folder))
    except Exception as error:  # each kind of storage has its own library, with its own errors
        if not _is_unreadable(error):
            message = f"the files at {shown(source)} cannot be read now, so no version was created: {error}"
            raise build_exception(message, INVALID_STATE) from error
        _logger.warning("the files at %s cannot be read, so only the address is stored: %s", source, error)
        return None


def _is_unreadable(error: Exception) -> bool:
    """Whether the source does not exist, or access to it is denied."""
    if isinstance(error, MlflowException):
        return bool(error.error_code == RESOURCE_DOES_NOT_EXIST)
    return isinstance(error, FileNotFoundError | NotADirectoryError | PermissionError)


def _resolve_source(source: str, tracking_uri: str | None) -> str:
    """The actual location of a logged model: MLflow adds a file when it is read by its ``models:/`` URI."""
    if not is_models_uri(source):
        return source
    return str(_get_store(tracking_uri).get_logged_model(source.rpartition("/")[2]).artifact_location)


def _get_path_with_files(path: Path) -> Path | None:
    """``path``, or None for a folder without files: some repositories return that for a missing path."""
    return path if path.is_file() or any(file.is_file() for file in path.rglob("*")) else None


def _download(location: str, folder: str, tracking_uri: str | None) -> Path:
    return Path(download_artifacts(artifact_uri=location, dst_path=folder, tracking_uri=tracking_uri))
