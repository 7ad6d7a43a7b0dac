"""What of MLflow is here already, by what the journal keeps of each import."""

from __future__ import annotations

from modelreg.domain.references import ModelName, Reference
from modelreg.errors import NumberTaken
from modelreg.mlflow_transfer.merging import UpstreamState
from modelreg.mlflow_transfer.source import MLflowVersion
from modelreg.store.catalog.journal_chain import Values
from modelreg.store.catalog.reader import CatalogReader


def build_import_record(location: str, said: UpstreamState, version: MLflowVersion | None = None) -> Values:
    """What the journal keeps of an import from ``location``: of a version, or of the model itself."""
    record: Values = {"from": location, "said": said.as_json()}
    return record if version is None else record | {"created_at": version.created_at}


def get_last_model_state(catalog: CatalogReader, name: ModelName, said: UpstreamState) -> UpstreamState:
    """What MLflow said of a model that is here when it was imported last.

    Of one that is not from there, only what it lacks is to be taken over.
    """
    record = catalog.last_import(name, None)
    if record is not None:
        return UpstreamState.from_json(record["said"])
    here = catalog.model(name)
    return UpstreamState(
        description=said.description if here.description else "",
        tags={key: value for key, value in said.tags.items() if key in here.tags},
    )


def get_last_version_state(
    catalog: CatalogReader, name: ModelName, version: MLflowVersion, said: UpstreamState
) -> UpstreamState | None:
    """What MLflow said of a version when it was imported last; None for one that is not here.

    A version that went from here to MLflow is known by its digest, and what it is here stands for what was said.
    Raises `NumberTaken` when its number is that of another version here.
    """
    if not catalog.has_model(name) or version.number not in catalog.stages(name, [version.number]):
        return None
    record, here = catalog.last_import(name, version.number), catalog.version(Reference(name, version.number))
    if record is not None and record["created_at"] == version.created_at:
        return UpstreamState.from_json(record["said"])
    if version.digest != here.digest:
        raise NumberTaken(here.reference)
    return UpstreamState(
        description=here.description,
        tags={key: value for key, value in here.tags.items() if key in said.tags},
        stage=here.stage,
        aliases=tuple(alias for alias in here.aliases if alias in said.aliases),
    )
