"""Models as folders with an ``MLmodel``, as MLflow writes them: Python models, and what a file alone cannot say."""

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
    """What an ``MLmodel`` says."""

    generic: Mapping[str, Any]
    """Of the flavor ``python_function``, by which any model is asked."""
    flavors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The others."""
    signature: Signature | None = None
    run_id: str | None = None
    metadata: Mapping[str, Any] | None = None


def write_description(folder: Path, described: MLmodelSummary) -> None:
    """Write the ``MLmodel`` of a folder."""
    import yaml  # about 20 ms

    generic = dict(described.generic)
    if described.signature is not None:
        generic[SIGNATURE] = json.dumps(signature_as_json(described.signature))
    content: dict[str, Any] = {
        "flavors": {"python_function": generic} | {name: dict(values) for name, values in described.flavors.items()},
        "utc_time_created": as_text(clock.now()),
    }
    if described.run_id is not None:
        content["run_id"] = described.run_id
    if described.metadata is not None:
        content["metadata"] = dict(described.metadata)
    (folder / "MLmodel").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def write_estimator(folder: Path, estimator: object, described: MLmodelSummary) -> Path:
    """Write an estimator of scikit-learn's interface with its description; returns the file that holds it."""
    from modelreg.registration.serialization import dump_pickle

    folder.mkdir(parents=True, exist_ok=True)
    dump_pickle(estimator, folder / PICKLE)
    flavor = {"pickled_model": PICKLE, "serialization_format": "cloudpickle"}
    generic = {"loader_module": "mlflow.sklearn", "model_path": PICKLE} | dict(described.generic)
    known = MLmodelSummary(generic, {"sklearn": flavor}, described.signature, described.run_id, described.metadata)
    write_description(folder, known)
    return folder / PICKLE
