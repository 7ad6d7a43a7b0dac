"""Gates: versions that fail are refused, and the journal records the values."""

from __future__ import annotations

import json
from itertools import groupby

import pytest

from modelreg.domain.facts import Facts
from modelreg.domain.journal import Actor
from modelreg.domain.references import Reference
from modelreg.domain.registrations import Provenance, RecognisedModel
from modelreg.domain.scans import Scan, Verdict
from modelreg.errors import (
    GateRefused,
    InvalidExpression,
    InvalidInput,
    ModelNotFound,
    NotFound,
    ProductionOccupied,
    StageChanged,
)
from modelreg.lifecycle import metadata
from modelreg.store.catalog.writer import NewVersion
from modelreg.store.folder import RegistryFolder


@pytest.fixture
def holdout(tmp_path):
    path = tmp_path / "holdout.csv"
    path.write_text("age,target\n31,0\n44,1\n")
    return path


@pytest.fixture
def scored(registry, model_file, holdout):
    """Three versions: 1 has a high score, 2 a low one, 3 none."""
    for number, auc in ((1, 0.95), (2, 0.6), (3, None)):
        registry.register(model_file(b"%d" % number), "churn", metrics={"accuracy": number / 10})
        if auc is not None:
            registry.record_evaluation(f"churn/{number}", None, {"roc_auc": auc}, data=holdout)
    return registry


def stages(registry):
    return {version.version: str(version.stage) for version in registry.versions("churn")}


def test_a_version_that_fails_a_gate_is_refused_and_no_stage_changes(scored):
    scored.add_gate("churn", "Production", "eval.holdout.roc_auc >= 0.9")
    with pytest.raises(GateRefused, match=r"eval\.holdout\.roc_auc is 0\.6") as refused:
        scored.transition("churn", 2, "Production")
    assert (refused.value.exit, refused.value.code) == (5, "gate_refused")
    assert stages(scored) == {1: "None", 2: "None", 3: "None"}
    scored.transition("churn", 1, "Production")
    assert stages(scored)[1] == "Production"


def test_a_gate_fails_if_a_value_is_missing(scored):
    scored.add_gate("churn", "Production", "NOT eval.holdout.roc_auc < 0.9")
    (result,) = scored.check_gates("churn/3", "Production").gates
    assert not result.passed
    assert result.found == {"eval.holdout.roc_auc": None}
    assert result.reason == "eval.holdout.roc_auc is missing"


def test_a_refusal_is_journalled_with_the_values(scored):
    gate = scored.add_gate("churn", "Production", "eval.holdout.roc_auc >= 0.9").gate
    with pytest.raises(GateRefused):
        scored.transition("churn", 2, "Production", message="please")
    entry = scored.history()[-1]
    assert (entry.action, entry.version, entry.from_stage, entry.to_stage) == ("refuse", 2, "None", "Production")
    assert entry.message == "please"
    check = json.loads(entry.after)["check"]
    assert (check["passed"], check["forced"], check["production"]) == (False, False, None)
    assert check["gates"] == [
        {
            "id": gate.id,
            "name": "churn",
            "expression": "eval.holdout.roc_auc >= 0.9",
            "passed": False,
            "found": {"eval.holdout.roc_auc": 0.6},
            "reason": None,
        }
    ]
    assert list(scored.verify()) == []


def test_a_refused_dry_run_is_not_journalled(scored):
    scored.add_gate("churn", "Production", "eval.holdout.roc_auc >= 0.9")
    before = scored.history()
    with pytest.raises(GateRefused):
        scored.transition("churn", 2, "Production", dry_run=True)
    assert scored.history() == before


def test_force_overrides_gates_and_is_journalled(scored):
    scored.add_gate("churn", "Production", "eval.holdout.roc_auc >= 0.9")
    with pytest.raises(InvalidInput, match="needs a reason"):
        scored.transition("churn", 2, "Production", force=True)
    assert scored.transition("churn", 2, "Production", force=True, message="drill").forced
    entry = scored.history()[-1]
    assert (entry.action, entry.message) == ("transition", "drill")
    assert json.loads(entry.after)["check"]["forced"] is True


def test_force_overrides_no_other_rule(scored):
    scored.add_gate("churn", "Production", "eval.holdout.roc_auc >= 0.9")
    scored.transition("churn", 1, "Production")
    with pytest.raises(ProductionOccupied):
        scored.transition("churn", 2, "Production", force=True, message="drill")
    with pytest.raises(StageChanged):
        scored.transition("churn", 2, "Production", force=True, message="drill", if_current="Staging")


def test_force_is_not_recorded_if_the_gates_pass(scored):
    scored.add_gate("churn", "Production", "eval.holdout.roc_auc >= 0.9")
    assert not scored.transition("churn", 1, "Production", force=True, message="to be sure").forced
    assert json.loads(scored.history()[-1].after)["check"]["forced"] is False


def test_a_gate_compares_with_the_version_in_production(scored):
    scored.add_gate("churn", "Production", "eval.holdout.roc_auc >= production.eval.holdout.roc_auc")
    scored.transition("churn", 1, "Production")
    check = scored.check_gates("churn/2", "Production")
    assert (check.passed, check.production) == (False, 1)
    assert check.gates[0].found == {"eval.holdout.roc_auc": 0.6, "production.eval.holdout.roc_auc": 0.95}
    with pytest.raises(GateRefused):
        scored.transition("churn", 2, "Production", archive_existing=True)
    assert stages(scored)[1] == "Production"


COMPARISON = "eval.holdout.roc_auc >= production.eval.holdout.roc_auc"


def test_scores_on_different_data_of_the_same_name_are_not_comparable(scored, tmp_path):
    scored.add_gate("churn", "Production", COMPARISON)
    scored.transition("churn", 1, "Production")
    easier = tmp_path / "easier.csv"
    easier.write_text("age,target\n31,0\n")
    scored.record_evaluation("churn/3", "holdout", {"roc_auc": 0.99}, data=easier)
    (result,) = scored.check_gates("churn/3", "Production").gates
    assert (result.passed, result.incomparable) == (False, ("holdout",))
    for fact in ("eval.holdout", "sha256:", "churn/1", "churn/3"):
        assert fact in result.reason
    with pytest.raises(GateRefused, match="sha256:") as refused:
        scored.transition("churn", 3, "Production", archive_existing=True)
    assert "modelreg evaluate churn/3 --data FILE --target COLUMN --as holdout --production" in refused.value.hint


@pytest.mark.parametrize(("one", "other"), [(None, None), ("holdout", None), (None, "holdout")])
def test_scores_on_unknown_data_are_not_comparable(scored, holdout, one, other):
    for number, data in ((1, one), (3, other)):
        scored.record_evaluation(f"churn/{number}", "holdout", {"roc_auc": 0.9}, data=holdout if data else None)
    scored.add_gate("churn", "Production", COMPARISON)
    scored.transition("churn", 1, "Production")
    (result,) = scored.check_gates("churn/3", "Production").gates
    assert not result.passed
    assert ("churn/1" in result.reason, "churn/3" in result.reason) == (one is None, other is None)


@pytest.mark.parametrize(
    ("expression", "passes"),
    [
        ("eval.holdout.roc_auc > 0.9", True),
        (f"eval.holdout.roc_auc > 0.9 OR {COMPARISON}", True),
        (f"eval.holdout.roc_auc > 0.9 AND {COMPARISON}", False),
        (f"NOT ({COMPARISON})", False),
        (f"NOT (eval.holdout.roc_auc < 0.9 AND NOT {COMPARISON})", True),
        ("(eval.holdout.roc_auc - production.eval.holdout.roc_auc) IS NULL", False),
        ("eval.holdout.roc_auc - production.eval.holdout.roc_auc IN (0.5, 0.04)", False),
        ("eval.holdout.roc_auc > 0.9 AND production.eval.holdout.roc_auc > 0.9", True),
        ("eval.holdout.roc_auc > production.metrics.accuracy", True),
        ("eval.shadow.conversion > production.eval.holdout.roc_auc", True),
    ],
)
def test_only_predicates_that_compare_scores_of_both_versions_need_the_same_data(scored, expression, passes):
    scored.transition("churn", 1, "Production")
    scored.record_evaluation("churn/3", "holdout", {"roc_auc": 0.99})
    scored.record_evaluation("churn/3", "shadow", {"conversion": 1})
    scored.add_gate("churn", "Production", expression)
    assert scored.check_gates("churn/3", "Production").passed is passes


def test_a_version_is_comparable_with_itself_on_unknown_data(scored):
    scored.record_evaluation("churn/1", "shadow", {"conversion": 0.5})
    scored.transition("churn", 1, "Production")
    added = scored.add_gate("churn", "Production", "eval.shadow.conversion >= production.eval.shadow.conversion")
    assert added.warnings == ()


def test_a_gate_on_an_unknown_field_is_added_with_a_warning_and_a_suggestion(scored):
    for expression, warning in {
        "eval.holdout.rocauc >= 0.9": "no version of churn has eval.holdout.rocauc; did you mean eval.holdout.roc_auc?",
        "eval.accuracy.x > 0": "no version of churn has eval.accuracy.x; did you mean metrics.accuracy?",
        "production.metrics.speed > 1": "no version of churn has metrics.speed; available: metrics.accuracy",
        "tags.owner = 'ana'": "no version of churn has tags.owner; no tags are recorded",
    }.items():
        assert scored.add_gate("churn", "Production", expression).warnings == (warning,)
        assert scored.add_gate("*", "Production", expression).warnings == (warning.replace("churn", "any model"),)


def test_a_gate_that_the_version_in_production_fails_is_added_with_a_warning(scored):
    scored.transition("churn", 1, "Production")
    added = scored.add_gate("churn", "Production", "eval.holdout.roc_auc >= 0.99")
    assert added.warnings == ("churn/1, in Production, fails this gate: eval.holdout.roc_auc is 0.95",)
    assert scored.add_gate("churn", "Production", "eval.holdout.roc_auc >= 0.99").warnings == ()


def test_a_gate_of_a_model_without_versions_has_no_warning(registry):
    registry.create_model("churn")
    assert registry.add_gate("churn", "Production", "metrics.auc > 0.9").warnings == ()


def test_adding_a_gate_again_replaces_its_description(scored):
    scored.add_gate("churn", "Production", "metrics.accuracy > 0", description="a start")
    repeated = scored.add_gate("churn", "Production", "metrics.accuracy > 0", description="as agreed in May")
    assert (repeated.is_new, repeated.is_described, repeated.gate.description) == (False, True, "as agreed in May")
    assert [gate.description for gate in scored.gates()] == ["as agreed in May"]
    assert list(scored.verify()) == []


def test_a_comparison_with_production_passes_if_no_version_is_in_production(scored):
    scored.add_gate("churn", "Production", "eval.holdout.roc_auc >= production.eval.holdout.roc_auc")
    check = scored.check_gates("churn/2", "Production")
    assert check.passed
    assert "no version is in Production" in check.gates[0].reason


def test_every_gate_of_the_stage_has_to_pass(scored):
    scored.add_gate("churn", "Production", "eval.holdout.roc_auc >= 0.5")
    scored.add_gate("churn", "Production", "metrics.accuracy > 0.15")
    assert [gate.passed for gate in scored.check_gates("churn/1", "Production").gates] == [True, False]
    with pytest.raises(GateRefused, match=r"metrics\.accuracy > 0\.15"):
        scored.transition("churn", 1, "Production")
    scored.transition("churn", 2, "Production")


def test_a_model_has_its_own_gates_and_those_for_every_model(scored, model_file):
    scored.register(model_file(b"x"), "fraud")
    scored.add_gate("*", "Staging", "signature IS NOT NULL")
    scored.add_gate("churn", "Staging", "metrics.accuracy > 0")
    assert [gate.name for gate in scored.gates("churn")] == ["*", "churn"]
    assert [gate.name for gate in scored.gates("fraud")] == ["*"]
    with pytest.raises(GateRefused):
        scored.transition("fraud", 1, "Staging")


def test_a_gate_applies_to_its_stage_only(scored):
    scored.add_gate("churn", "Production", "metrics.accuracy > 100")
    scored.transition("churn", 1, "Staging")
    scored.transition("churn", 1, "Archived")


def test_gates_are_not_checked_for_a_version_already_in_the_stage(scored):
    scored.transition("churn", 1, "Production")
    scored.add_gate("churn", "Production", "metrics.accuracy > 100")
    assert scored.transition("churn", 1, "Production").changes == ()


def test_if_current_is_checked_before_gates_and_gates_before_occupancy(scored):
    scored.add_gate("churn", "Production", "eval.holdout.roc_auc >= 0.9")
    scored.transition("churn", 1, "Production")
    with pytest.raises(StageChanged):
        scored.transition("churn", 2, "Production", if_current="Staging")
    with pytest.raises(GateRefused):
        scored.transition("churn", 2, "Production")


def test_a_gate_refuses_a_whole_registration_and_is_journalled(scored, model_file):
    scored.add_gate("churn", "Production", "metrics.accuracy > 0.5")
    before = scored.versions("churn")
    with pytest.raises(GateRefused):
        scored.register(model_file(b"4"), "churn", stage="Production", aliases=["champion"], tags={"a": 1})
    assert scored.versions("churn") == before
    assert scored.model("churn").aliases == {}
    entry = scored.history()[-1]
    assert (entry.action, entry.name, entry.version) == ("refuse", "churn", None)
    assert list(scored.verify()) == []
    assert scored.register(model_file(b"4"), "churn").version == 4


def test_a_gate_for_every_model_refuses_the_first_version_of_a_new_one(scored, model_file):
    scored.add_gate("*", "Staging", "metrics.accuracy > 0.5")
    with pytest.raises(GateRefused):
        scored.register(model_file(b"new"), "new", stage="Staging")
    with pytest.raises(ModelNotFound):
        scored.model("new")
    assert [entry.action for entry in scored.history("new")] == ["refuse"]
    assert list(scored.verify()) == []


def test_a_registration_that_passes_gates_enters_its_stage(scored, model_file):
    scored.add_gate("churn", "Production", "metrics.accuracy > 0.5")
    version = scored.register(model_file(b"4"), "churn", metrics={"accuracy": 0.9}, stage="Production")
    assert version.stage == "Production"


@pytest.mark.parametrize(
    "expression",
    [
        "stage = 'Staging'",
        "version > 0 AND size = 1 AND flavor = 'file'",
        "alias = 'CHALLENGER'",
        "params.depth = 3 AND params.depth = '3'",
        "tags.team LIKE 'gr%'",
        "signature IS NULL",
        "created_at > '2020-01-01' AND created_by IS NOT NULL",
        "metrics.auc * 100 - 1 > 80",
    ],
)
def test_a_gate_can_use_every_kind_of_field(registry, model_file, expression):
    registry.register(
        model_file(b"1"),
        "churn",
        metrics={"auc": 0.9},
        params={"depth": 3},
        tags={"team": "growth"},
        aliases=["challenger"],
        stage="Staging",
    )
    registry.add_gate("churn", "Production", expression)
    assert registry.check_gates("churn/1", "Production").passed


def test_adding_the_same_gate_again_changes_nothing(scored):
    added = scored.add_gate("churn", "Production", "metrics.accuracy > 0", description="a start")
    repeated = scored.add_gate("churn", "Production", "metrics.accuracy > 0")
    assert (added.is_new, repeated.is_new, repeated.is_described, repeated.gate) == (True, False, False, added.gate)
    assert len(scored.gates()) == 1


def test_a_gate_is_removed_by_its_number_which_is_never_reused(scored):
    first = scored.add_gate("churn", "Production", "metrics.accuracy > 100").gate
    assert scored.remove_gate(first.id, message="was wrong") == first
    scored.transition("churn", 1, "Production")
    second = scored.add_gate("churn", "Production", "metrics.accuracy > 100").gate
    assert second.id != first.id
    with pytest.raises(NotFound) as refused:
        scored.remove_gate(first.id)
    assert refused.value.code == "gate_not_found"
    assert [entry.action for entry in scored.history("churn") if "gate" in entry.action] == [
        "add gate",
        "remove gate",
        "add gate",
    ]
    assert list(scored.verify()) == []


def test_adding_an_invalid_expression_is_refused(scored):
    for expression in ("nonsense >= 1", "stage = 'Prodction'", "scan = 'sage'", "metrics.auc >", ""):
        with pytest.raises(InvalidExpression):
            scored.add_gate("churn", "Production", expression)
    assert scored.gates() == []


def test_adding_a_gate_for_an_unknown_model_or_the_stage_none_is_refused(scored):
    with pytest.raises(ModelNotFound, match="chrun"):
        scored.add_gate("chrun", "Production", "size > 0")
    with pytest.raises(InvalidInput, match="the stage None"):
        scored.add_gate("churn", "None", "size > 0")


def test_gates_follow_a_renamed_model_and_are_deleted_with_it(registry, model_file):
    registry.register(model_file(), "churn")
    registry.add_gate("churn", "Production", "size > 100")
    registry.rename("churn", "leaving")
    assert [gate.name for gate in registry.gates()] == ["leaving"]
    registry.delete("leaving/1")
    registry.delete("leaving")
    assert registry.gates() == []
    assert list(registry.verify()) == []


def test_a_manually_edited_gate_that_cannot_be_parsed_fails(scored, execute_sql):
    scored.add_gate("churn", "Production", "metrics.accuracy > 0")
    execute_sql("UPDATE gates SET expression = 'what?'")
    (result,) = scored.check_gates("churn/1", "Production").gates
    assert not result.passed
    assert "invalid expression" in result.reason
    assert [finding.subject for finding in scored.verify()] == ["gate 1"]


def test_gates_are_checked_for_displaced_versions_too(scored):
    scored.transition("churn", 1, "Production")
    scored.tag("churn/1", {"legal-hold": "yes"})
    scored.add_gate("churn", "Archived", "tags.`legal-hold` IS NULL")
    with pytest.raises(GateRefused, match=r"churn/1 failed.*Archived"):
        scored.transition("churn", 2, "Production", archive_existing=True)
    assert stages(scored)[1] == "Production"
    assert scored.history()[-1].version == 1
    transition = scored.transition("churn", 2, "Production", move_existing="None")
    assert transition.checks == ()
    forced = scored.transition("churn", 3, "Production", archive_existing=True, force=True, message="no gate fails")
    assert (forced.forced, [check.version for check in forced.checks]) == (False, [2])


def test_approvals_by_anyone_who_registered_the_digest_do_not_count(registry, model_file):
    registry.register(model_file(), "churn")
    with RegistryFolder(registry.folder, 30).catalog.writing(Actor("alice", None, None)) as writer:
        first = writer.version(Reference("churn", 1))
        new = NewVersion(
            first.digest,
            first.files,
            RecognisedModel("file", "file"),
            Scan(Verdict.SAFE, (), ()),
            Facts(False, None, {}, {}),
            {},
            "",
            Provenance("", None, None, None, None, None, first.environment),
        )
        writer.add_version("churn", new)
    registry.approve("churn/2")
    approve_as(registry, "bob", "churn/2")
    assert [approval.counts for approval in registry.version("churn/2").approvals] == [False, True]
    assert [version.version for version in registry.versions("churn", filter="approvals = 1")] == [2, 1]


def approve_as(registry, user, reference):
    """Approve as another user of the operating system."""
    with RegistryFolder(registry.folder, 30).catalog.writing(Actor(user, None, None)) as writer:
        metadata.approve(writer, Reference.parse(reference), "")


def test_approvals_count_each_user_once_without_the_one_who_registered(registry, model_file):
    registry.register(model_file(), "churn")
    registry.add_gate("churn", "Production", "approvals >= 2")
    registry.approve("churn/1", message="registered by me")
    for user in ("alice", "alice"):
        approve_as(registry, user, "churn/1")
    (result,) = registry.check_gates("churn/1", "Production").gates
    assert result.found == {"approvals": 1}
    with pytest.raises(GateRefused):
        registry.transition("churn", 1, "Production")
    approve_as(registry, "bob", "churn/1")
    registry.transition("churn", 1, "Production")
    assert [version.version for version in registry.versions("churn", filter="approvals = 2")] == [1]
    assert list(registry.verify()) == []


def test_an_approval_is_by_the_system_user_and_not_by_the_claimed_user(registry, model_file, monkeypatch):
    registry.register(model_file(), "churn")
    monkeypatch.setenv("MODELREG_USER", "alice")
    registry.approve("churn/1")
    (approval,) = registry.version("churn/1").approvals
    assert approval.user == registry.version("churn/1").created_by
    assert registry.check_gates("churn/1", "Production").gates == ()
    assert registry.history()[-1].claimed_user == "alice"


PROMOTE_IF_BETTER = """
from modelreg import Registry
from modelreg.errors import GateRefused
import modelreg.lifecycle.promotion, modelreg.lifecycle.rules.gates
registry = Registry(sys.argv[1])
ready()
try:
    registry.transition("churn", int(sys.argv[2]), "Production", archive_existing=True)
except GateRefused as refused:
    print("refused")
else:
    print("promoted")
"""


@pytest.mark.parametrize("rounds", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_concurrent_promotions_are_compared_with_the_version_in_production(
    registry, model_file, run_concurrently, rounds
):
    """Eight processes promote at once, with a gate that compares with Production.

    The journal shows with which version each candidate was compared.
    """
    scores = {number: (number * 5 % 8) / 10 for number in range(1, 9)}
    for number, score in scores.items():
        registry.register(model_file(b"%d" % number), "churn", metrics={"auc": score})
    registry.add_gate("churn", "Production", "metrics.auc >= production.metrics.auc")
    for _ in range(rounds):
        run_concurrently(PROMOTE_IF_BETTER, [(registry.folder, number) for number in scores])
        holder = next(version for version in registry.versions("churn") if version.stage == "Production")
        registry.transition("churn", holder.version, "Archived")
    in_production, decisions = None, 0
    for _, transaction in groupby(registry.history("churn"), key=lambda entry: entry.batch):
        incumbent = in_production
        for entry in transaction:
            after = json.loads(entry.after)
            if "check" in after:
                decisions += 1
                values = after["check"]["gates"][0]["found"]
                assert after["check"]["production"] == incumbent
                assert values["metrics.auc"] == scores[entry.version]
                assert values["production.metrics.auc"] == scores.get(incumbent)
                passed = incumbent is None or scores[entry.version] >= scores[incumbent]
                assert after["check"]["passed"] is passed
                assert entry.action == ("transition" if passed else "refuse")
            if entry.action == "transition":
                in_production = entry.version if entry.to_stage == "Production" else None
    assert decisions >= 7 * rounds
    assert list(registry.verify()) == []
