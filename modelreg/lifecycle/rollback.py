"""Carry out a rollback: check the bytes of the previous version, then restore it.

`modelreg.lifecycle.rules.production_history` finds that version.
"""

from __future__ import annotations

from dataclasses import replace

from modelreg.domain.journal import ROLLBACK
from modelreg.domain.references import ModelName, Reference
from modelreg.domain.stages import Stage
from modelreg.domain.transitions import Transition
from modelreg.domain.versions import ModelVersion
from modelreg.errors import BlobDamaged
from modelreg.lifecycle.promotion import safety_notes
from modelreg.lifecycle.rules.production_history import plan_rollback
from modelreg.store.actor import current_actor
from modelreg.store.catalog.reader import CatalogReader
from modelreg.store.folder import RegistryFolder


def plan(catalog: CatalogReader, name: ModelName) -> Transition:
    """Plan the stage changes of a rollback; raises `NothingToRollBackTo`."""
    entries = catalog.journal.into_production(name)
    stages = catalog.stages(name, {entry.version for entry in entries if entry.version is not None})
    rollback = plan_rollback(name, entries, stages)
    target = catalog.version(Reference(name, rollback.version))
    return replace(rollback, notes=safety_notes(target, Stage.PRODUCTION))


def roll_back(folder: RegistryFolder, name: ModelName, message: str | None) -> Transition:
    """Roll back in one transaction; raises `NothingToRollBackTo`, or `BlobDamaged` if the target's bytes are damaged.

    The bytes are read before the catalog is locked, so that other writers do not wait. If the target has changed by
    then, its bytes are read too.
    """
    with folder.catalog.reading() as catalog:
        checked = catalog.version(Reference(name, plan(catalog, name).version))
    while True:
        _check_bytes(folder, checked)
        with folder.catalog.writing(current_actor(), message) as writer:
            rollback = plan(writer, name)
            target = writer.version(Reference(name, rollback.version))
            if target.digest == checked.digest:
                for change in rollback.changes:
                    writer.set_stage(name, change, action=ROLLBACK)
                return rollback
        checked = target


def _check_bytes(folder: RegistryFolder, version: ModelVersion) -> None:
    for file in folder.artifacts.manifest(version).files:
        problem = folder.artifacts.problem(file)
        if problem is not None:
            raise BlobDamaged(version.reference, file.path, problem)
