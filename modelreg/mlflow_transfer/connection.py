"""Connections to MLflow through MLflow's own client: the only module that imports MLflow.

Reading never changes MLflow's data. A SQLite file is copied, and the copy is upgraded to MLflow's current schema; a
folder is read through a temporary folder of links to its entries.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from modelreg.errors import InvalidInput, MLflowFailed, shown
from modelreg.mlflow_transfer.location import Location, StoreKind
from modelreg.mlflow_transfer.temporary_folders import temporary_folder

_SETTINGS = {
    "MLFLOW_ALLOW_FILE_STORE": "true",  # without it MLflow refuses folders, which it no longer develops
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # MLflow's default of 7 takes minutes to report an unreachable server
}
"""MLflow's environment variables -> their values during a connection, unless the user has set them."""

_LOCAL_SCHEMES = ("", "file", "modelreg")
"""Schemes of URIs at which MLflow finds files on this machine."""


@contextmanager
def open_for_reading(location: Location) -> Iterator[Any]:
    """MLflow's client on existing data, which is not changed.

    Raises `SourceNotFound`, `InvalidInput` also without MLflow, or `MLflowFailed` if MLflow cannot open the data.
    """
    location.check()
    with _silence_mlflow(), temporary_folder() as folder:
        with wrap_failures(location.shown):
            uri = _prepare_for_reading(location, folder)
        with _connect(uri, location) as client:
            yield client


@contextmanager
def open_for_writing(location: Location) -> Iterator[Any]:
    """MLflow's client on a server, SQLite file or folder; a file or folder is created if needed.

    Raises `MLflowFailed`, or `InvalidInput` without MLflow and for a file or folder of another program.
    """
    location.check_unambiguous_path()
    if not location.is_empty():
        location.check_mlflow_records()
        if location.path is not None and location.kind is StoreKind.DATABASE:
            with wrap_failures(location.shown), _open_read_only(location.path) as database:
                _check_mlflow_tables(database, location.path)
    with _silence_mlflow(), _connect(location.uri, location) as client:
        yield client


@contextmanager
def block_local_files() -> Iterator[None]:
    """Prevent MLflow from reading files of this machine, whatever a URI resolves to.

    A server decides where ``runs:/`` and ``models:/`` URIs lead, so it could name any local path.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_registered_artifact_repositories

    repositories = get_registered_artifact_repositories()
    original = {scheme: repositories[scheme] for scheme in _LOCAL_SCHEMES if scheme in repositories}
    repositories.update(dict.fromkeys(original, _reject_local_path))
    try:
        yield
    finally:
        repositories.update(original)


def _reject_local_path(artifact_uri: str, **_: Any) -> Any:
    raise ValueError(f"{artifact_uri} is a path on the server's machine: if the server runs here, add --local-paths")


@contextmanager
def wrap_failures(subject: str) -> Iterator[None]:
    """Raise `MLflowFailed` instead of any exception of MLflow; the message begins with ``subject``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow warns that stages and folders are deprecated
            yield
    except InvalidInput:
        raise
    except Exception as error:  # MLflow's plugins pass on the exceptions of their libraries
        raise MLflowFailed(subject, error) from error


@contextmanager
def _connect(uri: str, location: Location) -> Iterator[Any]:
    import mlflow

    with _restore_mlflow_settings():
        with wrap_failures(location.shown):
            # MLflow resolves artifacts by the process-wide settings, whatever its client was given.
            mlflow.set_tracking_uri(uri)
            mlflow.set_registry_uri(uri)
            client = mlflow.MlflowClient()
            client.search_registered_models(max_results=1)
        yield client


@contextmanager
def _restore_mlflow_settings() -> Iterator[None]:
    """Restore MLflow's process-wide settings, and the environment variables that hold them, at the end."""
    import mlflow

    variables = {name: os.environ.get(name) for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")}
    tracking = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    registry = mlflow.get_registry_uri()
    follows = registry == mlflow.get_tracking_uri()
    try:
        yield
    finally:
        mlflow.set_registry_uri(None if follows else registry)
        mlflow.set_tracking_uri(tracking)
        for name, value in variables.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def _silence_mlflow() -> Iterator[None]:
    """Import MLflow, and suppress its warnings and log messages within the block: problems are raised as errors."""
    settings = {name: value for name, value in _SETTINGS.items() if name not in os.environ}
    os.environ.update(settings)
    disabled = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                import_module("mlflow")  # about 2 s
            except ImportError as error:
                raise InvalidInput(
                    "this needs MLflow, which is not installed", "pip install 'modelreg[mlflow]'", code="mlflow_missing"
                ) from error
        yield
    finally:
        logging.disable(disabled)
        for name in settings:
            os.environ.pop(name, None)


def _prepare_for_reading(location: Location, folder: Path) -> str:
    """The URI of data that MLflow can open without changing the original; copies go into ``folder``."""
    if location.path is None:
        return location.uri
    copy = _copy_database if location.kind is StoreKind.DATABASE else _link_folder
    return copy(location.path, folder)


def _copy_database(path: Path, folder: Path) -> str:
    """Copy a consistent snapshot of a SQLite file, and upgrade it to the schema of the installed MLflow."""
    import mlflow.db

    copy = folder / "mlflow.db"
    with _open_read_only(path) as source, closing(sqlite3.connect(copy)) as target:
        _check_mlflow_tables(source, path)
        source.backup(target)
    uri = f"sqlite:///{copy}"
    mlflow.db.upgrade.callback(uri)
    return uri


@contextmanager
def _open_read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection to a SQLite file."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        yield database


def _check_mlflow_tables(database: sqlite3.Connection, path: Path) -> None:
    """Raise `InvalidInput` for a database without MLflow's tables, since MLflow would create them."""
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"registered_models", "alembic_version"} <= tables:
        raise InvalidInput(
            f"{shown(str(path))} is not a database of MLflow", "name the file that MLflow's server writes to"
        )


def _link_folder(path: Path, folder: Path) -> str:
    """Fill ``folder`` with links to the entries of ``path``, so that MLflow can create what it misses."""
    for entry in path.iterdir():
        (folder / entry.name).symlink_to(entry)
    return folder.as_uri()
