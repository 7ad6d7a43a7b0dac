"""Where the bytes of a new version are: in this registry, somewhere that can be read, or out of reach.

In a program of one's own, whatever MLflow can read is read; in ``mlflow server`` what `modelreg.mlflow_plugin.server`
lets be read.
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
from modelreg.mlflow_plugin.exceptions import failure
from modelreg.registry import Registry

_logger = logging.getLogger(__name__)


class ResolvedSource(Protocol):
    """What was found out about a source, which knows how to become a version."""

    def register(self, registry: Registry, name: str, stated: dict[str, Any]) -> Any:
        """Make it the next version of ``name``, with what is ``stated``; raises what `Registry.register` raises."""


@dataclass(frozen=True)
class StoredVersionSource:
    """A version of this registry."""

    reference: str

    def register(self, registry: Registry, name: str, stated: dict[str, Any]) -> Any:
        """As the protocol says; the version has the metrics and parameters of the other, not of a run."""
        stated = {key: value for key, value in stated.items() if key not in ("metrics", "params")}
        return registry.register_stored(self.reference, name, **stated)


@dataclass(frozen=True)
class LocalSource:
    """A file or folder."""

    path: Path

    def register(self, registry: Registry, name: str, stated: dict[str, Any]) -> Any:
        """As the protocol says."""
        return registry.register(self.path, name, **stated)


@dataclass(frozen=True)
class RemoteSource:
    """Bytes that cannot be read from here."""

    location: str

    def register(self, registry: Registry, name: str, stated: dict[str, Any]) -> Any:
        """As the protocol says."""
        return registry.register_reference(self.location, name, **stated)


@contextmanager
def opened(source: str, store: Any, tracking_uri: str | None) -> Iterator[ResolvedSource]:
    """What is at ``source``, while it is needed; ``store`` knows the versions that an address may name.

    Raises `MlflowException` for what is no address, and for a version that is not there.
    """
    named = get_model_name_and_version(store, source) if is_models_uri(source) else ()
    if len(named) == 2:  # else it is the number of a logged model
        version = store.get_model_version(*named)
        yield StoredVersionSource(f"{version.name}/{version.version}")
        return
    with TemporaryDirectory() as folder:
        path = _read(source, folder, tracking_uri)
        yield RemoteSource(source) if path is None else LocalSource(path)


def _read(source: str, folder: str, tracking_uri: str | None) -> Path | None:
    """The file or folder at ``source``, fetched into ``folder`` if need be; None when it is nothing to be read here.

    Raises `MlflowException` for what may be read another time: a timeout, a full disk, a library that is missing.
    """
    try:
        location = server.location(source) if server.is_running() else _location(source, tracking_uri)
        if location is None:
            return None
        if is_local_uri(location):
            return _existing(location)
        if urlparse(location).scheme not in get_registered_artifact_repositories():
            return None
        fetch = server.fetched if server.is_running() else partial(_fetched, tracking_uri=tracking_uri)
        return _filled(fetch(location, folder))
    except Exception as error:  # each kind of place has a library of its own, with errors of its own
        if not _is_nothing_to_read(error):
            message = f"the bytes of {shown(source)} cannot be read now, and no version was made: {error}"
            raise failure(message, INVALID_STATE) from error
        _logger.warning("the bytes of %s cannot be read, and their address alone is kept: %s", source, error)
        return None


def _is_nothing_to_read(error: Exception) -> bool:
    """Whether nothing is there, or nothing that may be read."""
    if isinstance(error, MlflowException):
        return bool(error.error_code == RESOURCE_DOES_NOT_EXIST)
    return isinstance(error, FileNotFoundError | NotADirectoryError | PermissionError)


def _location(source: str, tracking_uri: str | None) -> str:
    """Where a logged model really is; by its own address MLflow would hand it out with one more file."""
    if not is_models_uri(source):
        return source
    return str(_get_store(tracking_uri).get_logged_model(source.rpartition("/")[2]).artifact_location)


def _existing(uri: str) -> Path | None:
    path = local_file_uri_to_path(uri)  # an empty one would be the current folder
    return Path(path) if path and os.path.exists(path) else None


def _filled(path: Path) -> Path | None:
    """``path`` unless it is a folder without files, which is what some places give for what is not there."""
    return path if path.is_file() or any(each.is_file() for each in path.rglob("*")) else None


def _fetched(location: str, folder: str, tracking_uri: str | None) -> Path:
    return Path(download_artifacts(artifact_uri=location, dst_path=folder, tracking_uri=tracking_uri))
