"""Metadata changes are journalled: aliases, tags, descriptions, names, approvals and deletion."""

from __future__ import annotations

import pytest

from modelreg.errors import (
    AliasNotFound,
    InUse,
    InvalidInput,
    InvalidName,
    ModelNotFound,
    ModelregError,
    NotFound,
    TagNotFound,
    VersionNotFound,
)


@pytest.fixture
def two_versions(registry, model_file):
    """A model with two versions."""
    for number in (1, 2):
        registry.register(model_file(b"%d" % number), "churn")
    return registry


def last_entry(registry):
    return registry.history()[-1]


# Aliases


def test_an_alias_moves_from_version_to_version(two_versions):
    first = two_versions.alias("churn/1", "champion")
    assert (first.subject, first.key, first.before, first.after, first.changed) == ("churn", "champion", None, 1, True)
    moved = two_versions.alias("churn/2", "Champion")
    assert (moved.before, moved.after) == (1, 2)
    assert two_versions.version("churn@champion").version == 2
    assert two_versions.model("churn").aliases == {"Champion": 2}
    assert [entry.action for entry in two_versions.history()[-2:]] == ["alias", "alias"]


def test_setting_an_alias_again_changes_nothing(two_versions):
    two_versions.alias("churn/1", "champion")
    before = two_versions.history()
    assert not two_versions.alias("churn@champion", "champion").changed
    assert two_versions.history() == before


def test_an_alias_is_removed(two_versions):
    two_versions.alias("churn/1", "champion")
    removed = two_versions.remove_alias("churn", "Champion")
    assert (removed.before, removed.after) == (1, None)
    with pytest.raises(AliasNotFound):
        two_versions.version("churn@champion")
    with pytest.raises(AliasNotFound):
        two_versions.remove_alias("churn", "champion")
    two_versions.delete("churn/1")
    assert list(two_versions.verify()) == []


@pytest.mark.parametrize("alias", ["latest", "v3", "3", "", "a b", "-x", "x" * 129, "a/b"])
def test_invalid_and_reserved_aliases_are_refused(two_versions, alias):
    with pytest.raises(InvalidName) as refused:
        two_versions.alias("churn/1", alias)
    assert refused.value.code == "invalid_alias"


def test_aliases_given_as_a_single_string_are_refused(two_versions, model_file):
    with pytest.raises(InvalidInput, match="a list of texts"):
        two_versions.register(model_file(b"3"), "churn", aliases="champion")


# Tags


@pytest.mark.parametrize("subject", ["churn", "churn/1", "churn/latest"])
def test_tags_are_set_replaced_and_removed(two_versions, subject):
    two_versions.tag(subject, {"team": "growth", "cost": 3})
    changed = two_versions.tag(subject, {"team": "search"}, remove=["cost"])
    assert changed.before == {"team": "growth", "cost": "3"}
    assert changed.after == {"team": "search", "cost": None}
    tagged = two_versions.model("churn") if subject == "churn" else two_versions.version(subject)
    assert tagged.tags == {"team": "search"}
    assert last_entry(two_versions).action == "tag"
    assert list(two_versions.verify()) == []


def test_setting_a_tag_again_changes_nothing(two_versions):
    two_versions.tag("churn", {"team": "growth"})
    before = two_versions.history()
    assert not two_versions.tag("churn", {"team": "growth"}).changed
    assert two_versions.history() == before


def test_removing_an_unknown_tag_is_refused_with_a_suggestion(two_versions):
    two_versions.tag("churn/1", {"team": "growth"})
    with pytest.raises(TagNotFound) as refused:
        two_versions.tag("churn/1", {"other": "x"}, remove=["taem"])
    assert refused.value.hint == "did you mean team?"
    assert two_versions.version("churn/1").tags == {"team": "growth"}
    with pytest.raises(InvalidName) as refused:
        two_versions.tag("churn", {"": "x"})
    assert refused.value.code == "invalid_key"


# Descriptions


def test_a_description_is_replaced(two_versions):
    two_versions.describe("churn", "who leaves")
    changed = two_versions.describe("churn/2", "without the leak", message="found on Tuesday")
    assert (changed.before, changed.after) == ("", "without the leak")
    assert (two_versions.model("churn").description, two_versions.version("churn/2").description) == (
        "who leaves",
        "without the leak",
    )
    assert (last_entry(two_versions).action, last_entry(two_versions).message) == ("describe", "found on Tuesday")
    before = two_versions.history()
    assert not two_versions.describe("churn", "who leaves").changed
    assert two_versions.history() == before
    with pytest.raises(InvalidInput):
        two_versions.describe("churn", "x" * 70_000)


# Names


def test_a_renamed_model_keeps_its_versions_aliases_and_history(two_versions, model_file):
    two_versions.alias("churn/1", "champion")
    two_versions.transition("churn", 2, "Production")
    two_versions.rename("churn", "leaving")
    assert [model.name for model in two_versions.models()] == ["leaving"]
    assert (two_versions.version("leaving@champion").version, two_versions.version("leaving/Production").version) == (
        1,
        2,
    )
    with pytest.raises(ModelNotFound):
        two_versions.model("churn")
    assert [entry.action for entry in two_versions.history("leaving")] == [
        entry.action for entry in two_versions.history("churn")
    ]
    assert two_versions.register(model_file(b"3"), "leaving").version == 3
    assert list(two_versions.verify()) == []


def test_a_new_model_with_a_former_name_does_not_reuse_version_numbers(two_versions, model_file):
    two_versions.rename("churn", "leaving")
    assert two_versions.register(model_file(b"new"), "churn").version == 3
    with pytest.raises(VersionNotFound):
        two_versions.version("churn/1")
    assert list(two_versions.verify()) == []


def test_renaming_a_model_back_continues_its_version_numbers(two_versions, model_file):
    two_versions.rename("churn", "leaving")
    two_versions.rename("leaving", "churn")
    assert two_versions.register(model_file(b"3"), "churn").version == 3
    assert list(two_versions.verify()) == []


def test_a_model_can_be_renamed_to_another_case(two_versions):
    two_versions.rename("churn", "Churn")
    assert two_versions.model("Churn").versions == 2
    assert list(two_versions.verify()) == []


def test_renaming_to_a_taken_or_invalid_name_is_refused(two_versions, model_file):
    two_versions.register(model_file(b"x"), "fraud")
    before = two_versions.history()
    for new, code in (("fraud", "name_in_use"), ("Fraud", "name_taken"), ("a/b", "invalid_name")):
        with pytest.raises(ModelregError) as refused:
            two_versions.rename("churn", new)
        assert refused.value.code == code
    with pytest.raises(ModelNotFound):
        two_versions.rename("chrun", "other")
    assert two_versions.history() == before


# Approvals


def test_an_approval_applies_to_the_digest_and_can_be_withdrawn(two_versions, model_file):
    change = two_versions.approve("churn/1", message="reviewed")
    assert (change.subject, change.before, change.after) == ("churn/1", None, "reviewed")
    copy = two_versions.register(model_file(b"1"), "churn", new_version=True)
    for reference in ("churn/1", copy.reference):
        (approval,) = two_versions.version(reference).approvals
        assert (approval.user, approval.message) == (change.key, "reviewed")
    assert two_versions.version("churn/2").approvals == ()
    two_versions.approve("churn/1", withdraw=True)
    assert two_versions.version(copy.reference).approvals == ()
    with pytest.raises(NotFound) as refused:
        two_versions.approve("churn/1", withdraw=True)
    assert refused.value.code == "approval_not_found"
    assert [entry.action for entry in two_versions.history()][-3:] == ["approve", "register", "withdraw"]
    assert list(two_versions.verify()) == []


def test_approving_again_with_the_same_message_changes_nothing(two_versions):
    two_versions.approve("churn/1", message="fine")
    before = two_versions.history()
    assert not two_versions.approve("churn/1", message="fine").changed
    assert two_versions.history() == before


# Deletion


def test_deleting_a_version_with_an_alias_hints_at_removing_the_alias(two_versions):
    two_versions.alias("churn/1", "champion")
    with pytest.raises(InUse) as refused:
        two_versions.delete("churn/1")
    assert refused.value.code == "version_in_use"
    assert refused.value.hint == "modelreg alias churn@champion --remove"


def test_approvals_and_evaluations_are_deleted_with_the_model(two_versions):
    two_versions.approve("churn/1")
    two_versions.record_evaluation("churn/1", "holdout", {"auc": 0.9})
    two_versions.delete("churn/1")
    two_versions.delete("churn/2")
    two_versions.delete("churn")
    assert list(two_versions.verify()) == []


# Manual edits of the catalog


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE evaluation_metrics SET value = 0.99",
        "DELETE FROM evaluations",
        "UPDATE evaluations SET data_rows = 5",
        "UPDATE approvals SET user = 'the boss'",
        "INSERT INTO approvals SELECT model, digest, 'another', message, created_at FROM approvals",
        "DELETE FROM gates",
        "UPDATE gates SET expression = 'size > 0'",
        "UPDATE model_tags SET value = 'another team'",
        "UPDATE aliases SET version = 2",
    ],
)
def test_verify_finds_every_manual_edit(two_versions, execute_sql, statement):
    two_versions.record_evaluation("churn/1", "holdout", {"auc": 0.9})
    two_versions.approve("churn/1")
    two_versions.add_gate("churn", "Production", "size > 1")
    two_versions.tag("churn", {"team": "growth"})
    two_versions.alias("churn/1", "champion")
    assert list(two_versions.verify()) == []
    execute_sql("PRAGMA foreign_keys = ON")
    execute_sql(statement)
    assert list(two_versions.verify()) != []


def test_an_alias_named_like_a_stage_is_distinct_from_the_stage(registry, model_file):
    registry.register(model_file(b"1"), "churn", aliases=["production"])
    registry.register(model_file(b"2"), "churn", stage="Production")
    assert registry.version("churn@production").version == 1
    assert registry.version("churn/production").version == 2
    assert list(registry.verify()) == []
