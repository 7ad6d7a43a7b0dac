"""Apply the changes of an import to an existing version, within a given transaction.

Gates are not checked: an import records decisions that were made elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from modelreg.domain.references import ModelName, Reference
from modelreg.domain.stages import Stage, StageRules
from modelreg.domain.transitions import StageChange
from modelreg.mlflow_transfer.merging import UpstreamChanges
from modelreg.store.catalog.writer import CatalogWriter


def apply(
    writer: CatalogWriter,
    reference: Reference,
    differences: UpstreamChanges,
    aliases: Collection[str],
    stages: Mapping[int, Stage],
) -> list[str]:
    """Change a version; returns notes about what was not changed, and why.

    ``aliases`` are the aliases of all versions of the model in MLflow. ``stages`` maps each version to the stage that
    the import gives it.
    """
    version = writer.version(reference)
    describe_and_tag(writer, reference.name, version.version, differences)
    for alias in differences.removed_aliases:
        if alias in version.aliases and alias not in aliases:  # otherwise the import moves it to another version
            writer.remove_alias(reference.name, alias, version.version)
    for alias in differences.aliases:
        if alias not in version.aliases:
            writer.set_alias(reference.name, alias, version.version)
    if differences.stage in (None, version.stage):
        return []
    return _change_stage(writer, reference.name, StageChange(version.version, version.stage, differences.stage), stages)


def describe_and_tag(writer: CatalogWriter, name: ModelName, version: int | None, differences: UpstreamChanges) -> None:
    """Change the description and the tags of a version, or of a model if ``version`` is None."""
    if differences.description is not None:
        writer.describe(name, version, differences.description)
    if differences.tags or differences.removed_tags:
        writer.tag(name, version, differences.tags, differences.removed_tags)


def _change_stage(
    writer: CatalogWriter, name: ModelName, stage_change: StageChange, stages: Mapping[int, Stage]
) -> list[str]:
    """Move a version to another stage; a version that was promoted in this registry stays in Production."""
    allows_only_one = stage_change.to_stage is Stage.PRODUCTION and writer.rules is StageRules.STRICT
    holders = writer.in_stage(name, Stage.PRODUCTION) if allows_only_one else []
    for holder in holders:
        record = writer.journal.last_import(name, holder)
        if record is None or record["said"]["stage"] != Stage.PRODUCTION.value:
            return [f"in Production in MLflow, but {name}/{holder}, which was promoted here, stays in Production"]
        planned_stage = stages.get(holder, Stage.ARCHIVED)
        to_stage = Stage.ARCHIVED if planned_stage is Stage.PRODUCTION else planned_stage
        writer.set_stage(name, StageChange(holder, Stage.PRODUCTION, to_stage))
    writer.set_stage(name, stage_change)
    return []
