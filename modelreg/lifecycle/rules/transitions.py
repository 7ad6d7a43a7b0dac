"""Plan transitions without I/O: the stage changes that a request causes (promotion.py applies them)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modelreg.domain.references import ModelName
from modelreg.domain.stages import Stage, StageRules
from modelreg.domain.transitions import StageChange, Transition
from modelreg.errors import InvalidInput, ProductionOccupied, StageChanged


@dataclass(frozen=True, slots=True)
class TransitionRequest:
    """The target stage and the options of a transition; raises `InvalidInput` if they contradict each other."""

    stage: Stage
    move_existing: Stage | None = None
    """The stage to which the versions now in ``stage`` move; None if the caller did not choose one."""
    existing: int | None = None
    """The only version to which ``move_existing`` applies; None for any version."""
    if_current: Stage | None = None
    """The stage in which the version must be; None for any stage."""

    def __post_init__(self) -> None:
        if self.move_existing is None:
            return
        if self.stage not in (Stage.STAGING, Stage.PRODUCTION):
            raise InvalidInput(
                f"{self.stage} may hold any number of versions: none has to be archived or moved",
                "leave out --archive-existing and --move-existing",
            )
        if self.move_existing in (self.stage, Stage.PRODUCTION):
            raise InvalidInput(
                f"the versions that leave {self.stage} cannot move to {self.move_existing}",
                "choose another stage, such as Archived",
            )


def is_change_needed(
    name: ModelName,
    version: int,
    current: Stage,
    request: TransitionRequest,
    rules: StageRules = StageRules.STRICT,
) -> bool:
    """Whether the request moves any version; raises `StageChanged` if the version is not in ``if_current``.

    With MLflow's rules, ``move_existing`` moves other versions even if the version is in the target stage already.
    """
    if request.if_current is not None and current is not request.if_current:
        raise StageChanged(name, version, current, request.if_current)
    return current is not request.stage or (rules is StageRules.MLFLOW and request.move_existing is not None)


def plan_transition(
    name: ModelName,
    version: int,
    current: Stage,
    request: TransitionRequest,
    occupants: Sequence[int],
    rules: StageRules = StageRules.STRICT,
) -> tuple[StageChange, ...]:
    """Plan the stage changes of a request; versions that leave the target stage come first.

    ``current`` is the version's stage, ``occupants`` are the other versions in the target stage. Raises
    `ProductionOccupied` if another version is in Production and the request does not move it, unless ``rules`` allow
    several.
    """
    entering = () if current is request.stage else (StageChange(version, current, request.stage),)
    applies = request.existing is None or list(occupants) == [request.existing]
    if request.move_existing is not None and applies:
        leaving = [StageChange(occupant, request.stage, request.move_existing) for occupant in occupants]
        return (*leaving, *entering)
    if request.stage is Stage.PRODUCTION and occupants and rules is StageRules.STRICT:
        raise ProductionOccupied(name, version, occupants[0])
    return entering


def undo_commands(transition: Transition) -> list[list[str]]:
    """The commands that undo a transition, each as a list of arguments."""
    if transition.stage is Stage.PRODUCTION and len(transition.changes) == 2:
        return [["rollback", transition.name]]
    return [
        ["transition", f"{transition.name}/{change.version}", change.from_stage.value]
        for change in reversed(transition.changes)
    ]


def undo_rollback_command(rollback: Transition) -> list[str]:
    """The command that undoes a rollback, as a list of arguments; like any transition, it checks gates."""
    *displaced, last = rollback.changes
    if last.to_stage is not rollback.stage:  # a version left, and the previous one was still in Production
        return ["transition", f"{rollback.name}/{last.version}", rollback.stage.value]
    if not displaced:
        return ["transition", f"{rollback.name}/{last.version}", last.from_stage.value]
    command = ["transition", f"{rollback.name}/{displaced[0].version}", rollback.stage.value]
    return [*command, "--move-existing", last.from_stage.value]
