"""``modelreg rollback``."""

from __future__ import annotations


def test_rollback_prints_the_moves_and_its_undo(churn):
    churn("transition", "churn", "2", "Production", "--archive-existing")
    planned = churn("rollback", "churn", "--dry-run")
    assert planned.stdout == "churn/1 -> Production (churn/2 -> None)\n"
    assert planned.stderr == "dry run: nothing was changed\n"
    result = churn("rollback", "churn", "-m", "slow")
    assert result.stdout == planned.stdout
    assert result.stderr.splitlines()[1:] == ["undo: modelreg transition churn/2 Production --move-existing Archived"]
    churn("gate", "add", "churn", "Production", "approvals >= 1")
    refused = churn("rollback", "churn")
    assert refused.returncode == 4
    assert refused.stderr.startswith("error: no version was in Production before churn/1; churn was not changed\n")
