"""MLflow itself on registries of modelreg; 'make test-mlflow' runs this where MLflow is installed."""

from __future__ import annotations

import shutil
from contextlib import chdir
from importlib.util import find_spec

import pytest

from modelreg import Registry

collect_ignore_glob = [] if find_spec("mlflow") else ["test_*.py"]


def pytest_collection_modifyitems(items):
    """MLflow and what it imports warn of many things, which are not ours to mend."""
    for item in items:
        if item.path.parent.name == "mlflow_plugin":
            item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(params=["mlflow", "strict"])
def rules(request):
    """The rules for stages: each test holds for both, unless it says otherwise."""
    return request.param


@pytest.fixture
def registry(tmp_path, rules):
    """A registry, as the command line has it."""
    made = Registry(tmp_path / "registry")
    made.create(stages=rules)
    return made


@pytest.fixture(scope="session")
def empty_runs(tmp_path_factory):
    """A new SQLite file of MLflow's for runs, which takes it some seconds to make."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("runs") / "runs.db"
    with chdir(path.parent):  # where the artifacts of its runs will be, too
        MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def store(registry, empty_runs):
    """MLflow's view of that registry, found by its scheme."""
    shutil.copy(empty_runs, registry.folder.parent / "runs.db")
    from mlflow.tracking._model_registry.utils import _get_store

    return _get_store(f"modelreg://{registry.folder}", tracking_uri=f"sqlite:///{registry.folder.parent}/runs.db")


only_mlflow = pytest.mark.parametrize("rules", ["mlflow"], indirect=True)
only_strict = pytest.mark.parametrize("rules", ["strict"], indirect=True)
