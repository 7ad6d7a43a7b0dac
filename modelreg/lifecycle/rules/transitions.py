"""What a transition does to the stages of a model's versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modelreg.domain.references import ModelName
from modelreg.domain.stages import Stage, StageRules
from modelreg.domain.transitions import StageChange, Transition
from modelreg.errors import InvalidInput, ProductionOccupied, StageChanged


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a version is to go into ``stage``; raises `InvalidInput` for terms that make no sense."""

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


def is_due(name: ModelName, version: int, current: Stage, terms: Terms, rules: StageRules = StageRules.STRICT) -> bool:
    """Whether any version has to move; raises `StageChanged` when this one is not where ``if_current`` says.

    By MLflow's rules those that share the stage with a version have to, when something is said about them.
    """
    if terms.if_current is not None and current is not terms.if_current:
        raise StageChanged(name, version, current, terms.if_current)
    return current is not terms.stage or (rules is StageRules.MLFLOW and terms.move_existing is not None)


def plan_transition(
    name: ModelName,
    version: int,
    current: Stage,
    terms: Terms,
    occupants: Sequence[int],
    rules: StageRules = StageRules.STRICT,
) -> tuple[StageChange, ...]:
    """The stage changes that put ``version`` there, those that make room first.

    ``current`` is the version's stage, and ``occupants`` are the other versions in the wanted one. Raises
    `ProductionOccupied` when another version is in Production and nothing (or something about yet another version)
    was said about it, unless the ``rules`` let it stay.
    """
    promoted = () if current is terms.stage else (StageChange(version, current, terms.stage),)
    if terms.move_existing is not None and (terms.existing is None or list(occupants) == [terms.existing]):
        room = [StageChange(occupant, terms.stage, terms.move_existing) for occupant in occupants]
        return (*room, *promoted)
    if terms.stage is Stage.PRODUCTION and occupants and rules is StageRules.STRICT:
        raise ProductionOccupied(name, version, occupants[0])
    return promoted


def undo_commands(done: Transition) -> list[list[str]]:
    """The commands that take a transition back, each as words."""
    if done.stage is Stage.PRODUCTION and len(done.changes) == 2:
        return [["rollback", done.name]]
    return [
        ["transition", f"{done.name}/{change.version}", change.from_stage.value] for change in reversed(done.changes)
    ]


def undo_rollback_command(done: Transition) -> list[str]:
    """The command that takes a rollback back, by the rules of any transition, as words."""
    *displaced, restored = done.changes
    if restored.to_stage is not done.stage:  # the one before was still there
        return ["transition", f"{done.name}/{restored.version}", done.stage.value]
    if not displaced:
        return ["transition", f"{done.name}/{restored.version}", restored.from_stage.value]
    back = ["transition", f"{done.name}/{displaced[0].version}", done.stage.value]
    return [*back, "--move-existing", restored.from_stage.value]
