"""``modelreg history``."""

from __future__ import annotations

import json

import pytest


def test_history_lists_the_newest_change_first_with_its_message(churn):
    churn("transition", "churn", "2", "Staging", "-m", "shadow test")
    entries = json.loads(churn("history", "churn", "--json").stdout)
    assert [entry["action"] for entry in entries] == ["transition"] * 2 + ["register"] * 3
    assert (entries[0]["from_stage"], entries[0]["to_stage"], entries[0]["message"]) == (
        "None",
        "Staging",
        "shadow test",
    )
    assert entries[0]["after"]["version"]["stage"] == "Staging"
    assert churn("history", "--head").stdout.strip() == f"{entries[0]['seq']}:{entries[0]['hash']}"


def test_history_describes_renames_and_removed_gates(churn):
    churn("gate", "add", "churn", "Production", "approvals >= 1")
    churn("gate", "remove", "1")
    churn("rename", "churn", "leaving")
    output = churn("history", "leaving").stdout
    assert "Production required approvals >= 1" in output
    assert "churn -> leaving" in output


def test_history_as_of_lists_the_stages_at_that_time(churn):
    stages = churn("history", "churn", "--as-of", "2100-01-01")
    assert stages.stdout.splitlines()[0] == "name\tversion\tstage\tsince\tuser\tclaimed_user\tmessage"
    assert [line.split("\t")[1:3] for line in stages.stdout.splitlines()[1:]] == [
        ["3", "None"],
        ["2", "None"],
        ["1", "Production"],
    ]
    assert churn("history", "--as-of", "2020-01-01", "--json").stdout == "[]\n"
    assert churn("history", "churn", "--as-of", "soon").returncode == 2
    assert churn("history", "chrun", "--as-of", "2100-01-01").returncode == 3


def test_history_records_the_claimed_user_and_the_ci_job(churn):
    churn("transition", "churn", "2", "Staging", MODELREG_USER="alice", CI_JOB_URL="https://ci.example.com/7")
    entry = json.loads(churn("history", "churn", "--json").stdout)[0]
    assert (entry["claimed_user"], entry["ci_job"]) == ("alice", "https://ci.example.com/7")
    assert entry["user"] != "alice"
    assert entry["tool"].startswith("modelreg ")


@pytest.mark.parametrize("arguments", [("history", "churn", "--head"), ("history", "--head", "--as-of", "2026-01-01")])
def test_conflicting_history_options_are_refused(churn, arguments):
    assert churn(*arguments).returncode == 2


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_times_outside_the_supported_range_are_refused(churn, moment):
    for arguments in (("history", "--as-of", moment), ("list", "--filter", f"created_at > '{moment}'")):
        result = churn(*arguments)
        assert (result.returncode, "is not a time" in result.stderr) == (2, True)
