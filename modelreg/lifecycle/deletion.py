"""What may be deleted."""

from __future__ import annotations

from modelreg.domain.models import Model
from modelreg.domain.stages import Stage, StageRules
from modelreg.domain.versions import ModelVersion
from modelreg.errors import ModelInUse, VersionInUse, quoted


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
