"""What a model's life needs of MLflow's interface, on a registry of modelreg: change one import, without MLflow.

>>> import modelreg.mlflow as mlflow
>>> with mlflow.start_run():  # doctest: +SKIP
...     mlflow.log_metric("auc", 0.93)
...     mlflow.sklearn.log_model(model, name="model", registered_model_name="churn")
>>> mlflow.pyfunc.load_model("models:/churn/Production").predict(rows)  # doctest: +SKIP
"""

from __future__ import annotations

from modelreg import __version__ as __version__
from modelreg.mlflow import catboost, entities, exceptions, lightgbm, models, pyfunc, sklearn, tracking, xgboost
from modelreg.mlflow.absent import absent
from modelreg.mlflow.client import MlflowClient
from modelreg.mlflow.exceptions import MlflowException
from modelreg.mlflow.experiments import create_experiment, get_experiment, get_experiment_by_name, set_experiment
from modelreg.mlflow.fluent import (
    ActiveRun,
    active_run,
    end_run,
    get_run,
    last_active_run,
    log_metric,
    log_metrics,
    log_param,
    log_params,
    register_model,
    search_model_versions,
    search_registered_models,
    set_tag,
    set_tags,
    start_run,
)
from modelreg.mlflow.location import (
    get_registry_uri,
    get_tracking_uri,
    is_tracking_uri_set,
    set_registry_uri,
    set_tracking_uri,
)
from modelreg.mlflow.run_table import search_runs

__all__ = [
    "ActiveRun", "MlflowClient", "MlflowException", "active_run", "catboost", "create_experiment", "end_run",
    "entities", "exceptions", "get_experiment", "get_experiment_by_name", "get_registry_uri", "get_run",
    "get_tracking_uri", "is_tracking_uri_set", "last_active_run", "lightgbm", "log_metric", "log_metrics",
    "log_param", "log_params", "models", "pyfunc", "register_model", "search_model_versions",
    "search_registered_models", "search_runs", "set_experiment", "set_registry_uri", "set_tag", "set_tags",
    "set_tracking_uri", "sklearn", "start_run", "tracking", "xgboost",
]  # fmt: skip


def __getattr__(name: str) -> object:
    raise absent(__name__, name)
