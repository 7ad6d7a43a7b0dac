"""MLflow's functions that log files to the active run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelreg.mlflow import artifact_files, location
from modelreg.mlflow.exceptions import MlflowException, translate_errors
from modelreg.mlflow.fluent import resolve_run_id


@translate_errors
def log_artifact(local_path: str, artifact_path: str | None = None, run_id: str | None = None) -> None:
    """Log a local file or folder to the active run."""
    artifact_files.log_file(resolve_run_id(run_id), local_path, artifact_path)


@translate_errors
def log_artifacts(local_dir: str, artifact_path: str | None = None, run_id: str | None = None) -> None:
    """Log all files of a local folder to the active run."""
    artifact_files.log_folder(resolve_run_id(run_id), local_dir, artifact_path)


@translate_errors
def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Log text as a file of the active run."""
    artifact_files.log_text(resolve_run_id(run_id), text, artifact_file)


@translate_errors
def log_dict(dictionary: object, artifact_file: str, run_id: str | None = None) -> None:
    """Log a value as a JSON or YAML file of the active run."""
    artifact_files.log_dictionary(resolve_run_id(run_id), dictionary, artifact_file)


@translate_errors
def log_figure(figure: object, artifact_file: str, *, save_kwargs: Mapping[str, object] | None = None) -> None:
    """Log a Matplotlib or Plotly figure to the active run."""
    artifact_files.log_figure(resolve_run_id(), figure, artifact_file, save_kwargs)


@translate_errors
def log_image(image: object, artifact_file: str) -> None:
    """Log a Pillow image, or an image array, to the active run."""
    artifact_files.log_image(resolve_run_id(), image, artifact_file)


@translate_errors
def log_table(data: object, artifact_file: str, run_id: str | None = None) -> None:
    """Log a table to the active run; rows are appended to an existing table of that name."""
    artifact_files.log_table(resolve_run_id(run_id), data, artifact_file)


@translate_errors
def load_table(artifact_file: str, run_ids: Sequence[str] | None = None, extra_columns: object = None) -> Any:
    """Read the tables of this name from runs, by default the active one, and concatenate them."""
    import pandas as pd

    if extra_columns:
        raise MlflowException.invalid_parameter_value(
            "extra_columns is not supported: use search_runs for data of runs"
        )
    runs = location.open_registry().runs
    paths = [runs.path(f"runs:/{run_id}/{artifact_file}") for run_id in run_ids or [resolve_run_id()]]
    return pd.concat([artifact_files.read_table(path) for path in paths], ignore_index=True)


@translate_errors
def get_artifact_uri(artifact_path: str | None = None) -> str:
    """The URI ``runs:/RUN/PATH`` of the active run, for loading and registering its files."""
    return f"runs:/{resolve_run_id()}" + (f"/{artifact_path}" if artifact_path else "")
