"""Rollback follows the journal, and never guesses."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelreg import Registry
from modelreg.errors import BlobDamaged, GateRefused, ModelNotFound, NothingToRollBackTo


@pytest.fixture
def four(registry, model_file):
    """Four versions, none in Production."""
    for number in range(1, 5):
        registry.register(model_file(b"%d" % number), "churn")
    return registry


def stages(registry):
    return {version.version: str(version.stage) for version in registry.versions("churn")}


def promote(registry, *versions, **terms):
    for version in versions:
        registry.transition("churn", version, "Production", **(terms or {"archive_existing": True}))


def test_the_version_that_was_in_production_before_comes_back(four):
    promote(four, 3, 1)
    done = four.rollback("churn", message="complaints")
    assert (done.version, str(done.stage)) == (3, "Production")
    assert stages(four) == {1: "None", 2: "None", 3: "Production", 4: "None"}
    entries = four.history()[-2:]
    assert [(entry.action, entry.version, entry.to_stage) for entry in entries] == [
        ("rollback", 1, "None"),
        ("rollback", 3, "Production"),
    ]
    assert {entry.batch for entry in entries} == {entries[0].seq}
    assert {entry.message for entry in entries} == {"complaints"}


def test_it_is_not_the_version_that_was_archived_last(four):
    promote(four, 1, 2)
    four.transition("churn", 4, "Archived")
    assert four.rollback("churn").version == 1


def test_it_is_not_the_highest_version_that_is_archived(four):
    promote(four, 4, 1, 2)
    assert four.rollback("churn").version == 1


def test_who_leaves_returns_to_the_stage_from_which_it_came(four):
    promote(four, 1)
    four.transition("churn", 2, "Staging")
    promote(four, 2, move_existing="Staging")
    four.rollback("churn")
    assert stages(four) == {1: "Production", 2: "Staging", 3: "None", 4: "None"}


def test_a_second_rollback_goes_one_step_further_back(four):
    promote(four, 1, 2, 3)
    assert [four.rollback("churn").version for _ in range(2)] == [2, 1]
    with pytest.raises(NothingToRollBackTo):
        four.rollback("churn")
    assert stages(four)[1] == "Production"


def test_after_a_rollback_a_promotion_counts_from_there(four):
    promote(four, 1, 2, 3)
    four.rollback("churn")
    promote(four, 4)
    assert four.rollback("churn").version == 2


def test_when_nobody_is_in_production_the_last_one_that_was_comes_back(four):
    promote(four, 1, 2)
    four.transition("churn", 2, "Archived")
    assert four.rollback("churn").changes[-1].version == 2
    assert stages(four)[2] == "Production"


def test_a_version_that_left_and_came_back_with_nobody_between_was_there_once(four):
    promote(four, 1, 2)
    four.transition("churn", 2, "Staging")
    promote(four, 2)
    assert four.rollback("churn").version == 1
    assert stages(four)[2] == "Staging"


def test_no_gate_is_asked(four):
    promote(four, 1, 2)
    four.add_gate("churn", "Production", "version > 100")
    with pytest.raises(GateRefused):
        four.transition("churn", 3, "Production", archive_existing=True)
    assert four.rollback("churn").version == 1


def test_a_refused_promotion_is_no_history(four):
    promote(four, 1)
    four.add_gate("churn", "Production", "version < 2")
    with pytest.raises(GateRefused):
        four.transition("churn", 3, "Production", archive_existing=True)
    with pytest.raises(NothingToRollBackTo):
        four.rollback("churn")


def test_a_dry_run_says_what_would_be_done_and_does_nothing(four):
    promote(four, 1, 2)
    before = (stages(four), four.history())
    assert four.rollback("churn", dry_run=True).version == 1
    assert (stages(four), four.history()) == before


def test_without_a_history_it_is_refused(four):
    with pytest.raises(NothingToRollBackTo, match="no version was in Production") as refused:
        four.rollback("churn")
    assert refused.value.exit == 4
    with pytest.raises(ModelNotFound):
        four.rollback("fraud")


def test_a_version_that_was_deleted_is_named_and_nothing_changes(four):
    promote(four, 1, 2)
    four.delete("churn/1")
    with pytest.raises(NothingToRollBackTo, match="churn/1, which was in Production before, was deleted"):
        four.rollback("churn")
    assert stages(four)[2] == "Production"


@pytest.mark.parametrize("what", ["file", "manifest"])
def test_a_version_whose_bytes_are_damaged_does_not_come_back(four, blob_path, what):
    promote(four, 1, 2)
    version = four.version("churn/1")
    path = blob_path(version.digest if what == "manifest" else version.files[0].digest)
    os.chmod(path, 0o644)
    path.write_bytes(b"!")
    before = four.history()
    with pytest.raises(BlobDamaged) as refused:
        four.rollback("churn")
    assert refused.value.exit == 6
    assert (stages(four)[2], four.history()) == ("Production", before)


def test_a_rollback_is_found_after_the_model_was_renamed(four):
    promote(four, 1, 2)
    four.rename("churn", "leaving")
    assert four.rollback("leaving").version == 1


def test_another_model_of_an_old_name_has_a_history_of_its_own(four, model_file):
    promote(four, 1, 2)
    four.rename("churn", "leaving")
    four.register(model_file(b"new"), "churn", stage="Production")
    with pytest.raises(NothingToRollBackTo):
        four.rollback("churn")


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("promote"), st.integers(1, 4)),
        st.tuples(st.just("leave"), st.just(0)),
        st.tuples(st.just("rollback"), st.just(0)),
    ),
    max_size=12,
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_rollbacks_undo_promotions_one_after_another(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("rollback")
    registry = Registry(folder / "registry")
    path = folder / "model.bin"
    for number in range(1, 5):
        path.write_bytes(b"%d" % number)
        registry.register(path, "churn")
    past, current = [], None  # who was in Production, oldest first, and who is
    for step, version in steps:
        if step == "promote":
            registry.transition("churn", version, "Production", archive_existing=True)
            if not past or past[-1] != version:
                past.append(version)
            current = version
        elif step == "leave" and current is not None:
            registry.transition("churn", current, "Archived")
            current = None
        elif step == "rollback":
            wanted = past[:-1] if past and past[-1] == current else past
            if not wanted:
                with pytest.raises(NothingToRollBackTo):
                    registry.rollback("churn")
                continue
            assert registry.rollback("churn").version == wanted[-1]
            past, current = wanted, wanted[-1]
    holders = [each.version for each in registry.versions("churn") if each.stage == "Production"]
    assert holders == ([] if current is None else [current])
    assert list(registry.verify()) == []


ROLL_BACK = """
import json
from modelreg import Registry
from modelreg.errors import NothingToRollBackTo
import modelreg.lifecycle.rollback
registry = Registry(sys.argv[1])
ready()
try:
    print(json.dumps(registry.rollback("churn").version))
except NothingToRollBackTo:
    print("null")
"""


def test_rollbacks_at_once_go_back_one_step_each(four, at_once):
    promote(four, 1, 2, 3, 4)
    said = [json.loads(out) for out in at_once(ROLL_BACK, [(four.folder,)] * 5)]
    assert sorted(said, key=str) == [1, 2, 3, None, None]
    assert stages(four)[1] == "Production"
    assert list(four.verify()) == []


def test_the_first_version_in_production_is_taken_out_by_hand_as_the_hint_says(registry, model_file):
    registry.register(model_file(), "churn", stage="Staging")
    registry.transition("churn", 1, "Production")
    with pytest.raises(NothingToRollBackTo) as refused:
        registry.rollback("churn")
    assert refused.value.hint == "modelreg transition churn/1 Staging takes it out of Production"


def test_an_older_version_in_the_place_of_a_newer_one_is_noted(registry, model_file):
    for number in (1, 2):
        registry.register(model_file(b"%d" % number), "churn")
    assert registry.transition("churn", 1, "Production").notes == ()
    assert registry.transition("churn", 2, "Production", archive_existing=True).notes == ()
    again = registry.transition("churn", 1, "Production", archive_existing=True)
    assert again.notes == ("churn/1 is older than churn/2, whose place it takes",)
