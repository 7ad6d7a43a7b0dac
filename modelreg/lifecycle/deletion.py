"""Deleting versions and models: what may not go is found before anything is removed."""

from __future__ import annotations

from typing import NamedTuple

from modelreg.domain.models import Model
from modelreg.domain.references import ModelName, Reference, parse_name
from modelreg.domain.stages import Stage, StageRules
from modelreg.domain.versions import ModelVersion
from modelreg.errors import ModelInUse, VersionInUse, quoted
from modelreg.store.catalog.reader import CatalogReader
from modelreg.store.catalog.writer import CatalogWriter


class Deletion(NamedTuple):
    """What goes: versions, and then their model, if that is named."""

    versions: list[ModelVersion]
    model: ModelName | None


def plan(catalog: CatalogReader, subject: str, with_versions: bool) -> Deletion:
    """What deleting ``subject``, a version or a model, takes away; `Registry.delete` says what is raised."""
    if "/" in subject or "@" in subject:
        found = Deletion([catalog.version(Reference.parse(subject))], None)
    else:
        model = catalog.model(parse_name(subject))
        if not with_versions:
            refuse_deletion_of_model(model)
        found = Deletion(catalog.versions(model.name) if with_versions else [], model.name)
    for version in found.versions:
        refuse_deletion_of_version(version, catalog.rules)
    return found


def delete(change: CatalogWriter, deletion: Deletion) -> None:
    """Carry out what `plan` found in the same transaction."""
    for version in deletion.versions:
        change.delete_version(version.name, version.version)
    if deletion.model is not None:
        change.delete_model(deletion.model)


def refuse_deletion_of_version(version: ModelVersion, rules: StageRules) -> None:
    """Raise `VersionInUse` for a version that somebody relies on: in Staging or Production, or with an alias.

    MLflow's rules let anything be deleted.
    """
    if rules is StageRules.MLFLOW:
        return
    if version.stage in (Stage.STAGING, Stage.PRODUCTION):
        raise VersionInUse(
            version.name,
            version.version,
            f"is in {version.stage}",
            f"modelreg transition {quoted(version.reference)} Archived",
        )
    if version.aliases:
        raise VersionInUse(
            version.name,
            version.version,
            f"has the alias {version.aliases[0]}",
            f"modelreg alias {quoted(f'{version.name}@{version.aliases[0]}')} --remove",
        )


def refuse_deletion_of_model(model: Model) -> None:
    """Raise `ModelInUse` for a model that has versions."""
    if model.versions:
        raise ModelInUse(model.name, model.versions)
