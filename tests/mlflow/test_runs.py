"""Runs: the active run, how runs end, and what they store."""

from __future__ import annotations

import threading
from threading import Lock

import pytest

import modelreg.mlflow as mlflow
from modelreg.mlflow.exceptions import MlflowException


def status(run):
    return mlflow.get_run(run.info.run_id).info.status


def tags(run):
    """The tags of a run, without those that MLflow sets for every run."""
    all_tags = mlflow.get_run(run.info.run_id).data.tags
    return {name: value for name, value in all_tags.items() if name not in ("mlflow.runName", "mlflow.user")}


def test_a_run_stores_what_is_logged_and_ends_with_its_block(client):
    with mlflow.start_run(run_name="first", tags={"a": 1}, description="why") as run:
        assert mlflow.active_run().info.run_id == run.info.run_id
        assert mlflow.log_param("depth", 3) == 3
        mlflow.log_params({"lr": 0.1})
        mlflow.log_metric("auc", 0.8, step=0)
        mlflow.log_metric("auc", 0.9, step=1)
        mlflow.log_metrics({"f1": 1, "fair": True}, step=1, model_id=None, dataset=None)
        mlflow.set_tag("b", True)
        mlflow.set_tags({"c": "d"})
        assert (run.data.params, status(run)) == ({}, "RUNNING")  # the object shows the state at the start
    assert mlflow.active_run() is None
    finished = client.get_run(run.info.run_id)
    assert finished.data.params == {"depth": "3", "lr": "0.1"}
    assert finished.data.metrics == {"auc": 0.9, "f1": 1.0, "fair": 1.0}
    assert tags(run) == {"a": "1", "b": "True", "c": "d", "mlflow.note.content": "why"}
    assert finished.data.tags["mlflow.runName"] == "first"
    assert finished.data.tags["mlflow.user"] == finished.info.user_id
    assert (finished.info.run_name, finished.info.status, finished.info.lifecycle_stage) == (
        "first",
        "FINISHED",
        "active",
    )
    assert finished.info.start_time <= finished.info.end_time
    assert finished == mlflow.get_run(run.info.run_id)


def test_an_exception_in_the_block_fails_the_run():
    with pytest.raises(ZeroDivisionError), mlflow.start_run() as run:
        _ = 1 / 0
    assert status(run) == "FAILED"


def test_a_nested_run_has_a_parent_tag():
    with mlflow.start_run() as outer:
        with pytest.raises(MlflowException, match="nested=True") as raised:
            mlflow.start_run()
        assert raised.value.error_code == "INVALID_STATE"
        with mlflow.start_run(nested=True) as inner:
            mlflow.log_metric("auc", 1)
        assert mlflow.active_run().info.run_id == outer.info.run_id
    assert tags(inner) == {"mlflow.parentRunId": outer.info.run_id}
    assert mlflow.get_run(outer.info.run_id).data.metrics == {}


def test_the_end_of_a_block_also_ends_nested_runs():
    with mlflow.start_run() as outer:
        inner = mlflow.start_run(nested=True)
    assert (status(outer), status(inner), mlflow.active_run()) == ("FINISHED", "FINISHED", None)


def test_a_run_that_was_ended_within_its_block_keeps_its_status():
    with mlflow.start_run() as run:
        mlflow.end_run("KILLED")
    assert status(run) == "KILLED"


def test_a_run_is_resumed_by_its_id():
    with mlflow.start_run() as run:
        mlflow.log_metric("auc", 0.8)
    with mlflow.start_run(run_id=run.info.run_id, tags={"again": "yes"}) as resumed:
        assert resumed.data.metrics == {"auc": 0.8}
        assert status(run) == "RUNNING"
    assert tags(run) == {"again": "yes"}


def test_logging_without_an_active_run_starts_one(model):
    mlflow.log_metric("auc", 0.9)
    run = mlflow.active_run()
    info = mlflow.sklearn.log_model(model, name="model")
    assert info.run_id == run.info.run_id
    mlflow.end_run()
    assert status(run) == "FINISHED"
    mlflow.end_run()  # of nothing, which is no error


def test_logging_a_model_without_a_run_leaves_no_active_run(model):
    info = mlflow.sklearn.log_model(model, name="model", registered_model_name="churn")
    assert mlflow.active_run() is None
    assert mlflow.get_run(info.run_id).info.status == "FINISHED"
    with mlflow.start_run(), pytest.raises(MlflowException):
        mlflow.sklearn.log_model(Lock(), name="model")  # which nothing can pickle


def test_an_active_run_ends_when_the_program_exits(registry, run):
    script = """
import sys, modelreg.mlflow as mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.log_metric("auc", 0.9)
print(mlflow.active_run().info.run_id)
"""
    code, out, err = run(script, registry.folder)
    assert (code, err) == (0, "")
    assert registry.runs.run(out.strip()).status == "FINISHED"


def test_active_runs_are_per_thread():
    with mlflow.start_run() as run:
        seen = []
        thread = threading.Thread(target=lambda: seen.append(mlflow.active_run()))
        thread.start()
        thread.join()
        assert seen == [None]
        assert mlflow.active_run().info.run_id == run.info.run_id


def test_runs_have_their_experiment_as_a_tag():
    experiment = mlflow.set_experiment("autumn")
    assert (experiment.name, experiment.experiment_id) == ("autumn", "autumn")
    with mlflow.start_run() as run:
        pass
    assert tags(run) == {"mlflow.experimentName": "autumn"}
    assert run.info.experiment_id == "autumn"
    with mlflow.start_run(experiment_id="winter") as run:
        pass
    assert run.info.experiment_id == "winter"
    with mlflow.start_run(experiment_id="0") as run:
        pass
    assert run.info.experiment_id == "0"


def test_a_resumed_run_keeps_its_experiment_and_parent():
    with mlflow.start_run() as run:
        pass
    mlflow.set_experiment("autumn")
    with mlflow.start_run(), mlflow.start_run(run_id=run.info.run_id, nested=True, description="again"):
        pass
    assert tags(run) == {"mlflow.note.content": "again"}


def test_logging_an_invalid_value_is_refused():
    with mlflow.start_run() as run:
        mlflow.log_param("depth", 3)
        for call in (
            lambda: mlflow.log_param("depth", 4),
            lambda: mlflow.log_metric("auc", "high"),
            lambda: mlflow.sklearn.log_model(object(), name="../model"),
            lambda: mlflow.sklearn.log_model(object(), "model", name="model"),
        ):
            with pytest.raises(MlflowException) as raised:
                call()
            assert raised.value.error_code == "INVALID_PARAMETER_VALUE"
        with pytest.raises(MlflowException, match=r"a metric is a number"):
            mlflow.log_metric("auc", "high")
        with pytest.raises(MlflowException, match="'DONE'"):
            mlflow.end_run("DONE")
    assert (status(run), mlflow.active_run()) == ("RUNNING", None)
    with pytest.raises(MlflowException) as error:
        mlflow.get_run("nothing")
    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_a_run_converts_to_a_dictionary():
    with mlflow.start_run(run_name="first") as run:
        mlflow.log_metric("auc", 0.9)
    dictionary = mlflow.get_run(run.info.run_id).to_dictionary()
    assert dictionary["info"]["run_name"] == dict(run.info)["run_name"] == "first"
    assert dictionary["data"]["metrics"] == {"auc": 0.9}


def test_the_run_name_tag_names_the_run():
    with mlflow.start_run(run_name="first") as run:
        mlflow.set_tag("mlflow.runName", "second")
    assert mlflow.get_run(run.info.run_id).info.run_name == "second"


def test_a_client_logs_to_a_run_that_is_not_active(client):
    run_id = client.create_run("autumn", run_name="first", tags={"a": "b"}).info.run_id
    assert client.log_param(run_id, "depth", 3) == 3
    client.log_metric(run_id, "auc", 0.9, step=1)
    client.set_tag(run_id, "c", "d")
    client.set_terminated(run_id, "KILLED")
    finished = client.get_run(run_id)
    assert (finished.info.run_name, finished.info.experiment_id, finished.info.status) == ("first", "autumn", "KILLED")
    assert (finished.data.params, finished.data.metrics) == ({"depth": "3"}, {"auc": 0.9})
    assert (tags(finished)["a"], tags(finished)["c"]) == ("b", "d")
    assert client.create_run("0").info.experiment_id == "0"
    assert mlflow.active_run() is None
