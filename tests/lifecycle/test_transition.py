"""Stages as a contract: who may be where, what is refused, and that the database itself says so."""

from __future__ import annotations

import sqlite3

import pytest

from modelreg import Stage
from modelreg.errors import (
    InvalidInput,
    InvalidReference,
    ModelInUse,
    ModelNotFound,
    ProductionOccupied,
    StageChanged,
    UnknownStage,
    VersionInUse,
    VersionNotFound,
)


def stages(registry):
    return {version.version: str(version.stage) for version in registry.versions("churn")}


@pytest.fixture
def three(registry, model_file):
    """A model with three versions, the first in Production."""
    for content, stage in ((b"1", "Production"), (b"2", None), (b"3", None)):
        registry.register(model_file(content), "churn", stage=stage)
    return registry


def test_a_version_is_put_into_a_stage_by_name_and_number_or_by_reference(three):
    assert three.transition("churn", 2, "staging").stage is Stage.STAGING
    three.transition("churn/3", "Archived")
    three.transition("churn", "latest", Stage.STAGING)
    assert stages(three) == {1: "Production", 2: "Staging", 3: "Staging"}


def test_a_second_version_in_production_is_refused_and_nothing_changes(three):
    before = three.history()
    with pytest.raises(ProductionOccupied, match="churn/1") as refused:
        three.transition("churn", 2, "Production")
    assert (refused.value.exit, refused.value.occupant) == (4, 1)
    assert three.history() == before
    assert stages(three) == {1: "Production", 2: "None", 3: "None"}


@pytest.mark.parametrize("terms", [{"archive_existing": True}, {"move_existing": "Archived"}])
def test_who_is_in_production_makes_room_when_that_is_said(three, terms):
    done = three.transition("churn", 2, "Production", **terms)
    assert [(change.version, str(change.to_stage)) for change in done.changes] == [(1, "Archived"), (2, "Production")]
    assert stages(three) == {1: "Archived", 2: "Production", 3: "None"}
    entries = three.history()[-2:]
    assert [(entry.version, entry.from_stage, entry.to_stage) for entry in entries] == [
        (1, Stage.PRODUCTION, Stage.ARCHIVED),
        (2, Stage.NONE, Stage.PRODUCTION),
    ]
    assert {entry.batch for entry in entries} == {entries[0].seq}


def test_who_is_in_production_may_move_to_staging_or_none(three):
    three.transition("churn", 2, "Production", move_existing="None")
    three.transition("churn", 3, "Production", move_existing="Staging")
    assert stages(three) == {1: "None", 2: "Staging", 3: "Production"}


def test_room_in_staging_is_made_for_all_that_are_there(three):
    three.transition("churn", 2, "Staging")
    three.transition("churn", 3, "Staging")
    three.transition("churn", 1, "Staging", archive_existing=True)
    assert stages(three) == {1: "Staging", 2: "Archived", 3: "Archived"}


def test_terms_about_one_version_are_not_about_another(three):
    with pytest.raises(ProductionOccupied):
        three.transition("churn", 2, "Production", move_existing="Archived", existing=3)
    three.transition("churn", 2, "Production", move_existing="Archived", existing=1)
    assert stages(three)[2] == "Production"


def test_a_stage_that_a_version_has_already_is_no_change(three):
    before = three.history()
    assert three.transition("churn", 1, "Production").changes == ()
    assert three.transition("churn", 1, "Production", archive_existing=True).changes == ()
    assert three.history() == before


def test_only_if_it_is_where_it_was_thought_to_be(three):
    with pytest.raises(StageChanged) as refused:
        three.transition("churn", 2, "Archived", if_current="Staging")
    assert refused.value.exit == 4
    three.transition("churn", 2, "Archived", if_current="none")
    assert stages(three)[2] == "Archived"


def test_where_it_was_thought_to_be_comes_before_that_it_is_there_already(three):
    with pytest.raises(StageChanged):
        three.transition("churn", 1, "Production", if_current="Staging")


def test_a_dry_run_says_the_same_and_does_nothing(three):
    before = three.history()
    planned = three.transition("churn", 2, "Production", archive_existing=True, dry_run=True)
    assert (three.history(), stages(three)) == (before, {1: "Production", 2: "None", 3: "None"})
    assert three.transition("churn", 2, "Production", archive_existing=True) == planned
    with pytest.raises(ProductionOccupied):
        three.transition("churn", 3, "Production", dry_run=True)


@pytest.mark.parametrize(
    ("arguments", "terms", "error", "status"),
    [
        (("churn", 2, "Prod"), {}, UnknownStage, 2),
        (("churn", 0, "Staging"), {}, InvalidReference, 2),
        (("churn", -1, "Staging"), {}, InvalidReference, 2),
        (("churn", "1.5", "Staging"), {}, InvalidReference, 2),
        (("churn", 2, "Production"), {"archive_existing": True, "move_existing": "None"}, InvalidInput, 2),
        (("churn", 2, "Production"), {"move_existing": "Production"}, InvalidInput, 2),
        (("churn", 2, "Staging"), {"move_existing": "Staging"}, InvalidInput, 2),
        (("churn", 2, "Staging"), {"move_existing": "Production"}, InvalidInput, 2),
        (("churn", 2, "Archived"), {"archive_existing": True}, InvalidInput, 2),
        (("churn", 2, "None"), {"move_existing": "Staging"}, InvalidInput, 2),
        (("churn", 2, "Staging"), {"message": "\udcff"}, InvalidInput, 2),
        (("churn", 9, "Staging"), {}, VersionNotFound, 3),
        (("chrun", 1, "Staging"), {}, ModelNotFound, 3),
        (("chrun", 1, "Archived"), {"archive_existing": True}, InvalidInput, 2),
        (("chrun", 1, "Staging"), {"if_current": "Prod"}, UnknownStage, 2),
        (("churn", 9, "Staging"), {"move_existing": "Staging"}, InvalidInput, 2),
        (("churn", 9, "Staging"), {"if_current": "Archived"}, VersionNotFound, 3),
    ],
    ids=str,
)
def test_bad_usage_is_told_before_what_is_not_there(three, arguments, terms, error, status):
    before = three.history()
    with pytest.raises(error) as refused:
        three.transition(*arguments, **terms)
    assert refused.value.exit == status
    assert three.history() == before


def test_another_model_may_have_its_own_version_in_production(three, model_file):
    three.register(model_file(b"1"), "fraud", stage="Production")
    assert three.model("fraud").production == three.model("churn").production == 1


def test_the_database_itself_refuses_a_second_version_in_production(three, by_hand):
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        by_hand("UPDATE versions SET stage = 'Production' WHERE version = 2")
    assert stages(three) == {1: "Production", 2: "None", 3: "None"}


def test_the_database_itself_refuses_a_fifth_stage(three, by_hand):
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        by_hand("UPDATE versions SET stage = 'production' WHERE version = 2")


# Deleting


def test_a_version_that_somebody_relies_on_is_not_deleted(three, model_file):
    three.transition("churn", 2, "Staging")
    three.register(model_file(b"3"), "churn", aliases=["champion"])
    for version, reason in ((1, "is in Production"), (2, "is in Staging"), (3, "has the alias champion")):
        with pytest.raises(VersionInUse, match=reason) as refused:
            three.delete(f"churn/{version}")
        assert refused.value.exit == 4
    assert sorted(stages(three)) == [1, 2, 3]


def test_a_model_with_versions_is_not_deleted(three):
    with pytest.raises(ModelInUse, match="3 versions"):
        three.delete("churn")


def test_a_deleted_version_takes_its_rows_with_it_and_leaves_its_bytes(three, model_file, by_hand, blob_path):
    three.register(model_file(b"4"), "churn", metrics={"a": 1}, params={"b": 2}, tags={"c": 3})
    digest = three.version("churn/4").files[0].digest
    three.delete("churn/4")
    for table in ("files", "metrics", "params", "version_tags", "versions"):
        assert by_hand(f"SELECT count(*) FROM {table} WHERE version = 4") == [(0,)]
    assert blob_path(digest).exists()
    assert list(three.verify()) == []
