"""MLflow's rules for stages, names and deletion, which a registry is given when it is made."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from modelreg import Registry
from modelreg.domain.stages import Stage
from modelreg.errors import AliasNotFound, ModelNotFound, NothingToRollBackTo, RegistryExists, UnknownStageRules


@pytest.fixture
def registry(tmp_path):
    """A registry with MLflow's rules."""
    made = Registry(tmp_path / "registry")
    made.create(stages="mlflow")
    return made


@pytest.fixture
def three(registry, model_file):
    """Three versions, one after another in Production, and all still there."""
    for content in (b"1", b"2", b"3"):
        registry.register(model_file(content), "churn", stage="Production")
    return registry


def stages(registry):
    return {version.version: version.stage for version in registry.versions("churn")}


def test_several_versions_are_in_production_and_the_newest_is_meant(three):
    assert set(stages(three).values()) == {Stage.PRODUCTION}
    assert three.version("churn/Production").version == 3
    assert [model.production for model in three.models()] == [3]
    assert list(three.verify()) == []


def test_the_newest_by_number_is_meant_whichever_came_last(three):
    three.transition("churn/1", "Archived")
    three.transition("churn/1", "Production")
    assert three.version("churn/Production").version == 3


def test_whoever_reads_the_tables_sees_the_newest_in_production(three):
    with closing(sqlite3.connect(three.folder / "catalog.db")) as connection:
        assert connection.execute("SELECT name, production FROM registered_models").fetchall() == [("churn", 3)]


def test_those_that_share_the_stage_are_archived_when_that_is_asked_for(three):
    three.transition("churn/2", "Production", archive_existing=True)
    assert stages(three) == {1: "Archived", 2: "Production", 3: "Archived"}
    assert three.transition("churn/2", "Production", archive_existing=True).changes == ()


def test_a_rollback_takes_the_last_one_away_while_the_one_before_is_still_there(three):
    assert three.rollback("churn", dry_run=True).version == 2
    assert three.rollback("churn").version == 2
    assert stages(three) == {1: "Production", 2: "Production", 3: "None"}
    assert three.rollback("churn").version == 1
    assert three.version("churn/Production").version == 1
    with pytest.raises(NothingToRollBackTo):
        three.rollback("churn")
    assert list(three.verify()) == []


def test_a_rollback_brings_back_the_one_before_where_it_was_archived(three):
    three.transition("churn/3", "Production", archive_existing=True)
    three.transition("churn/1", "Production")
    three.rollback("churn")
    assert stages(three) == {1: "Archived", 2: "Archived", 3: "Production"}


@pytest.mark.parametrize("name", ["my model", "Größe 1-2", "-x", "a'b\"c", "a,b;c%d", "\u6a21\u578b", "x" * 256])
def test_a_name_may_be_nearly_any_text(registry, model_file, name):
    registry.register(model_file(), name, aliases=["production"])
    assert registry.version(f"models:/{name}/1").name == name
    assert registry.version(f"{name}@production").version == 1
    assert [model.name for model in registry.models()] == [name]
    assert registry.history(name)[0].name == name
    assert list(registry.verify()) == []


def test_names_that_differ_in_case_alone_are_two_models(registry, model_file):
    for name in ("churn", "Churn"):
        registry.register(model_file(name.encode()), name)
    registry.rename("churn", "CHURN")
    assert [model.name for model in registry.models()] == ["CHURN", "Churn"]
    assert registry.version("Churn/1").digest != registry.version("CHURN/1").digest
    with pytest.raises(ModelNotFound):
        registry.model("churn")


def test_a_version_may_be_deleted_wherever_it_is_and_its_aliases_go_with_it(three):
    three.alias("churn/3", "champion")
    three.delete("churn/3")
    assert stages(three) == {1: "Production", 2: "Production"}
    with pytest.raises(AliasNotFound):
        three.version("churn@champion")
    assert list(three.verify()) == []


def test_numbers_begin_anew_for_a_model_that_was_deleted_and_made_again(three, model_file):
    three.delete("churn", with_versions=True)
    assert three.register(model_file(b"4"), "churn").version == 1
    assert list(three.verify()) == []


def test_a_deleted_number_is_not_given_out_again_while_the_model_is_there(three, model_file):
    three.delete("churn/3")
    assert three.register(model_file(b"4"), "churn").version == 4


def test_a_name_that_was_given_up_begins_anew(three, model_file):
    three.rename("churn", "fraud")
    assert three.register(model_file(b"4"), "churn").version == 1
    assert list(three.verify()) == []


def test_the_choice_is_for_good_and_the_first_entry_tells_it(three):
    assert three.information().stages == "mlflow"
    assert json.loads(three.history()[0].after)["settings"] == {"stages": "mlflow"}
    assert three.create(stages="mlflow") is False
    assert three.create() is False
    with pytest.raises(RegistryExists, match="with the stages mlflow"):
        three.create(stages="strict")


def test_a_registry_is_strict_unless_something_is_said(tmp_path):
    strict = Registry(tmp_path / "strict")
    strict.create()
    assert strict.information().stages == "strict"
    assert strict.create(stages="strict") is False
    with pytest.raises(RegistryExists, match="with the stages strict"):
        strict.create(stages="mlflow")
    with pytest.raises(UnknownStageRules):
        Registry(tmp_path / "other").create(stages="loose")


def test_an_empty_registry_verifies(registry):
    assert list(registry.verify()) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE settings SET value = 'strict'",
        "DELETE FROM settings",
        "CREATE UNIQUE INDEX one_name_whatever_its_case ON models(name COLLATE NOCASE)",
    ],
)
def test_rules_that_were_changed_by_hand_are_found(three, statement):
    with closing(sqlite3.connect(three.folder / "catalog.db")) as connection, connection:
        connection.execute(statement)
    assert list(three.verify()) != []


def test_a_backup_keeps_the_rules(three, tmp_path):
    three.backup(tmp_path / "backup")
    copy = Registry(tmp_path / "backup")
    assert copy.information().stages == "mlflow"
    assert list(copy.verify()) == []
    assert len(copy.versions("churn", filter="stage = 'Production'")) == 3


def test_cleaning_keeps_everything_in_production(three):
    assert [fate.removed for fate in three.prune(keep_last=1, grace="0").versions] == [False] * 3


def test_times_are_what_the_clock_says_and_those_of_the_journal_never_decrease(registry, model_file, monkeypatch):
    before = registry.register(model_file(b"1"), "churn")
    monkeypatch.setattr("time.time", lambda: 1234.5)
    after = registry.register(model_file(b"2"), "churn")
    assert (before.created_at > after.created_at, after.created_at.timestamp()) == (True, 1234.5)
    times = [entry.at for entry in registry.history("churn")]
    assert times == sorted(times)
    assert list(registry.verify()) == []
