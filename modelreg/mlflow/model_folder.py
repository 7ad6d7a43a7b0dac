"""Write models as folders with an ``MLmodel``, as MLflow does: Python models, and models with extra metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelreg.domain.signatures import Signature, signature_as_json
from modelreg.loading.flavors.mlflow import SIGNATURE
from modelreg.system import clock
from modelreg.system.clock import as_text

PICKLE = "model.pkl"
PREDICT_FN = "predict_fn"


@dataclass(frozen=True)
class MLmodelSummary:
    """The content of an ``MLmodel`` file."""

    generic: Mapping[str, Any]
    """The ``python_function`` flavor, through which MLflow calls any model."""
    flavors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The other flavors."""
    signature: Signature | None = None
    run_id: str | None = None
    metadata: Mapping[str, Any] | None = None


def write_mlmodel(folder: Path, summary: MLmodelSummary) -> None:
    """Write the ``MLmodel`` of a folder."""
    import yaml  # about 20 ms

    generic = dict(summary.generic)
    if summary.signature is not None:
        generic[SIGNATURE] = json.dumps(signature_as_json(summary.signature))
    content: dict[str, Any] = {
        "flavors": {"python_function": generic} | {name: dict(values) for name, values in summary.flavors.items()},
        "utc_time_created": as_text(clock.now()),
    }
    if summary.run_id is not None:
        content["run_id"] = summary.run_id
    if summary.metadata is not None:
        content["metadata"] = dict(summary.metadata)
    (folder / "MLmodel").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def write_estimator(folder: Path, estimator: object, summary: MLmodelSummary) -> Path:
    """Write a scikit-learn estimator with its ``MLmodel``; returns the path of the pickle."""
    from modelreg.registration.serialization import dump_pickle

    folder.mkdir(parents=True, exist_ok=True)
    dump_pickle(estimator, folder / PICKLE)
    flavor = {"pickled_model": PICKLE, "serialization_format": "cloudpickle"}
    generic = {"loader_module": "mlflow.sklearn", "model_path": PICKLE} | dict(summary.generic)
    full_summary = MLmodelSummary(generic, {"sklearn": flavor}, summary.signature, summary.run_id, summary.metadata)
    write_mlmodel(folder, full_summary)
    return folder / PICKLE
