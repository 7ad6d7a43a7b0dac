"""Values as files that a run keeps: texts, dictionaries, figures, images, tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modelreg.domain.references import parse_model_path
from modelreg.errors import InvalidInput, shown
from modelreg.mlflow import location


def keep_file(run_id: str, local_path: str, artifact_path: str | None = None) -> None:
    """Keep a file of this machine, or a folder, below ``artifact_path``."""
    path = Path(local_path)
    if path.is_dir():
        keep_folder(run_id, local_path, _joined(artifact_path, path.name))
    else:
        location.opened().runs.log_files(run_id, {_joined(artifact_path, path.name): path})


def keep_folder(run_id: str, local_dir: str, artifact_path: str | None = None) -> None:
    """Keep all files of a folder below ``artifact_path``, in one transaction."""
    folder = Path(local_dir)
    if not folder.is_dir():
        raise InvalidInput(f"{shown(str(local_dir))} is no folder", "log_artifact keeps a file")
    files = {
        _joined(artifact_path, path.relative_to(folder).as_posix()): path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    if files:
        location.opened().runs.log_files(run_id, files)


def keep_text(run_id: str, text: str, artifact_file: str) -> None:
    """Keep a text as a file."""
    _keep_written(run_id, artifact_file, lambda path: path.write_text(text, encoding="utf-8"))


def keep_dictionary(run_id: str, dictionary: Any, artifact_file: str) -> None:
    """Keep a value as a file of JSON, or of YAML where its name says so."""
    import yaml

    if artifact_file.endswith((".yaml", ".yml")):
        text = yaml.safe_dump(dictionary, sort_keys=False)
    else:
        text = json.dumps(dictionary, indent=2, default=str)
    keep_text(run_id, text, artifact_file)


def keep_figure(run_id: str, figure: Any, artifact_file: str, save_kwargs: Mapping[str, Any] | None = None) -> None:
    """Keep a figure of Matplotlib, or of Plotly, as an image or a page."""

    def write(path: Path) -> None:
        if hasattr(figure, "savefig"):
            figure.savefig(path, **(save_kwargs or {}))
        elif hasattr(figure, "write_html") and path.suffix == ".html":
            figure.write_html(path, **(save_kwargs or {}))
        elif hasattr(figure, "write_image"):
            figure.write_image(path, **(save_kwargs or {}))
        else:
            raise InvalidInput(f"a {type(figure).__name__} is no figure of Matplotlib or Plotly")

    _keep_written(run_id, artifact_file, write)


def keep_image(run_id: str, image: Any, artifact_file: str) -> None:
    """Keep an image of Pillow, or an array of one, which Matplotlib writes."""

    def write(path: Path) -> None:
        if hasattr(image, "save"):
            image.save(path)
        else:
            from matplotlib.image import imsave

            imsave(path, image)

    _keep_written(run_id, artifact_file, write)


def keep_table(run_id: str, data: Any, artifact_file: str) -> None:
    """Keep a table, or a dictionary of columns, as JSON or parquet; one of the same name gets more rows."""
    import pandas as pd

    table = data if isinstance(data, pd.DataFrame) else pd.DataFrame(data)
    known = location.opened().runs.run(run_id).model_at(artifact_file)
    if known is not None:
        before = read_table(location.opened().runs.path(f"runs:/{run_id}/{artifact_file}"))
        table = pd.concat([before, table], ignore_index=True)

    def write(path: Path) -> None:
        if path.suffix == ".parquet":
            table.to_parquet(path)
        else:
            path.write_text(table.to_json(orient="split", index=False, date_format="iso"), encoding="utf-8")

    _keep_written(run_id, artifact_file, write)


def read_table(path: Path) -> Any:
    """A table as `keep_table` wrote it."""
    import pandas as pd

    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.DataFrame(**{key: value for key, value in json.loads(path.read_text()).items() if key != "index"})


def _keep_written(run_id: str, artifact_file: str, write: Callable[[Path], object]) -> None:
    called = parse_model_path(artifact_file)
    with TemporaryDirectory(prefix="modelreg-") as folder:
        path = Path(folder) / called.rpartition("/")[2]
        write(path)
        location.opened().runs.log_files(run_id, {called: path})


def _joined(folder: str | None, name: str) -> str:
    return f"{folder.strip('/')}/{name}" if folder and folder.strip("/") else name
