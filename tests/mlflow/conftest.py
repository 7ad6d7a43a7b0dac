"""Fixtures: MLflow's interface on the test's registry."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import modelreg.mlflow as mlflow


@pytest.fixture(autouse=True)
def _isolated_interface(registry, _isolated_environment):
    """Isolate the registry, the experiment and the active run of each test."""
    mlflow.set_tracking_uri(registry.folder)
    yield
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_experiment("Default")
    mlflow.set_tracking_uri("")


@pytest.fixture
def client(registry):
    """A client on the test's registry."""
    return mlflow.MlflowClient()


@pytest.fixture(scope="session")
def data():
    """A table with an integer, a float and a boolean column."""
    rows = range(40)
    return pd.DataFrame(
        {"age": [*rows], "income": [row * 1.5 for row in rows], "member": [row % 3 == 0 for row in rows]}
    )


@pytest.fixture(scope="session")
def model(data):
    """A scikit-learn classifier that was fitted on the table."""
    return LogisticRegression(max_iter=1000).fit(data, data["age"] > 20)


@pytest.fixture
def churn(client, model_file):
    """A client on a registry with the model churn, which has three versions."""
    client.create_registered_model("churn")
    for number in (1, 2, 3):
        client.create_model_version("churn", str(model_file(f"bytes {number}".encode())))
    return client
