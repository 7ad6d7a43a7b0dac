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
def two(registry, model_file):
    """A model with two versions."""
    for number in (1, 2):
        registry.register(model_file(b"%d" % number), "churn")
    return registry


def last_entry(registry):
    return registry.history()[-1]


# Aliases


def test_an_alias_moves_from_version_to_version(two):
    first = two.alias("churn/1", "champion")
    assert (first.subject, first.key, first.before, first.after, first.changed) == ("churn", "champion", None, 1, True)
    moved = two.alias("churn/2", "Champion")
    assert (moved.before, moved.after) == (1, 2)
    assert two.version("churn@champion").version == 2
    assert two.model("churn").aliases == {"Champion": 2}
    assert [entry.action for entry in two.history()[-2:]] == ["alias", "alias"]


def test_setting_an_alias_again_changes_nothing(two):
    two.alias("churn/1", "champion")
    before = two.history()
    assert not two.alias("churn@champion", "champion").changed
    assert two.history() == before


def test_an_alias_is_removed(two):
    two.alias("churn/1", "champion")
    removed = two.remove_alias("churn", "Champion")
    assert (removed.before, removed.after) == (1, None)
    with pytest.raises(AliasNotFound):
        two.version("churn@champion")
    with pytest.raises(AliasNotFound):
        two.remove_alias("churn", "champion")
    two.delete("churn/1")
    assert list(two.verify()) == []


@pytest.mark.parametrize("alias", ["latest", "v3", "3", "", "a b", "-x", "x" * 129, "a/b"])
def test_invalid_and_reserved_aliases_are_refused(two, alias):
    with pytest.raises(InvalidName) as refused:
        two.alias("churn/1", alias)
    assert refused.value.code == "invalid_alias"


def test_aliases_given_as_a_single_string_are_refused(two, model_file):
    with pytest.raises(InvalidInput, match="a list of texts"):
        two.register(model_file(b"3"), "churn", aliases="champion")


# Tags


@pytest.mark.parametrize("subject", ["churn", "churn/1", "churn/latest"])
def test_tags_are_set_replaced_and_removed(two, subject):
    two.tag(subject, {"team": "growth", "cost": 3})
    changed = two.tag(subject, {"team": "search"}, remove=["cost"])
    assert changed.before == {"team": "growth", "cost": "3"}
    assert changed.after == {"team": "search", "cost": None}
    tagged = two.model("churn") if subject == "churn" else two.version(subject)
    assert tagged.tags == {"team": "search"}
    assert last_entry(two).action == "tag"
    assert list(two.verify()) == []


def test_setting_a_tag_again_changes_nothing(two):
    two.tag("churn", {"team": "growth"})
    before = two.history()
    assert not two.tag("churn", {"team": "growth"}).changed
    assert two.history() == before


def test_removing_an_unknown_tag_is_refused_with_a_suggestion(two):
    two.tag("churn/1", {"team": "growth"})
    with pytest.raises(TagNotFound) as refused:
        two.tag("churn/1", {"other": "x"}, remove=["taem"])
    assert refused.value.hint == "did you mean team?"
    assert two.version("churn/1").tags == {"team": "growth"}
    with pytest.raises(InvalidName) as refused:
        two.tag("churn", {"": "x"})
    assert refused.value.code == "invalid_key"


# Descriptions


def test_a_description_is_replaced(two):
    two.describe("churn", "who leaves")
    changed = two.describe("churn/2", "without the leak", message="found on Tuesday")
    assert (changed.before, changed.after) == ("", "without the leak")
    assert (two.model("churn").description, two.version("churn/2").description) == ("who leaves", "without the leak")
    assert (last_entry(two).action, last_entry(two).message) == ("describe", "found on Tuesday")
    before = two.history()
    assert not two.describe("churn", "who leaves").changed
    assert two.history() == before
    with pytest.raises(InvalidInput):
        two.describe("churn", "x" * 70_000)


# Names


def test_a_renamed_model_keeps_its_versions_aliases_and_history(two, model_file):
    two.alias("churn/1", "champion")
    two.transition("churn", 2, "Production")
    two.rename("churn", "leaving")
    assert [model.name for model in two.models()] == ["leaving"]
    assert (two.version("leaving@champion").version, two.version("leaving/Production").version) == (1, 2)
    with pytest.raises(ModelNotFound):
        two.model("churn")
    assert [entry.action for entry in two.history("leaving")] == [entry.action for entry in two.history("churn")]
    assert two.register(model_file(b"3"), "leaving").version == 3
    assert list(two.verify()) == []


def test_a_new_model_with_a_former_name_does_not_reuse_version_numbers(two, model_file):
    two.rename("churn", "leaving")
    assert two.register(model_file(b"new"), "churn").version == 3
    with pytest.raises(VersionNotFound):
        two.version("churn/1")
    assert list(two.verify()) == []


def test_renaming_a_model_back_continues_its_version_numbers(two, model_file):
    two.rename("churn", "leaving")
    two.rename("leaving", "churn")
    assert two.register(model_file(b"3"), "churn").version == 3
    assert list(two.verify()) == []


def test_a_model_can_be_renamed_to_another_case(two):
    two.rename("churn", "Churn")
    assert two.model("Churn").versions == 2
    assert list(two.verify()) == []


def test_renaming_to_a_taken_or_invalid_name_is_refused(two, model_file):
    two.register(model_file(b"x"), "fraud")
    before = two.history()
    for new, code in (("fraud", "name_in_use"), ("Fraud", "name_taken"), ("a/b", "invalid_name")):
        with pytest.raises(ModelregError) as refused:
            two.rename("churn", new)
        assert refused.value.code == code
    with pytest.raises(ModelNotFound):
        two.rename("chrun", "other")
    assert two.history() == before


# Approvals


def test_an_approval_applies_to_the_digest_and_can_be_withdrawn(two, model_file):
    change = two.approve("churn/1", message="reviewed")
    assert (change.subject, change.before, change.after) == ("churn/1", None, "reviewed")
    copy = two.register(model_file(b"1"), "churn", new_version=True)
    for reference in ("churn/1", copy.reference):
        (approval,) = two.version(reference).approvals
        assert (approval.user, approval.message) == (change.key, "reviewed")
    assert two.version("churn/2").approvals == ()
    two.approve("churn/1", withdraw=True)
    assert two.version(copy.reference).approvals == ()
    with pytest.raises(NotFound) as refused:
        two.approve("churn/1", withdraw=True)
    assert refused.value.code == "approval_not_found"
    assert [entry.action for entry in two.history()][-3:] == ["approve", "register", "withdraw"]
    assert list(two.verify()) == []


def test_approving_again_with_the_same_message_changes_nothing(two):
    two.approve("churn/1", message="fine")
    before = two.history()
    assert not two.approve("churn/1", message="fine").changed
    assert two.history() == before


# Deletion


def test_deleting_a_version_with_an_alias_hints_at_removing_the_alias(two):
    two.alias("churn/1", "champion")
    with pytest.raises(InUse) as refused:
        two.delete("churn/1")
    assert refused.value.code == "version_in_use"
    assert refused.value.hint == "modelreg alias churn@champion --remove"


def test_approvals_and_evaluations_are_deleted_with_the_model(two):
    two.approve("churn/1")
    two.record_evaluation("churn/1", "holdout", {"auc": 0.9})
    two.delete("churn/1")
    two.delete("churn/2")
    two.delete("churn")
    assert list(two.verify()) == []


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
def test_verify_finds_every_manual_edit(two, by_hand, statement):
    two.record_evaluation("churn/1", "holdout", {"auc": 0.9})
    two.approve("churn/1")
    two.add_gate("churn", "Production", "size > 1")
    two.tag("churn", {"team": "growth"})
    two.alias("churn/1", "champion")
    assert list(two.verify()) == []
    by_hand("PRAGMA foreign_keys = ON")
    by_hand(statement)
    assert list(two.verify()) != []


def test_an_alias_named_like_a_stage_is_distinct_from_the_stage(registry, model_file):
    registry.register(model_file(b"1"), "churn", aliases=["production"])
    registry.register(model_file(b"2"), "churn", stage="Production")
    assert registry.version("churn@production").version == 1
    assert registry.version("churn/production").version == 2
    assert list(registry.verify()) == []
