"""Searching runs by experiment and by logged values, as a DataFrame or a list."""

from __future__ import annotations

import math

import pytest
from sklearn.dummy import DummyClassifier

import modelreg.mlflow as mlflow
from modelreg.mlflow.entities import ViewType
from modelreg.mlflow.exceptions import MlflowException


@pytest.fixture
def runs():
    """Three runs of the experiment 'autumn', of which the last has no metric, and one of no experiment."""
    with mlflow.start_run(run_name="alone"):
        pass
    mlflow.set_experiment("autumn")
    for name, auc in (("a", 0.7), ("b", 0.9)):
        with mlflow.start_run(run_name=name):
            mlflow.log_metrics({"auc": auc, "val auc": auc})
            mlflow.log_params({"depth": 3, "max depth": name})
    with mlflow.start_run(run_name="c", tags={"team": "growth"}):
        pass


def names(runs):
    return "".join(run.info.run_name for run in runs)


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ("", "cba"),
        ("metrics.auc > 0.8", "b"),
        ("metric.`val auc` < 0.8 AND params.depth = '3'", "a"),
        ('metrics."val auc" < 0.8', "a"),
        ("parameters.`max depth` = 'b'", "b"),
        ("tags.team = 'growth'", "c"),
        ("tags.mlflow.runName = 'a'", "a"),
        ("tags.`mlflow.runName` LIKE 'b%'", "b"),
        ("attributes.run_name IN ('a', 'c')", "ca"),
        ("attributes.status = 'FINISHED' AND run_name != 'a'", "cb"),
        ("attribute.start_time > '2020-01-01'", "cba"),
    ],
)
def test_search_runs_by_logged_values(runs, filter, expected):
    assert names(mlflow.search_runs(filter_string=filter, output_format="list")) == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (["metrics.auc DESC"], "bac"),
        (["attributes.start_time ASC"], "abc"),
        (["params.depth", "metrics.`val auc`"], "abc"),
        (["tags.mlflow.runName"], "abc"),
    ],
)
def test_search_runs_in_an_order(runs, order, expected):
    assert names(mlflow.search_runs(order_by=order, output_format="list")) == expected


def test_the_best_run_in_the_table_can_be_registered(model):
    for auc in (0.7, 0.9, 0.8):
        with mlflow.start_run():
            mlflow.log_metric("auc", auc)
            mlflow.sklearn.log_model(model, name="model")
    best = mlflow.search_runs(order_by=["metrics.auc DESC"]).iloc[0]
    assert mlflow.register_model(f"runs:/{best.run_id}/model", "churn").run_id == best.run_id
    assert best["metrics.auc"] == 0.9


def test_the_table_has_a_row_per_run_and_a_column_for_every_logged_name(runs):
    table = mlflow.search_runs()
    assert [*table["tags.mlflow.runName"]] == ["c", "b", "a"]
    assert [*table["metrics.auc"][1:]] == [0.9, 0.7]
    assert math.isnan(table["metrics.auc"][0])
    assert set(table["experiment_id"]) == {"autumn"}
    assert str(table["start_time"].dt.tz) == "UTC"
    assert (table["end_time"] >= table["start_time"]).all()
    assert mlflow.search_runs(filter_string="metrics.auc > 1").empty


def test_search_runs_of_the_given_experiments(runs, client):
    def search(**scope):
        return names(mlflow.search_runs(output_format="list", **scope))

    assert search(experiment_names=["autumn"]) == search(experiment_ids=["autumn"]) == "cba"
    assert search(experiment_ids=["0"]) == search(experiment_names=["Default"]) == "alone"
    assert search(experiment_ids=["0", "autumn"]) == search(search_all_experiments=True) == "cbaalone"
    assert search(experiment_names=["it's another"]) == ""
    assert names(client.search_runs(["autumn"], "", ViewType.ACTIVE_ONLY, 2)) == "cb"
    assert client.search_runs(["autumn"], run_view_type=ViewType.DELETED_ONLY) == client.search_runs([]) == []


def test_page_tokens_lead_through_all_runs(runs, client):
    first = client.search_runs(["autumn"], max_results=2)
    second = client.search_runs(["autumn"], max_results=2, page_token=first.token)
    assert (names(first), names(second), second.token) == ("cb", "a", None)


def test_an_experiment_exists_if_it_is_active_created_or_has_a_run(runs):
    assert mlflow.get_experiment_by_name("autumn") == mlflow.get_experiment("autumn")
    assert mlflow.get_experiment_by_name("winter") is None
    with pytest.raises(MlflowException) as raised:
        mlflow.get_experiment("winter")
    assert raised.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(MlflowException) as raised:
        mlflow.create_experiment("autumn")
    assert raised.value.error_code == "RESOURCE_ALREADY_EXISTS"
    experiment_id = mlflow.create_experiment("winter", tags={"by": 1})
    assert mlflow.get_experiment(experiment_id).tags == {"by": "1"}
    with mlflow.start_run(experiment_id=experiment_id) as run:
        pass
    assert mlflow.get_experiment(run.info.experiment_id).name == "winter"
    assert mlflow.set_experiment("Default").experiment_id == mlflow.get_experiment("0").experiment_id == "0"


@pytest.mark.parametrize(("ascending", "expected"), [(False, [0.9, 0.7, None]), (True, [0.7, 0.9, None])])
def test_logged_models_without_the_metric_come_last(ascending, expected):
    for auc in (0.7, None, 0.9):
        with mlflow.start_run():
            mlflow.log_metrics({} if auc is None else {"auc": auc})
            mlflow.sklearn.log_model(DummyClassifier(), name="model")
    order = [{"field_name": "metrics.auc", "ascending": ascending}]
    models = mlflow.MlflowClient().search_logged_models(["0"], order_by=order)
    assert [{metric.key: metric.value for metric in model.metrics}.get("auc") for model in models] == expected


def test_a_client_metric_is_also_logged_to_the_run_of_its_model():
    client = mlflow.MlflowClient()
    with mlflow.start_run() as trained:
        model = mlflow.sklearn.log_model(DummyClassifier(), name="model")
    with mlflow.start_run() as run:
        client.log_metric(run.info.run_id, "auc", 0.9, model_id=model.model_id)
    assert [mlflow.get_run(logged_to.info.run_id).data.metrics["auc"] for logged_to in (run, trained)] == [0.9, 0.9]
    with pytest.raises(MlflowException):
        client.log_metric(run.info.run_id, "auc", 0.9, model_id="m-none")
    with pytest.raises(MlflowException, match="log_input") as raised:
        client.log_metric(run.info.run_id, "auc", 0.9, dataset_name="holdout")
    assert raised.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize("paths", [("t.txt", "t.txt/u.txt"), ("d/a.txt", "d")])
def test_log_text_refuses_a_path_below_a_file(paths):
    with mlflow.start_run() as run:
        mlflow.log_text("one", paths[0])
        with pytest.raises(MlflowException, match="below the file"):
            mlflow.log_text("two", paths[1])
    assert mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="")


def test_last_active_run_is_the_active_run_or_the_last_ended_one():
    with mlflow.start_run() as run:
        assert mlflow.last_active_run() == mlflow.active_run()
        with mlflow.start_run(nested=True):
            pass
        mlflow.log_metric("auc", 0.9)
    assert mlflow.last_active_run() == mlflow.get_run(run.info.run_id)


def test_an_invalid_filter_of_runs_is_refused():
    for filter_string in ("stage = 'None'", "metrics.auc = 'x'", "name ="):
        with pytest.raises(MlflowException) as raised:
            mlflow.search_runs(filter_string=filter_string)
        assert raised.value.error_code == "INVALID_PARAMETER_VALUE"
