"""The transition rules as properties of every request, without a registry."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelreg.domain.references import ModelName
from modelreg.domain.stages import Stage
from modelreg.domain.transitions import Transition
from modelreg.errors import InvalidInput, ProductionOccupied, StageChanged
from modelreg.lifecycle.rules.transitions import TransitionRequest, is_change_needed, plan_transition, undo_commands

CHURN = ModelName("churn")
OPTIONAL_STAGE = st.none() | st.sampled_from(Stage)


@st.composite
def requests(draw):
    stage, move_existing = draw(st.sampled_from(Stage)), draw(OPTIONAL_STAGE)
    existing, if_current = draw(st.none() | st.integers(2, 5)), draw(OPTIONAL_STAGE)
    try:
        return TransitionRequest(stage, move_existing, existing, if_current)
    except InvalidInput:
        return TransitionRequest(stage)


@st.composite
def situations(draw):
    """A request about version 1, the stages of versions 1 to 5, and the other versions in the target stage."""
    request = draw(requests())
    not_production = [stage for stage in Stage if stage != "Production"]
    stages = {version: draw(st.sampled_from(not_production)) for version in range(1, 6)}
    in_production = draw(st.none() | st.integers(1, 5))
    if in_production:
        stages[in_production] = Stage.PRODUCTION
    return request, stages, [version for version in (5, 4, 3, 2) if stages[version] is request.stage]


def plan(version, current, request, occupants):
    """The stage changes of a transition without gates."""
    if not is_change_needed(CHURN, version, current, request):
        return ()
    return plan_transition(CHURN, version, current, request, occupants)


@given(situations())
def test_changes_lead_to_the_target_stage_with_at_most_one_version_in_production_throughout(situation):
    request, stages, occupants = situation
    try:
        changes = plan(1, stages[1], request, occupants)
    except (ProductionOccupied, StageChanged):
        return
    for change in changes:
        assert stages[change.version] is change.from_stage
        stages[change.version] = change.to_stage
        assert list(stages.values()).count(Stage.PRODUCTION) <= 1
    assert stages[1] is request.stage


@given(situations())
def test_transition_is_refused_only_for_another_current_stage_or_an_occupied_production(situation):
    request, stages, occupants = situation
    is_elsewhere = request.if_current not in (None, stages[1])
    moves_occupants = request.move_existing is not None and (
        request.existing is None or occupants == [request.existing]
    )
    enters_production = request.stage is Stage.PRODUCTION and stages[1] is not Stage.PRODUCTION
    is_occupied = enters_production and bool(occupants) and not moves_occupants
    try:
        plan(1, stages[1], request, occupants)
    except StageChanged:
        assert is_elsewhere
    except ProductionOccupied:
        assert is_occupied
        assert not is_elsewhere
    else:
        assert not is_elsewhere
        assert not is_occupied


@given(situations())
def test_each_version_is_changed_at_most_once_and_only_if_the_request_concerns_it(situation):
    request, stages, occupants = situation
    try:
        changes = plan(1, stages[1], request, occupants)
    except (ProductionOccupied, StageChanged):
        return
    changed = [change.version for change in changes]
    assert len(changed) == len(set(changed))
    assert set(changed) <= {1, *occupants}
    assert all(change.from_stage is not change.to_stage for change in changes)
    if request.move_existing is None:
        assert set(changed) <= {1}
    if stages[1] is request.stage:
        assert changes == ()


@pytest.mark.parametrize(("stage", "move_existing"), list(product(Stage, Stage)))
def test_move_existing_is_allowed_only_out_of_staging_and_production_and_never_into_production(stage, move_existing):
    if stage in (Stage.STAGING, Stage.PRODUCTION) and move_existing not in (stage, Stage.PRODUCTION):
        TransitionRequest(stage, move_existing)
    else:
        with pytest.raises(InvalidInput):
            TransitionRequest(stage, move_existing)


@given(situations())
def test_undo_commands_restore_the_previous_stages(situation):
    request, before, occupants = situation
    stages = dict(before)
    try:
        changes = plan(1, stages[1], request, occupants)
    except (ProductionOccupied, StageChanged):
        return
    commands = undo_commands(Transition(CHURN, 1, request.stage, changes))
    if not changes or commands == [["rollback", "churn"]]:  # a rollback depends on the journal
        return
    for change in changes:
        stages[change.version] = change.to_stage
    for command in commands:
        _run(stages, command)
    assert stages == before


def _run(stages, command):
    """Apply a ``transition`` command to ``stages``."""
    name, reference, stage = command
    assert name == "transition"
    version, target = int(reference.removeprefix("churn/")), Stage.parse(stage)
    occupants = [other for other in stages if stages[other] is target and other != version]
    for change in plan(version, stages[version], TransitionRequest(target), occupants):
        stages[change.version] = change.to_stage
