"""On a terminal: tables, questions, and the shell's completion."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest

from modelreg.cli.application import COMMANDS

from .conftest import MODELREG


def stages(run):
    return {version["version"]: version["stage"] for version in json.loads(run("versions", "churn", "--json").stdout)}


def test_people_see_a_table(churn, terminal):
    status, shown = terminal("versions", "churn").ends()
    assert status == 0
    assert "\t" not in shown
    assert re.search("just now|minutes? ago", shown)
    assert "1.0 kB" in shown


@pytest.mark.parametrize("columns", [20, 40])
def test_a_narrow_terminal_shows_every_version(churn, terminal, columns):
    status, shown = terminal("versions", "churn", columns=columns).ends()
    assert status == 0
    letters = re.sub(r"\x1b\[[0-9;]*m|\s", "", shown)
    assert all(number in letters for number in "123")
    assert all(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) <= columns for line in shown.splitlines())


@pytest.mark.parametrize(("answer", "stage"), [("a", "Archived"), ("s", "Staging"), ("n", "None")])
def test_a_second_promotion_asks_what_becomes_of_the_first(churn, terminal, answer, stage):
    status, shown = terminal("transition", "churn", "2", "Production").until("(q)uit").type(f"{answer}\n").ends()
    assert status == 0
    assert f"churn/2 -> Production (churn/1 -> {stage})" in shown
    assert stages(churn) == {1: stage, 2: "Production", 3: "None"}


@pytest.mark.parametrize(
    ("answer", "status"), [("q\n", 4), ("\n", 4), ("\x03", 130), ("\x04", 130)], ids=["q", "enter", "^C", "^D"]
)
def test_who_does_not_want_to_promote_changes_nothing(churn, terminal, answer, status):
    found, shown = terminal("transition", "churn", "2", "Production").until("(q)uit").type(answer).ends()
    assert found == status
    assert "Traceback" not in shown
    assert stages(churn) == {1: "Production", 2: "None", 3: "None"}


@pytest.mark.parametrize("answer", ["x", "no"])
def test_a_question_is_asked_again_until_it_is_answered(churn, terminal, answer):
    prompt = terminal("transition", "churn", "2", "Production").until("(q)uit")
    again = prompt.type(f"{answer}\n").until(
        "answer a, s, n or q\r\nchurn/1: (a)rchive it, move it to (s)taging, to (n)one, or (q)uit"
    )
    status, _ = again.type("Archive\n").ends()
    assert status == 0
    assert stages(churn)[1] == "Archived"


@pytest.mark.parametrize(("answer", "status", "left"), [("y\n", 0, 2), ("n\n", 130, 3)])
def test_deleting_is_confirmed(churn, terminal, answer, status, left):
    ended, shown = terminal("delete", "churn/2").until("Delete churn/2").type(answer).ends()
    assert (ended, len(stages(churn))) == (status, left)
    assert ("nothing was deleted" in shown, "interrupted" in shown) == (left == 3, False)


def test_what_may_not_be_deleted_is_refused_before_anybody_is_asked(churn, terminal):
    for subject in ("churn/1", "churn"):
        status, shown = terminal("delete", subject).ends()
        assert status == 4
        assert "Delete" not in shown


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [("transition", "churn", "2", "Production"), ("delete", "churn/2"), ("prune", "--keep-last", "1")]
)
def test_what_was_typed_before_a_question_is_no_answer_to_it(churn, terminal, words):
    asking = terminal(*words).type("a\ny\n")  # as the rest of a pasted session
    status, _ = asking.until(": ").type("\x03").ends()
    assert status == 130
    assert stages(churn) == {1: "Production", 2: "None", 3: "None"}


def test_nothing_is_asked_when_nobody_can_answer(churn):
    done = churn("transition", "churn", "2", "Production")
    assert done.returncode == 4
    assert "(q)uit" not in done.stderr


def complete(registry, line):
    words = line.split(" ")
    done = subprocess.run(
        [MODELREG],
        env=os.environ
        | {
            "MODELREG_HOME": str(registry),
            "_MODELREG_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("modelreg tr", ["transition", "trust"]),
        ("modelreg versions ch", ["churn"]),
        ("modelreg load chu", ["churn/"]),
        ("modelreg load churn/", ["churn/3", "churn/2", "churn/1", "churn/None", "churn/Production", "churn/latest"]),
        ("modelreg load churn@", ["churn@best"]),
        ("modelreg transition churn 2 Pr", ["Production"]),
        ("modelreg transition churn/2 St", ["Staging"]),
        ("modelreg register x --stage Ar", ["Archived"]),
    ],
)
def test_the_shell_completes_names_versions_stages_and_aliases(churn, files, registry, line, expected):
    churn("register", files[0], "--name", "churn", "--metric", "auc=0.9", "--alias", "best")
    assert complete(registry, line) == expected


def test_completing_without_a_registry_offers_nothing_and_says_nothing(registry):
    assert complete(registry, "modelreg versions ch") == []


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_an_example(run, command):
    done = run(command, "--help")
    assert done.returncode == 0
    assert f"\n  modelreg {command}" in done.stdout or f"(modelreg {command}" in done.stdout


def test_the_help_of_the_program_lists_commands_and_exit_codes(run):
    for words in ([], ["--help"], ["-h"]):
        done = run(*words)
        assert done.returncode == 0
        assert all(f"\n  {command} " in done.stdout for command in COMMANDS)
        assert "130 interrupted" in done.stdout
