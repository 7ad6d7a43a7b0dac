"""Concurrent and killed processes on one registry: each change is complete or absent, and waiting has a limit."""

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


def versions_in_production(registry):
    return [version.version for version in registry.versions("churn") if version.stage == "Production"]


@pytest.mark.parametrize("count", [12, pytest.param(32, marks=pytest.mark.slow)])
def test_concurrent_registrations_create_the_registry_once(registry, model_file, run_concurrently, count):
    files = [model_file(b"%d" % number, f"{number}.bin") for number in range(count)]
    numbers = [int(out) for out in run_concurrently(REGISTER, [(registry.folder, file) for file in files])]
    assert sorted(numbers) == list(range(1, count + 1))
    assert [entry.version for entry in registry.history()] == list(range(1, count + 1))
    assert list(registry.verify()) == []
    assert os.listdir(registry.folder / "artifacts" / "ingest") == []


@pytest.mark.slow
def test_concurrent_registrations_of_one_file_create_one_version(registry, model_file, run_concurrently):
    model = model_file(os.urandom(3_000_000))
    assert run_concurrently(REGISTER, [(registry.folder, model)] * 6) == ["1\n"] * 6
    assert len(registry.history()) == 1
    assert list(registry.verify()) == []


@pytest.mark.slow
def test_concurrent_registrations_repair_a_damaged_blob(registry, model_file, run_concurrently, blob_path):
    model = model_file(b"bytes")
    digest = registry.register(model, "churn").files[0].digest
    os.chmod(blob_path(digest), 0o644)
    blob_path(digest).write_bytes(b"bytez")
    assert run_concurrently(REGISTER, [(registry.folder, model)] * 6) == ["1\n"] * 6
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
registry, count = Registry(sys.argv[1]), 0
print("watching", flush=True)
while not __import__("os").path.exists(sys.argv[2]):
    in_production = [version.version for version in registry.versions("churn") if version.stage == "Production"]
    assert len(in_production) <= 1, in_production
    count += 1
assert count
"""


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [2, pytest.param(6, marks=pytest.mark.slow)])
def test_concurrent_promotions_never_leave_two_versions_in_production(
    registry, model_file, run_concurrently, process, tmp_path, rounds
):
    for number in range(8):
        registry.register(model_file(b"%d" % number), "churn")
    watcher = process(WATCH, registry.folder, tmp_path / "stop")
    assert watcher.stdout.readline() == "watching\n"
    for round_number in range(rounds):
        before = versions_in_production(registry)
        run_concurrently(PROMOTE, [(registry.folder, version) for version in range(1, 9)])
        (holder,) = versions_in_production(registry)
        promoted = [entry.version for entry in registry.history() if entry.to_stage == "Production"]
        assert promoted[-1] == holder
        latest = promoted[-8:] if round_number == 0 or len(promoted) >= 8 else promoted
        assert set(latest) | set(before) == set(range(1, 9))
    (tmp_path / "stop").touch()
    _, err = watcher.communicate()
    assert watcher.returncode == 0, err
    assert list(registry.verify()) == []


def test_one_of_concurrent_promotions_without_archiving_succeeds(registry, model_file, run_concurrently):
    for number in range(6):
        registry.register(model_file(b"%d" % number), "churn")
    script = PROMOTE.replace(", archive_existing=True)", ")").replace(
        "registry.transition(", "from modelreg.errors import ProductionOccupied\ntry:\n    registry.transition("
    )
    script += "    print('promoted')\nexcept ProductionOccupied as refused:\n    print(refused.exit)\n"
    outputs = run_concurrently(script, [(registry.folder, version) for version in range(1, 7)])
    assert sorted(outputs) == ["4\n"] * 5 + ["promoted\n"]
    assert len(versions_in_production(registry)) == 1


HOLD = """
import sys
from pathlib import Path
from modelreg.system.locks import locked
with locked(Path(sys.argv[1], "write.lock"), 5):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_lock_timeout_names_the_holder(registry, model_file, process):
    registry.register(model_file(), "churn")
    holder = process(HOLD, registry.folder, stdin=subprocess.PIPE)
    assert holder.stdout.readline() == "held\n"
    without_waiting = type(registry)(registry.folder, lock_timeout=0)
    for change in (
        lambda: without_waiting.register(model_file(b"2"), "churn"),
        lambda: without_waiting.transition("churn", 1, "Staging"),
    ):
        with pytest.raises(LockTimeout, match=f"process {holder.pid}") as error_info:
            change()
        assert error_info.value.exit == 9
    assert without_waiting.version("churn/latest").version == 1  # reading needs no lock
    holder.kill()
    holder.wait()
    assert without_waiting.register(model_file(b"2"), "churn").version == 2  # the kernel released the lock


def test_reader_does_not_block_a_writer(registry, model_file):
    registry.register(model_file(), "churn")
    history = registry.history()
    models = registry.models()
    assert registry.register(model_file(b"2"), "churn").version == 2
    assert (len(history), len(models)) == (1, 1)


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
def test_registration_killed_while_it_reads_changes_nothing(registry, model_file, run, after):
    model = model_file(os.urandom(6_000_000))
    status, _, _ = run(KILLED, registry.folder, model, after)
    assert status == -signal.SIGKILL
    assert (registry.models(), registry.history(), list(registry.verify())) == ([], [], [])
    assert registry.register(model, "churn", stage="Production").version == 1
    assert list(registry.verify()) == []


# An audit hook and a trace callback count file operations and SQL statements; the process kills itself at a given one.
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
def audit(event, arguments):
    if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.chmod", "os.utime", "sqlite3.connect"):
        step(event)
def connect_with_trace(*arguments, connect=sqlite3.connect, **options):
    connection = connect(*arguments, **options)
    connection.set_trace_callback(step)
    return connection
sqlite3.connect = connect_with_trace
registry = Registry(sys.argv[1])
sys.addaudithook(audit)
{action}
print(count)
"""
REGISTERED = COUNTED.replace(
    "{action}",
    'registry.register(sys.argv[2], "churn", stage="Production", aliases=["champion"], tags={"a": "b"})',
)
PROMOTED = COUNTED.replace("{action}", 'registry.transition("churn", 2, "Production", archive_existing=True)')


def is_registered(registry):
    """Whether version 1 is completely registered; otherwise check that nothing is."""
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


def step_numbers(steps, most):
    return range(1, steps + 1, max(1, steps // most))


@pytest.mark.parametrize("most", [SOME, MANY])
def test_killed_registration_changes_everything_or_nothing(registry, model_file, run, tmp_path, most):
    model, outcomes = model_file(), []
    status, out, err = run(REGISTERED, registry.folder, model, 0)
    assert status == 0, err
    for step in step_numbers(int(out), most):
        killed = type(registry)(tmp_path / f"killed-{step}")
        status, _, err = run(REGISTERED, killed.folder, model, step)
        assert status == -signal.SIGKILL, err
        outcomes.append(is_registered(killed))
        killed.register(model, "churn", stage="Production", aliases=["champion"], tags={"a": "b"})
        assert is_registered(killed)
    assert outcomes == sorted(outcomes)  # nothing up to one step, everything after it


@pytest.mark.slow
@pytest.mark.parametrize("most", [SOME, MANY])
def test_killed_promotion_changes_everything_or_nothing(registry, model_file, run, most):
    registry.register(model_file(b"1"), "churn", stage="Production")
    registry.register(model_file(b"2"), "churn")
    status, out, err = run(PROMOTED, registry.folder, "-", 0)
    assert status == 0, err
    for step in step_numbers(int(out), most):
        registry.transition("churn", 1, "Production", move_existing="None")
        status, _, err = run(PROMOTED, registry.folder, "-", step)
        assert status == -signal.SIGKILL, err
        assert list(registry.verify()) == []
        stages = [str(version.stage) for version in registry.versions("churn")]
        assert stages in (["Production", "Archived"], ["None", "Production"])


def strace(*inject):
    injections = [argument for fault in inject for argument in ("-e", f"inject={fault}")]
    return ("strace", "-f", "-qqq", "-o", "/dev/null", *injections)


@pytest.fixture
def can_trace():
    try:
        result = subprocess.run([*strace("rename:error=EIO:when=999"), sys.executable, "-c", ""], capture_output=True)
    except FileNotFoundError:
        pytest.skip("strace is not installed (apt-get install strace)")
    if result.returncode:
        pytest.skip("tracing is not permitted here")


FAILING = """
import json, os, sys
from modelreg import Registry
from modelreg.errors import ModelregError
import modelreg.registration.register, modelreg.store.catalog.writer
try:
    outcome = ["done", Registry(sys.argv[1]).register(sys.argv[2], "churn").version]
except ModelregError as error:
    outcome = [error.exit, error.message]
os.writev(1, [json.dumps(outcome).encode()])  # a call that is not injected
"""
CALLS = {
    "full disk while a blob is written": ("write:error=ENOSPC:when={}", "No space left"),
    "device error while a blob is synced": ("fsync:error=EIO:when={}", "Input/output error"),
    "device error while a blob is renamed": ("rename:error=EIO:when={}", "Input/output error"),
    "full disk while the catalog is written": ("pwrite64:error=ENOSPC:when={}", "No space left"),
    "device error while the catalog is synced": ("fdatasync:error=EIO:when={}", "Input/output error"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", CALLS)
def test_failing_system_calls_of_a_registration_leave_no_partial_change(registry, model_file, run, can_trace, kind):
    call, message = CALLS[kind]
    registry.register(model_file(b"1", "1.bin"), "churn")
    model, has_succeeded = model_file(b"x" * 3_000_000, "2.bin"), False
    for number in range(1, 100):
        before = registry.history()
        status, out, err = run(FAILING, registry.folder, model, prefix=strace(call.format(number)))
        assert status == 0, err
        status_or_success, detail = json.loads(out.splitlines()[-1])
        assert list(registry.verify()) == []
        assert os.listdir(registry.folder / "artifacts" / "ingest") == []
        if status_or_success == "done":
            assert detail == len(before) + 1
            has_succeeded = True
            break
        assert (status_or_success, message in detail) == (8, True), detail
        assert registry.history() == before
    assert has_succeeded


def test_reader_rolls_back_the_journal_of_a_killed_writer(registry, model_file, run):
    """A process is killed while SQLite writes pages, so its journal stays behind."""
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


def test_catalog_locked_by_another_program_raises_lock_timeout(registry, model_file):
    registry.register(model_file(), "churn")
    other = sqlite3.connect(registry.folder / "catalog.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    without_waiting = type(registry)(registry.folder, lock_timeout=0)
    try:
        with pytest.raises(LockTimeout, match=r"another program.* waited 0 s"):
            without_waiting.transition("churn", 1, "Staging")
    finally:
        other.close()
