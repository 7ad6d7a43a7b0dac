"""Read the run of a new version from MLflow's tracking store: its id, metrics and parameters."""

from __future__ import annotations

import logging
import re
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.tracking._tracking_service.utils import _get_store

from modelreg.mlflow_plugin import server
from modelreg.mlflow_transfer.merging import filter_run_facts
from modelreg.mlflow_transfer.mlflow_reader import read_run

_logger = logging.getLogger(__name__)


def read_run_facts(source: str, run_id: str | None, model_id: str | None, tracking_uri: str | None) -> dict[str, Any]:
    """The ``run_id``, ``metrics`` and ``params`` of a new version, so that gates and filters can use them.

    The run of a logged model is used. Values that cannot be stored, such as NaN, are left out; for a missing run only
    the id is returned. If the tracking store fails, the version is registered without metrics, and passes no gate on
    metrics.
    """
    match = re.fullmatch(r"models:/+(m-[0-9A-Za-z-]+)/?", source)
    model_id = model_id or (match[1] if match else None)
    if not (run_id or model_id):
        return {"run_id": None}
    try:
        tracking = server.tracking_store() if server.is_running() else _get_store(tracking_uri)
        run = read_run(tracking, run_id, model_id)
    except MlflowException as error:
        _logger.warning("the metrics of %s are not stored: %s", source, error)
        return {"run_id": run_id}
    metrics, params, _ = filter_run_facts(run)
    return {"run_id": run.run_id, "metrics": metrics, "params": params}
