"""The undo command that every change prints."""

from __future__ import annotations

import pytest

from modelreg import Registry

from .conftest import get_state, get_undo


@pytest.mark.parametrize(
    ("setup", "arguments"),
    [
        (None, ("alias", "churn/2", "champion")),
        (("alias", "churn/1", "champion"), ("alias", "churn/2", "champion")),
        (("alias", "churn/1", "champion"), ("alias", "churn@champion", "--remove")),
        (None, ("tag", "churn", "team=growth", "note=it's; $HOME")),
        (("tag", "churn/1", "team=a b", "x=1"), ("tag", "churn/1", "team=c", "--remove", "x")),
        (None, ("describe", "churn", "who leaves")),
        (("describe", "churn/1", 'it\'s "quoted" and more'), ("describe", "churn/1", "")),
        (("describe", "churn/1", "--", "-x"), ("describe", "churn/1", "y")),
        (("tag", "churn", "--", "-a=1"), ("tag", "churn", "--", "-a=2")),
        (("gate", "add", "churn", "Staging", "--", "-version < 0"), ("gate", "remove", "1")),
        (None, ("rename", "churn", "leaving")),
        (None, ("approve", "churn/1", "-m", "fine")),
        (("approve", "churn/1", "-m", "fine"), ("approve", "churn/1", "--withdraw")),
        (None, ("gate", "add", "churn", "Production", "size > 1")),
        (("gate", "add", "*", "Production", "name != 'it''s'"), ("gate", "remove", "1")),
        (None, ("transition", "churn", "2", "Production", "--archive-existing")),
        (None, ("transition", "churn", "2", "Production", "--move-existing", "Staging")),
        (None, ("transition", "churn", "2", "Staging")),
    ],
    ids=lambda arguments: " ".join(arguments or ["-"]),
)
@pytest.mark.slow
def test_printed_undo_command_restores_the_previous_state(churn, registry, shell, setup, arguments):
    if setup:
        assert churn(*setup).returncode == 0
    initial_state = get_state(registry)
    result = churn(*arguments)
    assert result.returncode == 0, result.stderr
    assert get_state(registry) != initial_state
    undo_result = shell(get_undo(result))
    assert undo_result.returncode == 0, undo_result.stderr
    assert get_state(registry) == initial_state
    assert list(Registry(registry).verify()) == []


def test_undo_that_cannot_be_pasted_is_not_printed(churn):
    assert churn("describe", "churn/1", "two\nlines").returncode == 0
    result = churn("describe", "churn/1", "one line")
    assert ("modelreg history --json" in result.stderr, "undo" in result.stderr) == (True, False)


def test_undo_names_the_registry_if_the_command_did(churn, registry):
    result = churn("--registry", registry, "tag", "churn", "a=b", MODELREG_HOME="/nowhere")
    assert get_undo(result) == f"modelreg --registry {registry} tag churn --remove a"
    result = churn("tag", "churn", "a=c", "--registry", registry, MODELREG_HOME="/nowhere")
    assert get_undo(result) == f"modelreg --registry {registry} tag churn a=b"
