"""No value of any argument ends with exit 1: each option of each command, with odd values."""

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

from .conftest import EXHAUSTIVE, MODELREG, Command, said

pytestmark = pytest.mark.fault

ODD = (
    "", " ", "-1", "0", "nan", "inf", "1e999", str(2**63), "9" * 400, "churn", "churn/1", "churn/", "/", "@", "churn@",
    ".", "..", "/dev/null", "/proc/self/mem", "~nosuchuser/x", "x" * 5000, "a/" * 3000, "\udcff", "\x1b[31m", "naïve",
    "a\nb", "=", "a=", "=b", "a=b=c", "auc=nan", "'", "(" * 500, "models:/churn/1", "sqlite:///x.db", "*", "[",
    "2026-13-01", "0001-01-01T00:00:00+23:59", "{nested}", "{missing}", "{empty}",
)  # fmt: skip
"""What may stand where a person writes something else."""

MOST = 8
"""Command lines that are tried of each command, unless all are."""

ARGUMENTS = {"reference": "churn/1", "name": "churn", "path": "{model}", "source": "{model}", "version": "1"}
"""What else a command needs, so that the odd value is looked at: as the command line names it, else a text."""


def commands():
    """Every command, with those of groups, as the words that call it and its parameters."""
    group = typer.main.get_command(app)
    context = typer.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)
        for inner, each in getattr(command, "commands", {"": command}).items():
            yield [name, inner] if inner else [name], each.params


def lines(words, parameters):
    """Command lines, of which each has one odd value in the place of one parameter."""
    required = [each for each in parameters if each.param_type_name == "argument" and each.required]
    for parameter in parameters:
        if getattr(parameter, "is_flag", False) or parameter.name == "help":
            continue
        for value in ODD:
            line = list(words)
            for each in required:
                line += [value] if each is parameter else [ARGUMENTS.get(each.name, "churn")]
            if parameter.param_type_name == "option":
                line += [max(parameter.opts, key=len) + "=" + value]
            elif parameter not in required:
                line += ["--", value]
            yield line


ALL = {" ".join(words): (words, parameters) for words, parameters in commands()}


@pytest.fixture(scope="module")
def forks():
    made = ForkServer()
    yield made
    made.close()


@pytest.mark.parametrize("command", ALL)
def test_no_value_of_any_option_ends_with_exit_1(stocked_once, tmp_path, forks, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(stocked_once / "registry", tmp_path / "registry")
    places = {"model": stocked_once / "one.bin", "missing": tmp_path / "no", "empty": tmp_path / "empty"}
    places["nested"] = tmp_path / "nested.json"
    places["nested"].write_text("[" * 100_000)
    places["empty"].write_bytes(b"")
    environment = Command(tmp_path / "registry").whole_environment
    tried = list(lines(*ALL[command]))
    for number, line in enumerate(tried if EXHAUSTIVE else tried[:: 1 + len(tried) // MOST]):
        words = [replaced(word, places) for word in line]
        done = forks.run(words, environment)
        assert done.returncode != 1, (number, words, done.stderr)
        assert "Traceback" not in done.stderr, words
        assert not (done.returncode and not done.stderr), words


def replaced(word, places):
    for name, place in places.items():
        word = word.replace("{" + name + "}", str(place))
    return word


def test_values_of_the_environment_and_the_folder_are_said_in_words(stock, tmp_path, as_user):
    run = stock()
    gone = tmp_path / "gone"
    gone.mkdir()
    cases = {
        "a user without a home": ({"HOME": ""}, "list", 10, "no home folder"),
        "another user's home": ({"MODELREG_HOME": "~nosuchuser/r"}, "list", 2, "home folder of a user"),
        "no number": ({"MODELREG_LOCK_TIMEOUT": "nan"}, "list", 2, "not a number of seconds"),
    }
    for name, (environment, word, code, words) in cases.items():
        whole = run.whole_environment | environment
        before = as_user(54321) if "HOME" in environment else []
        if "HOME" in environment:
            whole = {
                key: value for key, value in whole.items() if key not in ("HOME", "MODELREG_HOME", "XDG_DATA_HOME")
            }
        done = subprocess.run(
            [*before, MODELREG, word], env=whole, capture_output=True, text=True, check=False, cwd="/"
        )
        assert done.returncode == code, (name, done.stderr)
        assert words in said(done), name
    deleted = f"cd {gone} && rmdir {gone} && {MODELREG} --registry some list"
    done = subprocess.run(
        ["bash", "-c", deleted], env=run.whole_environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 10, done.stderr
    assert "which was deleted" in said(done)


def test_a_metrics_file_without_end_is_refused(stock):
    run = stock()
    done = run("register", "one.bin", "--name", "churn", "--metrics-file", "/dev/zero")
    assert done.returncode == 2, done.stderr
    assert "larger than 1 MiB" in said(done)


def test_odd_values_of_python_are_refused(stock, tmp_path):
    registry = Registry(stock().registry)
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
    "the largest number of an entry": "UPDATE journal SET seq = 9223372036854775807 WHERE seq = 1",
    "an entry of another form": "UPDATE journal SET after = '[1]'",
    "an entry without its values": """UPDATE journal SET after = '{"version": 5}'""",
    "a time": "UPDATE journal SET at = 'soon'",
    "a counter": "UPDATE models SET next_version = 9223372036854775807",
    "a lost step of the schema": "DELETE FROM _sqlite_migrations WHERE name = 'runs'",
    "an older schema": "PRAGMA user_version = 1",
}


@pytest.mark.parametrize("edit", EDITS)
def test_no_value_that_somebody_wrote_into_the_catalog_ends_with_exit_1(stock, forks, edit):
    run = stock()
    with closing(sqlite3.connect(run.registry / "catalog.db")) as catalog, catalog:
        made = catalog.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'journal'")
        triggers = made.fetchall()
        for name, _ in triggers:
            catalog.execute(f"DROP TRIGGER {name}")
        catalog.execute(EDITS[edit])
        for _, text in triggers:
            catalog.execute(text)
    for words in (
        ["history"],
        ["verify"],
        ["list"],
        ["prune", "--dry-run"],
        ["load", "churn/1"],
        ["rollback", "churn"],
    ):
        done = forks.run(words, run.whole_environment)
        assert done.returncode in (0, 4, 6), (words, done.stderr)
    for words in (["tag", "churn", "a=b"], ["register", "three.bin", "--name", "churn"]):
        done = forks.run(words, run.whole_environment)
        assert done.returncode in (0, 6), (words, done.stderr)
