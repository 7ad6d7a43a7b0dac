"""Log files and values as artifacts of a run: text, dictionaries, figures, images, tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modelreg.domain.references import parse_model_path
from modelreg.errors import InvalidInput, shown
from modelreg.mlflow import location


def log_file(run_id: str, local_path: str, artifact_path: str | None = None) -> None:
    """Log a local file, or a folder, below ``artifact_path``."""
    path = Path(local_path)
    if path.is_dir():
        log_folder(run_id, local_path, _join(artifact_path, path.name))
    else:
        location.open_registry().runs.log_files(run_id, {_join(artifact_path, path.name): path})


def log_folder(run_id: str, local_dir: str, artifact_path: str | None = None) -> None:
    """Log all files of a local folder below ``artifact_path``, in one transaction."""
    folder = Path(local_dir)
    if not folder.is_dir():
        raise InvalidInput(f"{shown(str(local_dir))} is not a folder", "log a single file with log_artifact")
    files = {
        _join(artifact_path, path.relative_to(folder).as_posix()): path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    if files:
        location.open_registry().runs.log_files(run_id, files)


def log_text(run_id: str, text: str, artifact_file: str) -> None:
    """Log text as a file."""
    _write_and_log(run_id, artifact_file, lambda path: path.write_text(text, encoding="utf-8"))


def log_dictionary(run_id: str, dictionary: Any, artifact_file: str) -> None:
    """Log a value as a JSON file, or as YAML if the file name ends in .yaml or .yml."""
    import yaml

    if artifact_file.endswith((".yaml", ".yml")):
        text = yaml.safe_dump(dictionary, sort_keys=False)
    else:
        text = json.dumps(dictionary, indent=2, default=str)
    log_text(run_id, text, artifact_file)


def log_figure(run_id: str, figure: Any, artifact_file: str, save_kwargs: Mapping[str, Any] | None = None) -> None:
    """Log a Matplotlib or Plotly figure as an image or an HTML page."""

    def write(path: Path) -> None:
        if hasattr(figure, "savefig"):
            figure.savefig(path, **(save_kwargs or {}))
        elif hasattr(figure, "write_html") and path.suffix == ".html":
            figure.write_html(path, **(save_kwargs or {}))
        elif hasattr(figure, "write_image"):
            figure.write_image(path, **(save_kwargs or {}))
        else:
            raise InvalidInput(f"a {type(figure).__name__} is not a Matplotlib or Plotly figure")

    _write_and_log(run_id, artifact_file, write)


def log_image(run_id: str, image: Any, artifact_file: str) -> None:
    """Log a Pillow image, or an image array, which Matplotlib writes."""

    def write(path: Path) -> None:
        if hasattr(image, "save"):
            image.save(path)
        else:
            from matplotlib.image import imsave

            imsave(path, image)

    _write_and_log(run_id, artifact_file, write)


def log_table(run_id: str, data: Any, artifact_file: str) -> None:
    """Log a DataFrame, or a dictionary of columns, as JSON or Parquet; rows are appended to an existing table."""
    import pandas as pd

    table = data if isinstance(data, pd.DataFrame) else pd.DataFrame(data)
    if location.open_registry().runs.run(run_id).model_at(artifact_file) is not None:
        existing = read_table(location.open_registry().runs.path(f"runs:/{run_id}/{artifact_file}"))
        table = pd.concat([existing, table], ignore_index=True)

    def write(path: Path) -> None:
        if path.suffix == ".parquet":
            table.to_parquet(path)
        else:
            path.write_text(table.to_json(orient="split", index=False, date_format="iso"), encoding="utf-8")

    _write_and_log(run_id, artifact_file, write)


def read_table(path: Path) -> Any:
    """Read a table that `log_table` wrote."""
    import pandas as pd

    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.DataFrame(**{key: value for key, value in json.loads(path.read_text()).items() if key != "index"})


def _write_and_log(run_id: str, artifact_file: str, write: Callable[[Path], object]) -> None:
    path_in_run = parse_model_path(artifact_file)
    with TemporaryDirectory(prefix="modelreg-") as folder:
        path = Path(folder) / path_in_run.rpartition("/")[2]
        write(path)
        location.open_registry().runs.log_files(run_id, {path_in_run: path})


def _join(folder: str | None, name: str) -> str:
    return f"{folder.strip('/')}/{name}" if folder and folder.strip("/") else name
