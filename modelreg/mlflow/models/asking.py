"""Stored models, asked what they are, and for predictions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelreg.mlflow.exceptions import MlflowException, speaks_mlflow
from modelreg.mlflow.models.model import ModelInfo
from modelreg.mlflow.models.signature import ModelSignature


@speaks_mlflow
def get_model_info(model_uri: str) -> ModelInfo:
    """What is known of the model at an address; it is not loaded."""
    from modelreg.mlflow.entities.logged_model import id_of
    from modelreg.mlflow.loading import found

    known = found(model_uri)
    named = known.uri.removeprefix("runs:/").partition("/")
    is_of_run = known.uri.startswith("runs:/")
    return ModelInfo(
        artifact_path=named[2] if is_of_run else known.uri,
        run_id=known.run_id or "",
        model_uri=known.uri,
        model_uuid=known.digest,
        utc_time_created=known.created_at,
        signature=None if known.signature is None else ModelSignature.of(known.signature),
        model_id=id_of(named[0], named[2]) if is_of_run else None,
        metadata=known.metadata,
    )


@speaks_mlflow
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
    """Let a model predict in this very process, and print the answers as JSON, or write them to a file.

    ``input_path`` is a file of CSV or of JSON. ``env_manager`` has no effect: no environment is made.
    """
    from modelreg.mlflow import pyfunc

    if others:
        raise TypeError(f"predict() got an unexpected keyword argument {min(others)!r}")
    if (input_data is None) == (input_path is None):
        raise MlflowException.invalid_parameter_value("either input_data or input_path is wanted, and not both")
    data = input_data if input_path is None else _read(Path(input_path), content_type)
    answer = pyfunc.load_model(model_uri).predict(data, params=dict(params) if params else None)
    text = json.dumps({"predictions": answer.tolist() if hasattr(answer, "tolist") else answer}, default=_plain)
    if output_path is None:
        print(text)  # as MLflow does
    else:
        Path(output_path).write_text(text, encoding="utf-8")


def _read(path: Path, content_type: str) -> Any:
    import pandas as pd

    if content_type == "csv":
        return pd.read_csv(path)
    found: Any = json.loads(path.read_text(encoding="utf-8"))
    match found:
        case {"dataframe_split": dict() as table}:
            return pd.DataFrame(table["data"], index=table.get("index"), columns=table.get("columns"))
        case {"dataframe_records": [*rows]}:
            return pd.DataFrame(rows)
        case {"inputs": data} | {"instances": data}:
            return data
        case _:
            return found


def _plain(value: Any) -> Any:
    if hasattr(value, "to_dict"):
        return value.to_dict(orient="records") if hasattr(value, "columns") else value.tolist()
    return value.tolist() if hasattr(value, "tolist") else str(value)
