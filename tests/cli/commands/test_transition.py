"""``modelreg transition``."""

from __future__ import annotations

import json

import pytest

from ..conftest import get_stages


def test_transition_notes_that_production_becomes_empty(churn):
    assert "note: this leaves no version of churn in Production" in churn("transition", "churn/1", "Staging").stderr
    assert "note:" not in churn("transition", "churn/1", "Production").stderr


def test_transition_prints_the_moves_and_a_working_undo(churn):
    result = churn("transition", "churn/2", "Production", "--archive-existing", "--message", "better")
    assert result.stdout == "churn/2 -> Production (churn/1 -> Archived)\n"
    undo = result.stderr.split("undo: modelreg ")[1].split()
    assert churn(*undo).returncode == 0
    stages = {v["version"]: v["stage"] for v in json.loads(churn("versions", "churn", "--json").stdout)}
    assert stages == {1: "Production", 2: "None", 3: "None"}


def test_transition_to_the_current_stage_succeeds(churn):
    result = churn("transition", "churn", "1", "production")
    assert (result.returncode, result.stdout) == (0, "churn/1 is already in Production\n")


def test_transition_dry_run_changes_nothing(churn):
    before = churn("history", "--head").stdout
    result = churn("promote", "churn/2", "--move-existing", "Staging", "--dry-run")
    assert result.stdout == "churn/2 -> Production (churn/1 -> Staging)\n"
    assert churn("history", "--head").stdout == before


def test_transition_refused_by_a_gate_names_the_gate_and_can_be_forced(scored):
    scored("gate", "add", "churn", "Production", "eval.holdout.roc_auc >= 0.9")
    refused = scored("transition", "churn", "3", "Production", "--archive-existing")
    assert (refused.returncode, refused.stdout) == (5, "")
    assert refused.stderr.splitlines() == [
        "error: churn/3 failed the gate eval.holdout.roc_auc >= 0.9 for Production: eval.holdout.roc_auc is 0.6",
        "hint: modelreg gate check churn/3 Production; --force --message WHY overrides gates",
    ]
    as_json = scored("transition", "churn", "3", "Production", "--json")
    assert json.loads(as_json.stderr)["error"]["code"] == "gate_refused"
    assert scored("transition", "churn", "3", "Production", "--force").returncode == 2
    assert scored("transition", "churn", "3", "Production", "--force", "-m", "drill").returncode == 4
    forced = scored("transition", "churn", "3", "Production", "--force", "-m", "drill", "--archive-existing")
    assert forced.returncode == 0
    assert "gate eval.holdout.roc_auc >= 0.9" in forced.stderr
    header, *rows = [line.split("\t") for line in scored("history", "churn").stdout.splitlines()]
    entries = [dict(zip(header, row, strict=True)) for row in rows]
    assert [row["forced"] for row in entries[:3]] == ["yes", "", ""]
    assert [row["action"] for row in entries].count("refuse") == 2


@pytest.mark.parametrize(("answer", "stage"), [("a", "Archived"), ("s", "Staging"), ("n", "None")])
def test_transition_on_a_terminal_asks_where_to_move_the_current_version(churn, terminal, answer, stage):
    status, output = (
        terminal("transition", "churn", "2", "Production").read_until("(q)uit").type(f"{answer}\n").read_to_end()
    )
    assert status == 0
    assert f"churn/2 -> Production (churn/1 -> {stage})" in output
    assert get_stages(churn) == {1: stage, 2: "Production", 3: "None"}


@pytest.mark.parametrize(
    ("answer", "status"), [("q\n", 4), ("\n", 4), ("\x03", 130), ("\x04", 130)], ids=["q", "enter", "^C", "^D"]
)
def test_quitting_the_question_changes_nothing(churn, terminal, answer, status):
    exit_status, output = (
        terminal("transition", "churn", "2", "Production").read_until("(q)uit").type(answer).read_to_end()
    )
    assert exit_status == status
    assert "Traceback" not in output
    assert get_stages(churn) == {1: "Production", 2: "None", 3: "None"}


@pytest.mark.parametrize("answer", ["x", "no"])
def test_invalid_answer_repeats_the_question(churn, terminal, answer):
    prompt = terminal("transition", "churn", "2", "Production").read_until("(q)uit")
    again = prompt.type(f"{answer}\n").read_until(
        "answer a, s, n or q\r\nchurn/1: (a)rchive it, move it to (s)taging, to (n)one, or (q)uit"
    )
    status, _ = again.type("Archive\n").read_to_end()
    assert status == 0
    assert get_stages(churn)[1] == "Archived"


def test_transition_without_a_terminal_asks_nothing(churn):
    result = churn("transition", "churn", "2", "Production")
    assert result.returncode == 4
    assert "(q)uit" not in result.stderr
