"""Fixtures: MLflow itself on modelreg registries; run by 'make test-mlflow' where MLflow is installed."""

from __future__ import annotations

import shutil
from contextlib import chdir
from importlib.util import find_spec

import pytest

from modelreg import Registry

collect_ignore_glob = [] if find_spec("mlflow") else ["test_*.py"]


def pytest_collection_modifyitems(items):
    """Do not fail on warnings of MLflow and its dependencies."""
    for item in items:
        if item.path.parent.name == "mlflow_plugin":
            item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(params=["mlflow", "strict"])
def rules(request):
    """The stage rules; each test runs with both, unless it is limited to one."""
    return request.param


@pytest.fixture
def registry(tmp_path, rules):
    """An empty registry."""
    registry = Registry(tmp_path / "registry")
    registry.create(stages=rules)
    return registry


@pytest.fixture(scope="session")
def empty_runs(tmp_path_factory):
    """An empty SQLite file for runs, which takes MLflow some seconds to create."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("runs") / "runs.db"
    with chdir(path.parent):  # MLflow stores the artifacts of runs in the current folder
        MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def store(registry, empty_runs):
    """MLflow's store for the registry, found by its URI scheme."""
    shutil.copy(empty_runs, registry.folder.parent / "runs.db")
    from mlflow.tracking._model_registry.utils import _get_store

    return _get_store(f"modelreg://{registry.folder}", tracking_uri=f"sqlite:///{registry.folder.parent}/runs.db")


only_mlflow = pytest.mark.parametrize("rules", ["mlflow"], indirect=True)
only_strict = pytest.mark.parametrize("rules", ["strict"], indirect=True)
