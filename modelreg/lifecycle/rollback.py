"""Which version was in Production before: found in the journal, never guessed from what is archived."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from modelreg.errors import NothingToRollBackTo
from modelreg.records.journal import ROLLBACK, TRANSITION, JournalEntry
from modelreg.records.transition import StageChange, Transition
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


def plan_rollback(name: ModelName, entries: Iterable[JournalEntry], stages: Mapping[int, Stage]) -> Transition:
    """The changes that bring back the version that was in Production before; versions leave before it enters.

    ``entries`` are those about going into Production, and ``stages`` those of their versions now. The version that
    has to leave returns to the stage that it came from. Where several may be in Production, the one before may still
    be there; then the last one leaves, and that is all. Raises `NothingToRollBackTo`.
    """
    past, leaving = _split(tenures(entries), stages)
    if not past:
        before = "" if leaving is None else f" before {name}/{leaving.version}"
        raise NothingToRollBackTo(name, f"no version was in Production{before}", f"modelreg history {name}")
    target = past[-1].version
    if target not in stages:
        raise NothingToRollBackTo(
            name,
            f"{name}/{target}, which was in Production before, was deleted",
            f"modelreg transition {name} VERSION Production --archive-existing names another",
        )
    changes = []
    if leaving is not None:
        changes.append(StageChange(leaving.version, Stage.PRODUCTION, leaving.before))
    if stages[target] is not Stage.PRODUCTION:
        changes.append(StageChange(target, stages[target], Stage.PRODUCTION))
    return Transition(name, target, Stage.PRODUCTION, tuple(changes))


def rollback_target(name: ModelName, entries: Iterable[JournalEntry], stages: Mapping[int, Stage]) -> int | None:
    """The version that `plan_rollback` would bring back, if any."""
    try:
        return plan_rollback(name, entries, stages).version
    except NothingToRollBackTo:
        return None


def _split(past: list[Tenure], stages: Mapping[int, Stage]) -> tuple[list[Tenure], Tenure | None]:
    """The tenures before that of the version which is in Production, and that one; the last, where several are."""
    for place in reversed(range(len(past))):
        if stages.get(past[place].version) is Stage.PRODUCTION:
            return past[:place], past[place]
    unknown = [version for version, stage in stages.items() if stage is Stage.PRODUCTION]
    return past, Tenure(max(unknown), Stage.ARCHIVED) if unknown else None
