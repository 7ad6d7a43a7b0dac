"""Which version was in Production before: found in the journal, never guessed from what is archived."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from modelreg.errors import NothingToRollBackTo
from modelreg.records.journal import ROLLBACK, TRANSITION, JournalEntry
from modelreg.records.transition import StageChange
from modelreg.references import ModelName
from modelreg.stages import Stage


@dataclass(frozen=True, slots=True)
class Tenure:
    """One version's time in Production."""

    version: int
    before: Stage
    """The stage from which it came."""


def tenures(entries: Iterable[JournalEntry]) -> list[Tenure]:
    """Who came into Production, one after another, without those who were rolled back; the last one is the newest.

    A version that leaves and comes back with nobody between them had one tenure.
    """
    found: list[Tenure] = []
    for entry in entries:
        if entry.to_stage is not Stage.PRODUCTION or entry.version is None or entry.from_stage is None:
            continue
        if entry.action == ROLLBACK:
            while found and found[-1].version != entry.version:
                found.pop()
        elif entry.action == TRANSITION:
            if found and found[-1].version == entry.version:
                found.pop()
            found.append(Tenure(entry.version, entry.from_stage))
    return found


def plan_rollback(
    name: ModelName, entries: Iterable[JournalEntry], stages: Mapping[int, Stage]
) -> tuple[StageChange, ...]:
    """The changes that bring back the version that was in Production before, those that make room first.

    ``entries`` are those about going into Production, and ``stages`` those of their versions now. The version that
    has to leave returns to the stage that it came from. Raises `NothingToRollBackTo`.
    """
    past = tenures(entries)
    current = next((version for version, stage in stages.items() if stage is Stage.PRODUCTION), None)
    leaving = past.pop() if past and past[-1].version == current else None
    if not past:
        raise NothingToRollBackTo(name, "no other version was in Production before", f"modelreg history {name}")
    target = past[-1].version
    if target not in stages:
        raise NothingToRollBackTo(
            name,
            f"{name}/{target}, which was in Production before, was deleted",
            f"modelreg transition {name} VERSION Production --archive-existing names another",
        )
    restored = StageChange(target, stages[target], Stage.PRODUCTION)
    if current is None:
        return (restored,)
    return StageChange(current, Stage.PRODUCTION, leaving.before if leaving else Stage.ARCHIVED), restored


def rollback_target(name: ModelName, entries: Iterable[JournalEntry], stages: Mapping[int, Stage]) -> int | None:
    """The version that `plan_rollback` would bring back, if any."""
    try:
        return plan_rollback(name, entries, stages)[-1].version
    except NothingToRollBackTo:
        return None
