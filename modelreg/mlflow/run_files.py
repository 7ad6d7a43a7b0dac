"""The functions that keep files in the active run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelreg.mlflow import artifact_files, location
from modelreg.mlflow.exceptions import MlflowException, speaks_mlflow
from modelreg.mlflow.fluent import active_run_id


@speaks_mlflow
def log_artifact(local_path: str, artifact_path: str | None = None, run_id: str | None = None) -> None:
    """Keep a file, or a folder, of this machine in the active run."""
    artifact_files.keep_file(active_run_id(run_id), local_path, artifact_path)


@speaks_mlflow
def log_artifacts(local_dir: str, artifact_path: str | None = None, run_id: str | None = None) -> None:
    """Keep all files of a folder in the active run."""
    artifact_files.keep_folder(active_run_id(run_id), local_dir, artifact_path)


@speaks_mlflow
def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Keep a text as a file of the active run."""
    artifact_files.keep_text(active_run_id(run_id), text, artifact_file)


@speaks_mlflow
def log_dict(dictionary: object, artifact_file: str, run_id: str | None = None) -> None:
    """Keep a value as a file of JSON or YAML in the active run."""
    artifact_files.keep_dictionary(active_run_id(run_id), dictionary, artifact_file)


@speaks_mlflow
def log_figure(figure: object, artifact_file: str, *, save_kwargs: Mapping[str, object] | None = None) -> None:
    """Keep a figure of Matplotlib or Plotly in the active run."""
    artifact_files.keep_figure(active_run_id(), figure, artifact_file, save_kwargs)


@speaks_mlflow
def log_image(image: object, artifact_file: str) -> None:
    """Keep an image of Pillow, or an array of one, in the active run."""
    artifact_files.keep_image(active_run_id(), image, artifact_file)


@speaks_mlflow
def log_table(data: object, artifact_file: str, run_id: str | None = None) -> None:
    """Keep a table in the active run; one that is there gets more rows."""
    artifact_files.keep_table(active_run_id(run_id), data, artifact_file)


@speaks_mlflow
def load_table(artifact_file: str, run_ids: Sequence[str] | None = None, extra_columns: object = None) -> Any:
    """The tables of this name of some runs, else of the active one, one below the other."""
    import pandas as pd

    if extra_columns:
        raise MlflowException.invalid_parameter_value("extra_columns are not there: search_runs has what a run has")
    runs = location.opened().runs
    paths = [runs.path(f"runs:/{run_id}/{artifact_file}") for run_id in run_ids or [active_run_id()]]
    return pd.concat([artifact_files.read_table(path) for path in paths], ignore_index=True)


@speaks_mlflow
def get_artifact_uri(artifact_path: str | None = None) -> str:
    """``runs:/RUN/PATH`` of the active run, by which its files are loaded and registered."""
    return f"runs:/{active_run_id()}" + (f"/{artifact_path}" if artifact_path else "")
