"""Runs: which one is active, how it ends, and what it keeps."""

from __future__ import annotations

import threading
from threading import Lock

import pytest

import modelreg.mlflow as mlflow
from modelreg.mlflow.exceptions import MlflowException


def status(run):
    return mlflow.get_run(run.info.run_id).info.status


def tags(run):
    """Those that were set, without what MLflow says of every run in a tag."""
    said = mlflow.get_run(run.info.run_id).data.tags
    return {name: value for name, value in said.items() if name not in ("mlflow.runName", "mlflow.user")}


def test_a_run_keeps_what_is_logged_and_ends_with_its_block(client):
    with mlflow.start_run(run_name="first", tags={"a": 1}, description="why") as run:
        assert mlflow.active_run().info.run_id == run.info.run_id
        assert mlflow.log_param("depth", 3) == 3
        mlflow.log_params({"lr": 0.1})
        mlflow.log_metric("auc", 0.8, step=0)
        mlflow.log_metric("auc", 0.9, step=1)
        mlflow.log_metrics({"f1": 1, "fair": True}, step=1, model_id=None, dataset=None)
        mlflow.set_tag("b", True)
        mlflow.set_tags({"c": "d"})
        assert (run.data.params, status(run)) == ({}, "RUNNING")  # as it was when it was started
    assert mlflow.active_run() is None
    found = client.get_run(run.info.run_id)
    assert found.data.params == {"depth": "3", "lr": "0.1"}
    assert found.data.metrics == {"auc": 0.9, "f1": 1.0, "fair": 1.0}
    assert tags(run) == {"a": "1", "b": "True", "c": "d", "mlflow.note.content": "why"}
    assert found.data.tags["mlflow.runName"] == "first"
    assert found.data.tags["mlflow.user"] == found.info.user_id
    assert (found.info.run_name, found.info.status, found.info.lifecycle_stage) == ("first", "FINISHED", "active")
    assert found.info.start_time <= found.info.end_time
    assert found == mlflow.get_run(run.info.run_id)


def test_an_error_in_its_block_fails_a_run():
    with pytest.raises(ZeroDivisionError), mlflow.start_run() as run:
        _ = 1 / 0
    assert status(run) == "FAILED"


def test_a_run_inside_of_another_has_it_as_parent():
    with mlflow.start_run() as outer:
        with pytest.raises(MlflowException, match="nested=True") as refused:
            mlflow.start_run()
        assert refused.value.error_code == "INVALID_STATE"
        with mlflow.start_run(nested=True) as inner:
            mlflow.log_metric("auc", 1)
        assert mlflow.active_run().info.run_id == outer.info.run_id
    assert tags(inner) == {"mlflow.parentRunId": outer.info.run_id}
    assert mlflow.get_run(outer.info.run_id).data.metrics == {}


def test_a_block_ends_the_runs_inside_of_it_that_nobody_ended():
    with mlflow.start_run() as outer:
        inner = mlflow.start_run(nested=True)
    assert (status(outer), status(inner), mlflow.active_run()) == ("FINISHED", "FINISHED", None)


def test_a_run_that_was_ended_in_its_block_stays_as_it_ended():
    with mlflow.start_run() as run:
        mlflow.end_run("KILLED")
    assert status(run) == "KILLED"


def test_a_run_goes_on_by_its_id():
    with mlflow.start_run() as run:
        mlflow.log_metric("auc", 0.8)
    with mlflow.start_run(run_id=run.info.run_id, tags={"again": "yes"}) as again:
        assert again.data.metrics == {"auc": 0.8}
        assert status(run) == "RUNNING"
    assert tags(run) == {"again": "yes"}


def test_logging_without_a_run_starts_one(model):
    mlflow.log_metric("auc", 0.9)
    run = mlflow.active_run()
    info = mlflow.sklearn.log_model(model, name="model")
    assert info.run_id == run.info.run_id
    mlflow.end_run()
    assert status(run) == "FINISHED"
    mlflow.end_run()  # of nothing, which is no error


def test_a_model_that_is_logged_without_a_run_leaves_none_active(model):
    info = mlflow.sklearn.log_model(model, name="model", registered_model_name="churn")
    assert mlflow.active_run() is None
    assert mlflow.get_run(info.run_id).info.status == "FINISHED"
    with mlflow.start_run(), pytest.raises(MlflowException):
        mlflow.sklearn.log_model(Lock(), name="model")  # which nothing can pickle


def test_a_run_that_a_program_leaves_active_ends_with_it(registry, run):
    script = """
import sys, modelreg.mlflow as mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.log_metric("auc", 0.9)
print(mlflow.active_run().info.run_id)
"""
    code, out, err = run(script, registry.folder)
    assert (code, err) == (0, "")
    assert registry.runs.run(out.strip()).status == "FINISHED"


def test_a_thread_has_active_runs_of_its_own():
    with mlflow.start_run() as run:
        seen = []
        thread = threading.Thread(target=lambda: seen.append(mlflow.active_run()))
        thread.start()
        thread.join()
        assert seen == [None]
        assert mlflow.active_run().info.run_id == run.info.run_id


def test_an_experiment_is_a_tag_of_its_runs():
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


def test_a_run_that_goes_on_stays_in_its_experiment_and_with_its_parent():
    with mlflow.start_run() as run:
        pass
    mlflow.set_experiment("autumn")
    with mlflow.start_run(), mlflow.start_run(run_id=run.info.run_id, nested=True, description="again"):
        pass
    assert tags(run) == {"mlflow.note.content": "again"}


def test_what_cannot_be_logged_is_an_invalid_value():
    with mlflow.start_run() as run:
        mlflow.log_param("depth", 3)
        for refused in (
            lambda: mlflow.log_param("depth", 4),
            lambda: mlflow.log_metric("auc", "high"),
            lambda: mlflow.sklearn.log_model(object(), name="../model"),
            lambda: mlflow.sklearn.log_model(object(), "model", name="model"),
        ):
            with pytest.raises(MlflowException) as error:
                refused()
            assert error.value.error_code == "INVALID_PARAMETER_VALUE"
        with pytest.raises(MlflowException, match=r"a metric is a number"):
            mlflow.log_metric("auc", "high")
        with pytest.raises(MlflowException, match="'DONE'"):
            mlflow.end_run("DONE")
    assert (status(run), mlflow.active_run()) == ("RUNNING", None)
    with pytest.raises(MlflowException) as error:
        mlflow.get_run("nothing")
    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_a_run_is_taken_apart_as_a_dictionary():
    with mlflow.start_run(run_name="first") as run:
        mlflow.log_metric("auc", 0.9)
    taken = mlflow.get_run(run.info.run_id).to_dictionary()
    assert taken["info"]["run_name"] == dict(run.info)["run_name"] == "first"
    assert taken["data"]["metrics"] == {"auc": 0.9}


def test_a_run_that_is_named_by_a_tag_has_that_name():
    with mlflow.start_run(run_name="first") as run:
        mlflow.set_tag("mlflow.runName", "second")
    assert mlflow.get_run(run.info.run_id).info.run_name == "second"


def test_a_client_logs_to_runs_that_are_not_active(client):
    run_id = client.create_run("autumn", run_name="first", tags={"a": "b"}).info.run_id
    assert client.log_param(run_id, "depth", 3) == 3
    client.log_metric(run_id, "auc", 0.9, step=1)
    client.set_tag(run_id, "c", "d")
    client.set_terminated(run_id, "KILLED")
    found = client.get_run(run_id)
    assert (found.info.run_name, found.info.experiment_id, found.info.status) == ("first", "autumn", "KILLED")
    assert (found.data.params, found.data.metrics) == ({"depth": "3"}, {"auc": 0.9})
    assert (tags(found)["a"], tags(found)["c"]) == ("b", "d")
    assert client.create_run("0").info.experiment_id == "0"
    assert mlflow.active_run() is None
