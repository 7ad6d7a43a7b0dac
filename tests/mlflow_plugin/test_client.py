"""MLflow's own client and flavors on a registry, compared with what modelreg itself returns."""

from __future__ import annotations

import shutil
from multiprocessing import get_context

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from mlflow.tracking._model_registry.utils import _get_store
from sklearn.ensemble import RandomForestClassifier

from modelreg.errors import BytesNotStored

TRUSTED = ["sklearn.tree._tree.Tree"]  # MLflow loads a forest only with this
only_strict = pytest.mark.parametrize("rules", ["strict"], indirect=True)


@pytest.fixture
def client(registry, tmp_path, empty_runs):
    """MLflow's client, with runs in a database and models in the registry."""
    shutil.copy(empty_runs, tmp_path / "runs.db")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/runs.db")
    mlflow.set_registry_uri(f"modelreg://{registry.folder}")
    yield MlflowClient()
    mlflow.set_tracking_uri(None)
    mlflow.set_registry_uri("")


@pytest.fixture(scope="module")
def data():
    return pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0] * 5, "visits": [1.0, 2.0, 3.0, 4.0] * 5})


@pytest.fixture(scope="module")
def forest(data):
    return RandomForestClassifier(n_estimators=3, random_state=0).fit(data, data["age"] > 35)


@pytest.fixture
def folder(tmp_path):
    """A model folder as MLflow saves it."""
    path = tmp_path / "saved"
    path.mkdir()
    (path / "MLmodel").write_text("flavors: {}\n")
    (path / "model.bin").write_bytes(b"the bytes of a model")
    return path


def test_the_tutorial_works(client, registry, forest, data):
    signature = infer_signature(data, forest.predict(data))
    with mlflow.start_run() as run:
        mlflow.sklearn.log_model(
            forest, name="forest", signature=signature, skops_trusted_types=TRUSTED, registered_model_name="churn"
        )
    assert [model.name for model in client.search_registered_models()] == ["churn"]
    model = client.get_registered_model("churn")
    assert (model.description, model.user_id, model.latest_version) == (None, registry.model("churn").created_by, 1)
    (version,) = client.search_model_versions("name='churn'")
    assert (version.version, version.current_stage, version.status, version.run_id) == (
        1,
        "None",
        "READY",
        run.info.run_id,
    )
    for stage in ("Staging", "Archived", "Production"):
        assert client.transition_model_version_stage("churn", 1, stage).current_stage == stage
    client.set_registered_model_alias("churn", "champion", 1)
    for address in ("models:/churn/Production", "models:/churn/1", "models:/churn/latest", "models:/churn@champion"):
        assert (mlflow.pyfunc.load_model(address).predict(data) == forest.predict(data)).all()
    stored = registry.version("churn/Production")
    assert (stored.flavor, stored.scan, stored.run_id) == ("sklearn", "safe", run.info.run_id)
    assert {"MLmodel", "model.skops"} <= {file.path for file in stored.files}
    assert list(registry.verify()) == []


@only_strict
def test_a_version_has_the_metrics_of_its_run_for_gates(client, registry, forest, data, tmp_path):
    with mlflow.start_run() as run:
        mlflow.log_param("trees", 3)
        for step, loss in enumerate([1.0, 0.2]):
            mlflow.log_metric("loss", loss, step=step)
        logged = mlflow.sklearn.log_model(forest, name="forest", skops_trusted_types=TRUSTED)
        mlflow.log_metric("undefined", float("nan"))
    mlflow.register_model(logged.model_uri, "churn")
    version = registry.version("churn/1")
    assert (version.run_id, version.metrics, version.params) == (run.info.run_id, {"loss": 0.2}, {"trees": "3"})
    registry.add_gate("churn", "Production", "metrics.loss < 0.5")
    assert registry.check_gates("churn/1", "Production").passed
    data.assign(target=forest.predict(data)).to_csv(tmp_path / "holdout.csv", index=False)
    scores = registry.evaluate("churn/1", tmp_path / "holdout.csv", "target")  # without full trust
    assert scores.evaluation.metrics["accuracy"] == 1.0


@only_strict
def test_a_version_of_a_logged_model_has_its_run(client, registry, forest, folder):
    with mlflow.start_run() as run:
        logged = mlflow.sklearn.log_model(forest, name="forest", skops_trusted_types=TRUSTED)
    client.create_registered_model("churn")
    version = client.create_model_version("churn", str(folder), model_id=logged.model_id)
    assert version.run_id == registry.version("churn/1").run_id == run.info.run_id


def test_a_warning_says_how_to_load_a_model_that_mlflow_did_not_save(client, registry, forest, caplog):
    registry.log_model(forest, "churn")
    with pytest.raises(MlflowException, match="MLmodel"):
        mlflow.pyfunc.load_model("models:/churn/1")
    assert "churn/1 was not saved by MLflow" in caplog.text
    assert "load it with modelreg.mlflow or Registry.load" in caplog.text


def test_a_source_that_cannot_be_read_now_creates_no_version(client, registry, monkeypatch):
    client.create_registered_model("churn")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(MlflowException, match="cannot be read now"):
        client.create_model_version("churn", "http://127.0.0.1:9/model")  # nothing listens there
    with pytest.raises(MlflowException, match="cannot be read now"):
        client.create_model_version("churn", "s3://bucket/model")  # the library is not installed
    assert registry.versions("churn") == []


def test_downloads_are_verified_copies(client, registry, folder, blob_path):
    client.create_registered_model("churn")
    version = client.create_model_version("churn", str(folder))
    assert (version.source, version.status) == (str(folder), "READY")
    (folder / "model.bin").write_bytes(b"changed since")
    copy = mlflow.artifacts.download_artifacts("models:/churn/1")
    with open(f"{copy}/model.bin", "rb") as file:
        assert file.read() == b"the bytes of a model"
    assert {file.name for file in registry.path("churn/1").iterdir()} == {"MLmodel", "model.bin"}
    blob = blob_path(registry.version("churn/1").files[1].digest)
    blob.chmod(0o644)
    blob.write_bytes(b"the bytes of a modem")
    with pytest.raises(MlflowException, match="damaged") as raised:
        mlflow.artifacts.download_artifacts("models:/churn/1")
    assert raised.value.error_code == "DATA_LOSS"


def test_a_source_is_a_path_or_a_file_run_or_model_uri(client, registry, folder):
    with mlflow.start_run() as run:
        mlflow.log_artifacts(str(folder), "model")
    client.create_registered_model("churn")
    for source in (
        str(folder),
        folder.as_uri(),
        f"runs:/{run.info.run_id}/model",
        "models:/churn/1",
        "models:/churn/latest",
    ):
        assert client.create_model_version("churn", source).source == source
    versions = registry.versions("churn")
    assert {version.status for version in versions} == {"READY"}
    assert len({version.files for version in versions}) == 1


def test_an_unreadable_source_becomes_a_reference(client, registry):
    client.create_registered_model("churn")
    for source in ("nowhere/at/all", "nosuch://host/model", "runs:/nosuch/model", "models:/m-nosuch"):
        version = client.create_model_version("churn", source)
        assert registry.version(f"churn/{version.version}").status == "REFERENCE"
    with pytest.raises(BytesNotStored):
        registry.load("churn/1")
    with pytest.raises(MlflowException):
        mlflow.pyfunc.load_model("models:/churn/1")
    assert list(registry.verify()) == []


def test_a_source_that_is_a_missing_version_is_refused(client):
    client.create_registered_model("churn")
    with pytest.raises(MlflowException, match=r"Model Version \(name=churn, version=7\) not found") as raised:
        client.create_model_version("churn", "models:/churn/7")
    assert raised.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_unsafe_files_are_not_registered(client, folder):
    (folder / "model.pkl").write_bytes(b"cos\nsystem\n(S'echo'\ntR.")
    client.create_registered_model("churn")
    with pytest.raises(MlflowException, match=r"os\.system|posix\.system") as raised:
        client.create_model_version("churn", str(folder))
    assert raised.value.error_code == "PERMISSION_DENIED"
    assert client.search_model_versions("name = 'churn'") == []


def test_prompts_work(client):
    mlflow.genai.register_prompt("hello", "Hello {{name}}")
    mlflow.genai.register_prompt("hello", "Good day {{name}}")
    assert mlflow.genai.load_prompt("prompts:/hello/1").format(name="you") == "Hello you"
    mlflow.genai.set_prompt_alias("hello", "formal", 2)
    assert mlflow.genai.load_prompt("prompts:/hello@formal").template == "Good day {{name}}"
    assert client.search_registered_models() == []


def test_webhooks_are_refused(client):
    assert client.list_webhooks() == []
    for call in (
        lambda: client.create_webhook("hook", "https://host.example/hook", ["registered_model.created"]),
        lambda: client.get_webhook("1"),
        lambda: client.delete_webhook("1"),
    ):
        with pytest.raises(MlflowException, match=r"webhooks|not found"):
            call()


def promote(uri, version):
    store = _get_store(uri)
    for _ in range(5):
        store.transition_model_version_stage("churn", version, "Archived", archive_existing_versions=False)
        store.transition_model_version_stage("churn", version, "Production", archive_existing_versions=True)


@only_strict
def test_eight_concurrent_promotions_never_leave_two_versions_in_production(client, registry, folder):
    client.create_registered_model("churn")
    for number in range(1, 9):
        client.create_model_version("churn", str(folder), tags={"number": str(number)})
    uri = f"modelreg://{registry.folder}"
    processes = [get_context("fork").Process(target=promote, args=(uri, number)) for number in range(1, 9)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 8
    assert [version.stage for version in registry.versions("churn")].count("Production") == 1
    held = 0
    for entry in registry.history("churn"):
        held += (entry.to_stage == "Production") - (entry.from_stage == "Production")
        assert held in (0, 1)
    assert list(registry.verify()) == []
