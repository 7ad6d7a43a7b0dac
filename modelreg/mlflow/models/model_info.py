"""Information about stored models, and predictions from them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelreg.mlflow.exceptions import MlflowException, translate_errors
from modelreg.mlflow.models.model import ModelInfo
from modelreg.mlflow.models.signature import ModelSignature


@translate_errors
def get_model_info(model_uri: str) -> ModelInfo:
    """Metadata of the model at a URI; the model is not loaded."""
    from modelreg.mlflow.entities.logged_model import build_model_id
    from modelreg.mlflow.loading import resolve_model

    model = resolve_model(model_uri)
    run_id, _, path = model.uri.removeprefix("runs:/").partition("/")
    is_run_model = model.uri.startswith("runs:/")
    return ModelInfo(
        artifact_path=path if is_run_model else model.uri,
        run_id=model.run_id or "",
        model_uri=model.uri,
        model_uuid=model.digest,
        utc_time_created=model.created_at,
        signature=None if model.signature is None else ModelSignature.of(model.signature),
        model_id=build_model_id(run_id, path) if is_run_model else None,
        metadata=model.metadata,
    )


@translate_errors
def predict(
    model_uri: str,
    input_data: Any = None,
    input_path: str | None = None,
    content_type: str = "json",
    output_path: str | None = None,
    env_manager: str | None = None,
    params: Mapping[str, Any] | None = None,
    **others: Any,
) -> None:
    """Predict in this process, and print the predictions as JSON or write them to a file.

    ``input_path`` is a CSV or JSON file. ``env_manager`` has no effect: no environment is created.
    """
    from modelreg.mlflow import pyfunc

    if others:
        raise TypeError(f"predict() got an unexpected keyword argument {min(others)!r}")
    if (input_data is None) == (input_path is None):
        raise MlflowException.invalid_parameter_value("give either input_data or input_path, not both")
    data = input_data if input_path is None else _read_input(Path(input_path), content_type)
    predictions = pyfunc.load_model(model_uri).predict(data, params=dict(params) if params else None)
    values = predictions.tolist() if hasattr(predictions, "tolist") else predictions
    text = json.dumps({"predictions": values}, default=_to_json_value)
    if output_path is None:
        print(text)  # as MLflow does
    else:
        Path(output_path).write_text(text, encoding="utf-8")


def _read_input(path: Path, content_type: str) -> Any:
    import pandas as pd

    if content_type == "csv":
        return pd.read_csv(path)
    content: Any = json.loads(path.read_text(encoding="utf-8"))
    match content:
        case {"dataframe_split": dict() as table}:
            return pd.DataFrame(table["data"], index=table.get("index"), columns=table.get("columns"))
        case {"dataframe_records": [*rows]}:
            return pd.DataFrame(rows)
        case {"inputs": data} | {"instances": data}:
            return data
        case _:
            return content


def _to_json_value(value: Any) -> Any:
    if hasattr(value, "to_dict"):
        return value.to_dict(orient="records") if hasattr(value, "columns") else value.tolist()
    return value.tolist() if hasattr(value, "tolist") else str(value)
