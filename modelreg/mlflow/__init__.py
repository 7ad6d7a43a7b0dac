"""MLflow's tracking and registry interface on a modelreg registry: change one import; MLflow is not needed.

>>> import modelreg.mlflow as mlflow
>>> with mlflow.start_run():  # doctest: +SKIP
...     mlflow.log_metric("auc", 0.93)
...     mlflow.sklearn.log_model(model, name="model", registered_model_name="churn")
>>> mlflow.pyfunc.load_model("models:/churn/Production").predict(rows)  # doctest: +SKIP
"""

from __future__ import annotations

from modelreg import __version__ as __version__
from modelreg.mlflow import (
    artifacts,
    catboost,
    client,
    data,
    entities,
    exceptions,
    lightgbm,
    models,
    pyfunc,
    sklearn,
    tracking,
    types,
    xgboost,
)
from modelreg.mlflow.autologging import autolog
from modelreg.mlflow.client import MlflowClient
from modelreg.mlflow.exceptions import MlflowException
from modelreg.mlflow.experiments import (
    create_experiment,
    delete_experiment,
    get_experiment,
    get_experiment_by_name,
    search_experiments,
    set_experiment,
    set_experiment_tag,
    set_experiment_tags,
)
from modelreg.mlflow.fluent import (
    ActiveRun,
    active_run,
    delete_run,
    delete_tag,
    end_run,
    get_logged_model,
    get_parent_run,
    get_run,
    last_active_run,
    last_logged_model,
    log_input,
    log_inputs,
    log_metric,
    log_metrics,
    log_model_params,
    log_param,
    log_params,
    register_model,
    search_logged_models,
    search_model_versions,
    search_registered_models,
    set_logged_model_tags,
    set_model_version_tag,
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
from modelreg.mlflow.missing_names import build_attribute_error
from modelreg.mlflow.run_files import (
    get_artifact_uri,
    load_table,
    log_artifact,
    log_artifacts,
    log_dict,
    log_figure,
    log_image,
    log_table,
    log_text,
)
from modelreg.mlflow.run_table import search_runs

__all__ = [
    "ActiveRun", "MlflowClient", "MlflowException", "active_run", "artifacts", "autolog", "catboost", "client",
    "create_experiment", "data", "delete_experiment", "delete_run", "delete_tag", "end_run", "entities", "exceptions",
    "get_artifact_uri", "get_experiment", "get_experiment_by_name", "get_logged_model", "get_parent_run",
    "get_registry_uri", "get_run", "get_tracking_uri", "is_tracking_uri_set", "last_active_run", "last_logged_model",
    "lightgbm", "load_table", "log_artifact", "log_artifacts", "log_dict", "log_figure", "log_image", "log_input",
    "log_inputs", "log_metric", "log_metrics", "log_model_params", "log_param", "log_params", "log_table", "log_text",
    "models", "pyfunc", "register_model", "search_experiments", "search_logged_models", "search_model_versions",
    "search_registered_models", "search_runs", "set_experiment", "set_experiment_tag", "set_experiment_tags",
    "set_logged_model_tags", "set_model_version_tag", "set_registry_uri", "set_tag", "set_tags", "set_tracking_uri",
    "sklearn", "start_run", "tracking", "types", "xgboost",
]  # fmt: skip


def __getattr__(name: str) -> object:
    raise build_attribute_error(__name__, name)
