"""``mlflow server`` on a registry: clients see the registry over HTTP, and cannot read anything else."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from modelreg import Registry
from modelreg.cli.main import main

READY = "Application startup complete"


@pytest.fixture(scope="module")
def server_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def registry(server_folder):
    """The registry of the server."""
    registry = Registry(server_folder / "registry")
    registry.create()
    return registry


@pytest.fixture(scope="module")
def address(server_folder, registry):
    """Where a server listens that keeps its models in the registry."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).with_name("mlflow"), "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{server_folder}/runs.db", "--workers", "1"]
    command += [
        "--registry-store-uri",
        f"modelreg://{registry.folder}",
        "--artifacts-destination",
        f"{server_folder}/artifacts",
    ]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONUNBUFFERED": "1"}
    with (server_folder / "log").open("w") as log:
        server = subprocess.Popen(
            command, env=environment, cwd=server_folder, stdout=log, stderr=subprocess.STDOUT, process_group=0
        )
    while READY not in (server_folder / "log").read_text():
        assert server.poll() is None, (server_folder / "log").read_text()
    yield f"http://127.0.0.1:{port}"
    os.killpg(server.pid, signal.SIGTERM)
    server.wait(timeout=60)


@pytest.fixture
def client(address):
    """A client that knows the server's address, and nothing of modelreg."""
    mlflow.set_tracking_uri(address)
    mlflow.set_registry_uri(address)
    yield MlflowClient()
    mlflow.set_tracking_uri(None)
    mlflow.set_registry_uri("")


@pytest.fixture
def logged(client, tmp_path):
    """A run with a folder of MLflow's among its artifacts."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors: {}\n")
    (folder / "model.bin").write_bytes(b"the bytes of a model")
    with mlflow.start_run() as run:
        mlflow.log_artifacts(str(folder), "model")
    return run


def test_a_client_sees_the_same_as_the_command_line(client, registry, logged, capsys):
    client.create_registered_model("churn", tags={"team": "growth"}, description="who leaves us")
    version = client.create_model_version("churn", f"{logged.info.artifact_uri}/model", logged.info.run_id)
    client.transition_model_version_stage("churn", version.version, "Production")
    client.set_registered_model_alias("churn", "champion", version.version)
    main(["--registry", str(registry.folder), "list", "--json"])
    (shown,) = json.loads(capsys.readouterr().out)
    (model,) = client.search_registered_models()
    assert (shown["name"], shown["description"], shown["tags"]) == (model.name, model.description, model.tags)
    assert shown["aliases"] == {alias: int(version) for alias, version in model.aliases.items()}
    assert shown["production"] == int(client.get_latest_versions("churn", ["Production"])[0].version)
    version = registry.version("churn/Production")
    assert (version.status, version.run_id) == ("READY", logged.info.run_id)
    assert {file.path for file in version.files} == {"MLmodel", "model.bin"}


def test_a_client_loads_a_version_that_was_registered_on_the_command_line(client, registry, tmp_path):
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors: {}\n")
    (folder / "model.bin").write_bytes(b"bytes that only the registry has")
    registry.register(folder, "from-the-shell", stage="Production")
    copied = Path(mlflow.artifacts.download_artifacts("models:/from-the-shell/Production"))
    assert (copied / "model.bin").read_bytes() == b"bytes that only the registry has"


def test_webhooks_are_refused_and_a_change_logs_no_traceback(client, registry, server_folder):
    assert client.list_webhooks() == []
    client.create_registered_model("hooked")
    client.set_registered_model_tag("hooked", "a", "b")
    client.rename_registered_model("hooked", "unhooked")
    with pytest.raises(MlflowException, match="webhooks"):
        client.create_webhook("hook", "https://host.example/hook", ["registered_model.created"])
    assert "Traceback" not in (server_folder / "log").read_text()


def test_a_missing_description_is_an_empty_text_over_http(client, logged):
    assert client.create_registered_model("undescribed").description == ""
    version = client.create_model_version("undescribed", f"{logged.info.artifact_uri}/model", logged.info.run_id)
    assert version.description == client.get_model_version("undescribed", 1).description == ""


def test_published_files_that_a_client_changed_are_restored(client, registry, server_folder, tmp_path):
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors: {}\n")
    (folder / "model.bin").write_bytes(b"bytes that the registry has checked")
    version = registry.register(folder, "replaced")
    mlflow.artifacts.download_artifacts("models:/replaced/1")
    shared = server_folder / "artifacts" / "modelreg" / version.digest.replace(":", "-") / "model.bin"
    shared.unlink()
    shared.write_bytes(b"bytes that the attacker has written"[: len(b"bytes that the registry has checked")])
    copied = Path(mlflow.artifacts.download_artifacts("models:/replaced/1"))
    assert (copied / "model.bin").read_bytes() == b"bytes that the registry has checked"


def test_a_version_over_http_has_the_metrics_of_its_run(client, registry, logged):
    client.log_metric(logged.info.run_id, "auc", 0.93)
    client.create_registered_model("measured")
    client.create_model_version("measured", f"{logged.info.artifact_uri}/model", logged.info.run_id)
    assert registry.version("measured/1").metrics == {"auc": 0.93}


def test_a_partly_published_version_is_completed_without_rewriting_files(client, registry, server_folder, tmp_path):
    folder = tmp_path / "saved"
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}\n")
    (folder / "data" / "model.bin").write_bytes(b"bytes that were not copied in time")
    version = registry.register(folder, "in-part")
    mlflow.artifacts.download_artifacts("models:/in-part/1")
    shared = server_folder / "artifacts" / "modelreg" / version.digest.replace(":", "-")
    before = (shared / "MLmodel").stat()
    (shared / "data" / "model.bin").unlink()
    copied = Path(mlflow.artifacts.download_artifacts("models:/in-part/1"))
    assert (copied / "data" / "model.bin").read_bytes() == b"bytes that were not copied in time"
    assert (shared / "MLmodel").stat() == before


@pytest.mark.parametrize("source", ["/etc", "file:///etc/passwd", "mlflow-artifacts:/../../etc"])
def test_a_client_cannot_make_the_server_read_its_disk(client, registry, source):
    if not client.search_registered_models("name = 'stolen'"):
        client.create_registered_model("stolen")
    with pytest.raises(MlflowException, match="Invalid model version source"):
        client.create_model_version("stolen", source)
    assert registry.versions("stolen") == []


def test_a_client_cannot_make_the_server_contact_another_host(client, registry):
    client.create_registered_model("elsewhere")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        other.settimeout(0)
        for scheme in ("http", "ftp", "s3"):
            try:
                version = client.create_model_version(
                    "elsewhere", f"{scheme}://127.0.0.1:{other.getsockname()[1]}/model"
                )
            except MlflowException:  # which MLflow itself refuses, for some of them
                continue
            assert registry.version(f"elsewhere/{version.version}").status == "REFERENCE"
        with pytest.raises(BlockingIOError):
            other.accept()


def test_a_second_version_in_production_is_refused_with_a_hint_for_mlflow(client, registry, tmp_path):
    (tmp_path / "model.bin").write_bytes(b"1")
    registry.register(tmp_path / "model.bin", "contract", stage="Production")
    registry.register(tmp_path / "model.bin", "contract", new_version=True)
    with pytest.raises(MlflowException, match="archive_existing_versions=True"):
        client.transition_model_version_stage("contract", 2, "Production")
    client.transition_model_version_stage("contract", 2, "Production", archive_existing_versions=True)
    assert registry.version("contract/Production").version == 2
