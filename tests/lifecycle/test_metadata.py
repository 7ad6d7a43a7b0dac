"""Aliases, tags, descriptions, names and approvals: changed without a new version, journalled, and taken back."""

from __future__ import annotations

import pytest

from modelreg.errors import (
    AliasNotFound,
    ApprovalNotFound,
    InvalidAlias,
    InvalidInput,
    InvalidKey,
    InvalidName,
    ModelNotFound,
    NameInUse,
    NameTaken,
    TagNotFound,
    VersionInUse,
    VersionNotFound,
)


@pytest.fixture
def two(registry, model_file):
    """A model with two versions."""
    for number in (1, 2):
        registry.register(model_file(b"%d" % number), "churn")
    return registry


def last(registry):
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


def test_an_alias_that_means_the_version_already_changes_nothing(two):
    two.alias("churn/1", "champion")
    before = two.history()
    assert not two.alias("churn@champion", "champion").changed
    assert two.history() == before


def test_an_alias_is_removed(two):
    two.alias("churn/1", "champion")
    gone = two.remove_alias("churn", "Champion")
    assert (gone.before, gone.after) == (1, None)
    with pytest.raises(AliasNotFound):
        two.version("churn@champion")
    with pytest.raises(AliasNotFound):
        two.remove_alias("churn", "champion")
    two.delete("churn/1")
    assert list(two.verify()) == []


@pytest.mark.parametrize("alias", ["latest", "v3", "3", "", "a b", "-x", "x" * 129, "a/b"])
def test_what_means_something_else_or_cannot_be_written_is_no_alias(two, alias):
    with pytest.raises(InvalidAlias):
        two.alias("churn/1", alias)


def test_aliases_are_a_list_and_not_a_text(two, model_file):
    with pytest.raises(InvalidInput, match="a list of texts"):
        two.register(model_file(b"3"), "churn", aliases="champion")


# Tags


@pytest.mark.parametrize("subject", ["churn", "churn/1", "churn/latest"])
def test_tags_are_set_replaced_and_taken_away(two, subject):
    two.tag(subject, {"team": "growth", "cost": 3})
    changed = two.tag(subject, {"team": "search"}, remove=["cost"])
    assert changed.before == {"team": "growth", "cost": "3"}
    assert changed.after == {"team": "search", "cost": None}
    found = two.model("churn") if subject == "churn" else two.version(subject)
    assert found.tags == {"team": "search"}
    assert last(two).action == "tag"
    assert list(two.verify()) == []


def test_the_same_tag_again_changes_nothing(two):
    two.tag("churn", {"team": "growth"})
    before = two.history()
    assert not two.tag("churn", {"team": "growth"}).changed
    assert two.history() == before


def test_a_tag_that_is_not_there_cannot_be_taken_away(two):
    two.tag("churn/1", {"team": "growth"})
    with pytest.raises(TagNotFound) as refused:
        two.tag("churn/1", {"other": "x"}, remove=["taem"])
    assert refused.value.hint == "did you mean team?"
    assert two.version("churn/1").tags == {"team": "growth"}
    with pytest.raises(InvalidKey):
        two.tag("churn", {"": "x"})


# Descriptions


def test_a_description_is_replaced(two):
    two.describe("churn", "who leaves")
    changed = two.describe("churn/2", "without the leak", message="found on Tuesday")
    assert (changed.before, changed.after) == ("", "without the leak")
    assert (two.model("churn").description, two.version("churn/2").description) == ("who leaves", "without the leak")
    assert (last(two).action, last(two).message) == ("describe", "found on Tuesday")
    before = two.history()
    assert not two.describe("churn", "who leaves").changed
    assert two.history() == before
    with pytest.raises(InvalidInput):
        two.describe("churn", "x" * 70_000)


# Names


def test_a_model_is_renamed_with_all_that_it_has(two, model_file):
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


def test_an_old_reference_never_comes_to_mean_another_version(two, model_file):
    two.rename("churn", "leaving")
    assert two.register(model_file(b"new"), "churn").version == 3
    with pytest.raises(VersionNotFound):
        two.version("churn/1")
    assert list(two.verify()) == []


def test_a_model_that_is_renamed_there_and_back_is_as_it_was(two, model_file):
    two.rename("churn", "leaving")
    two.rename("leaving", "churn")
    assert two.register(model_file(b"3"), "churn").version == 3
    assert list(two.verify()) == []


def test_a_name_in_another_case_is_a_name(two):
    two.rename("churn", "Churn")
    assert two.model("Churn").versions == 2
    assert list(two.verify()) == []


def test_a_name_that_is_taken_or_impossible_is_refused(two, model_file):
    two.register(model_file(b"x"), "fraud")
    before = two.history()
    for new, error in (("fraud", NameInUse), ("Fraud", NameTaken), ("a/b", InvalidName)):
        with pytest.raises(error):
            two.rename("churn", new)
    with pytest.raises(ModelNotFound):
        two.rename("chrun", "other")
    assert two.history() == before


# Approvals


def test_an_approval_belongs_to_the_digest_and_is_withdrawn(two, model_file):
    given = two.approve("churn/1", message="looked at it")
    assert (given.subject, given.before, given.after) == ("churn/1", None, "looked at it")
    again = two.register(model_file(b"1"), "churn", new_version=True)
    for reference in ("churn/1", again.reference):
        (approval,) = two.version(reference).approvals
        assert (approval.user, approval.message) == (given.key, "looked at it")
    assert two.version("churn/2").approvals == ()
    two.approve("churn/1", withdraw=True)
    assert two.version(again.reference).approvals == ()
    with pytest.raises(ApprovalNotFound):
        two.approve("churn/1", withdraw=True)
    assert [entry.action for entry in two.history()][-3:] == ["approve", "register", "withdraw"]
    assert list(two.verify()) == []


def test_the_same_approval_again_changes_nothing(two):
    two.approve("churn/1", message="fine")
    before = two.history()
    assert not two.approve("churn/1", message="fine").changed
    assert two.history() == before


# Deletion


def test_a_version_in_use_says_how_to_let_go_of_it(two):
    two.alias("churn/1", "champion")
    with pytest.raises(VersionInUse) as refused:
        two.delete("churn/1")
    assert refused.value.hint == "modelreg alias churn@champion --remove"


def test_what_belongs_to_a_digest_ends_with_the_model(two):
    two.approve("churn/1")
    two.record_evaluation("churn/1", "holdout", {"auc": 0.9})
    two.delete("churn/1")
    two.delete("churn/2")
    two.delete("churn")
    assert list(two.verify()) == []


# What is changed by hand


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
def test_every_edit_by_hand_is_noticed(two, by_hand, statement):
    two.record_evaluation("churn/1", "holdout", {"auc": 0.9})
    two.approve("churn/1")
    two.add_gate("churn", "Production", "size > 1")
    two.tag("churn", {"team": "growth"})
    two.alias("churn/1", "champion")
    assert list(two.verify()) == []
    by_hand("PRAGMA foreign_keys = ON")
    by_hand(statement)
    assert list(two.verify()) != []


def test_an_alias_may_be_named_as_a_stage_is_and_means_another_thing(registry, model_file):
    registry.register(model_file(b"1"), "churn", aliases=["production"])
    registry.register(model_file(b"2"), "churn", stage="Production")
    assert registry.version("churn@production").version == 1
    assert registry.version("churn/production").version == 2
    assert list(registry.verify()) == []
