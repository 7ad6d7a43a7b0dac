"""The workflow of MLflow's tutorials with one import changed: train, log, register, promote, predict."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import modelreg.mlflow as mlflow
from modelreg import Registry
from modelreg.mlflow.exceptions import MlflowException


def test_log_register_promote_and_predict(registry, client, model, data):
    with mlflow.start_run(run_name="first") as run:
        mlflow.log_params({"max_iter": 1000, "penalty": "l2"})
        mlflow.log_metric("auc", 0.9, step=1)
        signature = mlflow.models.infer_signature(data, model.predict(data))
        info = mlflow.sklearn.log_model(
            sk_model=model, artifact_path="clf", signature=signature, registered_model_name="churn"
        )
    assert (info.run_id, info.artifact_path, info.registered_model_version) == (run.info.run_id, "clf", 1)
    assert info.model_uri == f"runs:/{run.info.run_id}/clf"
    assert info.signature == signature

    registered_model = client.get_registered_model("churn")
    assert (registered_model.name, registered_model.latest_version, registered_model.user_id) == (
        "churn",
        "1",
        registry.model("churn").created_by,
    )
    (version,) = client.search_model_versions("name='churn'")
    assert (version.version, version.current_stage, version.status) == ("1", "None", "READY")
    assert (version.run_id, version.source) == (run.info.run_id, info.model_uri)
    assert registry.version("churn/1").metrics == {"auc": 0.9}
    assert registry.version("churn/1").params == {"max_iter": "1000", "penalty": "l2"}

    for stage in ("Staging", "Archived", "Production"):
        assert (
            client.transition_model_version_stage("churn", registered_model.latest_version, stage).current_stage
            == stage
        )
    client.set_registered_model_alias("churn", "champion", 1)
    for uri in ("models:/churn/Production", "models:/churn/1", "models:/churn/latest", "models:/churn@champion"):
        assert (mlflow.pyfunc.load_model(uri).predict(data) == model.predict(data)).all()
    for uri in ("models:/churn/production", info.model_uri):
        assert (mlflow.sklearn.load_model(uri).predict(data) == model.predict(data)).all()
    assert list(registry.verify()) == []


def test_registering_the_same_model_again_creates_a_new_version(registry, model):
    for number in (1, 2):
        with mlflow.start_run():
            info = mlflow.sklearn.log_model(model, name="model", registered_model_name="churn")
        assert info.registered_model_version == number
    version = mlflow.register_model(info.model_uri, "churn", tags={"by": "hand"})
    assert (version.version, version.tags) == ("3", {"by": "hand"})
    assert mlflow.register_model("models:/churn/1", "other").version == "1"
    assert len({version.files for version in registry.versions("churn")}) == 1
    assert list(registry.verify()) == []


def test_a_version_has_the_run_metrics_at_registration(registry, model):
    with mlflow.start_run() as run:
        mlflow.sklearn.log_model(model, "model")
        mlflow.log_metric("auc", 0.8)
    mlflow.register_model(f"runs:/{run.info.run_id}/model", "churn")
    mlflow.log_metrics({"auc": 0.9}, run_id=run.info.run_id)
    mlflow.register_model(f"runs:/{run.info.run_id}/model", "churn")
    assert [version.metrics for version in registry.versions("churn")] == [{"auc": 0.9}, {"auc": 0.8}]


@pytest.mark.parametrize("flavor", ["xgboost:xgb_model", "lightgbm:lgb_model", "catboost:cb_model", "sklearn:sk_model"])
def test_log_model_of_each_flavor_accepts_the_argument_name_of_mlflow(model, data, flavor):
    name, argument = flavor.split(":")
    library = getattr(mlflow, name)
    info = library.log_model(**{argument: model}, name="model", input_example=data.head(), pip_requirements=[])
    assert info.signature.inputs.input_names() == ["age", "income", "member"]
    assert (library.load_model(info.model_uri).predict(data) == model.predict(data)).all()
    with pytest.raises(TypeError, match="regsitered"):
        library.log_model(model, regsitered_model_name="churn")


def test_import_paths_of_mlflow_work():
    from modelreg.mlflow.entities import PagedList
    from modelreg.mlflow.models import ModelSignature, infer_signature
    from modelreg.mlflow.models.signature import infer_signature as imported
    from modelreg.mlflow.tracking import MlflowClient, client

    assert client.MlflowClient is MlflowClient is mlflow.MlflowClient
    assert infer_signature is imported
    assert isinstance(infer_signature({"a": [1]}), ModelSignature)
    assert isinstance(MlflowClient().search_registered_models(), PagedList)


def test_a_missing_name_raises_an_error_with_an_alternative(client):
    for owner, name, alternative in (
        (mlflow, "evaluate", "log_metrics"),
        (mlflow, "pytorch", "register_model"),
        (mlflow.sklearn, "eval_and_log_metrics", "docs/mlflow"),
        (mlflow.pyfunc, "spark_udf", "load_model"),
        (client, "create_webhook", "docs/mlflow"),
    ):
        assert not hasattr(owner, name)
        with pytest.raises(AttributeError, match=f"has no '{name}'.*{alternative}"):
            getattr(owner, name)


def test_importing_the_interface_imports_no_heavy_library():
    script = "import sys, json, modelreg.mlflow; print(json.dumps(list(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    imported = {name.partition(".")[0] for name in json.loads(result.stdout)}
    heavy = {"mlflow", "pandas", "numpy", "sklearn", "joblib", "scipy", "sqlite_utils", "lark", "yaml", "rfc8785"}
    assert imported & heavy == set()
    assert {"modelreg.runs", "modelreg.registration.register", "modelreg.store.catalog.writer"} & {
        *json.loads(result.stdout)
    } == set()


def test_the_tracking_uri_is_a_path_or_a_uri_of_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for address in (tmp_path / "first", f"modelreg://{tmp_path}/first", f"file://{tmp_path}/first", "file:./first"):
        mlflow.set_registry_uri(address)
        assert mlflow.get_tracking_uri() == mlflow.get_registry_uri() == f"modelreg://{tmp_path}/first"
    assert mlflow.is_tracking_uri_set()
    mlflow.MlflowClient(tracking_uri=str(tmp_path / "second")).create_registered_model("churn")
    assert mlflow.MlflowClient(registry_uri=f"modelreg://{tmp_path}/second").get_registered_model("churn")
    assert mlflow.search_registered_models() == []


def test_the_default_tracking_uri_is_the_registry_of_the_command_line(tmp_path, monkeypatch):
    mlflow.set_tracking_uri("")
    monkeypatch.setenv("MODELREG_HOME", str(tmp_path / "home"))
    assert mlflow.get_tracking_uri() == f"modelreg://{tmp_path}/home"


@pytest.mark.parametrize("address", ["databricks", "databricks-uc", "modelreg://", "postgresql://a/b"])
def test_a_tracking_uri_that_is_not_a_folder_is_refused_with_the_default_folder(address, registry):
    for use in (mlflow.set_tracking_uri, mlflow.MlflowClient):
        with pytest.raises(MlflowException, match=rf"'{address}' is not a folder.*modelreg:///PATH") as raised:
            use(address)
        assert raised.value.error_code == "INVALID_PARAMETER_VALUE"
    assert mlflow.get_tracking_uri() == f"modelreg://{registry.folder}"


@pytest.mark.parametrize("address", ["http://localhost:5000", "https://mlflow.example/base"])
def test_a_server_uri_selects_the_default_folder_with_one_warning(tmp_path, monkeypatch, address):
    monkeypatch.setenv("MODELREG_HOME", str(tmp_path / "home"))
    with pytest.warns(UserWarning, match=f"'{address}' is ignored.*{tmp_path}/home"):
        mlflow.set_tracking_uri(f"{address}")
    mlflow.set_tracking_uri(address)
    mlflow.MlflowClient(address).create_registered_model("churn")
    assert Registry(tmp_path / "home").model("churn")


@pytest.mark.parametrize("address", ["sqlite:///mlflow.db", "sqlite:///HERE/mlflow.db"])
def test_a_sqlite_uri_selects_a_folder_beside_the_file(tmp_path, monkeypatch, address):
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match=f"folder {tmp_path}/mlflow.modelreg"):
        mlflow.set_tracking_uri(address.replace("HERE", str(tmp_path)))
    mlflow.MlflowClient().create_registered_model("churn")
    assert Registry(tmp_path / "mlflow.modelreg").model("churn")
    assert not (tmp_path / "mlflow.db").exists()


def test_an_in_memory_database_is_refused():
    for address in ("sqlite://", "sqlite:///:memory:"):
        with pytest.raises(MlflowException, match=f"'{address}' is not a") as raised:
            mlflow.set_tracking_uri(address)
        assert raised.value.error_code == "INVALID_PARAMETER_VALUE"


def test_different_tracking_and_registry_uris_are_refused(tmp_path):
    with pytest.raises(MlflowException, match="the same folder"):
        mlflow.MlflowClient(str(tmp_path / "a"), str(tmp_path / "b"))
