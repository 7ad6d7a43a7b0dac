"""Read the files of runs and versions by URI: MLflow's module ``mlflow.artifacts``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from modelreg.domain.runs import Run
from modelreg.errors import InvalidInput
from modelreg.mlflow import location
from modelreg.mlflow.entities.file_info import FileInfo
from modelreg.mlflow.exceptions import translate_errors
from modelreg.mlflow.loading import MODELS_SCHEME
from modelreg.mlflow.logged_models import resolve_model_id
from modelreg.mlflow.missing_names import build_attribute_error


@translate_errors
def download_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    dst_path: str | None = None,
    tracking_uri: str | None = None,
) -> str:
    """The local path of a file or folder, after its digests were verified.

    Without ``dst_path`` it is a read-only copy; with it, a writable copy in that folder.

    ``artifact_uri`` is ``runs:/RUN/PATH`` or ``models:/NAME/3``; ``run_id`` with ``artifact_path`` means the former.
    """
    if (artifact_uri is None) == (run_id is None):
        raise InvalidInput("give either artifact_uri or run_id, not both")
    uri = resolve_model_id(artifact_uri or f"runs:/{run_id}/{artifact_path or ''}")
    path = get_verified_path(uri)
    if dst_path is None:
        return str(path)
    target = Path(dst_path) / _copy_name(uri, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, target, copy_function=shutil.copyfile, dirs_exist_ok=True)
    else:
        shutil.copyfile(path, target)
    return str(target)


def _copy_name(uri: str, path: Path) -> str:
    """The name of the copy in ``dst_path``; empty for a folder that is a version or a whole run: its files go there."""
    if not path.is_dir():
        return path.name
    _, _, path_in_run = uri.removeprefix("runs:/").strip("/").partition("/")
    return path_in_run.rpartition("/")[2] if uri.startswith("runs:/") else ""


@translate_errors
def list_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: str | None = None,
) -> list[FileInfo]:
    """The direct entries of a folder of a run's artifacts."""
    if (artifact_uri is None) == (run_id is None):
        raise InvalidInput("give either artifact_uri or run_id, not both")
    if artifact_uri is not None:
        run_id, _, artifact_path = resolve_model_id(artifact_uri).removeprefix("runs:/").partition("/")
    return list_folder(location.open_registry().runs.run(str(run_id)), artifact_path or "")


def list_folder(run: Run, path: str) -> list[FileInfo]:
    """The direct entries of a folder of a run's artifacts; for the path of a single-file model, that file."""
    prefix = f"{path.strip('/')}/" if path.strip("/") else ""
    entries: dict[str, FileInfo] = {}
    for file in run.folder(prefix.rstrip("/")):
        name, is_nested, _ = file.path.partition("/")
        entries[name] = FileInfo(f"{prefix}{name}", bool(is_nested), None if is_nested else file.size)
    return [entries[name] for name in sorted(entries)]


def get_verified_path(uri: str) -> Path:
    """The path of a read-only, verified copy of the file or folder at a URI; a local path is returned unchanged."""
    text = resolve_model_id(uri)
    registry = location.open_registry()
    if text.startswith("runs:/"):
        return registry.runs.path(text)
    if text.startswith(MODELS_SCHEME):
        return registry.path(text)
    path = Path(text.removeprefix("file://"))
    if not path.exists():
        raise InvalidInput(f"no file or folder at {uri}", "use runs:/RUN/PATH, models:/NAME/3 or a local path")
    return path


@translate_errors
def load_text(artifact_uri: str) -> str:
    """Read a text file."""
    return get_verified_path(artifact_uri).read_text(encoding="utf-8")


@translate_errors
def load_dict(artifact_uri: str) -> Any:
    """Read a JSON file."""
    return json.loads(get_verified_path(artifact_uri).read_text(encoding="utf-8"))


def __getattr__(name: str) -> object:
    raise build_attribute_error(__name__, name)
