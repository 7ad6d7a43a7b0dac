"""Transitions: allowed and refused stage changes, also at the level of the database; deletion of versions."""

from __future__ import annotations

import sqlite3

import pytest

from modelreg import Stage
from modelreg.errors import (
    InUse,
    InvalidInput,
    InvalidReference,
    ModelNotFound,
    ProductionOccupied,
    StageChanged,
    UnknownStage,
    VersionNotFound,
)


def stages(registry):
    return {version.version: str(version.stage) for version in registry.versions("churn")}


@pytest.fixture
def three_versions(registry, model_file):
    """A model with three versions, the first in Production."""
    for content, stage in ((b"1", "Production"), (b"2", None), (b"3", None)):
        registry.register(model_file(content), "churn", stage=stage)
    return registry


def test_transition_accepts_a_name_and_number_or_a_reference(three_versions):
    assert three_versions.transition("churn", 2, "staging").stage is Stage.STAGING
    three_versions.transition("churn/3", "Archived")
    three_versions.transition("churn", "latest", Stage.STAGING)
    assert stages(three_versions) == {1: "Production", 2: "Staging", 3: "Staging"}


def test_a_second_version_in_production_is_refused_and_nothing_changes(three_versions):
    before = three_versions.history()
    with pytest.raises(ProductionOccupied, match="churn/1") as refused:
        three_versions.transition("churn", 2, "Production")
    assert (refused.value.exit, refused.value.occupant) == (4, 1)
    assert three_versions.history() == before
    assert stages(three_versions) == {1: "Production", 2: "None", 3: "None"}


@pytest.mark.parametrize("options", [{"archive_existing": True}, {"move_existing": "Archived"}])
def test_the_version_in_production_is_archived_on_request(three_versions, options):
    changes = three_versions.transition("churn", 2, "Production", **options).changes
    assert [(change.version, str(change.to_stage)) for change in changes] == [
        (1, "Archived"),
        (2, "Production"),
    ]
    assert stages(three_versions) == {1: "Archived", 2: "Production", 3: "None"}
    entries = three_versions.history()[-2:]
    assert [(entry.version, entry.from_stage, entry.to_stage) for entry in entries] == [
        (1, Stage.PRODUCTION, Stage.ARCHIVED),
        (2, Stage.NONE, Stage.PRODUCTION),
    ]
    assert {entry.batch for entry in entries} == {entries[0].seq}


def test_the_version_in_production_can_move_to_staging_or_none(three_versions):
    three_versions.transition("churn", 2, "Production", move_existing="None")
    three_versions.transition("churn", 3, "Production", move_existing="Staging")
    assert stages(three_versions) == {1: "None", 2: "Staging", 3: "Production"}


def test_archive_existing_archives_every_version_in_staging(three_versions):
    three_versions.transition("churn", 2, "Staging")
    three_versions.transition("churn", 3, "Staging")
    three_versions.transition("churn", 1, "Staging", archive_existing=True)
    assert stages(three_versions) == {1: "Staging", 2: "Archived", 3: "Archived"}


def test_existing_limits_move_existing_to_that_version(three_versions):
    with pytest.raises(ProductionOccupied):
        three_versions.transition("churn", 2, "Production", move_existing="Archived", existing=3)
    three_versions.transition("churn", 2, "Production", move_existing="Archived", existing=1)
    assert stages(three_versions)[2] == "Production"


def test_transition_to_the_current_stage_changes_nothing(three_versions):
    before = three_versions.history()
    assert three_versions.transition("churn", 1, "Production").changes == ()
    assert three_versions.transition("churn", 1, "Production", archive_existing=True).changes == ()
    assert three_versions.history() == before


def test_if_current_refuses_a_version_in_another_stage(three_versions):
    with pytest.raises(StageChanged) as refused:
        three_versions.transition("churn", 2, "Archived", if_current="Staging")
    assert refused.value.exit == 4
    three_versions.transition("churn", 2, "Archived", if_current="none")
    assert stages(three_versions)[2] == "Archived"


def test_if_current_is_checked_even_if_the_version_is_in_the_target_stage(three_versions):
    with pytest.raises(StageChanged):
        three_versions.transition("churn", 1, "Production", if_current="Staging")


def test_a_dry_run_returns_the_same_transition_and_changes_nothing(three_versions):
    before = three_versions.history()
    plan = three_versions.transition("churn", 2, "Production", archive_existing=True, dry_run=True)
    assert (three_versions.history(), stages(three_versions)) == (before, {1: "Production", 2: "None", 3: "None"})
    assert three_versions.transition("churn", 2, "Production", archive_existing=True) == plan
    with pytest.raises(ProductionOccupied):
        three_versions.transition("churn", 3, "Production", dry_run=True)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "status"),
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
def test_invalid_arguments_are_refused_before_unknown_versions(three_versions, arguments, options, error, status):
    before = three_versions.history()
    with pytest.raises(error) as refused:
        three_versions.transition(*arguments, **options)
    assert refused.value.exit == status
    assert three_versions.history() == before


def test_each_model_has_its_own_version_in_production(three_versions, model_file):
    three_versions.register(model_file(b"1"), "fraud", stage="Production")
    assert three_versions.model("fraud").production == three_versions.model("churn").production == 1


def test_the_database_refuses_a_second_version_in_production(three_versions, execute_sql):
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        execute_sql("UPDATE versions SET stage = 'Production' WHERE version = 2")
    assert stages(three_versions) == {1: "Production", 2: "None", 3: "None"}


def test_the_database_refuses_an_unknown_stage(three_versions, execute_sql):
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        execute_sql("UPDATE versions SET stage = 'production' WHERE version = 2")


# Deleting


def test_deleting_a_version_in_use_is_refused(three_versions, model_file):
    three_versions.transition("churn", 2, "Staging")
    three_versions.register(model_file(b"3"), "churn", aliases=["champion"])
    for version, reason in ((1, "is in Production"), (2, "is in Staging"), (3, "has the alias champion")):
        with pytest.raises(InUse, match=reason) as refused:
            three_versions.delete(f"churn/{version}")
        assert (refused.value.code, refused.value.exit) == ("version_in_use", 4)
    assert sorted(stages(three_versions)) == [1, 2, 3]


def test_deleting_a_model_with_versions_is_refused(three_versions):
    with pytest.raises(InUse, match="3 versions") as refused:
        three_versions.delete("churn")
    assert refused.value.code == "model_in_use"


def test_deleting_a_version_removes_its_rows_but_not_its_files(three_versions, model_file, execute_sql, blob_path):
    three_versions.register(model_file(b"4"), "churn", metrics={"a": 1}, params={"b": 2}, tags={"c": 3})
    digest = three_versions.version("churn/4").files[0].digest
    three_versions.delete("churn/4")
    for table in ("files", "metrics", "params", "version_tags", "versions"):
        assert execute_sql(f"SELECT count(*) FROM {table} WHERE version = 4") == [(0,)]
    assert blob_path(digest).exists()
    assert list(three_versions.verify()) == []
