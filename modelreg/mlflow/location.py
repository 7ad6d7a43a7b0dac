"""The registry that MLflow's functions use: one folder holds both runs and models."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelreg.errors import shown
from modelreg.mlflow.exceptions import MlflowException, translate_errors
from modelreg.registry import Registry

SCHEME = "modelreg://"
_DATABASE = "sqlite:///"
_SERVICE_NAMES = {"databricks", "databricks-uc", "uc"}
"""MLflow's tracking URIs that look like relative paths."""

_tracking_folder: str | None = None
"""The folder that `set_tracking_uri` set; None for the default."""
_warned_uris: set[str] = set()


@translate_errors
def set_tracking_uri(uri: str | os.PathLike[str] | None) -> None:
    """Set the registry folder by its path or ``modelreg:///PATH``; an empty string or None restores the default.

    ``sqlite:///mlflow.db`` means the folder ``mlflow.modelreg`` beside it. For a server URI the default folder is used,
    with a warning. Raises `MlflowException` for any other URI.
    """
    global _tracking_folder
    text = os.fspath(uri or "")
    _tracking_folder = None if not text or _is_server(text) else str(_parse_folder(text).absolute())
    if _is_server(text):
        _warn_of_server(text)


set_registry_uri = set_tracking_uri


@translate_errors
def get_tracking_uri() -> str:
    """The registry's folder as ``modelreg:///PATH``."""
    return f"{SCHEME}{get_registry().folder}"


get_registry_uri = get_tracking_uri


def is_tracking_uri_set() -> bool:
    """Whether `set_tracking_uri` chose a folder."""
    return _tracking_folder is not None


def get_registry(*uris: str | os.PathLike[str] | None) -> Registry:
    """The registry at ``uris``, which must agree; else the one that was set; else the default one.

    It may not exist yet. Raises `MlflowException` if a URI does not name a folder.
    """
    texts = [os.fspath(uri) for uri in uris if uri is not None]
    for server in filter(_is_server, texts):
        _warn_of_server(server)
    folders = {_parse_folder(text).absolute() for text in texts if not _is_server(text)}
    if len(folders) > 1:
        raise MlflowException.invalid_parameter_value(
            "tracking_uri and registry_uri must name the same folder: one registry holds both runs and models"
        )
    return Registry(folders.pop() if folders else _tracking_folder)


def open_registry(*uris: str | os.PathLike[str] | None) -> Registry:
    """`get_registry`, which is created if it does not exist, as MLflow creates its database."""
    registry = get_registry(*uris)
    if not registry.exists():
        registry.create()
    return registry


@contextmanager
def use_registry(*uris: str | os.PathLike[str] | None) -> Iterator[None]:
    """Set the registry at ``uris`` within the block; does nothing without URIs."""
    global _tracking_folder
    previous = _tracking_folder
    if any(uri is not None for uri in uris):
        _tracking_folder = str(get_registry(*uris).folder)
    try:
        yield
    finally:
        _tracking_folder = previous


def _is_server(uri: str) -> bool:
    return uri.startswith(("http://", "https://"))


def _warn_of_server(uri: str) -> None:
    """Warn once per URI which folder is used instead of the server: other people may look for the models there."""
    if uri not in _warned_uris:
        _warned_uris.add(uri)
        message = f"modelreg.mlflow uses no server: {shown(uri)} is ignored, and everything is stored in"
        warnings.warn(f"{message} {Registry(_tracking_folder).folder}", stacklevel=4)


def _parse_folder(uri: str) -> Path:
    if uri.startswith(_DATABASE):
        return _get_folder_beside_database(uri)
    path = uri.removeprefix(SCHEME).removeprefix("file:")
    path = path[2:] if path.startswith("//") else path
    scheme, colon, _ = path.partition(":")
    if not path or uri in _SERVICE_NAMES or (colon and "/" not in scheme):
        raise MlflowException.invalid_parameter_value(
            f"{shown(uri)} is not a folder, and modelreg uses no server: remove the call to store everything in "
            f"{Registry().folder}; or pass a folder's path or {SCHEME}/PATH"
        )
    return Path(path).expanduser()


def _get_folder_beside_database(uri: str) -> Path:
    """The registry folder for a SQLite URI, with which tutorials begin, as it needs no server either."""
    database = Path(uri.removeprefix(_DATABASE))
    if database.suffix in ("", ".modelreg"):  # no file: a database in memory
        raise MlflowException.invalid_parameter_value(
            f"{shown(uri)} is not a file, so no folder can be created beside it"
        )
    folder = database.with_suffix(".modelreg")
    warnings.warn(f"modelreg uses no database: everything is stored in the folder {folder.absolute()}", stacklevel=2)
    return folder
