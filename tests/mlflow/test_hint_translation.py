"""Hints of errors are calls that a user of MLflow's client can make."""

from __future__ import annotations

import re

import pytest

import modelreg.mlflow as mlflow
from modelreg import errors
from modelreg.errors.input import build_metric_error
from modelreg.mlflow.exceptions import MlflowException, to_mlflow_exception


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (errors.ProductionOccupied("My Model", 2, 1), "transition_model_version_stage('My Model', '1', 'Archived')"),
        (errors.UntrustedModel("churn/1", ["why"], ["ours.A", "ours.B"]), "Registry().trust('ours.A', 'ours.B')"),
        (errors.UntrustedModel("churn/1", ["why"]), "load(reference, trust='full', message='why')"),
        (errors.UnsafeModel("model.pkl", ["it imports os.system"]), "allow_unsafe='why'"),
        (errors.NameTaken("Churn", "churn"), "use the name 'churn'"),
        (errors.LockTimeout(30, "process 7"), "try again"),
        (errors.RegistryNotFound("/nowhere"), "set_tracking_uri()"),
        (errors.ModelNotFound("churn", []), "search_registered_models()"),
        (errors.InUse("My Model has 3 versions", "delete them", code="model_in_use"), "search_model_versions()"),
        (build_metric_error("auc", "high"), "a metric is a number"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_hint_is_a_python_call_without_command_line_options(error, advice):
    message = to_mlflow_exception(error).message
    assert advice in message
    assert not re.search(r"(^|[\s('])--[a-z]", message)


def test_hints_of_a_refused_deletion_are_calls_that_make_it_possible(model_file, registry):
    registry.register(model_file(b"1"), "My Model", aliases=["champion"])
    client = mlflow.MlflowClient()
    with pytest.raises(MlflowException, match=r"delete_registered_model_alias\('My Model', 'champion'\)"):
        client.delete_model_version("My Model", "1")
    client.delete_registered_model_alias("My Model", "champion")
    client.transition_model_version_stage("My Model", "1", "Staging")
    with pytest.raises(MlflowException, match=r"transition_model_version_stage\('My Model', '1', 'Archived'\)"):
        client.delete_model_version("My Model", "1")
    client.transition_model_version_stage("My Model", "1", "Archived")
    client.delete_model_version("My Model", "1")


def test_command_line_hints_quote_a_name_with_a_space(model_file, registry):
    registry.register(model_file(b"1"), "My Model", stage="Production")
    with pytest.raises(errors.InUse) as raised:
        registry.delete("My Model/1")
    assert raised.value.hint == "modelreg transition 'My Model/1' Archived"
