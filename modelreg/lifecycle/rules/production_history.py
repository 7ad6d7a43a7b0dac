"""Find the rollback target: replay the journal for the versions that were in Production.

The journal is the only source. Stages alone do not tell which archived version was in Production last. The module
`modelreg.lifecycle.rollback` carries the rollback out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from modelreg.domain.journal import ROLLBACK, TRANSITION, JournalEntry
from modelreg.domain.references import ModelName
from modelreg.domain.stages import Stage
from modelreg.domain.transitions import StageChange, Transition
from modelreg.errors import NothingToRollBackTo, quoted


@dataclass(frozen=True, slots=True)
class ProductionPeriod:
    """One version's time in Production."""

    version: int
    previous_stage: Stage
    """The stage from which the version entered Production."""


class ProductionHistory(NamedTuple):
    """The versions that were in Production, as read from the journal."""

    current: list[ProductionPeriod]
    """Oldest first, without periods that were rolled back.

    A version that leaves and returns, with no other version in between, has a single period.
    """
    rolled_back: list[ProductionPeriod]
    """The periods that were rolled back since the last promotion."""


def find_production_history(entries: Iterable[JournalEntry]) -> ProductionHistory:
    """Replay a model's journal entries about Production, oldest first."""
    current: list[ProductionPeriod] = []
    rolled_back: list[ProductionPeriod] = []
    for entry in entries:
        if entry.to_stage is not Stage.PRODUCTION or entry.version is None or entry.from_stage is None:
            continue
        if entry.action == ROLLBACK:
            while current and current[-1].version != entry.version:
                rolled_back.append(current.pop())
        elif entry.action == TRANSITION:
            rolled_back.clear()
            if current and current[-1].version == entry.version:
                current.pop()
            current.append(ProductionPeriod(entry.version, entry.from_stage))
    return ProductionHistory(current, rolled_back)


def plan_rollback(name: ModelName, entries: Iterable[JournalEntry], stages: Mapping[int, Stage]) -> Transition:
    """Plan the stage changes that restore the previous version in Production; the leaving version moves first.

    ``entries`` are the model's journal entries about entering Production. ``stages`` has the current stages of the
    versions in them, and of those in Production. The leaving version returns to the stage it came from. If several
    versions may be in Production, the previous one may still be there; then the only change is that the last one
    leaves. Raises `NothingToRollBackTo`.
    """
    earlier, leaving = _split(find_production_history(entries).current, stages)
    if not earlier:
        if leaving is None:
            raise NothingToRollBackTo(name, "no version was in Production", f"modelreg history {quoted(name)}")
        reference = f"{name}/{leaving.version}"
        raise NothingToRollBackTo(
            name,
            f"no version was in Production before {reference}",
            f"to take it out of Production: modelreg transition {quoted(reference)} {leaving.previous_stage}",
        )
    target = earlier[-1].version
    if target not in stages:
        raise NothingToRollBackTo(
            name,
            f"{name}/{target}, the previous version in Production, was deleted",
            f"promote another version: modelreg transition {quoted(name)} VERSION Production --archive-existing",
        )
    changes = []
    if leaving is not None:
        changes.append(StageChange(leaving.version, Stage.PRODUCTION, leaving.previous_stage))
    if stages[target] is not Stage.PRODUCTION:
        changes.append(StageChange(target, stages[target], Stage.PRODUCTION))
    return Transition(name, target, Stage.PRODUCTION, tuple(changes))


def find_rollback_versions(
    name: ModelName, entries: Sequence[JournalEntry], stages: Mapping[int, Stage]
) -> dict[int, str]:
    """The versions that pruning must keep for rollback, each with the reason as the end of a sentence.

    They are the rollback target, and the versions that are needed to undo rollbacks.
    """
    history = find_production_history(entries)
    reasons = {period.version: "was displaced by a rollback" for period in history.rolled_back}
    with suppress(NothingToRollBackTo):
        reasons[plan_rollback(name, entries, stages).version] = "is the rollback target"
    return reasons


def _split(
    periods: list[ProductionPeriod], stages: Mapping[int, Stage]
) -> tuple[list[ProductionPeriod], ProductionPeriod | None]:
    """Split into the periods before the version in Production, and the period of that version.

    If several versions are in Production, the latest period counts. A version in Production of which the journal has
    no period is treated as if it had come from Archived.
    """
    for index in reversed(range(len(periods))):
        if stages.get(periods[index].version) is Stage.PRODUCTION:
            return periods[:index], periods[index]
    unrecorded = [version for version, stage in stages.items() if stage is Stage.PRODUCTION]
    return periods, ProductionPeriod(max(unrecorded), Stage.ARCHIVED) if unrecorded else None
