"""What an import changes of a version that is here, in the transaction that it is given.

No gate is asked: an import tells what happened elsewhere, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from modelreg.domain.references import ModelName, Reference
from modelreg.domain.stages import Stage, StageRules
from modelreg.domain.transitions import StageChange
from modelreg.mlflow_transfer.merging import UpstreamChanges
from modelreg.store.catalog.writer import CatalogWriter


def apply(
    change: CatalogWriter,
    reference: Reference,
    differences: UpstreamChanges,
    aliases: Collection[str],
    stages: Mapping[int, Stage],
) -> list[str]:
    """Change a version; returns sentences about what was not changed, and why.

    ``aliases`` are those of all versions of the model in MLflow, and ``stages`` what an import puts each of them into.
    """
    version = change.version(reference)
    describe_and_tag(change, reference.name, version.version, differences)
    for alias in differences.removed_aliases:
        if alias in version.aliases and alias not in aliases:  # else it is about to mean another version
            change.remove_alias(reference.name, alias, version.version)
    for alias in differences.aliases:
        if alias not in version.aliases:
            change.set_alias(reference.name, alias, version.version)
    if differences.stage in (None, version.stage):
        return []
    return _move(change, reference.name, StageChange(version.version, version.stage, differences.stage), stages)


def describe_and_tag(change: CatalogWriter, name: ModelName, version: int | None, differences: UpstreamChanges) -> None:
    """Change the description and the tags of a version, or of a model."""
    if differences.description is not None:
        change.describe(name, version, differences.description)
    if differences.tags or differences.removed_tags:
        change.tag(name, version, differences.tags, differences.removed_tags)


def _move(change: CatalogWriter, name: ModelName, wanted: StageChange, stages: Mapping[int, Stage]) -> list[str]:
    """Put a version into another stage; one that was promoted here stays in Production."""
    is_contested = wanted.to_stage is Stage.PRODUCTION and change.rules is StageRules.STRICT
    holders = change.in_stage(name, Stage.PRODUCTION) if is_contested else []
    for holder in holders:
        record = change.journal.last_import(name, holder)
        if record is None or record["said"]["stage"] != Stage.PRODUCTION.value:
            return [f"is in Production in MLflow, and {name}/{holder}, which was promoted here, stays there"]
        to_stage = stages.get(holder, Stage.ARCHIVED)
        room = Stage.ARCHIVED if to_stage is Stage.PRODUCTION else to_stage
        change.set_stage(name, StageChange(holder, Stage.PRODUCTION, room))
    change.set_stage(name, wanted)
    return []
