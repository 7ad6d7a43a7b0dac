"""Shell completion."""

from __future__ import annotations

import os
import subprocess

import pytest

from .conftest import MODELREG


def complete(registry, line):
    words = line.split(" ")
    result = subprocess.run(
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
    return result.stdout.split()


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
def test_shell_completes_names_versions_stages_and_aliases(churn, files, registry, line, expected):
    churn("register", files[0], "--name", "churn", "--metric", "auc=0.9", "--alias", "best")
    assert complete(registry, line) == expected


def test_completion_without_a_registry_is_empty(registry):
    assert complete(registry, "modelreg versions ch") == []
