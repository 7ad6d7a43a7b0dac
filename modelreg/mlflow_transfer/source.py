"""What MLflow has: registered models, their versions, and the bytes of those."""

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
from modelreg.mlflow_transfer.marks import DIGEST, MANIFEST
from modelreg.system.clock import as_text

_PAGE = 100  # models or versions
_READY = "READY"


@dataclass(frozen=True, slots=True)
class MLflowVersion:
    """A version as MLflow's registry has it; its run and its bytes are asked for separately."""

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
        """What modelreg called the version that it brought to MLflow; None for one that was made there."""
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
    """What a version's run says of it."""

    run_id: str | None
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    git_commit: str | None
    git_branch: str | None
    user: str
    is_gone: bool
    """Whether there was a run, and is none any more."""


class MLflowSource:
    """MLflow's records, read by its client; every method raises `MLflowFailed` when it cannot."""

    def __init__(self, client: Any, location: Location) -> None:
        self._client = client
        self._location = location

    def names(self) -> list[str]:
        """The names of all registered models, in order."""
        with wrap_failures(self._location.shown):
            return sorted(each.name for each in _pages(self._client.search_registered_models))

    def model(self, name: str) -> MLflowModel:
        """One registered model."""
        with wrap_failures(f"{shown(name)} in MLflow"):
            found = self._client.get_registered_model(name)
            quoted = f"name='{name}'" if "'" not in name else f'name="{name}"'
            versions = [each for each in _pages(self._client.search_model_versions, quoted) if each.name == name]
            aliases: dict[int, list[str]] = {}
            for alias, number in found.aliases.items():
                aliases.setdefault(int(number), []).append(alias)
            return MLflowModel(
                name=name,
                description=found.description or "",
                tags=dict(found.tags),
                versions=tuple(
                    _version(each, tuple(sorted(aliases.get(int(each.version), ()))))
                    for each in sorted(versions, key=lambda each: int(each.version))
                ),
            )

    def run(self, version: MLflowVersion) -> MLflowRun:
        """What the version's run, and the logged model that it was made from, say of it."""
        with wrap_failures(f"the run of {version.name}/{version.number}"):
            return read_run(self._client, version.run_id, version.model_id)

    def manifest(self, version: MLflowVersion) -> bytes:
        """The manifest that modelreg put beside the bytes of a version that it brought to MLflow."""
        with wrap_failures(f"the manifest of {version.name}/{version.number}"):
            address = f"{version.source.rstrip('/').rpartition('/')[0]}/{MANIFEST}"
            with self._fetched(address) as path:
                return path.read_bytes()

    @contextmanager
    def files(self, version: MLflowVersion) -> Iterator[Path]:
        """The version's file or folder, where it is, or as a copy that is gone at the end."""
        with ExitStack() as held:
            with wrap_failures("its bytes"):
                path = held.enter_context(self._fetched(self._address(version)))
            yield path

    def require_files(self, version: MLflowVersion) -> None:
        """Raise `MLflowFailed` as `files` would, as far as that can be said without fetching anything."""
        with wrap_failures("its bytes"):
            self._local(self._address(version))

    def _address(self, version: MLflowVersion) -> str:
        if version.status != _READY:
            raise ValueError(f"MLflow says that the version is {version.status}")
        return str(self._client.get_model_version_download_uri(version.name, str(version.number)))

    @contextmanager
    def _fetched(self, address: str) -> Iterator[Path]:
        local = self._local(address)
        if local is not None:
            yield local
            return
        import mlflow.artifacts

        with TemporaryDirectory(prefix="modelreg-") as folder:
            with block_local_files() if not self._location.has_local_paths else nullcontext():
                path = Path(mlflow.artifacts.download_artifacts(artifact_uri=address, dst_path=folder))
            yield path

    def _local(self, address: str) -> Path | None:
        """Where ``address`` leads on this machine; None for elsewhere, and FileNotFoundError for nowhere."""
        parts = urlsplit(address)
        if parts.scheme not in ("", "file"):
            return None
        path = Path(unquote(parts.path) if parts.scheme else address)
        if not self._location.has_local_paths:  # whoever writes there could name any file of whoever imports
            raise ValueError(f"{path} is a path of the server's machine: if that is this one, add --local-paths")
        for place in self._places(path):
            if place.exists():
                return place
        raise FileNotFoundError(f"there is no {path}")

    def _places(self, path: Path) -> Iterator[Path]:
        """Where it may be: as it is written, or beside MLflow's records when both were moved together."""
        here = self._location.path
        if path.is_absolute():
            yield path
        elif here is not None:
            yield here.parent / path
        if here is not None and "mlruns" in path.parts:
            after = path.parts[len(path.parts) - path.parts[::-1].index("mlruns") :]
            yield (here if here.is_dir() else here.parent / "mlruns").joinpath(*after)


def _pages(search: Any, filter: str | None = None) -> Iterator[Any]:
    token = None
    while True:
        found = search(filter_string=filter, max_results=_PAGE, page_token=token)
        yield from found
        token = found.token
        if not token:
            return


def read_run(tracking: Any, run_id: str | None, model_id: str | None) -> MLflowRun:
    """What a run, and a logged model, say of a version; ``tracking`` is MLflow's client, or its store of runs.

    The run's metrics count before those of the logged model, which other runs may have logged. Raises what MLflow
    raises, unless there is no such run or model.
    """
    model = _found(tracking.get_logged_model, model_id)
    run = _found(tracking.get_run, run_id or (model and model.source_run_id))
    tags = run.data.tags if run else {}
    return MLflowRun(
        run_id=run.info.run_id if run else run_id,
        metrics=_latest((model and model.metrics) or ()) | (run.data.metrics if run else {}),
        params=(run.data.params if run else {}) | ((model and model.params) or {}),
        git_commit=tags.get("mlflow.source.git.commit"),
        git_branch=tags.get("mlflow.source.git.branch"),
        user=tags.get("mlflow.user", ""),
        is_gone=bool(run_id) and run is None,
    )


def _found(get: Callable[[str], Any], key: str | None) -> Any:
    """What MLflow has of this key; None for none, and for one that was deleted for good."""
    from mlflow.exceptions import MlflowException

    try:
        return get(key) if key else None
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def _latest(metrics: Iterable[Any]) -> dict[str, float]:
    """The last value of each metric of a logged model, of which a SQLite store gives every step in any order."""
    return {each.key: each.value for each in sorted(metrics, key=lambda each: (each.step, each.timestamp))}


def _model_id(found: Any) -> str | None:
    """The logged model that a version was made from; a SQLite store has it in the source alone."""
    known = getattr(found, "model_id", None) or None
    named = re.fullmatch(r"models:/+(m-[0-9a-f]{32})/?", found.source or "")
    return known or (named[1] if named else None)


def _version(found: Any, aliases: tuple[str, ...]) -> MLflowVersion:
    return MLflowVersion(
        name=found.name,
        number=int(found.version),
        stage=found.current_stage or "None",
        description=found.description or "",
        tags=dict(found.tags),
        aliases=aliases,
        source=found.source or "",
        run_id=found.run_id or None,
        model_id=_model_id(found),
        status=found.status,
        created_at=as_text(datetime.fromtimestamp(found.creation_timestamp / 1000, UTC)),
        created_by=found.user_id or "",
    )
