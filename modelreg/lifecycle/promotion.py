"""Carry out transitions: check gates and change stages in one transaction (rules/transitions.py plans the changes)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modelreg.domain.references import Reference
from modelreg.domain.stages import Stage
from modelreg.domain.transitions import StageChange, Transition
from modelreg.errors import GateRefused, ModelNotFound, VersionNotFound
from modelreg.lifecycle.rules.transitions import TransitionRequest, is_change_needed, plan_transition
from modelreg.store.actor import current_actor
from modelreg.store.catalog.reader import CatalogReader
from modelreg.store.catalog.writer import CatalogWriter
from modelreg.store.folder import RegistryFolder

if TYPE_CHECKING:
    from modelreg.domain.gates import GateCheck
    from modelreg.domain.versions import ModelVersion

# lifecycle.rules.gates is imported only where a stage has gates: it imports the expression language


@contextmanager
def writing_with_gates(folder: RegistryFolder, message: str | None) -> Iterator[CatalogWriter]:
    """A write transaction that journals a `GateRefused` before it raises it.

    The transaction is committed then, so earlier changes in it belong in a `CatalogWriter.savepoint`.
    """
    refusal: GateRefused | None = None
    with folder.catalog.writing(current_actor(), message) as writer:
        try:
            yield writer
        except GateRefused as error:
            refusal = error
            _journal_refusal(writer, error.check)
    if refusal is not None:
        raise refusal


def plan_gated_transition(
    catalog: CatalogReader, reference: Reference, request: TransitionRequest, *, force: bool = False
) -> Transition:
    """Check gates and plan the stage changes; changes nothing.

    Raises `NotFound`, `StageChanged`, `GateRefused` (unless ``force``) and `ProductionOccupied`, in this order.
    """
    version, rules = catalog.version(reference), catalog.rules
    name, number, stage = version.name, version.version, request.stage
    if not is_change_needed(name, number, version.stage, request, rules):
        return Transition(name, number, stage, ())
    occupants = [occupant for occupant in catalog.in_stage(name, stage) if occupant != number]
    checks = _check_all_gates(catalog, version, request, occupants)
    failed = next((check for check in checks if not check.passed), None)
    if failed is not None and not force:
        from modelreg.lifecycle.rules.gates import gate_refusal

        raise gate_refusal(failed)
    changes = plan_transition(name, number, version.stage, request, occupants, rules)
    notes = []
    newest = max(occupants, default=0)
    if stage is Stage.PRODUCTION and newest > number:  # an old job may have run again
        notes.append(f"{version.reference} replaces a newer version: {name}/{newest}")
    is_leaving = version.stage is Stage.PRODUCTION and stage is not Stage.PRODUCTION
    if is_leaving and catalog.in_stage(name, Stage.PRODUCTION) == [number]:
        notes.append(f"this leaves no version of {name} in Production")
    notes += safety_notes(version, stage)
    return Transition(name, number, stage, changes, checks, forced=failed is not None, notes=tuple(notes))


def safety_notes(version: ModelVersion, stage: Stage) -> tuple[str, ...]:
    """A warning if a dangerous version enters Staging or Production."""
    in_use = stage in (Stage.STAGING, Stage.PRODUCTION)
    return (version.danger,) if in_use and version.danger else ()


def apply_transition(writer: CatalogWriter, transition: Transition) -> None:
    """Make the stage changes of a plan from the same transaction, and journal its gate checks with them."""
    checks = {check.version: check for check in transition.checks}
    for change in transition.changes:
        check = checks.get(change.version)
        if check is None:
            writer.set_stage(transition.name, change)
        else:
            from modelreg.lifecycle.rules.gates import encode_check

            writer.set_stage(transition.name, change, check=encode_check(check, forced=not check.passed))


def check_stage_gates(catalog: CatalogReader, version: ModelVersion, stage: Stage) -> GateCheck | None:
    """Check a version against the gates of a stage; None if the stage has no gates."""
    gates = catalog.gates(version.name, stage)
    if not gates:
        return None
    from modelreg.lifecycle.rules.gates import check_gates

    in_production = catalog.in_stage(version.name, Stage.PRODUCTION)
    incumbent = catalog.version(Reference(version.name, in_production[0])) if in_production else None
    return check_gates(gates, version, stage, incumbent)


def _check_all_gates(
    catalog: CatalogReader, version: ModelVersion, request: TransitionRequest, occupants: Sequence[int]
) -> tuple[GateCheck, ...]:
    """The gate checks of the version, and of the versions that it displaces."""
    checks = [check_stage_gates(catalog, version, request.stage)]
    if request.move_existing is not None:
        displaced = (catalog.version(Reference(version.name, occupant)) for occupant in occupants)
        checks += [check_stage_gates(catalog, other, request.move_existing) for other in displaced]
    return tuple(check for check in checks if check is not None)


def _journal_refusal(writer: CatalogWriter, check: GateCheck) -> None:
    from modelreg.lifecycle.rules.gates import encode_check

    values = encode_check(check, forced=False)
    try:
        current = writer.version(Reference(check.name, check.version)).stage
    except (ModelNotFound, VersionNotFound):  # its registration, which named this stage, was undone
        writer.record_refusal(check.name, StageChange(check.version, Stage.NONE, check.stage), values, registered=False)
    else:
        writer.record_refusal(check.name, StageChange(check.version, current, check.stage), values)
