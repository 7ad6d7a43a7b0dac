"""No value of any argument causes exit 1: every option of every command with unusual values."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing

import pytest
import typer
from forks import ForkServer

from modelreg import Registry
from modelreg.cli.application import COMMANDS, app
from modelreg.errors import InvalidInput, UnusableFolder

from .conftest import EXHAUSTIVE, MODELREG, Command, stderr_of

pytestmark = pytest.mark.fault

UNUSUAL_VALUES = (
    "", " ", "-1", "0", "nan", "inf", "1e999", str(2**63), "9" * 400, "churn", "churn/1", "churn/", "/", "@", "churn@",
    ".", "..", "/dev/null", "/proc/self/mem", "~nosuchuser/x", "x" * 5000, "a/" * 3000, "\udcff", "\x1b[31m", "naïve",
    "a\nb", "=", "a=", "=b", "a=b=c", "auc=nan", "'", "(" * 500, "models:/churn/1", "sqlite:///x.db", "*", "[",
    "2026-13-01", "0001-01-01T00:00:00+23:59", "{nested}", "{missing}", "{empty}",
)  # fmt: skip
"""Unusual values for any argument."""

MAX_COMMAND_LINES = 8
"""Command lines to try for each command, except in exhaustive runs."""

ARGUMENTS = {"reference": "churn/1", "name": "churn", "path": "{model}", "source": "{model}", "version": "1"}
"""Values for the other required arguments, by name; the default is ``churn``."""


def commands():
    """Yield the words and the parameters of every command, including commands in groups."""
    group = typer.main.get_command(app)
    context = typer.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)
        for inner_name, inner in getattr(command, "commands", {"": command}).items():
            yield [name, inner_name] if inner_name else [name], inner.params


def command_lines(arguments, parameters):
    """Command lines with one unusual value for one parameter."""
    required = [argument for argument in parameters if argument.param_type_name == "argument" and argument.required]
    for parameter in parameters:
        if getattr(parameter, "is_flag", False) or parameter.name == "help":
            continue
        for value in UNUSUAL_VALUES:
            line = list(arguments)
            for argument in required:
                line += [value] if argument is parameter else [ARGUMENTS.get(argument.name, "churn")]
            if parameter.param_type_name == "option":
                line += [max(parameter.opts, key=len) + "=" + value]
            elif parameter not in required:
                line += ["--", value]
            yield line


COMMANDS_AND_PARAMETERS = {" ".join(arguments): (arguments, parameters) for arguments, parameters in commands()}


@pytest.fixture(scope="module")
def forks():
    forks = ForkServer()
    yield forks
    forks.close()


@pytest.mark.parametrize("command", COMMANDS_AND_PARAMETERS)
def test_unusual_value_of_any_option_never_causes_exit_1(original_registry, tmp_path, forks, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(original_registry / "registry", tmp_path / "registry")
    paths = {"model": original_registry / "one.bin", "missing": tmp_path / "no", "empty": tmp_path / "empty"}
    paths["nested"] = tmp_path / "nested.json"
    paths["nested"].write_text("[" * 100_000)
    paths["empty"].write_bytes(b"")
    environment = Command(tmp_path / "registry").whole_environment
    lines = list(command_lines(*COMMANDS_AND_PARAMETERS[command]))
    for number, line in enumerate(lines if EXHAUSTIVE else lines[:: 1 + len(lines) // MAX_COMMAND_LINES]):
        arguments = [fill_placeholders(argument, paths) for argument in line]
        result = forks.run(arguments, environment)
        assert result.returncode != 1, (number, arguments, result.stderr)
        assert "Traceback" not in result.stderr, arguments
        assert not (result.returncode and not result.stderr), arguments


def fill_placeholders(argument, paths):
    for name, path in paths.items():
        argument = argument.replace("{" + name + "}", str(path))
    return argument


def test_unusual_environment_is_reported_with_a_message(copy_registry, tmp_path, as_user):
    run = copy_registry()
    deleted_folder = tmp_path / "deleted_folder"
    deleted_folder.mkdir()
    cases = {
        "user without a home folder": ({"HOME": ""}, "list", 10, "no home folder"),
        "home folder of an unknown user": ({"MODELREG_HOME": "~nosuchuser/r"}, "list", 2, "home folder of a user"),
        "timeout that is not a number": ({"MODELREG_LOCK_TIMEOUT": "nan"}, "list", 2, "not a number of seconds"),
    }
    for name, (environment, command, code, message) in cases.items():
        process_environment = run.whole_environment | environment
        prefix = as_user(54321) if "HOME" in environment else []
        if "HOME" in environment:
            process_environment = {
                key: value
                for key, value in process_environment.items()
                if key not in ("HOME", "MODELREG_HOME", "XDG_DATA_HOME")
            }
        result = subprocess.run(
            [*prefix, MODELREG, command], env=process_environment, capture_output=True, text=True, check=False, cwd="/"
        )
        assert result.returncode == code, (name, result.stderr)
        assert message in stderr_of(result), name
    script = f"cd {deleted_folder} && rmdir {deleted_folder} && {MODELREG} --registry some list"
    result = subprocess.run(
        ["bash", "-c", script], env=run.whole_environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 10, result.stderr
    assert "which was deleted" in stderr_of(result)


def test_endless_metrics_file_is_refused(copy_registry):
    run = copy_registry()
    result = run("register", "one.bin", "--name", "churn", "--metrics-file", "/dev/zero")
    assert result.returncode == 2, result.stderr
    assert "larger than 1 MiB" in stderr_of(result)


def test_unusual_arguments_in_python_are_refused(copy_registry, tmp_path):
    registry = Registry(copy_registry().registry)
    for call in (
        lambda: Registry("a\0b"),
        lambda: Registry(tmp_path, lock_timeout=float("nan")),
        lambda: registry.register("a\0b", "churn"),
        lambda: registry.copy("churn/1", "a\0b"),
        lambda: registry.export("churn/1", "a\0b"),
        lambda: registry.backup("a\0b"),
        lambda: registry.restore("a\0b"),
        lambda: registry.predict("churn/1", "a\0b", "x.csv"),
        lambda: registry.predict("churn/1", "one.bin", "a\0b.csv"),
        lambda: registry.evaluate("churn/1", "a\0b", "y", dataset="x"),
        lambda: registry.record_evaluation("churn/1", "x", {"auc": 0.5}, data="a\0b"),
        lambda: registry.register_stored("churn/1", "other", allow_unsafe=" "),
        lambda: registry.transition("churn/1", "Staging", force=True, message=" "),
    ):
        with pytest.raises((InvalidInput, UnusableFolder)):
            call()


EDITS = {
    "largest sequence number": "UPDATE journal SET seq = 9223372036854775807 WHERE seq = 1",
    "entry that is not an object": "UPDATE journal SET after = '[1]'",
    "entry without values": """UPDATE journal SET after = '{"version": 5}'""",
    "invalid time": "UPDATE journal SET at = 'soon'",
    "largest version counter": "UPDATE models SET next_version = 9223372036854775807",
    "missing migration": "DELETE FROM _sqlite_migrations WHERE name = 'runs'",
    "older schema version": "PRAGMA user_version = 1",
}


@pytest.mark.parametrize("edit", EDITS)
def test_catalog_edited_by_hand_never_causes_exit_1(copy_registry, forks, edit):
    run = copy_registry()
    with closing(sqlite3.connect(run.registry / "catalog.db")) as catalog, catalog:
        rows = catalog.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'journal'")
        triggers = rows.fetchall()
        for name, _ in triggers:
            catalog.execute(f"DROP TRIGGER {name}")
        catalog.execute(EDITS[edit])
        for _, text in triggers:
            catalog.execute(text)
    for arguments in (
        ["history"],
        ["verify"],
        ["list"],
        ["prune", "--dry-run"],
        ["load", "churn/1"],
        ["rollback", "churn"],
    ):
        result = forks.run(arguments, run.whole_environment)
        assert result.returncode in (0, 4, 6), (arguments, result.stderr)
    for arguments in (["tag", "churn", "a=b"], ["register", "three.bin", "--name", "churn"]):
        result = forks.run(arguments, run.whole_environment)
        assert result.returncode in (0, 6), (arguments, result.stderr)
