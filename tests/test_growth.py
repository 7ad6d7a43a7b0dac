"""No command reads more than it shows: SQLite's steps for N versions and for twice as many are counted."""

from __future__ import annotations

import sqlite3
import tracemalloc

import pytest

from modelreg import Registry
from modelreg.cli.application import COMMANDS
from modelreg.cli.main import main

FEW = 60
EVERY = 20  # steps between two calls of SQLite's progress handler
SLACK = 40  # calls that reading the schema may take more or less

OF_ONE = {
    "show": ["show", "churn/7"],
    "diff": ["diff", "churn/7", "churn/8"],
    "load": ["load", "churn/7"],
    "gate": ["gate", "check", "churn/7", "Production"],
    "history": ["history", "churn/7"],
    "history of few": ["history", "churn", "--limit", "3"],
    "versions": ["versions", "churn", "--limit", "3"],
    "info": ["info"],
    "versions by value": ["versions", "churn", "--filter", "version = 7"],
    "versions of all": ["versions", "--limit", "3"],
    "list": ["list"],
    "list by name": ["list", "ch*"],
    "trust": ["trust", "list"],
}
"""Commands whose answer does not grow with the versions."""
OF_ALL = {
    "versions": ["versions", "churn"],
    "versions with approvals": ["versions", "churn", "--filter", "approvals >= 1 AND eval.holdout.auc > 0"],
    "versions sorted": ["versions", "churn", "--sort", "metrics.auc DESC, eval.holdout.auc"],
    "list by versions": ["list", "--filter", "metrics.auc > 0.5"],
    "history": ["history"],
    "history as of now": ["history", "--as-of", "now"],
    "verify": ["verify"],
    "prune": ["prune", "--keep-last", "3", "--dry-run"],
    "backup": ["backup", "{folder}/backup"],
}
"""Commands whose answer, or work, grows with them."""
WRITES = {
    *("register", "evaluate", "approve", "transition", "rollback", "alias", "tag", "describe", "rename", "delete"),
    *("init", "restore", "import-mlflow"),
}
READ_ELSEWHERE = {
    "predict": "reads as 'load' does",
    "export": "as 'load' does",
    "export-mlflow": "tests/mlflow_transfer",
}


def test_every_command_that_reads_is_measured():
    measured = {words[0] for words in (*OF_ONE.values(), *OF_ALL.values())}
    assert measured | WRITES | READ_ELSEWHERE.keys() == COMMANDS.keys()


@pytest.fixture(scope="module")
def registries(tmp_path_factory):
    """Two registries, one with twice the versions of the other, with what real ones have."""
    folder = tmp_path_factory.mktemp("growth")
    model = folder / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    made = {}
    for count in (FEW, 2 * FEW):
        registry = made[count] = Registry(folder / str(count))
        registry.register(model, "fraud")
        registry.add_gate("*", "Production", "approvals >= 1")
        for number in range(count):
            (model / "weights.bin").write_bytes(b"%d" % number)
            version = registry.register(
                model, "churn", metrics={"auc": number / 1000}, params={"depth": number}, tags={"kind": str(number)}
            )
            registry.record_evaluation(version.reference, "holdout", {"auc": number / 1000})
            registry.approve(version.reference)
            registry.alias(version.reference, f"alias-{number}")
    return made


@pytest.fixture
def steps(registries, tmp_path, monkeypatch, capsys):
    """How often SQLite calls back while a command runs on each of the registries."""
    connect, calls = sqlite3.connect, [0]

    def counting(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.set_progress_handler(lambda: calls.__setitem__(0, calls[0] + 1), EVERY)
        return connection

    def count(words):
        found = []
        for size, registry in registries.items():
            calls[0] = 0
            here = [word.format(folder=tmp_path / str(size)) for word in words]
            status = main([*here, "--registry", str(registry.folder)])
            assert status in (0, 5), capsys.readouterr().err
            found.append(calls[0])
        return found

    monkeypatch.setattr(sqlite3, "connect", counting)
    return count


@pytest.mark.slow
@pytest.mark.parametrize("words", OF_ONE.values(), ids=OF_ONE)
def test_what_shows_as_much_reads_as_much(steps, words):
    few, many = steps(words)
    assert many <= 1.3 * few + SLACK


@pytest.mark.slow
@pytest.mark.parametrize("words", OF_ALL.values(), ids=OF_ALL)
def test_what_shows_twice_as_much_reads_twice_as_much(steps, words):
    few, many = steps(words)
    assert many <= 2.4 * few + SLACK


@pytest.mark.slow
def test_what_is_held_against_the_journal_is_not_kept_in_memory(registries):
    def most(registry):
        found = registry.prune(dry_run=True)
        tracemalloc.start()
        assert registry.prune(dry_run=True) == found
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    few, many = map(most, registries.values())
    assert many - few < 5000 * FEW
