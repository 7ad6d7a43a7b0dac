"""Which registry is meant: one folder has both the runs and the models."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from modelreg.errors import shown
from modelreg.mlflow.exceptions import MlflowException, speaks_mlflow
from modelreg.registry import Registry

SCHEME = "modelreg://"
_DATABASE = "sqlite:///"
_SERVICES = {"databricks", "databricks-uc", "uc"}
"""Addresses of MLflow's that look like a folder's path."""

_chosen: str | None = None


@speaks_mlflow
def set_tracking_uri(uri: str | os.PathLike[str] | None) -> None:
    """Use the registry in a folder: its path, or ``modelreg:///PATH``; an empty text or None goes back to the default.

    ``sqlite:///mlflow.db`` is the folder ``mlflow.modelreg`` beside it. Raises `MlflowException` for a server.
    """
    global _chosen
    folder = os.fspath(uri or "")
    _chosen = str(_folder(folder).absolute()) if folder else None


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
    folders = {_folder(os.fspath(uri)).absolute() for uri in uris if uri is not None}
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
