"""Help texts."""

from __future__ import annotations

import re

import pytest

from modelreg.cli.application import COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_has_an_example(run, command):
    result = run(command, "--help")
    assert result.returncode == 0
    assert f"\n  modelreg {command}" in result.stdout or f"(modelreg {command}" in result.stdout


def test_help_lists_commands_and_exit_codes(run):
    for arguments in ([], ["--help"], ["-h"]):
        result = run(*arguments)
        assert result.returncode == 0
        assert all(f"\n  {command} " in result.stdout for command in COMMANDS)
        assert "130 interrupted" in result.stdout


@pytest.mark.parametrize("arguments", [(), ("gate",), ("trust",)])
def test_summaries_fit_into_one_line_of_an_80_column_help(run, monkeypatch, arguments):
    monkeypatch.setenv("COLUMNS", "80")
    result = run(*arguments, "--help")
    listed = result.stdout.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    summaries = [re.fullmatch(r"  [\w-]+ +(\S.*)", line) for line in listed]
    assert len(summaries) >= 3
    for line, summary in zip(listed, summaries, strict=True):
        assert summary is not None, f"this line continues a summary: {line}"
        assert len(line) <= 80
        assert re.fullmatch(r"[A-Z][^.]*(?<!\.)\.", summary.group(1)), line
        assert not summary.group(1).split()[0].endswith(("s", "ed", "ing")), f"not in the imperative: {line}"
