"""Delete versions and models: plan first, so that nothing is removed if any part of it is refused."""

from __future__ import annotations

from typing import NamedTuple

from modelreg.domain.models import Model
from modelreg.domain.references import ModelName, Reference, parse_name
from modelreg.domain.stages import Stage, StageRules
from modelreg.domain.versions import ModelVersion
from modelreg.errors import InUse, quoted
from modelreg.store.catalog.reader import CatalogReader
from modelreg.store.catalog.writer import CatalogWriter


class Deletion(NamedTuple):
    """The versions to delete, and then the model, if it goes too."""

    versions: list[ModelVersion]
    model: ModelName | None


def plan(catalog: CatalogReader, subject: str, with_versions: bool) -> Deletion:
    """Plan the deletion of ``subject``, a version or a model; `Registry.delete` lists the errors."""
    if "/" in subject or "@" in subject:
        deletion = Deletion([catalog.version(Reference.parse(subject))], None)
    else:
        model = catalog.model(parse_name(subject))
        if model.versions and not with_versions:
            raise _build_model_error(model)
        deletion = Deletion(catalog.versions(model.name) if with_versions else [], model.name)
    if catalog.rules is not StageRules.MLFLOW:  # by MLflow's rules anything may be deleted
        for version in deletion.versions:
            _check_unused(version)
    return deletion


def _build_model_error(model: Model) -> InUse:
    versions = "1 version" if model.versions == 1 else f"{model.versions} versions"
    return InUse(
        f"{model.name} has {versions}; it was not deleted",
        f"delete them first: modelreg versions {quoted(model.name)}",
        python_hint="delete them first, or pass with_versions=True",
        code="model_in_use",
    )


def delete(writer: CatalogWriter, deletion: Deletion) -> None:
    """Carry out a plan that was made in the same transaction."""
    for version in deletion.versions:
        writer.delete_version(version.name, version.version)
    if deletion.model is not None:
        writer.delete_model(deletion.model)


def _check_unused(version: ModelVersion) -> None:
    """Raise `InUse` for a version in Staging or Production, or with an alias."""
    if version.stage in (Stage.STAGING, Stage.PRODUCTION):
        use = f"is in {version.stage}"
        hint = f"modelreg transition {quoted(version.reference)} Archived"
        python_hint = f"registry.transition({version.reference!r}, 'Archived')"
    elif version.aliases:
        alias = version.aliases[0]
        use = f"has the alias {alias}"
        hint = f"modelreg alias {quoted(f'{version.name}@{alias}')} --remove"
        python_hint = f"registry.remove_alias({version.name!r}, {alias!r})"
    else:
        return
    raise InUse(f"{version.reference} {use}; it was not deleted", hint, python_hint=python_hint)
