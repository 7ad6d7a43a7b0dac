"""How a version changes its stage: gates are asked, and the change is made, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from modelreg.domain.references import Reference
from modelreg.domain.stages import Stage
from modelreg.domain.transitions import StageChange, Transition
from modelreg.errors import GateRefused
from modelreg.lifecycle.rules.transitions import Terms, is_due, plan_transition
from modelreg.store.actor import current_actor
from modelreg.store.catalog.reader import CatalogReader
from modelreg.store.catalog.writer import CatalogWriter
from modelreg.store.folder import RegistryFolder

if TYPE_CHECKING:
    from modelreg.domain.gates import GateCheck
    from modelreg.domain.versions import ModelVersion


@contextmanager
def promoting(home: RegistryFolder, message: str | None) -> Iterator[CatalogWriter]:
    """A change of the catalog in which gates may refuse: the refusal is journalled before it is raised.

    Nothing else may have been changed by then; what has is to be done in an `Change.attempt`.
    """
    refusal: GateRefused | None = None
    with home.catalog.writing(current_actor(), message) as change:
        try:
            yield change
        except GateRefused as refused:
            refusal = refused
            _journal_refusal(change, refused.check)
    if refusal is not None:
        raise refusal


def decide(catalog: CatalogReader, reference: Reference, terms: Terms, *, force: bool = False) -> Transition:
    """What puts the version into the wanted stage, on these terms; nothing is changed.

    Raises `NotFound`, `StageChanged`, `GateRefused` (unless ``force``) and `ProductionOccupied`, in this order.
    """
    version, rules = catalog.version(reference), catalog.rules
    if not is_due(version.name, version.version, version.stage, terms, rules):
        return Transition(version.name, version.version, terms.stage, ())
    occupants = [each for each in catalog.in_stage(version.name, terms.stage) if each != version.version]
    checks = _ask_gates(catalog, version, terms, occupants)
    refusal = next((check for check in checks if not check.passed), None)
    if refusal is not None and not force:
        from modelreg.lifecycle.rules.gates import gate_refusal

        raise gate_refusal(refusal)
    changes = plan_transition(version.name, version.version, version.stage, terms, occupants, rules)
    return Transition(
        version.name,
        version.version,
        terms.stage,
        changes,
        checks,
        forced=refusal is not None,
        notes=(
            *_notes_on_age(version, terms.stage, occupants),
            *_notes_on_leaving(catalog, version, terms.stage),
            *notes_on(version, terms.stage),
        ),
    )


def _notes_on_age(version: ModelVersion, stage: Stage, occupants: Sequence[int]) -> tuple[str, ...]:
    """What whoever puts an older version in the place of a newer one should know: an old job may run again."""
    newer = max(occupants, default=0)
    if stage is not Stage.PRODUCTION or newer < version.version:
        return ()
    return (f"{version.reference} is older than {version.name}/{newer}, whose place it takes",)


def _notes_on_leaving(catalog: CatalogReader, version: ModelVersion, stage: Stage) -> tuple[str, ...]:
    """What whoever takes a version out of Production should know: what loads NAME/Production finds none then."""
    leaves = version.stage is Stage.PRODUCTION and stage is not Stage.PRODUCTION
    if not leaves or catalog.in_stage(version.name, Stage.PRODUCTION) != [version.version]:
        return ()
    return (f"this leaves no version of {version.name} in Production",)


def notes_on(version: ModelVersion, stage: Stage) -> tuple[str, ...]:
    """What whoever puts the version into a stage from which models are used should know of it."""
    in_use = stage in (Stage.STAGING, Stage.PRODUCTION)
    return (version.danger,) if in_use and version.danger else ()


def carry_out(change: CatalogWriter, transition: Transition) -> None:
    """Make the changes that `decide` named, and journal with each what gates said of it."""
    checks = {check.version: check for check in transition.checks}
    for each in transition.changes:
        change.set_stage(transition.name, each, check=_as_json(checks.get(each.version)))


def check_version(catalog: CatalogReader, version: ModelVersion, stage: Stage) -> GateCheck | None:
    """What the gates of ``stage`` say of a version now; None when there are none."""
    gates = catalog.gates(version.name, stage)
    if not gates:
        return None
    from modelreg.lifecycle.rules.gates import check_gates

    in_production = catalog.in_stage(version.name, Stage.PRODUCTION)
    incumbent = catalog.version(Reference(version.name, in_production[0])) if in_production else None
    return check_gates(gates, version, stage, incumbent)


def _ask_gates(
    catalog: CatalogReader, version: ModelVersion, terms: Terms, occupants: Sequence[int]
) -> tuple[GateCheck, ...]:
    """What gates say of the version, and of those that would have to make room for it."""
    asked = [check_version(catalog, version, terms.stage)]
    if terms.move_existing is not None:
        leaving = (catalog.version(Reference(version.name, occupant)) for occupant in occupants)
        asked += [check_version(catalog, each, terms.move_existing) for each in leaving]
    return tuple(check for check in asked if check is not None)


def _as_json(check: GateCheck | None) -> dict[str, Any] | None:
    if check is None:
        return None
    from modelreg.lifecycle.rules.gates import check_as_json  # which imports the language of expressions

    return check_as_json(check, forced=not check.passed)


def _journal_refusal(change: CatalogWriter, check: GateCheck) -> None:
    from modelreg.errors import ModelNotFound, VersionNotFound
    from modelreg.lifecycle.rules.gates import check_as_json

    said = check_as_json(check, forced=False)
    try:
        current = change.version(Reference(check.name, check.version)).stage
    except (ModelNotFound, VersionNotFound):  # it was to be registered with this stage, and is not now
        change.record_refusal(check.name, StageChange(check.version, Stage.NONE, check.stage), said, registered=False)
    else:
        change.record_refusal(check.name, StageChange(check.version, current, check.stage), said)
