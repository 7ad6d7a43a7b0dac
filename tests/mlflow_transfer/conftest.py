"""Fixtures: data of MLflow in a server, a SQLite file and a folder, written by MLflow's client."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest

_SETTINGS = {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}


@dataclass
class MLflow:
    """Data of MLflow, and a client on it."""

    uri: str
    client: Any
    experiment: str

    def add_model(self, name: str, **more: object) -> str:
        self.client.create_registered_model(name, **more)
        return name

    def add_version(
        self,
        name: str,
        files: dict[str, bytes],
        *,
        metrics: dict[str, float] | None = None,
        params: dict[str, str] | None = None,
        **more: Any,
    ) -> int:
        """Create a version whose files are artifacts of a run; returns its number."""
        run = self.client.create_run(self.experiment)
        for key, value in (metrics or {}).items():
            self.client.log_metric(run.info.run_id, key, value)
        for key, value in (params or {}).items():
            self.client.log_param(run.info.run_id, key, value)
        with temporary_folder(files) as folder:
            self.client.log_artifacts(run.info.run_id, folder, "model")
        source = f"{run.info.artifact_uri}/model"
        return int(self.client.create_model_version(name, source, run.info.run_id, **more).version)

    def transition(self, name: str, version: int, stage: str) -> None:
        self.client.transition_model_version_stage(name, str(version), stage)

    def files_of(self, name: str, version: int) -> Path:
        """The local path of a version's files."""
        return Path(self.client.get_model_version(name, str(version)).source.removeprefix("file://"))


class temporary_folder:  # noqa: N801  # used as a function
    """A temporary folder with the given files."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files

    def __enter__(self) -> str:
        from tempfile import mkdtemp

        self._folder = Path(mkdtemp())
        for path, content in self._files.items():
            (self._folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self._folder / path).write_bytes(content)
        return str(self._folder)

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder)


@pytest.fixture(scope="session")
def mlflow():
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    return pytest.importorskip("mlflow", reason="MLflow is an extra: 'make test-mlflow'")


@pytest.fixture(scope="session")
def empty_database(mlflow, tmp_path_factory) -> Path:
    """An empty SQLite file of MLflow's, which takes MLflow some seconds to create."""
    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{path}", f"sqlite:///{path}").search_registered_models()
    return path


@pytest.fixture(scope="session")
def server(mlflow, tmp_path_factory):
    """The address of a server of MLflow, which serves artifacts."""
    folder = tmp_path_factory.mktemp("server")
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["-m", "mlflow", "server", "--port", port, "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    arguments += ["--artifacts-destination", folder / "artifacts", "--workers", 1]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *map(str, arguments)], cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}"
    deadline = monotonic() + 120
    while not is_ready(f"{address}/health"):
        if process.poll() is not None or monotonic() > deadline:
            pytest.fail((folder / "log").read_text())
    yield address
    os.killpg(process.pid, signal.SIGKILL)  # the group includes its workers; SIGTERM would wait for open connections
    process.wait()


def is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=1) as response:
            return response.status == 200
    except OSError:
        return False


def connect(mlflow, uri: str, artifacts: Path | None = None) -> MLflow:
    """Connect to the data at ``uri``, and a new experiment whose artifacts go to ``artifacts`` or MLflow's default."""
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    client = mlflow.MlflowClient(uri, uri)
    location = None if artifacts is None else artifacts.as_uri()
    experiment_id = client.create_experiment(uuid4().hex, location)
    return MLflow(uri, client, mlflow.set_experiment(experiment_id=experiment_id).experiment_id)


@pytest.fixture
def sqlite(mlflow, empty_database, tmp_path) -> MLflow:
    path = tmp_path / "mlflow.db"
    shutil.copy(empty_database, path)
    return connect(mlflow, f"sqlite:///{path}", tmp_path / "artifacts")


@pytest.fixture
def mlruns(mlflow, tmp_path) -> MLflow:
    return connect(mlflow, (tmp_path / "mlruns").as_uri())


@pytest.fixture(params=["server", "sqlite", "mlruns"])
def source(request, mlflow) -> MLflow:
    """Data of each kind; the server's is shared, so tests use model names of their own."""
    if request.param == "server":
        return connect(mlflow, request.getfixturevalue("server"))
    return request.getfixturevalue(request.param)
