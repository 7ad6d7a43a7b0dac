"""MLflow's rules for stages, names and deletion, which are chosen when a registry is created."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from modelreg import Registry
from modelreg.domain.stages import Stage
from modelreg.errors import AliasNotFound, Conflict, InvalidInput, ModelNotFound, NothingToRollBackTo


@pytest.fixture
def registry(tmp_path):
    """A registry with MLflow's rules."""
    registry = Registry(tmp_path / "registry")
    registry.create(stages="mlflow")
    return registry


@pytest.fixture
def three_in_production(registry, model_file):
    """Three versions, all in Production, promoted one after another."""
    for content in (b"1", b"2", b"3"):
        registry.register(model_file(content), "churn", stage="Production")
    return registry


def stages(registry):
    return {version.version: version.stage for version in registry.versions("churn")}


def test_production_refers_to_the_newest_of_several_versions(three_in_production):
    assert set(stages(three_in_production).values()) == {Stage.PRODUCTION}
    assert three_in_production.version("churn/Production").version == 3
    assert [model.production for model in three_in_production.models()] == [3]
    assert list(three_in_production.verify()) == []


def test_production_refers_to_the_highest_number_and_not_the_last_promoted(three_in_production):
    three_in_production.transition("churn/1", "Archived")
    three_in_production.transition("churn/1", "Production")
    assert three_in_production.version("churn/Production").version == 3


def test_the_sql_view_shows_the_newest_version_in_production(three_in_production):
    with closing(sqlite3.connect(three_in_production.folder / "catalog.db")) as connection:
        assert connection.execute("SELECT name, production FROM registered_models").fetchall() == [("churn", 3)]


def test_archive_existing_archives_all_other_versions_in_the_stage(three_in_production):
    three_in_production.transition("churn/2", "Production", archive_existing=True)
    assert stages(three_in_production) == {1: "Archived", 2: "Production", 3: "Archived"}
    assert three_in_production.transition("churn/2", "Production", archive_existing=True).changes == ()


def test_rollback_only_removes_the_last_version_while_the_previous_one_is_in_production(three_in_production):
    assert three_in_production.rollback("churn", dry_run=True).version == 2
    assert three_in_production.rollback("churn").version == 2
    assert stages(three_in_production) == {1: "Production", 2: "Production", 3: "None"}
    assert three_in_production.rollback("churn").version == 1
    assert three_in_production.version("churn/Production").version == 1
    with pytest.raises(NothingToRollBackTo):
        three_in_production.rollback("churn")
    assert list(three_in_production.verify()) == []


def test_rollback_restores_the_previous_version_if_it_was_archived(three_in_production):
    three_in_production.transition("churn/3", "Production", archive_existing=True)
    three_in_production.transition("churn/1", "Production")
    three_in_production.rollback("churn")
    assert stages(three_in_production) == {1: "Archived", 2: "Archived", 3: "Production"}


@pytest.mark.parametrize("name", ["my model", "Größe 1-2", "-x", "a'b\"c", "a,b;c%d", "\u6a21\u578b", "x" * 256])
def test_names_may_have_spaces_punctuation_and_any_script(registry, model_file, name):
    registry.register(model_file(), name, aliases=["production"])
    assert registry.version(f"models:/{name}/1").name == name
    assert registry.version(f"{name}@production").version == 1
    assert [model.name for model in registry.models()] == [name]
    assert registry.history(name)[0].name == name
    assert list(registry.verify()) == []


def test_names_that_differ_only_in_case_are_two_models(registry, model_file):
    for name in ("churn", "Churn"):
        registry.register(model_file(name.encode()), name)
    registry.rename("churn", "CHURN")
    assert [model.name for model in registry.models()] == ["CHURN", "Churn"]
    assert registry.version("Churn/1").digest != registry.version("CHURN/1").digest
    with pytest.raises(ModelNotFound):
        registry.model("churn")


def test_a_version_in_production_can_be_deleted_with_its_aliases(three_in_production):
    three_in_production.alias("churn/3", "champion")
    three_in_production.delete("churn/3")
    assert stages(three_in_production) == {1: "Production", 2: "Production"}
    with pytest.raises(AliasNotFound):
        three_in_production.version("churn@champion")
    assert list(three_in_production.verify()) == []


def test_version_numbers_restart_for_a_deleted_and_recreated_model(three_in_production, model_file):
    three_in_production.delete("churn", with_versions=True)
    assert three_in_production.register(model_file(b"4"), "churn").version == 1
    assert list(three_in_production.verify()) == []


def test_a_deleted_version_number_is_not_reused_while_the_model_exists(three_in_production, model_file):
    three_in_production.delete("churn/3")
    assert three_in_production.register(model_file(b"4"), "churn").version == 4


def test_version_numbers_restart_for_a_name_that_another_model_had(three_in_production, model_file):
    three_in_production.rename("churn", "fraud")
    assert three_in_production.register(model_file(b"4"), "churn").version == 1
    assert list(three_in_production.verify()) == []


def test_the_rules_cannot_be_changed_and_are_in_the_first_journal_entry(three_in_production):
    assert three_in_production.information().stages == "mlflow"
    assert json.loads(three_in_production.history()[0].after)["settings"] == {"stages": "mlflow"}
    assert three_in_production.create(stages="mlflow") is False
    assert three_in_production.create() is False
    with pytest.raises(Conflict, match="with the stage rules mlflow") as refused:
        three_in_production.create(stages="strict")
    assert refused.value.code == "registry_exists"


def test_a_registry_has_strict_rules_by_default(tmp_path):
    strict = Registry(tmp_path / "strict")
    strict.create()
    assert strict.information().stages == "strict"
    assert strict.create(stages="strict") is False
    with pytest.raises(Conflict, match="with the stage rules strict") as refused:
        strict.create(stages="mlflow")
    assert refused.value.code == "registry_exists"
    with pytest.raises(InvalidInput) as refused:
        Registry(tmp_path / "other").create(stages="loose")
    assert refused.value.code == "unknown_stage_rules"


def test_verify_finds_nothing_in_an_empty_registry_with_mlflow_rules(registry):
    assert list(registry.verify()) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE settings SET value = 'strict'",
        "DELETE FROM settings",
        "CREATE UNIQUE INDEX one_name_whatever_its_case ON models(name COLLATE NOCASE)",
    ],
)
def test_verify_finds_manually_edited_rules(three_in_production, statement):
    with closing(sqlite3.connect(three_in_production.folder / "catalog.db")) as connection, connection:
        connection.execute(statement)
    assert list(three_in_production.verify()) != []


def test_a_backup_has_the_same_rules(three_in_production, tmp_path):
    three_in_production.backup(tmp_path / "backup")
    copy = Registry(tmp_path / "backup")
    assert copy.information().stages == "mlflow"
    assert list(copy.verify()) == []
    assert len(copy.versions("churn", filter="stage = 'Production'")) == 3


def test_prune_keeps_every_version_in_production(three_in_production):
    assert [decision.removed for decision in three_in_production.prune(keep_last=1, grace="0").versions] == [False] * 3


def test_creation_times_follow_the_clock_but_journal_times_never_decrease(registry, model_file, monkeypatch):
    before = registry.register(model_file(b"1"), "churn")
    monkeypatch.setattr("time.time", lambda: 1234.5)
    after = registry.register(model_file(b"2"), "churn")
    assert (before.created_at > after.created_at, after.created_at.timestamp()) == (True, 1234.5)
    times = [entry.at for entry in registry.history("churn")]
    assert times == sorted(times)
    assert list(registry.verify()) == []
