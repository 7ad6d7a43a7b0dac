"""Hints: those of the command line name commands and options, those of Python calls and parameters."""

from __future__ import annotations

import re

import pytest

from modelreg import errors

NAMED = [
    errors.ModelNotFound("churn"),
    errors.RunNotFound("abc"),
    errors.StageEmpty("churn", "Staging"),
    errors.NameTaken("Churn", "churn"),
    errors.ProductionOccupied("churn", 2, 1),
    errors.StageChanged("churn", 2, "None", "Staging"),
    errors.DestinationExists("model.pkl"),
    errors.UnsafeModel("model.pkl", ["it imports os.system"]),
    errors.UntrustedModel("churn/1", ["it imports ours.A"], ["ours.A"]),
    errors.UntrustedModel("churn/1", ["it is in no known format"]),
    errors.LockTimeout(30, "process 7"),
    errors.RegistryNotFound("/nowhere"),
]


@pytest.mark.parametrize("error", NAMED, ids=lambda error: type(error).__name__)
def test_a_traceback_names_no_command_or_option_of_the_shell(error):
    check_notes(error)


@pytest.mark.parametrize(
    ("code", "call"),
    [
        ("gate_not_found", lambda registry: registry.remove_gate(3)),
        ("invalid_metric", lambda registry: registry.record_evaluation("churn/1", "holdout", {"auc": "high"})),
        ("model_exists", lambda registry: registry.create_model("churn")),
        ("model_in_use", lambda registry: registry.delete("churn")),
        ("dangerous_name", lambda registry: registry.trust("os.system")),
        ("approval_not_found", lambda registry: registry.approve("churn/1", withdraw=True)),
    ],
)
def test_a_traceback_of_an_error_without_a_class_names_no_command_or_option(code, call, registry, model_file):
    registry.register(model_file(), "churn")
    with pytest.raises(errors.ModelregError) as raised:
        call(registry)
    assert raised.value.code == code
    check_notes(raised.value)


def check_notes(error):
    """Require a hint for the command line, and one that names no command or option in the traceback."""
    (note,) = error.__notes__
    assert not re.search(r"(^|[\s('])--[a-z]|modelreg [a-z]", note)
    assert error.hint != error.python_hint


def test_options_in_a_hint_become_parameters():
    error = errors.InvalidInput("no stage", "add --stage STAGE, or leave out --archive-existing")
    assert error.python_hint == "add stage STAGE, or leave out archive_existing"


def test_both_hints_for_an_unknown_model_name_the_most_similar_one():
    error = errors.ModelNotFound("churm", iter(["churn", "fraud"]))
    assert (error.hint, error.python_hint) == ("did you mean churn?", "did you mean churn?")
