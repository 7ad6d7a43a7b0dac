"""MLflow's interface on the test's own registry."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import modelreg.mlflow as mlflow


@pytest.fixture(autouse=True)
def _an_interface_of_its_own(registry, _a_world_of_its_own):
    """No test sees the registry, the experiment or the active run of another."""
    mlflow.set_tracking_uri(registry.folder)
    yield
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_experiment("Default")
    mlflow.set_tracking_uri("")


@pytest.fixture
def client(registry):
    """A client of that registry."""
    return mlflow.MlflowClient()


@pytest.fixture(scope="session")
def data():
    """A table with a whole number, a number and a truth value in each row."""
    rows = range(40)
    return pd.DataFrame(
        {"age": [*rows], "income": [row * 1.5 for row in rows], "member": [row % 3 == 0 for row in rows]}
    )


@pytest.fixture(scope="session")
def model(data):
    """A classifier of scikit-learn that was fitted on the table."""
    return LogisticRegression(max_iter=1000).fit(data, data["age"] > 20)


@pytest.fixture
def churn(client, model_file):
    """A model of three versions."""
    client.create_registered_model("churn")
    for number in (1, 2, 3):
        client.create_model_version("churn", str(model_file(f"bytes {number}".encode())))
    return client
