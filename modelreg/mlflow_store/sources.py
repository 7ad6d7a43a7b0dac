"""Where the bytes of a new version are: in this registry, somewhere that can be read, or out of reach.

In a program of one's own, whatever MLflow can read is read. In ``mlflow server`` it is a client who names the source,
and must not make the server fetch what it wishes: read are the places that MLflow's server vouches for (it refuses
sources that are not among the artifacts of their run or model) and what runs and logged models themselves say. All
other addresses are kept and never asked.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol
from urllib.parse import urlparse

from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.artifact.runs_artifact_repo import RunsArtifactRepository
from mlflow.store.artifact.utils.models import get_model_name_and_version, is_models_uri
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.uri import append_to_uri_path, is_local_uri, validate_path_is_safe

from modelreg.registry import Registry

_SERVER = "_MLFLOW_SERVER_FILE_STORE"
"""What MLflow sets in the environment of its servers; importing its constant would import the whole server."""
_PROXIED = "mlflow-artifacts"
_logger = logging.getLogger(__name__)


class Found(Protocol):
    """What was found out about a source, which knows how to become a version."""

    def register(self, registry: Registry, name: str, stated: dict[str, Any]) -> Any:
        """Make it the next version of ``name``, with what is ``stated``; raises what `Registry.register` raises."""


@dataclass(frozen=True)
class Stored:
    """A version of this registry."""

    reference: str

    def register(self, registry: Registry, name: str, stated: dict[str, Any]) -> Any:
        """As the protocol says."""
        return registry.register_stored(self.reference, name, **stated)


@dataclass(frozen=True)
class Readable:
    """A file or folder."""

    path: Path

    def register(self, registry: Registry, name: str, stated: dict[str, Any]) -> Any:
        """As the protocol says."""
        return registry.register(self.path, name, **stated)


@dataclass(frozen=True)
class Elsewhere:
    """Bytes that cannot be read from here."""

    location: str

    def register(self, registry: Registry, name: str, stated: dict[str, Any]) -> Any:
        """As the protocol says."""
        return registry.register_reference(self.location, name, **stated)


@contextmanager
def opened(source: str, store: Any, tracking_uri: str | None) -> Iterator[Found]:
    """What is at ``source``, while it is needed; ``store`` knows the versions that an address may name.

    Raises `MlflowException` for what is no address.
    """
    named = _named_version(source, store)
    if named is not None:
        yield Stored(named)
        return
    with TemporaryDirectory() as folder:
        path = _read(source, folder, tracking_uri)
        yield Elsewhere(source) if path is None else Readable(path)


def address_for_clients(source: str, store: Any) -> str | None:
    """In a server the address at which its clients can read ``source``; None when that is a path of this machine."""
    if not _is_server():
        return None
    try:
        while (named := _named_version(source, store)) is not None:
            source = store.get_model_version(*named.split("/")).source
        location = _location_in_server(source)
    except MlflowException:  # the run, the model or the version that it came from was deleted
        return None
    return None if location is None or is_local_uri(location) else location


def _is_server() -> bool:
    return _SERVER in os.environ


def _named_version(source: str, store: Any) -> str | None:
    """``NAME/3`` for what names a registered version."""
    if not is_models_uri(source):
        return None
    named = get_model_name_and_version(store, source)
    return "/".join(map(str, named)) if len(named) == 2 else None  # the other one is of a logged model


def _read(source: str, folder: str, tracking_uri: str | None) -> Path | None:
    """The file or folder at ``source``, fetched into ``folder`` if need be; None when it cannot be read."""
    try:
        if not _is_server():
            return _existing(source) if is_local_uri(source) else _filled(_fetched(source, folder, tracking_uri))
        location = _location_in_server(source)
        if location is None or is_local_uri(location):
            return None if location is None else _existing(location)
        return _filled(_fetched_in_server(location, folder))
    except Exception as error:  # each kind of place has a library of its own, with errors of its own
        _logger.warning("the bytes of %s cannot be read, and their address alone is kept: %s", source, error)
        return None


def _existing(uri: str) -> Path | None:
    path = Path(local_file_uri_to_path(uri))
    return path if path.exists() else None


def _filled(path: Path) -> Path | None:
    """``path`` unless it is a folder without files, which is what some places give for what is not there."""
    return path if path.is_file() or any(each.is_file() for each in path.rglob("*")) else None


def _fetched(source: str, folder: str, tracking_uri: str | None) -> Path:
    return Path(download_artifacts(artifact_uri=source, dst_path=folder, tracking_uri=tracking_uri))


def _location_in_server(source: str) -> str | None:
    """Where a source really is that the server may read; None for any other."""
    scheme = urlparse(source).scheme
    if scheme == "runs":
        run_id, path = RunsArtifactRepository.parse_runs_uri(source)
        return str(append_to_uri_path(_tracking_store().get_run(run_id).info.artifact_uri, path))
    if scheme == "models":
        return str(_tracking_store().get_logged_model(source.rpartition("/")[2]).artifact_location)
    return source if scheme == _PROXIED or is_local_uri(source) else None


def _fetched_in_server(location: str, folder: str) -> Path:
    from mlflow.server import handlers

    parsed = urlparse(location)
    if parsed.scheme != _PROXIED:
        return Path(get_artifact_repository(location).download_artifacts("", folder))
    path = validate_path_is_safe(parsed.path.lstrip("/"))
    return Path(handlers._get_artifact_repo_mlflow_artifacts().download_artifacts(path, folder))


def _tracking_store() -> Any:
    from mlflow.server import handlers

    return handlers._get_tracking_store()
