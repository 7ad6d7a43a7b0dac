"""The rules of a transition, as laws over every case."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelreg.domain.references import ModelName
from modelreg.domain.stages import Stage
from modelreg.domain.transitions import Transition
from modelreg.errors import InvalidInput, ProductionOccupied, StageChanged
from modelreg.lifecycle.rules.transitions import Terms, is_due, plan_transition, undo_commands

CHURN = ModelName("churn")
MAYBE_STAGE = st.none() | st.sampled_from(Stage)


@st.composite
def all_terms(draw):
    stage, room = draw(st.sampled_from(Stage)), draw(MAYBE_STAGE)
    try:
        return Terms(stage, room, draw(st.none() | st.integers(2, 5)), draw(st.none() | st.sampled_from(Stage)))
    except InvalidInput:
        return Terms(stage)


@st.composite
def situations(draw):
    """Terms, the stages of all versions of a model, and those of them that are in the wanted stage."""
    terms = draw(all_terms())
    found = {
        version: draw(st.sampled_from([each for each in Stage if each != "Production"])) for version in range(1, 6)
    }
    holder = draw(st.none() | st.integers(1, 5))
    if holder:
        found[holder] = Stage.PRODUCTION
    return terms, found, [version for version in (5, 4, 3, 2) if found[version] is terms.stage]


def planned(name, version, current, terms, occupants):
    """What a transition does when no gate stands before it."""
    return plan_transition(name, version, current, terms, occupants) if is_due(name, version, current, terms) else ()


@given(situations())
def test_a_plan_leads_to_the_wanted_stage_and_keeps_the_contract(situation):
    terms, found, occupants = situation
    try:
        plan = planned(CHURN, 1, found[1], terms, occupants)
    except (ProductionOccupied, StageChanged):
        return
    for change in plan:
        assert found[change.version] is change.from_stage  # each change starts from where the version is then
        found[change.version] = change.to_stage
        assert list(found.values()).count(Stage.PRODUCTION) <= 1  # at every moment
    assert found[1] is terms.stage


@given(situations())
def test_it_is_refused_exactly_when_it_must_be(situation):
    terms, found, occupants = situation
    elsewhere = terms.if_current not in (None, found[1])
    said = terms.move_existing is not None and (terms.existing is None or occupants == [terms.existing])
    taken = terms.stage is Stage.PRODUCTION and found[1] is not Stage.PRODUCTION and bool(occupants) and not said
    try:
        planned(CHURN, 1, found[1], terms, occupants)
    except StageChanged:
        assert elsewhere
    except ProductionOccupied:
        assert taken
        assert not elsewhere
    else:
        assert not elsewhere
        assert not taken


@given(situations())
def test_a_version_is_changed_once_and_only_if_the_terms_is_about_it(situation):
    terms, found, occupants = situation
    try:
        plan = planned(CHURN, 1, found[1], terms, occupants)
    except (ProductionOccupied, StageChanged):
        return
    changed = [change.version for change in plan]
    assert len(changed) == len(set(changed))
    assert set(changed) <= {1, *occupants}
    assert all(change.from_stage is not change.to_stage for change in plan)
    if terms.move_existing is None:
        assert set(changed) <= {1}
    if found[1] is terms.stage:
        assert plan == ()


@pytest.mark.parametrize(("stage", "room"), list(product(Stage, Stage)))
def test_room_is_made_only_where_it_can_be_needed_and_never_in_production(stage, room):
    allowed = stage in (Stage.STAGING, Stage.PRODUCTION) and room not in (stage, Stage.PRODUCTION)
    if allowed:
        Terms(stage, room)
    else:
        with pytest.raises(InvalidInput):
            Terms(stage, room)


@given(situations())
def test_the_undo_that_is_shown_leads_back(situation):
    terms, before, occupants = situation
    found = dict(before)
    try:
        plan = planned(CHURN, 1, found[1], terms, occupants)
    except (ProductionOccupied, StageChanged):
        return
    undo = undo_commands(Transition(CHURN, 1, terms.stage, plan))
    if not plan or undo == [["rollback", "churn"]]:  # which the journal answers
        return
    for change in plan:
        found[change.version] = change.to_stage
    for words in undo:
        _obey(found, words)
    assert found == before


def _obey(found, words):
    command, reference, stage = words
    assert command == "transition"
    version, wanted = int(reference.removeprefix("churn/")), Stage.parse(stage)
    occupants = [each for each in found if found[each] is wanted and each != version]
    for change in planned(CHURN, version, found[version], Terms(wanted), occupants):
        found[change.version] = change.to_stage
