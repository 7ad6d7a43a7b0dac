"""``modelreg gate``."""

from __future__ import annotations

import json


def test_gates_are_added_listed_and_removed(scored):
    added = scored("gate", "add", "churn", "Production", "eval.holdout.roc_auc >= 0.9", "--description", "good")
    assert added.stdout == "added gate 1: churn -> Production requires eval.holdout.roc_auc >= 0.9\n"
    assert added.stderr == "undo: modelreg gate remove 1\n"
    again = scored("gate", "add", "churn", "Production", "eval.holdout.roc_auc >= 0.9")
    assert (again.returncode, again.stdout[:7], again.stderr) == (0, "gate 1 ", "")
    listed = scored("gate", "list").stdout.splitlines()
    assert listed[0] == "id\tname\tstage\texpression\tdescription\tcreated_by\tcreated_at"
    assert listed[1].startswith("1\tchurn\tProduction\teval.holdout.roc_auc >= 0.9\tgood\t")
    assert (
        json.loads(scored("gate", "list", "churn", "--json").stdout)[0]["expression"] == "eval.holdout.roc_auc >= 0.9"
    )
    removed = scored("gate", "remove", "1")
    assert removed.stdout == "removed gate 1: churn -> Production required eval.holdout.roc_auc >= 0.9\n"
    expected = "undo: modelreg gate add churn Production 'eval.holdout.roc_auc >= 0.9' --description good\n"
    assert removed.stderr == expected
    assert scored("gate", "remove", "1").returncode == 3
    assert scored("gate", "list", "--json").stdout == "[]\n"


def test_gate_check_reports_results_and_exits_with_5_on_failure(scored):
    scored("gate", "add", "churn", "Production", "eval.holdout.roc_auc >= production.eval.holdout.roc_auc")
    passed = scored("gate", "check", "churn/2", "production")
    assert passed.returncode == 0
    assert passed.stdout.splitlines()[0] == "id\twanted\tfound\tpassed\treason\tdescription"
    failed = scored("gate", "check", "churn/3", "Production")
    assert failed.returncode == 5
    assert "eval.holdout.roc_auc = 0.6, production.eval.holdout.roc_auc = 0.9\tno" in failed.stdout
    report = json.loads(scored("gate", "check", "churn/3", "Production", "--json").stdout)
    assert list(report) == ["name", "version", "stage", "production", "passed", "gates"]
    assert (report["passed"], report["production"]) == (False, 1)
    assert list(report["gates"][0]) == [
        *("id", "name", "expression", "description", "passed", "found", "reason", "incomparable")
    ]
    without_gates = scored("gate", "check", "churn/3", "Staging")
    assert (without_gates.returncode, "no gates" in without_gates.stderr) == (0, True)


def test_gate_passes_with_a_reason_if_production_is_empty(churn):
    churn("gate", "add", "churn", "Production", "version > production.version")
    churn("transition", "churn/1", "Archived")
    result = churn("transition", "churn/2", "Production")
    assert result.returncode == 0
    expected = "passed the gate version > production.version: no version is in Production to compare with"
    assert result.stderr.splitlines()[0] == expected
