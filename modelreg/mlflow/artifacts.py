"""Files of runs and versions, by their address."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from modelreg.domain.runs import Run
from modelreg.errors import InvalidInput
from modelreg.mlflow import location
from modelreg.mlflow.absent import absent
from modelreg.mlflow.entities.file_info import FileInfo
from modelreg.mlflow.exceptions import speaks_mlflow
from modelreg.mlflow.loading import MODELS
from modelreg.mlflow.logged_models import run_reference


@speaks_mlflow
def download_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    dst_path: str | None = None,
    tracking_uri: str | None = None,
) -> str:
    """The path of a file or folder, every byte checked: a read-only copy, or one of one's own in ``dst_path``.

    ``artifact_uri`` is ``runs:/RUN/PATH`` or ``models:/NAME/3``; ``run_id`` and ``artifact_path`` name the former.
    """
    if (artifact_uri is None) == (run_id is None):
        raise InvalidInput("either artifact_uri or run_id says which artifacts are meant, and not both")
    uri = run_reference(artifact_uri or f"runs:/{run_id}/{artifact_path or ''}")
    path = checked_path(uri)
    if dst_path is None:
        return str(path)
    target = Path(dst_path) / _name_of(uri, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, target, copy_function=shutil.copyfile, dirs_exist_ok=True)
    else:
        shutil.copyfile(path, target)
    return str(target)


def _name_of(uri: str, path: Path) -> str:
    """What a copy is called: the files of a version or of a whole run are not put into a folder of their own."""
    if not path.is_dir():
        return path.name
    _, _, inside = uri.removeprefix("runs:/").strip("/").partition("/")
    return inside.rpartition("/")[2] if uri.startswith("runs:/") else ""


@speaks_mlflow
def list_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: str | None = None,
) -> list[FileInfo]:
    """The files and folders directly in a folder of a run's artifacts."""
    if (artifact_uri is None) == (run_id is None):
        raise InvalidInput("either artifact_uri or run_id says which artifacts are meant, and not both")
    if artifact_uri is not None:
        run_id, _, artifact_path = run_reference(artifact_uri).removeprefix("runs:/").partition("/")
    return listed(location.opened().runs.run(str(run_id)), artifact_path or "")


def listed(run: Run, path: str) -> list[FileInfo]:
    """The files and folders directly in a folder of a run's artifacts; of a model of one file, that file."""
    inside = f"{path.strip('/')}/" if path.strip("/") else ""
    found: dict[str, FileInfo] = {}
    for file in run.folder(inside.rstrip("/")):
        name, is_nested, _ = file.path.partition("/")
        found[name] = FileInfo(f"{inside}{name}", bool(is_nested), None if is_nested else file.size)
    return [found[name] for name in sorted(found)]


def checked_path(uri: str) -> Path:
    """A read-only copy of what an address leads to, every byte checked now; a path of this machine as it is."""
    text = run_reference(uri)
    registry = location.opened()
    if text.startswith("runs:/"):
        return registry.runs.path(text)
    if text.startswith(MODELS):
        return registry.path(text)
    path = Path(text.removeprefix("file://"))
    if not path.exists():
        raise InvalidInput(f"{uri} leads to no file", "write runs:/RUN/PATH, models:/NAME/3 or a path")
    return path


@speaks_mlflow
def load_text(artifact_uri: str) -> str:
    """The text in a file."""
    return checked_path(artifact_uri).read_text(encoding="utf-8")


@speaks_mlflow
def load_dict(artifact_uri: str) -> Any:
    """The value in a file of JSON."""
    return json.loads(checked_path(artifact_uri).read_text(encoding="utf-8"))


def __getattr__(name: str) -> object:
    raise absent(__name__, name)
