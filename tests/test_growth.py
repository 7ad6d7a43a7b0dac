"""Cost of commands: the number of SQLite steps with N versions and with 2N versions."""

from __future__ import annotations

import shutil
import sqlite3
import tracemalloc

import pytest

from modelreg import Registry
from modelreg.cli.application import COMMANDS
from modelreg.cli.main import main

VERSION_COUNT = 40
STEPS_PER_CALL = 20  # steps between two calls of SQLite's progress handler
TOLERANCE = 40  # difference in calls that reading the schema may cause

CONSTANT_COST = {
    "show": ["show", "churn/7"],
    "diff": ["diff", "churn/7", "churn/8"],
    "load": ["load", "churn/7"],
    "gate": ["gate", "check", "churn/7", "Production"],
    "history": ["history", "churn/7"],
    "history with limit": ["history", "churn", "--limit", "3"],
    "versions with limit": ["versions", "churn", "--limit", "3"],
    "versions by number": ["versions", "churn", "--filter", "version = 7"],
    "versions of all models": ["versions", "--limit", "3"],
    "list": ["list"],
    "list by name": ["list", "ch*"],
    "trust": ["trust", "list"],
}
"""Commands whose cost does not depend on the number of versions."""
LINEAR_COST = {
    "info": ["info"],
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
"""Commands whose cost is proportional to the number of versions."""
CHANGING_COMMANDS = {
    *("register", "evaluate", "approve", "transition", "rollback", "alias", "tag", "describe", "rename", "delete"),
    *("init", "restore", "import-mlflow"),
}
NOT_MEASURED = {
    "predict": "reads the same rows as 'load'",
    "export": "reads the same rows as 'load'",
    "export-mlflow": "tested in tests/mlflow_transfer",
}


def test_every_reading_command_is_measured_or_listed_as_not_measured():
    measured = {arguments[0] for arguments in (*CONSTANT_COST.values(), *LINEAR_COST.values())}
    assert measured | CHANGING_COMMANDS | NOT_MEASURED.keys() == COMMANDS.keys()


@pytest.fixture(scope="module")
def registries(tmp_path_factory):
    """Registries with N and 2N versions of a model, with metrics, evaluations, approvals and aliases."""
    folder = tmp_path_factory.mktemp("growth")
    model = folder / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    few, many = Registry(folder / "few"), Registry(folder / "many")
    few.register(model, "fraud")
    few.add_gate("*", "Production", "approvals >= 1")
    for registry, numbers in (few, range(VERSION_COUNT)), (many, range(VERSION_COUNT, 2 * VERSION_COUNT)):
        if registry is many:
            shutil.copytree(few.folder, many.folder)
        for number in numbers:
            (model / "weights.bin").write_bytes(b"%d" % number)
            version = registry.register(
                model, "churn", metrics={"auc": number / 1000}, params={"depth": number}, tags={"kind": str(number)}
            )
            registry.record_evaluation(version.reference, "holdout", {"auc": number / 1000})
            registry.approve(version.reference)
            registry.alias(version.reference, f"alias-{number}")
    return {VERSION_COUNT: few, 2 * VERSION_COUNT: many}


@pytest.fixture
def count_steps(registries, tmp_path, monkeypatch, capsys):
    """Return a function that counts the calls of SQLite's progress handler during a command, per registry."""
    connect, calls = sqlite3.connect, [0]

    def connect_and_count(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.set_progress_handler(lambda: calls.__setitem__(0, calls[0] + 1), STEPS_PER_CALL)
        return connection

    def count(arguments):
        counts = []
        for version_count, registry in registries.items():
            calls[0] = 0
            command = [argument.format(folder=tmp_path / str(version_count)) for argument in arguments]
            status = main([*command, "--registry", str(registry.folder)])
            assert status in (0, 5), capsys.readouterr().err
            counts.append(calls[0])
        return counts

    monkeypatch.setattr(sqlite3, "connect", connect_and_count)
    return count


@pytest.mark.slow
@pytest.mark.parametrize("arguments", CONSTANT_COST.values(), ids=CONSTANT_COST)
def test_cost_does_not_depend_on_the_number_of_versions(count_steps, arguments):
    few, many = count_steps(arguments)
    assert many <= 1.3 * few + TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("arguments", LINEAR_COST.values(), ids=LINEAR_COST)
def test_cost_is_at_most_proportional_to_the_number_of_versions(count_steps, arguments):
    few, many = count_steps(arguments)
    assert many <= 2.4 * few + TOLERANCE


@pytest.mark.slow
def test_prune_does_not_keep_the_journal_in_memory(registries):
    def measure_peak_memory(registry):
        plan = registry.prune(dry_run=True)
        tracemalloc.start()
        assert registry.prune(dry_run=True) == plan
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    few, many = map(measure_peak_memory, registries.values())
    assert many - few < 5000 * VERSION_COUNT
