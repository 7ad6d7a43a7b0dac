"""Rollback restores the previous version in Production, as the journal records it."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelreg import Registry
from modelreg.errors import BlobDamaged, GateRefused, ModelNotFound, NothingToRollBackTo


@pytest.fixture
def four_versions(registry, model_file):
    """Four versions, none in Production."""
    for number in range(1, 5):
        registry.register(model_file(b"%d" % number), "churn")
    return registry


def stages(registry):
    return {version.version: str(version.stage) for version in registry.versions("churn")}


def promote(registry, *versions, **options):
    for version in versions:
        registry.transition("churn", version, "Production", **(options or {"archive_existing": True}))


def test_rollback_restores_the_previous_version_in_production(four_versions):
    promote(four_versions, 3, 1)
    rollback = four_versions.rollback("churn", message="complaints")
    assert (rollback.version, str(rollback.stage)) == (3, "Production")
    assert stages(four_versions) == {1: "None", 2: "None", 3: "Production", 4: "None"}
    entries = four_versions.history()[-2:]
    assert [(entry.action, entry.version, entry.to_stage) for entry in entries] == [
        ("rollback", 1, "None"),
        ("rollback", 3, "Production"),
    ]
    assert {entry.batch for entry in entries} == {entries[0].seq}
    assert {entry.message for entry in entries} == {"complaints"}


def test_the_target_is_not_the_version_that_was_archived_last(four_versions):
    promote(four_versions, 1, 2)
    four_versions.transition("churn", 4, "Archived")
    assert four_versions.rollback("churn").version == 1


def test_the_target_is_not_the_newest_archived_version(four_versions):
    promote(four_versions, 4, 1, 2)
    assert four_versions.rollback("churn").version == 1


def test_the_displaced_version_returns_to_its_previous_stage(four_versions):
    promote(four_versions, 1)
    four_versions.transition("churn", 2, "Staging")
    promote(four_versions, 2, move_existing="Staging")
    four_versions.rollback("churn")
    assert stages(four_versions) == {1: "Production", 2: "Staging", 3: "None", 4: "None"}


def test_a_second_rollback_goes_one_version_further_back(four_versions):
    promote(four_versions, 1, 2, 3)
    assert [four_versions.rollback("churn").version for _ in range(2)] == [2, 1]
    with pytest.raises(NothingToRollBackTo):
        four_versions.rollback("churn")
    assert stages(four_versions)[1] == "Production"


def test_a_promotion_after_a_rollback_is_rolled_back_to_the_restored_version(four_versions):
    promote(four_versions, 1, 2, 3)
    four_versions.rollback("churn")
    promote(four_versions, 4)
    assert four_versions.rollback("churn").version == 2


def test_rollback_restores_the_last_version_if_none_is_in_production(four_versions):
    promote(four_versions, 1, 2)
    four_versions.transition("churn", 2, "Archived")
    assert four_versions.rollback("churn").changes[-1].version == 2
    assert stages(four_versions)[2] == "Production"


def test_a_version_that_left_and_returned_has_a_single_tenure(four_versions):
    promote(four_versions, 1, 2)
    four_versions.transition("churn", 2, "Staging")
    promote(four_versions, 2)
    assert four_versions.rollback("churn").version == 1
    assert stages(four_versions)[2] == "Staging"


def test_rollback_does_not_check_gates(four_versions):
    promote(four_versions, 1, 2)
    four_versions.add_gate("churn", "Production", "version > 100")
    with pytest.raises(GateRefused):
        four_versions.transition("churn", 3, "Production", archive_existing=True)
    assert four_versions.rollback("churn").version == 1


def test_a_refused_promotion_is_not_a_tenure(four_versions):
    promote(four_versions, 1)
    four_versions.add_gate("churn", "Production", "version < 2")
    with pytest.raises(GateRefused):
        four_versions.transition("churn", 3, "Production", archive_existing=True)
    with pytest.raises(NothingToRollBackTo):
        four_versions.rollback("churn")


def test_a_dry_run_returns_the_target_and_changes_nothing(four_versions):
    promote(four_versions, 1, 2)
    before = (stages(four_versions), four_versions.history())
    assert four_versions.rollback("churn", dry_run=True).version == 1
    assert (stages(four_versions), four_versions.history()) == before


def test_rollback_is_refused_without_any_earlier_version_in_production(four_versions):
    with pytest.raises(NothingToRollBackTo, match="no version was in Production") as refused:
        four_versions.rollback("churn")
    assert refused.value.exit == 4
    with pytest.raises(ModelNotFound):
        four_versions.rollback("fraud")


def test_rollback_to_a_deleted_version_is_refused_and_names_it(four_versions):
    promote(four_versions, 1, 2)
    four_versions.delete("churn/1")
    with pytest.raises(NothingToRollBackTo, match=r"churn/1.*was deleted"):
        four_versions.rollback("churn")
    assert stages(four_versions)[2] == "Production"


@pytest.mark.parametrize("blob", ["file", "manifest"])
def test_rollback_to_a_damaged_version_is_refused_and_changes_nothing(four_versions, blob_path, blob):
    promote(four_versions, 1, 2)
    version = four_versions.version("churn/1")
    path = blob_path(version.digest if blob == "manifest" else version.files[0].digest)
    os.chmod(path, 0o644)
    path.write_bytes(b"!")
    before = four_versions.history()
    with pytest.raises(BlobDamaged) as refused:
        four_versions.rollback("churn")
    assert refused.value.exit == 6
    assert (stages(four_versions)[2], four_versions.history()) == ("Production", before)


def test_rollback_works_after_the_model_was_renamed(four_versions):
    promote(four_versions, 1, 2)
    four_versions.rename("churn", "leaving")
    assert four_versions.rollback("leaving").version == 1


def test_a_new_model_with_a_former_name_has_its_own_history(four_versions, model_file):
    promote(four_versions, 1, 2)
    four_versions.rename("churn", "leaving")
    four_versions.register(model_file(b"new"), "churn", stage="Production")
    with pytest.raises(NothingToRollBackTo):
        four_versions.rollback("churn")


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
def test_rollbacks_agree_with_a_reference_model_of_random_steps(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("rollback")
    registry = Registry(folder / "registry")
    path = folder / "model.bin"
    for number in range(1, 5):
        path.write_bytes(b"%d" % number)
        registry.register(path, "churn")
    past, current = [], None  # the versions that were in Production, oldest first, and the one that is
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
            earlier = past[:-1] if past and past[-1] == current else past
            if not earlier:
                with pytest.raises(NothingToRollBackTo):
                    registry.rollback("churn")
                continue
            assert registry.rollback("churn").version == earlier[-1]
            past, current = earlier, earlier[-1]
    in_production = [version.version for version in registry.versions("churn") if version.stage == "Production"]
    assert in_production == ([] if current is None else [current])
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


def test_concurrent_rollbacks_go_back_one_version_each(four_versions, run_concurrently):
    promote(four_versions, 1, 2, 3, 4)
    targets = [json.loads(out) for out in run_concurrently(ROLL_BACK, [(four_versions.folder,)] * 5)]
    assert sorted(targets, key=str) == [1, 2, 3, None, None]
    assert stages(four_versions)[1] == "Production"
    assert list(four_versions.verify()) == []


def test_rollback_of_the_first_version_hints_at_the_transition_to_its_previous_stage(registry, model_file):
    registry.register(model_file(), "churn", stage="Staging")
    registry.transition("churn", 1, "Production")
    with pytest.raises(NothingToRollBackTo) as refused:
        registry.rollback("churn")
    assert "modelreg transition churn/1 Staging" in refused.value.hint


def test_promoting_an_older_version_over_a_newer_one_has_a_note(registry, model_file):
    for number in (1, 2):
        registry.register(model_file(b"%d" % number), "churn")
    assert registry.transition("churn", 1, "Production").notes == ()
    assert registry.transition("churn", 2, "Production", archive_existing=True).notes == ()
    (note,) = registry.transition("churn", 1, "Production", archive_existing=True).notes
    assert note.startswith("churn/1 replaces a newer version")
    assert "churn/2" in note
