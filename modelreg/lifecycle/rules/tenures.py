"""Which version was in Production before: found in the journal, never guessed from what is archived."""

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
class Tenure:
    """One version's time in Production."""

    version: int
    before: Stage
    """The stage from which it came."""


class Tenures(NamedTuple):
    """Who was in Production, as the journal tells."""

    kept: list[Tenure]
    """One after another, without those who were rolled back; the last one is the newest.

    A version that leaves and comes back with nobody between them had one tenure.
    """
    displaced: list[Tenure]
    """Those who were rolled back since the last version was promoted."""


def tenures(entries: Iterable[JournalEntry]) -> Tenures:
    """Who came into Production, by the entries about that."""
    kept: list[Tenure] = []
    displaced: list[Tenure] = []
    for entry in entries:
        if entry.to_stage is not Stage.PRODUCTION or entry.version is None or entry.from_stage is None:
            continue
        if entry.action == ROLLBACK:
            while kept and kept[-1].version != entry.version:
                displaced.append(kept.pop())
        elif entry.action == TRANSITION:
            displaced.clear()
            if kept and kept[-1].version == entry.version:
                kept.pop()
            kept.append(Tenure(entry.version, entry.from_stage))
    return Tenures(kept, displaced)


def plan_rollback(name: ModelName, entries: Iterable[JournalEntry], stages: Mapping[int, Stage]) -> Transition:
    """The changes that bring back the version that was in Production before; versions leave before it enters.

    ``entries`` are those about going into Production, and ``stages`` those of their versions now. The version that
    has to leave returns to the stage that it came from. Where several may be in Production, the one before may still
    be there; then the last one leaves, and that is all. Raises `NothingToRollBackTo`.
    """
    past, leaving = _split(tenures(entries).kept, stages)
    if not past:
        before, hint = "", f"modelreg history {quoted(name)}"
        if leaving is not None:
            last = f"{name}/{leaving.version}"
            before = f" before {last}"
            hint = f"modelreg transition {quoted(last)} {leaving.before} takes it out of Production"
        raise NothingToRollBackTo(name, f"no version was in Production{before}", hint)
    target = past[-1].version
    if target not in stages:
        raise NothingToRollBackTo(
            name,
            f"{name}/{target}, which was in Production before, was deleted",
            f"modelreg transition {quoted(name)} VERSION Production --archive-existing names another",
        )
    changes = []
    if leaving is not None:
        changes.append(StageChange(leaving.version, Stage.PRODUCTION, leaving.before))
    if stages[target] is not Stage.PRODUCTION:
        changes.append(StageChange(target, stages[target], Stage.PRODUCTION))
    return Transition(name, target, Stage.PRODUCTION, tuple(changes))


def needed_versions(name: ModelName, entries: Sequence[JournalEntry], stages: Mapping[int, Stage]) -> dict[int, str]:
    """The versions that a rollback, or taking one back, needs; with the reason, as the end of a sentence."""
    needed = {tenure.version: "is what a rollback displaced" for tenure in tenures(entries).displaced}
    with suppress(NothingToRollBackTo):
        needed[plan_rollback(name, entries, stages).version] = "is what a rollback would return to"
    return needed


def _split(past: list[Tenure], stages: Mapping[int, Stage]) -> tuple[list[Tenure], Tenure | None]:
    """The tenures before that of the version which is in Production, and that one; the last, where several are."""
    for place in reversed(range(len(past))):
        if stages.get(past[place].version) is Stage.PRODUCTION:
            return past[:place], past[place]
    unknown = [version for version, stage in stages.items() if stage is Stage.PRODUCTION]
    return past, Tenure(max(unknown), Stage.ARCHIVED) if unknown else None
