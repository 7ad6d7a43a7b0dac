"""Many processes at one registry, and processes that are killed: all or nothing, in one order, none waits in vain."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys

import pytest

from modelreg.errors import LockTimeout

REGISTER = """
from modelreg import Registry
import modelreg.registration.register, modelreg.store.catalog.writer
ready()
print(Registry(sys.argv[1]).register(sys.argv[2], "churn").version)
"""


def production(registry):
    return [version.version for version in registry.versions("churn") if version.stage == "Production"]


@pytest.mark.parametrize("count", [12, pytest.param(32, marks=pytest.mark.slow)])
def test_processes_register_at_once_into_a_registry_that_does_not_exist(registry, model_file, at_once, count):
    files = [model_file(b"%d" % number, f"{number}.bin") for number in range(count)]
    numbers = [int(out) for out in at_once(REGISTER, [(registry.folder, file) for file in files])]
    assert sorted(numbers) == list(range(1, count + 1))
    assert [entry.version for entry in registry.history()] == list(range(1, count + 1))
    assert list(registry.verify()) == []
    assert os.listdir(registry.folder / "artifacts" / "ingest") == []


@pytest.mark.slow
def test_processes_that_register_one_file_make_one_version(registry, model_file, at_once):
    model = model_file(os.urandom(3_000_000))
    assert at_once(REGISTER, [(registry.folder, model)] * 6) == ["1\n"] * 6
    assert len(registry.history()) == 1
    assert list(registry.verify()) == []


@pytest.mark.slow
def test_processes_that_heal_one_damaged_blob_all_succeed(registry, model_file, at_once, blob_path):
    model = model_file(b"bytes")
    digest = registry.register(model, "churn").files[0].digest
    os.chmod(blob_path(digest), 0o644)
    blob_path(digest).write_bytes(b"bytez")
    assert at_once(REGISTER, [(registry.folder, model)] * 6) == ["1\n"] * 6
    assert list(registry.verify()) == []


PROMOTE = """
from modelreg import Registry
import modelreg.lifecycle.rules.transitions, modelreg.store.catalog.writer
registry = Registry(sys.argv[1])
ready()
registry.transition("churn", int(sys.argv[2]), "Production", archive_existing=True)
"""
WATCH = """
import sys
from modelreg import Registry
registry, looks = Registry(sys.argv[1]), 0
print("watching", flush=True)
while not __import__("os").path.exists(sys.argv[2]):
    found = [version.version for version in registry.versions("churn") if version.stage == "Production"]
    assert len(found) <= 1, found
    looks += 1
assert looks
"""


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [2, pytest.param(6, marks=pytest.mark.slow)])
def test_eight_processes_promote_eight_versions_and_never_two_are_in_production(
    registry, model_file, at_once, process, tmp_path, rounds
):
    for number in range(8):
        registry.register(model_file(b"%d" % number), "churn")
    watcher = process(WATCH, registry.folder, tmp_path / "stop")
    assert watcher.stdout.readline() == "watching\n"
    for done in range(rounds):
        before = production(registry)
        at_once(PROMOTE, [(registry.folder, version) for version in range(1, 9)])
        (holder,) = production(registry)
        promoted = [entry.version for entry in registry.history() if entry.to_stage == "Production"]
        assert promoted[-1] == holder
        latest = promoted[-8:] if done == 0 or len(promoted) >= 8 else promoted
        assert set(latest) | set(before) == set(range(1, 9))
    (tmp_path / "stop").touch()
    _, err = watcher.communicate()
    assert watcher.returncode == 0, err
    assert list(registry.verify()) == []


def test_of_processes_that_promote_without_a_word_one_succeeds(registry, model_file, at_once):
    for number in range(6):
        registry.register(model_file(b"%d" % number), "churn")
    script = PROMOTE.replace(", archive_existing=True)", ")").replace(
        "registry.transition(", "from modelreg.errors import ProductionOccupied\ntry:\n    registry.transition("
    )
    script += "    print('promoted')\nexcept ProductionOccupied as refused:\n    print(refused.exit)\n"
    said = at_once(script, [(registry.folder, version) for version in range(1, 7)])
    assert sorted(said) == ["4\n"] * 5 + ["promoted\n"]
    assert len(production(registry)) == 1


# Waiting


HOLD = """
import sys
from pathlib import Path
from modelreg.system.locks import locked
with locked(Path(sys.argv[1], "write.lock"), 5):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_that_is_not_had_in_time_names_who_has_it(registry, model_file, process):
    registry.register(model_file(), "churn")
    holder = process(HOLD, registry.folder, stdin=subprocess.PIPE)
    assert holder.stdout.readline() == "held\n"
    impatient = type(registry)(registry.folder, lock_timeout=0)
    for change in (
        lambda: impatient.register(model_file(b"2"), "churn"),
        lambda: impatient.transition("churn", 1, "Staging"),
    ):
        with pytest.raises(LockTimeout, match=f"process {holder.pid}") as refused:
            change()
        assert refused.value.exit == 9
    assert impatient.version("churn/latest").version == 1  # reading needs no lock
    holder.kill()
    holder.wait()
    assert impatient.register(model_file(b"2"), "churn").version == 2  # a lock dies with its process


def test_a_reader_that_looks_for_long_keeps_nobody_from_writing(registry, model_file):
    registry.register(model_file(), "churn")
    history = registry.history()
    models = registry.models()
    assert registry.register(model_file(b"2"), "churn").version == 2
    assert (len(history), len(models)) == (1, 1)


# Killed


KILLED = """
import os, signal, sys
from modelreg import Registry
def progress(done, total):
    if done >= int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
Registry(sys.argv[1]).register(sys.argv[2], "churn", stage="Production", aliases=["champion"], progress=progress)
"""


@pytest.mark.parametrize(
    "after", [3_000_000, *(pytest.param(count, marks=pytest.mark.slow) for count in (0, 6_000_000))]
)
def test_a_process_that_is_killed_while_it_reads_has_done_nothing(registry, model_file, run, after):
    model = model_file(os.urandom(6_000_000))
    status, _, _ = run(KILLED, registry.folder, model, after)
    assert status == -signal.SIGKILL
    assert (registry.models(), registry.history(), list(registry.verify())) == ([], [], [])
    assert registry.register(model, "churn", stage="Production").version == 1
    assert list(registry.verify()) == []


# The process is told of every file that it opens, renames, … and of every SQL statement, and kills itself at the one
# with a given number.
COUNTED = """
import os, signal, sqlite3, sys
from modelreg import Registry
import modelreg.registration.register, modelreg.store.catalog.writer, sqlite_utils
count, last = 0, int(sys.argv[3])
def step(name):
    global count
    count += 1
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)
def told(event, arguments):
    if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.chmod", "os.utime", "sqlite3.connect"):
        step(event)
def traced(*arguments, connect=sqlite3.connect, **options):
    connection = connect(*arguments, **options)
    connection.set_trace_callback(step)
    return connection
sqlite3.connect = traced
registry = Registry(sys.argv[1])
sys.addaudithook(told)
{action}
print(count)
"""
REGISTERED = COUNTED.replace(
    "{action}",
    'registry.register(sys.argv[2], "churn", stage="Production", aliases=["champion"], tags={"a": "b"})',
)
PROMOTED = COUNTED.replace("{action}", 'registry.transition("churn", 2, "Production", archive_existing=True)')


def whole(registry):
    """Whether version 1 is there with all that was said about it; if not, nothing is."""
    if not (registry.folder / "catalog.db").exists():
        return False
    assert list(registry.verify()) == []
    if not registry.models():
        assert registry.history() == []
        return False
    version = registry.version("churn@champion")
    assert (version.version, version.stage, version.tags) == (1, "Production", {"a": "b"})
    assert registry.path("churn/1").read_bytes() == b"the bytes of a model"
    return True


SOME = 2
MANY = pytest.param(6, marks=pytest.mark.slow)


def places(steps, most):
    return range(1, steps + 1, max(1, steps // most))


@pytest.mark.parametrize("most", [SOME, MANY])
def test_a_process_that_is_killed_while_it_registers_has_done_all_or_nothing(registry, model_file, run, tmp_path, most):
    model, outcomes = model_file(), []
    status, out, err = run(REGISTERED, registry.folder, model, 0)
    assert status == 0, err
    for place in places(int(out), most):
        killed = type(registry)(tmp_path / f"killed-{place}")
        status, _, err = run(REGISTERED, killed.folder, model, place)
        assert status == -signal.SIGKILL, err
        outcomes.append(whole(killed))
        killed.register(model, "churn", stage="Production", aliases=["champion"], tags={"a": "b"})
        assert whole(killed)
    assert outcomes == sorted(outcomes)  # nothing until one moment, and all from then on


@pytest.mark.slow
@pytest.mark.parametrize("most", [SOME, MANY])
def test_a_process_that_is_killed_while_it_promotes_has_done_all_or_nothing(registry, model_file, run, most):
    registry.register(model_file(b"1"), "churn", stage="Production")
    registry.register(model_file(b"2"), "churn")
    status, out, err = run(PROMOTED, registry.folder, "-", 0)
    assert status == 0, err
    for place in places(int(out), most):
        registry.transition("churn", 1, "Production", move_existing="None")
        status, _, err = run(PROMOTED, registry.folder, "-", place)
        assert status == -signal.SIGKILL, err
        assert list(registry.verify()) == []
        stages = [str(version.stage) for version in registry.versions("churn")]
        assert stages in (["Production", "Archived"], ["None", "Production"])


# What the system refuses: the very system calls of a registration fail, one after the other


def strace(*inject):
    injected = [word for each in inject for word in ("-e", f"inject={each}")]
    return ("strace", "-f", "-qqq", "-o", "/dev/null", *injected)


@pytest.fixture
def can_trace():
    try:
        done = subprocess.run([*strace("rename:error=EIO:when=999"), sys.executable, "-c", ""], capture_output=True)
    except FileNotFoundError:
        pytest.skip("strace is not installed (apt-get install strace)")
    if done.returncode:
        pytest.skip("this machine lets nobody trace")


FAILING = """
import json, os, sys
from modelreg import Registry
from modelreg.errors import ModelregError
import modelreg.registration.register, modelreg.store.catalog.writer
try:
    said = ["done", Registry(sys.argv[1]).register(sys.argv[2], "churn").version]
except ModelregError as error:
    said = [error.exit, error.message]
os.writev(1, [json.dumps(said).encode()])  # by a call that is not made to fail
"""
CALLS = {
    "a full disk while the bytes are written": ("write:error=ENOSPC:when={}", "No space left"),
    "an error of the device while they are synced": ("fsync:error=EIO:when={}", "Input/output error"),
    "an error while they are renamed": ("rename:error=EIO:when={}", "Input/output error"),
    "a full disk while the catalog is written": ("pwrite64:error=ENOSPC:when={}", "No space left"),
    "an error of the device while the catalog is synced": ("fdatasync:error=EIO:when={}", "Input/output error"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", CALLS)
def test_a_failing_disk_leaves_nothing_half_done(registry, model_file, run, can_trace, kind):
    call, words = CALLS[kind]
    registry.register(model_file(b"1", "1.bin"), "churn")
    model, done = model_file(b"x" * 3_000_000, "2.bin"), False
    for place in range(1, 100):
        before = registry.history()
        status, out, err = run(FAILING, registry.folder, model, before=strace(call.format(place)))
        assert status == 0, err
        outcome, said = json.loads(out.splitlines()[-1])
        assert list(registry.verify()) == []
        assert os.listdir(registry.folder / "artifacts" / "ingest") == []
        if outcome == "done":
            assert said == len(before) + 1
            done = True
            break
        assert (outcome, words in said) == (8, True), said
        assert registry.history() == before
    assert done


def test_what_a_killed_writer_left_in_the_catalog_is_rolled_back_by_the_next_reader(registry, model_file, run):
    """A process dies in the middle of writing the catalog's pages: SQLite's journal stays, and is followed."""
    registry.register(model_file(), "churn")
    script = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("PRAGMA cache_spill = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE versions SET description = ?", ("x" * 60000,))
connection.execute("UPDATE models SET description = ?", ("x" * 60000,))
for number in range(200):
    connection.execute("INSERT INTO params VALUES (1, 1, ?, ?)", (str(number), "x" * 4000))
os.kill(os.getpid(), signal.SIGKILL)
"""
    run(script, registry.folder / "catalog.db")
    assert (registry.folder / "catalog.db-journal").stat().st_size > 0
    assert registry.version("churn/1").description == ""
    assert list(registry.verify()) == []
    assert not os.path.exists(registry.folder / "catalog.db-journal")


def test_another_program_that_writes_to_the_catalog_is_waited_for_and_named(registry, model_file):
    registry.register(model_file(), "churn")
    other = sqlite3.connect(registry.folder / "catalog.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    impatient = type(registry)(registry.folder, lock_timeout=0)
    try:
        with pytest.raises(LockTimeout, match=r"another program.* waited 0 s"):
            impatient.transition("churn", 1, "Staging")
    finally:
        other.close()
