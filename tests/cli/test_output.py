"""The output of commands: stdout and stderr, forms, and escaping."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from .conftest import MODELREG

MODEL_KEYS = [
    *("name", "description", "versions", "latest", "staging", "production", "production_since", "production_by"),
    *("archived", "aliases", "tags", "created_by", "created_at", "updated_at"),
]


VERSION_KEYS = [
    *("name", "version", "stage", "status", "aliases", "digest", "size", "files", "flavor", "format", "model_class"),
    *("signature", "metrics", "params", "tags", "scan", "description", "source", "run_id", "git_commit"),
    *("created_by", "created_at", "updated_at"),
]


def test_json_keys_have_the_documented_order(churn):
    (model,) = json.loads(churn("list", "--json").stdout)
    assert list(model) == MODEL_KEYS
    version = json.loads(churn("show", "churn/1", "--json").stdout)
    assert [key for key in version if key in VERSION_KEYS] == VERSION_KEYS
    assert (version["stage"], version["metrics"], version["size"]) == ("Production", {"auc": 0.9}, 1000)
    assert [entry["version"] for entry in json.loads(churn("versions", "churn", "--json").stdout)] == [3, 2, 1]


@pytest.mark.parametrize(
    ("arguments", "subject"),
    [
        (["alias", "churn/2", "champion"], "churn"),
        (["tag", "churn/2", "reviewed=yes"], "churn/2"),
        (["describe", "churn", "who leaves"], "churn"),
        (["approve", "churn/2"], "churn/2"),
        (["rename", "churn", "another"], "another"),
        (["gate", "add", "churn", "Archived", "approvals >= 1"], "1"),
        (["delete", "churn/3", "--yes"], "churn/3"),
    ],
)
def test_quiet_change_prints_only_its_subject(churn, arguments, subject):
    result = churn(*arguments, "--quiet")
    assert (result.returncode, result.stdout) == (0, f"{subject}\n")
    assert "undo" not in result.stderr


def test_repeated_change_is_reported_and_not_journalled(churn, journal):
    for arguments in (
        ("alias", "churn/1", "champion"),
        ("tag", "churn", "team=growth"),
        ("describe", "churn", "who leaves"),
        ("approve", "churn/1"),
    ):
        assert churn(*arguments).returncode == 0
        before = journal()
        repeated = churn(*arguments)
        assert (repeated.returncode, "nothing was changed" in repeated.stderr) == (0, True)
        assert journal() == before


def test_closed_pipe_is_not_a_failure(churn):
    for command in ("versions churn", "history", "list --json"):
        result = subprocess.run(
            ["bash", "-o", "pipefail", "-c", f"{MODELREG} {command} | head -c 1 >/dev/null"],
            env=os.environ | {"MODELREG_HOME": churn("info", "--json").stdout.split('"')[3]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (result.returncode, result.stderr) == (0, "")


CONTROL_CHARACTERS = "[bold]x[/] \x1b[31mred\x1b[0m \ttab\nline \\ \u202eabc 🎉"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_control_characters_are_escaped(run, files, encoding):
    arguments = (
        "--description",
        CONTROL_CHARACTERS,
        "--tag",
        f"t={CONTROL_CHARACTERS}",
        "--param",
        f"p={CONTROL_CHARACTERS}",
        "--message",
        CONTROL_CHARACTERS,
    )
    assert run("register", files[0], "--name", "churn", *arguments).returncode == 0
    for command in (["show", "churn/1"], ["versions", "churn"], ["history"], ["list"]):
        output = run(*command, PYTHONIOENCODING=encoding).stdout
        assert not any(character in output for character in "\x1b\u202e")
    assert f"description\t{run('show', 'churn/1').stdout.split('description')[1].splitlines()[0][1:]}".count("\t") == 1
    assert json.loads(run("show", "churn/1", "--json").stdout)["description"] == CONTROL_CHARACTERS
