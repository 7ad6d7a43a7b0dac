"""Help texts."""

from __future__ import annotations

import pytest

from modelreg.cli.application import COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_has_an_example(run, command):
    done = run(command, "--help")
    assert done.returncode == 0
    assert f"\n  modelreg {command}" in done.stdout or f"(modelreg {command}" in done.stdout


def test_help_lists_commands_and_exit_codes(run):
    for words in ([], ["--help"], ["-h"]):
        done = run(*words)
        assert done.returncode == 0
        assert all(f"\n  {command} " in done.stdout for command in COMMANDS)
        assert "130 interrupted" in done.stdout
