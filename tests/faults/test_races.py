"""Every two commands that change a registry, at the same time: each does all of its work, or refuses and does nothing.

The table is held against the list of commands, so that a new command has to be classified. Both commands are started
while the test holds the registry's locks, and go on together when it lets go: whatever they looked at before they
waited may be different by then.
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
from .conftest import EXHAUSTIVE, Command, facts, files, leftovers, said
from .undertakings import OF_ONE_TRANSACTION, UNDERTAKINGS

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
"""Commands that change the registry or its folder, as they are raced."""

MAKING = {
    "register": CHANGING["register"],
    "init": ("init",),
    "restore": ("restore", "{folder}/backup"),
    "backup": ("backup", "{place}/registry", "--registry", "{folder}/registry"),
}
"""Commands that make a registry in an empty folder."""

READING = {"list", "versions", "show", "diff", "history", "info", "verify", "export"}

ELSEWHERE = {
    "predict": "its only change is an entry in the journal for --trust full, which is written as that of 'tag' is",
    "import-mlflow": "needs MLflow: tests/mlflow_transfer",
    "export-mlflow": "changes MLflow's store alone",
}
"""Commands that are not raced here, and why."""

REFUSALS = {3: "not found", 4: "conflict", 5: "refused by a gate", 10: "no registry"}


@pytest.fixture(scope="module")
def two():
    """Two processes in which commands are run, each with a thread that waits for it."""
    forks = ForkServer(), ForkServer()
    with ThreadPoolExecutor(2) as threads:
        yield forks, threads
    for each in forks:
        each.close()


@pytest.fixture
def place():
    """A folder in memory where there is one: these tests wait for locks, and need no disk to be slow for them."""
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None, prefix="modelreg-"))
    yield folder / "place"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A registry whose model has been in Production with two versions, and a backup of it from before the last one."""
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


def test_every_command_that_changes_something_is_tried_with_every_fault():
    tried = {undertaking.command for undertaking in (UNDERTAKINGS | OF_ONE_TRANSACTION).values()}
    assert tried == set(CHANGING)


def test_every_command_is_classified():
    assert set(COMMANDS) == CHANGING.keys() | READING | ELSEWHERE.keys(), "a new command has to be raced, or not to be"


@pytest.mark.parametrize("first", CHANGING)
def test_two_commands_at_once_do_all_or_nothing(prepared, two, place, first):
    before = history(prepared / "registry")
    for second in list(CHANGING)[list(CHANGING).index(first) :]:
        shutil.copytree(prepared / "registry", place / "registry")
        codes = race(two, prepared, place, CHANGING[first], CHANGING[second])
        what = f"{first} and {second} ended with {codes}"
        if "restore" not in (first, second):
            assert history(place / "registry")[: len(before)] == before, what
        if EXHAUSTIVE:
            held = facts(place / "registry")
            orders = one_after_the_other(two, prepared, place.parent, CHANGING[first], CHANGING[second])
            assert held in orders, what
        shutil.rmtree(place)


@pytest.mark.parametrize("first", MAKING)
@pytest.mark.parametrize("second", MAKING)
def test_of_two_commands_that_make_a_registry_the_slower_one_destroys_nothing(
    prepared, tmp_path, can_trace, stopped, first, second
):
    """The first one stands still when it has made the folder, and has no lock of it yet; the second one is not kept."""
    run = Command(tmp_path / "registry")
    process = stopped(run, *filled(MAKING[first], prepared, tmp_path), moment=strace.Moment("mkdir", 1, ""))
    done = run(*filled(MAKING[second], prepared, tmp_path))
    assert done.returncode == 0, done.stderr
    made = facts(run.registry)
    process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert process.returncode in (0, 4), err
    assert list(Registry(run.registry).verify()) == []
    held = facts(run.registry)
    assert held == made if process.returncode else held["journal"][: len(made["journal"])] == made["journal"]


def race(two, prepared, place, *commands) -> tuple[int, int]:
    """Run two commands at once on the registry in ``place``, and check what must hold in any case."""
    (one, other), threads = two
    with ExitStack() as locks:
        held = [locks.enter_context(Held(place / "registry" / name)) for name in ("write.lock", "prune.lock")]
        started = [start(threads, one, prepared, place, commands[0])]
        until_waiting(held, started)
        started.append(start(threads, other, prepared, place, commands[1]))
        until_waiting(held, started)
    done = [each.result(timeout=60) for each in started]
    for words, each in zip(commands, done, strict=True):
        assert each.returncode in (0, *REFUSALS), f"{words} beside {commands}: {each.returncode} {each.stderr}"
        said(each)
    registry = place / "registry"
    assert leftovers(registry) == [], commands
    for sound in (registry, place / "backup"):
        if (sound / "catalog.db").exists():
            assert list(Registry(sound).verify()) == [], commands
    for words, each in zip(commands, done, strict=True):
        if words[0] == "register" and each.returncode == 0 and not any("restore" in other for other in commands):
            entries = Registry(registry).history()
            assert any("fresh.bin" in entry.after for entry in entries), f"{commands}: not kept"
    return tuple(each.returncode for each in done)


def one_after_the_other(two, prepared, folder, *commands):
    """What is there when one of two commands is run after the other, in both orders."""
    (fork, _), threads = two
    for order in (commands, commands[::-1]):
        place = folder / "serial"
        shutil.copytree(prepared / "registry", place / "registry")
        for words in order:
            start(threads, fork, prepared, place, words).result()
        yield facts(place / "registry")
        shutil.rmtree(place)


def start(threads, fork, prepared, place, words) -> Future:
    environment = Command(place / "registry").whole_environment
    return threads.submit(fork.run, filled(words, prepared, place), environment)


def filled(words, prepared, place):
    return [word.format(folder=prepared, place=place) for word in words]


class Held:
    """A lock of the registry's, held by the test."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> os.stat_result:
        self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        return os.fstat(self.descriptor)

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)


def until_waiting(locks, started) -> None:
    """Wait until each of the commands has ended or waits for one of the locks, as the kernel tells."""
    if sys.platform != "linux":
        return
    inodes = {str(status.st_ino) for status in locks}
    while True:
        ended = sum(each.done() for each in started)
        lines = Path("/proc/locks").read_text().splitlines()
        waiting = [line for line in lines if "->" in line and line.split()[6].split(":")[-1] in inodes]
        if ended + len(waiting) >= len(started):
            return
        wait(started, timeout=0.005)  # rather than keep a processor from them


def history(registry):
    return [entry.hash for entry in Registry(registry).history()]
