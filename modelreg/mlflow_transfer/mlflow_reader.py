"""Read MLflow's registered models, their versions and their files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlsplit

from modelreg.errors import shown
from modelreg.mlflow_transfer.connection import block_local_files, wrap_failures
from modelreg.mlflow_transfer.location import Location
from modelreg.mlflow_transfer.reserved_names import DIGEST, MANIFEST
from modelreg.system.clock import as_text

_PAGE_SIZE = 100  # models or versions
_READY = "READY"


@dataclass(frozen=True, slots=True)
class MLflowVersion:
    """A version in MLflow's registry; its run and files are read separately."""

    name: str
    number: int
    stage: str
    description: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...]
    source: str
    run_id: str | None
    model_id: str | None
    status: str
    created_at: str
    """RFC 3339 in UTC."""
    created_by: str

    @property
    def digest(self) -> str | None:
        """The digest of an exported version in the registry that it came from; None for other versions."""
        return self.tags.get(DIGEST)


@dataclass(frozen=True, slots=True)
class MLflowModel:
    """A registered model with all its versions, oldest first."""

    name: str
    description: str
    tags: Mapping[str, str]
    versions: tuple[MLflowVersion, ...]

    @property
    def aliases(self) -> frozenset[str]:
        """The aliases of all versions."""
        return frozenset(alias for version in self.versions for alias in version.aliases)


@dataclass(frozen=True, slots=True)
class MLflowRun:
    """The data of a version's run."""

    run_id: str | None
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    git_commit: str | None
    git_branch: str | None
    user: str
    is_gone: bool
    """Whether the run existed and was deleted."""


class MLflowSource:
    """MLflow's data, read through its client; every method raises `MLflowFailed` if MLflow fails."""

    def __init__(self, client: Any, location: Location) -> None:
        self._client = client
        self._location = location

    def names(self) -> list[str]:
        """The names of all registered models, sorted."""
        with wrap_failures(self._location.shown):
            return sorted(model.name for model in _read_pages(self._client.search_registered_models))

    def model(self, name: str) -> MLflowModel:
        """A registered model with its versions."""
        with wrap_failures(f"{shown(name)} in MLflow"):
            model = self._client.get_registered_model(name)
            filter_string = f"name='{name}'" if "'" not in name else f'name="{name}"'
            matches = _read_pages(self._client.search_model_versions, filter_string)
            versions = [version for version in matches if version.name == name]
            aliases: dict[int, list[str]] = {}
            for alias, number in model.aliases.items():
                aliases.setdefault(int(number), []).append(alias)
            return MLflowModel(
                name=name,
                description=model.description or "",
                tags=dict(model.tags),
                versions=tuple(
                    _build_version(version, tuple(sorted(aliases.get(int(version.version), ()))))
                    for version in sorted(versions, key=lambda version: int(version.version))
                ),
            )

    def run(self, version: MLflowVersion) -> MLflowRun:
        """The data of the version's run, and of the logged model that it was created from."""
        with wrap_failures(f"the run of {version.name}/{version.number}"):
            return read_run(self._client, version.run_id, version.model_id)

    def manifest(self, version: MLflowVersion) -> bytes:
        """The manifest that an export stored beside the files of a version."""
        with wrap_failures(f"the manifest of {version.name}/{version.number}"):
            uri = f"{version.source.rstrip('/').rpartition('/')[0]}/{MANIFEST}"
            with self._download(uri) as path:
                return path.read_bytes()

    @contextmanager
    def files(self, version: MLflowVersion) -> Iterator[Path]:
        """The version's file or folder: the original if it is local, else a temporary copy."""
        with ExitStack() as stack:
            with wrap_failures("its files"):
                path = stack.enter_context(self._download(self._get_uri(version)))
            yield path

    def check_files(self, version: MLflowVersion) -> None:
        """Raise `MLflowFailed` as `files` would, as far as this is known without a download."""
        with wrap_failures("its files"):
            self._find_local(self._get_uri(version))

    def _get_uri(self, version: MLflowVersion) -> str:
        if version.status != _READY:
            raise ValueError(f"the version's status in MLflow is {version.status}")
        return str(self._client.get_model_version_download_uri(version.name, str(version.number)))

    @contextmanager
    def _download(self, uri: str) -> Iterator[Path]:
        local = self._find_local(uri)
        if local is not None:
            yield local
            return
        import mlflow.artifacts

        with TemporaryDirectory(prefix="modelreg-") as folder:
            with block_local_files() if not self._location.has_local_paths else nullcontext():
                path = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=folder))
            yield path

    def _find_local(self, uri: str) -> Path | None:
        """The local path of a URI; None if it is remote. Raises FileNotFoundError if the path does not exist."""
        parts = urlsplit(uri)
        if parts.scheme not in ("", "file"):
            return None
        path = Path(unquote(parts.path) if parts.scheme else uri)
        if not self._location.has_local_paths:  # writers of the server could name any file of the importing user
            raise ValueError(f"{path} is a path on the server's machine: if the server runs here, add --local-paths")
        for candidate in self._iterate_local_paths(path):
            if candidate.exists():
                return candidate
        raise FileNotFoundError(f"{path} does not exist")

    def _iterate_local_paths(self, path: Path) -> Iterator[Path]:
        """The path as written, and its counterpart beside MLflow's data, in case both were moved together."""
        data_path = self._location.path
        if path.is_absolute():
            yield path
        elif data_path is not None:
            yield data_path.parent / path
        if data_path is not None and "mlruns" in path.parts:
            relative_parts = path.parts[len(path.parts) - path.parts[::-1].index("mlruns") :]
            mlruns = data_path if data_path.is_dir() else data_path.parent / "mlruns"
            yield mlruns.joinpath(*relative_parts)


def _read_pages(search: Any, filter_string: str | None = None) -> Iterator[Any]:
    token = None
    while True:
        page = search(filter_string=filter_string, max_results=_PAGE_SIZE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def read_run(tracking: Any, run_id: str | None, model_id: str | None) -> MLflowRun:
    """Read a run and a logged model; ``tracking`` is MLflow's client or its tracking store.

    Metrics of the run take precedence over those of the logged model, which other runs may have logged. A missing run
    or model is not an error; other exceptions of MLflow are passed through.
    """
    model = _get_or_none(tracking.get_logged_model, model_id)
    run = _get_or_none(tracking.get_run, run_id or (model and model.source_run_id))
    tags = run.data.tags if run else {}
    return MLflowRun(
        run_id=run.info.run_id if run else run_id,
        metrics=_get_latest_values((model and model.metrics) or ()) | (run.data.metrics if run else {}),
        params=(run.data.params if run else {}) | ((model and model.params) or {}),
        git_commit=tags.get("mlflow.source.git.commit"),
        git_branch=tags.get("mlflow.source.git.branch"),
        user=tags.get("mlflow.user", ""),
        is_gone=bool(run_id) and run is None,
    )


def _get_or_none(get: Callable[[str], Any], key: str | None) -> Any:
    """Get a record of MLflow; None without a key, and for a record that was permanently deleted."""
    from mlflow.exceptions import MlflowException

    try:
        return get(key) if key else None
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def _get_latest_values(metrics: Iterable[Any]) -> dict[str, float]:
    """The last value of each metric of a logged model; a SQLite store returns every step, in any order."""
    ordered = sorted(metrics, key=lambda metric: (metric.step, metric.timestamp))
    return {metric.key: metric.value for metric in ordered}


def _get_model_id(version: Any) -> str | None:
    """The id of the logged model that a version was created from; a SQLite store has it only in the source."""
    match = re.fullmatch(r"models:/+(m-[0-9a-f]{32})/?", version.source or "")
    return getattr(version, "model_id", None) or (match[1] if match else None)


def _build_version(version: Any, aliases: tuple[str, ...]) -> MLflowVersion:
    return MLflowVersion(
        name=version.name,
        number=int(version.version),
        stage=version.current_stage or "None",
        description=version.description or "",
        tags=dict(version.tags),
        aliases=aliases,
        source=version.source or "",
        run_id=version.run_id or None,
        model_id=_get_model_id(version),
        status=version.status,
        created_at=as_text(datetime.fromtimestamp(version.creation_timestamp / 1000, UTC)),
        created_by=version.user_id or "",
    )
