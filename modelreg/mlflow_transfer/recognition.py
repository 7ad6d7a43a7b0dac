"""Recognise models and versions of MLflow in the registry, by the journal's records of imports."""

from __future__ import annotations

from modelreg.domain.references import ModelName, Reference
from modelreg.errors import NumberTaken
from modelreg.mlflow_transfer.merging import UpstreamState
from modelreg.mlflow_transfer.mlflow_reader import MLflowVersion
from modelreg.store.catalog.journal_chain import Values
from modelreg.store.catalog.reader import CatalogReader


def build_import_record(location: str, state: UpstreamState, version: MLflowVersion | None = None) -> Values:
    """The journal record of an import from ``location``: of a version, or of the model itself."""
    record: Values = {"from": location, "said": state.as_json()}
    return record if version is None else record | {"created_at": version.created_at}


def get_last_model_state(catalog: CatalogReader, name: ModelName, state: UpstreamState) -> UpstreamState:
    """The state of a model in MLflow at its last import.

    For a model that was not imported, the state is chosen so that only missing values are taken from MLflow.
    """
    record = catalog.journal.last_import(name, None)
    if record is not None:
        return UpstreamState.from_json(record["said"])
    stored = catalog.model(name)
    return UpstreamState(
        description=state.description if stored.description else "",
        tags={key: value for key, value in state.tags.items() if key in stored.tags},
    )


def get_last_version_state(
    catalog: CatalogReader, name: ModelName, version: MLflowVersion, state: UpstreamState
) -> UpstreamState | None:
    """The state of a version in MLflow at its last import; None if the version is not in the registry.

    An exported version is recognised by its digest; its state in the registry stands for its last state in MLflow.
    Raises `NumberTaken` if the registry uses the number for another version.
    """
    if not catalog.has_model(name) or version.number not in catalog.stages(name, [version.number]):
        return None
    record, stored = catalog.journal.last_import(name, version.number), catalog.version(Reference(name, version.number))
    if record is not None and record["created_at"] == version.created_at:
        return UpstreamState.from_json(record["said"])
    if version.digest != stored.digest:
        raise NumberTaken(stored.reference)
    return UpstreamState(
        description=stored.description,
        tags={key: value for key, value in stored.tags.items() if key in state.tags},
        stage=stored.stage,
        aliases=tuple(alias for alias in stored.aliases if alias in state.aliases),
    )
