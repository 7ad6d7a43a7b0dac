"""Every pair of commands that change a registry, at the same time: each does everything, or is refused.

The table is compared with the list of commands, so a new command has to be classified. Both commands start while the
test holds the registry's locks, and continue together when it releases them: everything that they read before may
have changed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sys
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path

import pytest
from forks import ForkServer

from modelreg import Registry
from modelreg.cli.application import COMMANDS

from . import strace
from .changing_commands import CHANGING_COMMANDS, SINGLE_TRANSACTION_COMMANDS
from .conftest import EXHAUSTIVE, Command, contents_of, files, leftovers, stderr_of

pytestmark = pytest.mark.fault

CHANGING = {
    "register": ("register", "{folder}/fresh.bin", "--name", "churn"),
    "evaluate": ("evaluate", "churn/1", "--as", "holdout", "--metric", "auc=0.5"),
    "gate": ("gate", "add", "churn", "Staging", "version > 0"),
    "approve": ("approve", "churn/1"),
    "transition": ("transition", "churn/1", "Production", "--archive-existing"),
    "rollback": ("rollback", "churn"),
    "load": ("load", "churn/2"),
    "trust": ("trust", "add", "mypackage.Encoder"),
    "alias": ("alias", "churn/1", "champion"),
    "tag": ("tag", "churn", "team=search"),
    "describe": ("describe", "churn/1", "the first"),
    "rename": ("rename", "churn", "renamed"),
    "delete": ("delete", "churn/3", "--yes"),
    "init": ("init", "--require-sandbox"),
    "prune": ("prune", "--stage", "None", "--grace", "0", "--yes"),
    "backup": ("backup", "{place}/backup"),
    "restore": ("restore", "{folder}/backup", "--force"),
}
"""Commands that change the registry or its folder."""

CREATING = {
    "register": CHANGING["register"],
    "init": ("init",),
    "restore": ("restore", "{folder}/backup"),
    "backup": ("backup", "{place}/registry", "--registry", "{folder}/registry"),
}
"""Commands that create a registry in an empty folder."""

READING = {"list", "versions", "show", "diff", "history", "info", "verify", "export"}

NOT_RACED = {
    "predict": "its only change is a journal entry for --trust full, written as by 'tag'",
    "import-mlflow": "needs MLflow: tests/mlflow_transfer",
    "export-mlflow": "changes only MLflow's store",
}
"""Commands that are not tested here: the reason."""

REFUSALS = {3: "not found", 4: "conflict", 5: "refused by a gate", 10: "no registry"}


@pytest.fixture(scope="module")
def two_processes():
    """Two processes that run commands, and a thread for each that waits for it."""
    forks = ForkServer(), ForkServer()
    with ThreadPoolExecutor(2) as threads:
        yield forks, threads
    for fork in forks:
        fork.close()


@pytest.fixture
def place():
    """A folder in memory if possible: these tests wait for locks, not for a disk."""
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None, prefix="modelreg-"))
    yield folder / "place"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A registry with two versions that were in Production, and a backup from before the third version."""
    folder = tmp_path_factory.mktemp("raced")
    files(folder)
    (folder / "fresh.bin").write_bytes(b"fresh")
    registry = Registry(folder / "registry")
    registry.register(folder / "one.bin", "churn", stage="Production")
    registry.register(folder / "two.bin", "churn", stage="Production", archive_existing=True)
    registry.register(folder / "bert", "intent", stage="Staging")
    registry.backup(folder / "backup")
    registry.register(folder / "three.bin", "churn")
    return folder


def test_every_changing_command_is_in_the_fault_tests():
    tested = {case.command for case in (CHANGING_COMMANDS | SINGLE_TRANSACTION_COMMANDS).values()}
    assert tested == set(CHANGING)


def test_every_command_is_classified():
    assert set(COMMANDS) == CHANGING.keys() | READING | NOT_RACED.keys(), "classify the new command"


@pytest.mark.parametrize("first", CHANGING)
def test_two_concurrent_commands_change_everything_or_nothing(prepared, two_processes, place, first):
    before = history(prepared / "registry")
    for second in list(CHANGING)[list(CHANGING).index(first) :]:
        shutil.copytree(prepared / "registry", place / "registry")
        codes = race(two_processes, prepared, place, CHANGING[first], CHANGING[second])
        summary = f"{first} and {second} ended with {codes}"
        if "restore" not in (first, second):
            assert history(place / "registry")[: len(before)] == before, summary
        if EXHAUSTIVE:
            contents = contents_of(place / "registry")
            serial_contents = run_serially(two_processes, prepared, place.parent, CHANGING[first], CHANGING[second])
            assert contents in serial_contents, summary
        shutil.rmtree(place)


@pytest.mark.parametrize("first", CREATING)
@pytest.mark.parametrize("second", CREATING)
def test_two_concurrent_commands_that_create_a_registry_lose_nothing(
    prepared, tmp_path, can_trace, start_stopped, first, second
):
    """The first command is stopped after it has created the folder, and before it holds a lock."""
    run = Command(tmp_path / "registry")
    process = start_stopped(
        run, *fill_placeholders(CREATING[first], prepared, tmp_path), moment=strace.Moment("mkdir", 1, "")
    )
    result = run(*fill_placeholders(CREATING[second], prepared, tmp_path))
    assert result.returncode == 0, result.stderr
    before = contents_of(run.registry)
    process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert process.returncode in (0, 4), err
    assert list(Registry(run.registry).verify()) == []
    after = contents_of(run.registry)
    assert after == before if process.returncode else after["journal"][: len(before["journal"])] == before["journal"]


def race(two_processes, prepared, place, *commands) -> tuple[int, int]:
    """Run two commands at once on the registry in ``place``, check it, and return their exit statuses."""
    (one, other), threads = two_processes
    with ExitStack() as locks:
        statuses = [locks.enter_context(HeldLock(place / "registry" / name)) for name in ("write.lock", "prune.lock")]
        started = [start(threads, one, prepared, place, commands[0])]
        wait_until_blocked(statuses, started)
        started.append(start(threads, other, prepared, place, commands[1]))
        wait_until_blocked(statuses, started)
    results = [future.result(timeout=60) for future in started]
    for arguments, result in zip(commands, results, strict=True):
        assert result.returncode in (0, *REFUSALS), f"{arguments} of {commands}: {result.returncode} {result.stderr}"
        stderr_of(result)
    registry = place / "registry"
    assert leftovers(registry) == [], commands
    for folder in (registry, place / "backup"):
        if (folder / "catalog.db").exists():
            assert list(Registry(folder).verify()) == [], commands
    for arguments, result in zip(commands, results, strict=True):
        if arguments[0] == "register" and result.returncode == 0 and not any("restore" in other for other in commands):
            entries = Registry(registry).history()
            assert any("fresh.bin" in entry.after for entry in entries), f"{commands}: not kept"
    return tuple(result.returncode for result in results)


def run_serially(two_processes, prepared, folder, *commands):
    """The contents after running two commands one after the other, in both orders."""
    (fork, _), threads = two_processes
    for order in (commands, commands[::-1]):
        place = folder / "serial"
        shutil.copytree(prepared / "registry", place / "registry")
        for arguments in order:
            start(threads, fork, prepared, place, arguments).result()
        yield contents_of(place / "registry")
        shutil.rmtree(place)


def start(threads, fork, prepared, place, arguments) -> Future:
    environment = Command(place / "registry").whole_environment
    return threads.submit(fork.run, fill_placeholders(arguments, prepared, place), environment)


def fill_placeholders(arguments, prepared, place):
    return [argument.format(folder=prepared, place=place) for argument in arguments]


class HeldLock:
    """A lock of the registry, held by the test."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> os.stat_result:
        self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        return os.fstat(self.descriptor)

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)


def wait_until_blocked(locks, started) -> None:
    """Wait until every command has ended or waits for one of the locks, by /proc/locks."""
    if sys.platform != "linux":
        return
    inodes = {str(status.st_ino) for status in locks}
    while True:
        ended = sum(future.done() for future in started)
        lines = Path("/proc/locks").read_text().splitlines()
        waiting = [line for line in lines if "->" in line and line.split()[6].split(":")[-1] in inodes]
        if ended + len(waiting) >= len(started):
            return
        wait(started, timeout=0.005)  # without using their processor


def history(registry):
    return [entry.hash for entry in Registry(registry).history()]
