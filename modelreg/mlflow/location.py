"""Which registry is meant: one folder has both the runs and the models."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelreg.errors import shown
from modelreg.mlflow.exceptions import MlflowException, speaks_mlflow
from modelreg.registry import Registry

SCHEME = "modelreg://"
_DATABASE = "sqlite:///"
_SERVICES = {"databricks", "databricks-uc", "uc"}
"""Addresses of MLflow's that look like a folder's path."""

_chosen: str | None = None
_warned_of: set[str] = set()


@speaks_mlflow
def set_tracking_uri(uri: str | os.PathLike[str] | None) -> None:
    """Use the registry in a folder: its path, or ``modelreg:///PATH``; an empty text or None goes back to the default.

    ``sqlite:///mlflow.db`` is the folder ``mlflow.modelreg`` beside it. The address of a server is accepted with a
    warning, and the default folder is used. Raises `MlflowException` for anything else.
    """
    global _chosen
    text = os.fspath(uri or "")
    folder = None if not text or _is_server(text) else str(_folder(text).absolute())
    _chosen = folder
    if _is_server(text):
        _warn_of_server(text)


set_registry_uri = set_tracking_uri


@speaks_mlflow
def get_tracking_uri() -> str:
    """Where the registry is, as ``modelreg:///PATH``."""
    return f"{SCHEME}{current().folder}"


get_registry_uri = get_tracking_uri


def is_tracking_uri_set() -> bool:
    """Whether a folder was named."""
    return _chosen is not None


def current(*uris: str | os.PathLike[str] | None) -> Registry:
    """The registry that ``uris`` name, which have to agree; else the one that was set, else the default one.

    It need not exist yet. Raises `MlflowException` for what is no folder.
    """
    texts = [os.fspath(uri) for uri in uris if uri is not None]
    for server in filter(_is_server, texts):
        _warn_of_server(server)
    folders = {_folder(text).absolute() for text in texts if not _is_server(text)}
    if len(folders) > 1:
        raise MlflowException.invalid_parameter_value(
            "runs and models are in one registry: tracking_uri and registry_uri have to name the same folder"
        )
    return Registry(folders.pop() if folders else _chosen)


def opened(*uris: str | os.PathLike[str] | None) -> Registry:
    """The same, made if need be, as MLflow makes its database."""
    registry = current(*uris)
    if not registry.exists():
        registry.create()
    return registry


@contextmanager
def using(*uris: str | os.PathLike[str] | None) -> Iterator[None]:
    """Let the registry that ``uris`` name be the one that was set, within the block; without any, change nothing."""
    global _chosen
    before = _chosen
    if any(uri is not None for uri in uris):
        _chosen = str(current(*uris).folder)
    try:
        yield
    finally:
        _chosen = before


def _is_server(uri: str) -> bool:
    return uri.startswith(("http://", "https://"))


def _warn_of_server(uri: str) -> None:
    """Say once which folder is used instead of a server, since others may look for the models there."""
    if uri not in _warned_of:
        _warned_of.add(uri)
        message = f"modelreg.mlflow needs no server: {shown(uri)} is not used, and everything is kept in"
        warnings.warn(f"{message} {Registry(_chosen).folder}", stacklevel=4)


def _folder(uri: str) -> Path:
    if uri.startswith(_DATABASE):
        return _beside_the_database(uri)
    path = uri.removeprefix(SCHEME).removeprefix("file:")
    path = path[2:] if path.startswith("//") else path
    scheme, colon, _ = path.partition(":")
    if not path or uri in _SERVICES or (colon and "/" not in scheme):
        raise MlflowException.invalid_parameter_value(
            f"{shown(uri)} names no folder, and modelreg needs no server: leave the call out, and everything is in "
            f"{Registry().folder}; or give a folder's path, or {SCHEME}/PATH"
        )
    return Path(path).expanduser()


def _beside_the_database(uri: str) -> Path:
    """Tutorials begin with a SQLite file, which takes no server either: the registry is a folder of its name."""
    database = Path(uri.removeprefix(_DATABASE))
    if database.suffix in ("", ".modelreg"):  # no file: a database in memory
        raise MlflowException.invalid_parameter_value(f"{shown(uri)} names no file beside which a registry could be")
    folder = database.with_suffix(".modelreg")
    warnings.warn(f"modelreg uses no database, but the folder {folder.absolute()}", stacklevel=2)
    return folder
