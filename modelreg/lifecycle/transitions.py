"""What a transition does to the stages of a model's versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modelreg.errors import InvalidInput, ProductionOccupied, StageChanged
from modelreg.records.transition import StageChange, Transition
from modelreg.references import ModelName
from modelreg.stages import Stage


@dataclass(frozen=True, slots=True)
class TransitionRequest:
    """What is asked: put ``version`` of ``name`` into ``stage``, on these terms."""

    name: ModelName
    version: int
    stage: Stage
    move_existing: Stage | None = None
    """Where the versions go that are in ``stage`` now; None says nothing about them."""
    existing: int | None = None
    """The one version that ``move_existing`` was meant for; None means whichever is there."""
    if_current: Stage | None = None
    """The stage in which the version must be for anything to happen."""

    def __post_init__(self) -> None:
        if self.move_existing is None:
            return
        if self.stage not in (Stage.STAGING, Stage.PRODUCTION):
            raise InvalidInput(
                f"nothing has to leave {self.stage}: any number of versions may be there",
                "leave out --archive-existing and --move-existing",
            )
        if self.move_existing in (self.stage, Stage.PRODUCTION):
            raise InvalidInput(
                f"the versions that leave {self.stage} cannot go to {self.move_existing}",
                "name another stage, such as Archived",
            )


def plan_transition(request: TransitionRequest, current: Stage, occupants: Sequence[int]) -> tuple[StageChange, ...]:
    """The stage changes that fulfil ``request``, those that make room first; none when it is fulfilled already.

    ``current`` is the version's stage and ``occupants`` are the other versions in the wanted stage. Raises
    `StageChanged` when the version is not where ``if_current`` says, and `ProductionOccupied` when another version
    is in Production and nothing (or something about yet another version) was said about it.
    """
    if request.if_current is not None and current is not request.if_current:
        raise StageChanged(request.name, request.version, current, request.if_current)
    if current is request.stage:
        return ()
    promoted = StageChange(request.version, current, request.stage)
    if request.move_existing is not None and (request.existing is None or list(occupants) == [request.existing]):
        room = [StageChange(occupant, request.stage, request.move_existing) for occupant in occupants]
        return (*room, promoted)
    if request.stage is Stage.PRODUCTION and occupants:
        raise ProductionOccupied(request.name, request.version, occupants[0])
    return (promoted,)


def undo_command(done: Transition) -> str:
    """The command line that takes a transition back."""
    *displaced, promoted = done.changes
    if done.stage is Stage.PRODUCTION and displaced:
        back = f"modelreg transition {done.name}/{displaced[0].version} {done.stage}"
        return f"{back} --move-existing {promoted.from_stage}"
    return " && ".join(
        f"modelreg transition {done.name}/{change.version} {change.from_stage}" for change in reversed(done.changes)
    )
