"""Models by their address: ``models:/NAME/3``, ``models:/NAME@ALIAS``, ``runs:/RUN/PATH``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from modelreg.errors import InvalidReference
from modelreg.mlflow import location
from modelreg.mlflow.exceptions import speaks_mlflow
from modelreg.records.run import RunReference
from modelreg.records.signature import Signature

MODELS = "models:/"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model, ready to predict, and what is known of it."""

    model: Any
    signature: Signature | None
    run_id: str | None
    digest: str
    created_at: str


def loaded(uri: str) -> Loaded:
    """The model at ``uri``, its bytes checked; raises `InvalidReference` and what `Registry.load` raises."""
    from modelreg.clock import as_text

    registry = location.opened()
    if RunReference.is_one(uri):
        logged = registry.runs.model(uri)
        signature = registry.runs.signature(logged)
        return Loaded(registry.runs.load(logged), signature, logged.run_id, logged.digest, as_text(logged.created_at))
    if not uri.startswith(MODELS):
        raise InvalidReference(
            uri, "write models:/NAME/Production, models:/NAME/3, models:/NAME@ALIAS or runs:/RUN/PATH"
        )
    version = registry.version(uri)
    model = registry.load(version.reference)
    return Loaded(model, version.signature, version.run_id, version.digest, as_text(version.created_at))


@speaks_mlflow
def load_model(model_uri: str, dst_path: object = None) -> Any:
    """The model itself, as it was logged; see `modelreg.mlflow.pyfunc.load_model`."""
    return loaded(model_uri).model
