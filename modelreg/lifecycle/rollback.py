"""How the version that was in Production before comes back: its bytes are checked first."""

from __future__ import annotations

from dataclasses import replace

from modelreg.domain.journal import ROLLBACK
from modelreg.domain.references import ModelName, Reference
from modelreg.domain.stages import Stage
from modelreg.domain.transitions import Transition
from modelreg.domain.versions import ModelVersion
from modelreg.errors import BlobDamaged
from modelreg.lifecycle.promotion import notes_on
from modelreg.lifecycle.rules.tenures import plan_rollback
from modelreg.store.actor import current_actor
from modelreg.store.catalog.reader import CatalogReader
from modelreg.store.folder import RegistryFolder


def plan(catalog: CatalogReader, name: ModelName) -> Transition:
    """What a rollback does to the stages; raises `NothingToRollBackTo`."""
    entries = catalog.journal.into_production(name)
    stages = catalog.stages(name, {entry.version for entry in entries if entry.version is not None})
    planned = plan_rollback(name, entries, stages)
    restored = catalog.version(Reference(name, planned.version))
    return replace(planned, notes=notes_on(restored, Stage.PRODUCTION))


def roll_back(home: RegistryFolder, name: ModelName, message: str | None) -> Transition:
    """Carry the rollback out, in one transaction; raises `NothingToRollBackTo`, or `BlobDamaged` for damaged bytes.

    The bytes are read before the catalog is locked, so that nobody waits for that. When the journal points to
    another version by then, its bytes are read too.
    """
    with home.catalog.reading() as catalog:
        checked = catalog.version(Reference(name, plan(catalog, name).version))
    while True:
        _require_bytes(home, checked)
        with home.catalog.writing(current_actor(), message) as change:
            planned = plan(change, name)
            version = change.version(Reference(name, planned.version))
            if version.digest == checked.digest:
                for each in planned.changes:
                    change.set_stage(name, each, action=ROLLBACK)
                return planned
        checked = version


def _require_bytes(home: RegistryFolder, version: ModelVersion) -> None:
    for file in home.artifacts.manifest(version).files:
        problem = home.artifacts.problem(file)
        if problem is not None:
            raise BlobDamaged(version.reference, file.path, problem)
