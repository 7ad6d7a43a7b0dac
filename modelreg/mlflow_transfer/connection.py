"""A connection to MLflow by MLflow's own client: the only module that imports MLflow.

What is read is never written to: of a SQLite file a copy is opened, which is brought up to MLflow's present schema, and
of a folder a shadow, whose entries are links.
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

from modelreg.errors import InvalidInput, MLflowFailed, MLflowMissing, shown
from modelreg.mlflow_transfer.copies import temporary_folder
from modelreg.mlflow_transfer.location import Location, StoreKind

_SETTINGS = {
    "MLFLOW_ALLOW_FILE_STORE": "true",  # of a folder it says otherwise that it is in maintenance, and stops
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # its own seven take minutes to say that nobody answers
}
"""Environment variable of MLflow -> what it is while we are connected, unless it was set by hand."""

_LOCAL_SCHEMES = ("", "file", "modelreg")
"""Of addresses at which MLflow finds files of this machine."""


@contextmanager
def reading(location: Location) -> Iterator[Any]:
    """MLflow's client on what is there, of which nothing is changed.

    Raises `MLflowMissing`, `SourceNotFound`, `InvalidInput`, and `MLflowFailed` for what MLflow cannot open.
    """
    location.require()
    with _silence_mlflow(), temporary_folder() as folder:
        with wrap_failures(location.shown):
            uri = _readable(location, folder)
        with _connected(uri, location) as client:
            yield client


@contextmanager
def writing(location: Location) -> Iterator[Any]:
    """MLflow's client on a server, file or folder, of which the latter two are made if need be.

    Raises `MLflowMissing`, `InvalidInput` for what others than MLflow wrote, and `MLflowFailed`.
    """
    location.refuse_address_of_another_file()
    if not location.is_empty():
        location.require_mlflow_records()
        if location.path is not None and location.kind is StoreKind.DATABASE:
            with wrap_failures(location.shown), _opened(location.path) as database:
                _require_mlflow_tables(database, location.path)
    with _silence_mlflow(), _connected(location.uri, location) as client:
        yield client


@contextmanager
def block_local_files() -> Iterator[None]:
    """Let MLflow download nothing that lies on this machine, wherever an address leads in the end.

    A server says where its runs and logged models have their bytes, and so where ``runs:/`` and ``models:/`` lead.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_registered_artifact_repositories

    places = get_registered_artifact_repositories()
    before = {scheme: places[scheme] for scheme in _LOCAL_SCHEMES if scheme in places}
    places.update(dict.fromkeys(before, _refused))
    try:
        yield
    finally:
        places.update(before)


def _refused(artifact_uri: str, **_: Any) -> Any:
    raise ValueError(f"{artifact_uri} is a path of the server's machine: if that is this one, add --local-paths")


@contextmanager
def wrap_failures(what: str) -> Iterator[None]:
    """Whatever goes wrong in MLflow, as `MLflowFailed`: the sentence begins with ``what``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of stages and folders, which are what people move away from
            yield
    except InvalidInput:
        raise
    except Exception as error:  # MLflow's plugins raise whatever the library of a store does
        raise MLflowFailed(what, error) from error


@contextmanager
def _connected(uri: str, location: Location) -> Iterator[Any]:
    import mlflow

    with _restore_mlflow_settings():
        with wrap_failures(location.shown):
            # MLflow finds artifacts by what is set for the whole process, whatever its client was given.
            mlflow.set_tracking_uri(uri)
            mlflow.set_registry_uri(uri)
            client = mlflow.MlflowClient()
            client.search_registered_models(max_results=1)
        yield client


@contextmanager
def _restore_mlflow_settings() -> Iterator[None]:
    """What is set for the whole process is, at the end, what it was, and so are the variables in which it is kept."""
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
    """MLflow, imported and as silent as a library should be: what matters of it comes as an error."""
    ours = {name: value for name, value in _SETTINGS.items() if name not in os.environ}
    os.environ.update(ours)
    disabled = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _import()
        yield
    finally:
        logging.disable(disabled)
        for name in ours:
            os.environ.pop(name, None)


def _import() -> None:
    try:
        import_module("mlflow")  # about 2 s
    except ImportError as error:
        raise MLflowMissing from error


def _readable(location: Location, folder: Path) -> str:
    """What MLflow may open without changing anything of what is there."""
    if location.path is None:
        return location.uri
    return (_copied if location.kind is StoreKind.DATABASE else _linked)(location.path, folder)


def _copied(path: Path, folder: Path) -> str:
    """One moment of a SQLite file, as a file of its own that has the schema of the MLflow that is installed."""
    import mlflow.db

    copy = folder / "mlflow.db"
    with _opened(path) as source, closing(sqlite3.connect(copy)) as target:
        _require_mlflow_tables(source, path)
        source.backup(target)
    uri = f"sqlite:///{copy}"
    mlflow.db.upgrade.callback(uri)
    return uri


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A SQLite file, to be read alone."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        yield database


def _require_mlflow_tables(database: sqlite3.Connection, path: Path) -> None:
    """Raise `InvalidInput` for a database in which MLflow would begin by making its tables."""
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"registered_models", "alembic_version"} <= tables:
        raise InvalidInput(f"{shown(str(path))} is no database of MLflow", "name the file that its server writes to")


def _linked(path: Path, folder: Path) -> str:
    """A folder in which MLflow may make what it misses, with a link to each entry of the one at ``path``."""
    for entry in path.iterdir():
        (folder / entry.name).symlink_to(entry)
    return folder.as_uri()
