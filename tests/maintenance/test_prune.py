"""Prune removes unneeded versions and files, keeps everything else, and does what its dry run says."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelreg import Registry
from modelreg.errors import (
    CatalogDamaged,
    InvalidInput,
    LockTimeout,
    NoRegistry,
    RegistryNotFound,
    UnknownStage,
)

DAY = 86400


def blobs(registry):
    return set(os.listdir(registry.folder / "artifacts" / "blobs" / "sha256"))


def age(path, days=2):
    """Set the modification time of a file to ``days`` ago."""
    moment = time.time() - days * DAY
    os.utime(path, (moment, moment), follow_symlinks=False)


def age_blobs(registry, days=2):
    for name in blobs(registry):
        age(registry.folder / "artifacts" / "blobs" / "sha256" / name, days)


def numbers(registry, name="churn"):
    return [version.version for version in registry.versions(name)]


def count_and_size(pruning, kind, removed=True):
    """Of the files of one kind that are removed, or kept."""
    return next(((row.count, row.size) for row in pruning.bytes if (row.kind, row.removed) == (kind, removed)), (0, 0))


@pytest.fixture(scope="module")
def five_versions_template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("five")
    registry = Registry(folder / "registry")
    for number in range(1, 6):
        (folder / "model.bin").write_bytes(b"%d" % number * 1000)
        registry.register(folder / "model.bin", "churn", aliases=["champion"] if number == 4 else [])
    registry.transition("churn", 2, "Production")
    registry.transition("churn", 3, "Production", archive_existing=True)
    return registry.folder


@pytest.fixture
def five_versions(registry, five_versions_template):
    """Five versions of 'churn': 3 is in Production, 2 is the rollback target, 4 has an alias."""
    shutil.copytree(five_versions_template, registry.folder)
    return registry


# Files


def test_files_of_deleted_versions_are_removed_after_the_grace_period(five_versions):
    before = blobs(five_versions)
    five_versions.delete("churn/1")
    pruning = five_versions.prune()
    assert (pruning.freed, count_and_size(pruning, "blobs", removed=False)[0]) == (0, 3)
    assert blobs(five_versions) == before
    age_blobs(five_versions)
    plan = five_versions.prune(dry_run=True)
    assert blobs(five_versions) == before
    pruning = five_versions.prune()
    assert replace(pruning, dry_run=True) == plan
    assert count_and_size(pruning, "blobs")[0] == 3  # the file, the config, the manifest
    assert len(blobs(five_versions)) == len(before) - 3
    assert list(five_versions.verify()) == []
    assert five_versions.prune().freed == 0


def test_files_of_existing_versions_are_kept_at_any_age(registry, model_file, model_folder):
    registry.register(model_file(), "churn", metrics={"auc": 0.9})
    registry.register(model_file(), "other")
    registry.register(model_folder({"a/b.bin": b"1", "c.bin": b"1", "d.bin": b"2"}), "folder")
    age_blobs(registry, days=1000)
    before = blobs(registry)
    assert registry.prune(grace="0").freed == 0
    assert blobs(registry) == before
    assert list(registry.verify()) == []


def test_files_shared_with_an_existing_version_are_kept(registry, model_file):
    for name in ("churn", "other"):
        registry.register(model_file(), name)
    registry.delete("other/1")
    assert registry.prune(grace="0").freed == 0
    registry.delete("churn/1")
    registry.prune(grace="0")
    assert blobs(registry) == set()


def test_the_config_of_a_damaged_manifest_is_kept(five_versions, blob_path):
    manifest = blob_path(five_versions.version("churn/5").digest)
    before = blobs(five_versions)
    manifest.chmod(0o644)
    manifest.write_bytes(b"{}")
    five_versions.prune(grace="0")
    assert blobs(five_versions) == before


@pytest.mark.parametrize("clock", ["mtime", "ctime"])
def test_a_blob_from_the_future_is_kept(five_versions, blob_path, clock, run):
    digest = five_versions.version("churn/1").files[0].digest
    five_versions.delete("churn/1")
    age_blobs(five_versions)
    if clock == "mtime":
        age(blob_path(digest), days=-1)
        kept_count = count_and_size(five_versions.prune(grace="0"), "blobs", removed=False)[0]
        assert kept_count == 1
    else:  # a ctime cannot be set: the program's clock is set back instead
        script = """
import sys
from datetime import UTC, datetime, timedelta
from modelreg import Registry
from modelreg.system import clock
clock.now = lambda: datetime.now(UTC) - timedelta(days=1)
print(Registry(sys.argv[1]).prune(grace="0").freed)
"""
        status, out, err = run(script, five_versions.folder)
        assert (status, out) == (0, "0\n"), err
    assert blob_path(digest).exists()


def test_files_of_killed_processes_are_removed_after_the_grace_period(five_versions):
    ingest, checkouts = five_versions.folder / "artifacts" / "ingest", five_versions.folder / "checkouts"
    checkout = checkouts / f".4711-{'0' * 16}"
    (checkout / "sub").mkdir(parents=True)
    (checkout / "sub" / "model.bin").write_bytes(b"half")
    (checkout / "sub" / "model.bin").chmod(0o444)
    paths = [ingest / "4711-abc", checkout, five_versions.folder / ".catalog.db.4711.0123abcd"]
    paths[0].write_bytes(b"12345")
    paths[2].write_bytes(b"123")
    (checkouts / "notes.txt").write_bytes(b"of a user")
    five_versions.prune()
    assert all(path.exists() for path in paths)
    for path in (*paths, checkout / "sub" / "model.bin"):
        age(path)
    pruning = five_versions.prune()
    assert not any(path.exists() for path in paths)
    kinds = ("temporaries", "checkouts", "catalog temporaries")
    assert [count_and_size(pruning, kind) for kind in kinds] == [(1, 5), (1, 4), (1, 3)]
    assert pruning.freed == 12
    assert (checkouts / "notes.txt").exists()


def test_a_checkout_is_removed_with_the_last_version_of_its_digest(five_versions, model_file):
    five_versions.register(model_file(b"1" * 1000), "other")
    paths = {name: five_versions.path(name) for name in ("churn/1", "churn/5")}
    five_versions.delete("churn/1")
    five_versions.prune()
    assert all(path.exists() for path in paths.values())  # other/1 has the same digest
    five_versions.delete("other/1")
    five_versions.prune()
    assert not paths["churn/1"].exists()
    assert not paths["churn/1"].parent.exists()
    assert paths["churn/5"].exists()


def test_unknown_files_among_the_blobs_are_kept(five_versions, tmp_path):
    folder = five_versions.folder / "artifacts" / "blobs" / "sha256"
    outside = tmp_path / "outside"
    outside.write_bytes(b"of a user")
    (folder / ("0" * 64)).symlink_to(outside)
    (folder / "README").write_text("of a user")
    five_versions.prune(grace="0")
    assert outside.exists()
    assert (folder / "README").exists()


# Versions


def test_retention_rules_remove_versions_but_never_protected_ones(five_versions):
    plan = five_versions.prune(keep_last=1, grace="0", dry_run=True)
    assert {decision.version: decision.reason for decision in plan.versions if not decision.removed} == {
        5: "is among the newest 1",
        4: "has the alias champion",
        3: "is in Production",
        2: "is the rollback target",
    }
    assert numbers(five_versions) == [5, 4, 3, 2, 1]
    pruning = five_versions.prune(keep_last=1, grace="0", message="rule 7")
    assert pruning == replace(plan, dry_run=False)
    assert (numbers(five_versions), pruning.removed) == ([5, 4, 3, 2], 1)
    entry = five_versions.history()[-1]
    assert (entry.action, entry.name, entry.version, entry.message) == ("delete", "churn", 1, "rule 7")
    assert list(five_versions.verify()) == []
    assert five_versions.rollback("churn").version == 2


def test_the_journal_message_is_the_retention_rules_by_default(five_versions):
    five_versions.prune("ch*", keep_last=1, older_than="0", stages=["archived", "none"])
    entry = five_versions.history()[-1]
    assert (entry.action, entry.version) == ("delete", 1)
    assert entry.message == "prune 'ch*' --keep-last 1 --older-than 0d --stage None --stage Archived"


def test_dry_run_reports_the_bytes_that_prune_frees(five_versions, model_file):
    five_versions.register(model_file(b"1" * 1000), "other")  # shares its bytes with churn/1
    five_versions.path("churn/5")
    before = {path: path.stat().st_size for path in five_versions.folder.rglob("*") if path.is_file()}
    plan = five_versions.prune(stages=["None"], grace="0", dry_run=True)
    pruning = five_versions.prune(stages=["None"], grace="0")
    removed_size = sum(size for path, size in before.items() if not path.exists())
    assert pruning.freed == plan.freed == removed_size > 0


def test_files_of_pruned_versions_are_removed_after_the_grace_period(five_versions):
    assert five_versions.prune(keep_last=1).freed == 0  # the files are young
    assert numbers(five_versions) == [5, 4, 3, 2]
    age_blobs(five_versions)
    assert five_versions.prune().freed > 1000


@pytest.mark.parametrize("stage", ["Staging", "Production"])
def test_no_rule_removes_versions_in_staging_or_production(five_versions, stage):
    five_versions.transition("churn", 5, "Staging")
    assert five_versions.prune(stages=[stage], older_than="0").removed == 0


def test_the_glob_limits_retention_rules_but_not_the_removal_of_files(five_versions, model_file):
    for name in ("fraud", "spare"):
        five_versions.register(model_file(name.encode()), name)
    five_versions.delete("spare/1")
    pruning = five_versions.prune("fr*", stages=["None"], grace="0")
    assert [decision.reference for decision in pruning.versions] == ["fraud/1"]
    assert (numbers(five_versions), numbers(five_versions, "fraud")) == ([5, 4, 3, 2, 1], [])
    assert count_and_size(pruning, "blobs")[0] == 6


def test_older_than_counts_from_the_registration(five_versions, execute_sql):
    assert five_versions.prune(older_than="1d", dry_run=True).removed == 0
    assert five_versions.prune(older_than="0", dry_run=True).removed == 2


def test_only_versions_in_the_confirmed_plan_are_removed(five_versions):
    plan = five_versions.prune(stages=["Archived", "None"], dry_run=True)
    assert [decision.version for decision in plan.versions if decision.removed] == [5, 1]
    five_versions.transition("churn", 1, "Staging")
    five_versions.remove_alias("churn", "champion")
    pruning = five_versions.prune(stages=["Archived", "None"], agreed=plan)
    assert [decision.version for decision in pruning.versions if decision.removed] == [5]


@pytest.mark.parametrize(
    "arguments",
    [
        {"glob": "c*"},
        {"glob": "\udcff", "keep_last": 1},
        {"keep_last": 0},
        {"older_than": "3y"},
        {"older_than": "-1d"},
        {"older_than": ""},
        {"grace": "24"},
        {"grace": "1.5h"},
        {"grace": "999999999w"},
        {"stages": ["Prod"]},
        {"message": "a\0b"},
    ],
)
def test_invalid_arguments_are_refused_before_any_change(five_versions, arguments):
    five_versions.delete("churn/1")
    before = blobs(five_versions)
    with pytest.raises((InvalidInput, UnknownStage)) as refused:
        five_versions.prune(**{"grace": "0"} | arguments)
    assert refused.value.exit == 2
    assert blobs(five_versions) == before


@pytest.mark.parametrize("text", ["0", "0s", "45s", "30m", "24h", "90d", "2w"])
def test_durations_are_numbers_with_a_unit(five_versions, text):
    five_versions.prune(grace=text, older_than=text, dry_run=True)


# Damaged catalogs


def overwrite_pages(catalog):
    content = bytearray(catalog.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 16] = b"\xff" * 16
    catalog.write_bytes(content)


def replace_with_another_registrys(catalog):
    other = Registry(catalog.parent.parent / "other")
    source = catalog.parent.parent / "other.bin"
    source.write_bytes(b"another registry")
    other.register(source, "other")
    shutil.copy(other.folder / "catalog.db", catalog)


DAMAGE = {
    "missing": lambda catalog: catalog.unlink(),
    "empty": lambda catalog: catalog.write_bytes(b""),
    "cut": lambda catalog: os.truncate(catalog, 8192),
    "not a database": lambda catalog: catalog.write_bytes(b"text" * 5000),
    "overwritten": overwrite_pages,
    "of another registry": replace_with_another_registrys,
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_damaged_catalog_is_refused_and_nothing_is_deleted(five_versions, damage, dry_run):
    five_versions.delete("churn/1")
    DAMAGE[damage](five_versions.folder / "catalog.db")
    before = blobs(five_versions)
    with pytest.raises(CatalogDamaged) as refused:
        five_versions.prune(grace="0", dry_run=dry_run)
    assert refused.value.exit == 6
    assert blobs(five_versions) == before


MANUAL_EDITS = {
    "a deleted version": "DELETE FROM versions WHERE version = 5",
    "another digest": "UPDATE versions SET digest = replace(digest, 'a', 'b') WHERE version = 5",
    "a dropped trigger": "DROP TRIGGER version_deleted",
    "a truncated journal": "DROP TRIGGER journal_is_not_deleted; DELETE FROM journal WHERE seq > 5",
    "an edited version count": "UPDATE models SET versions = 7",
    "an edited stage": "UPDATE versions SET stage = 'Archived' WHERE version = 3",
    "a deleted alias": "DELETE FROM aliases",
    "an edited time": "UPDATE versions SET created_at = '2020-01-01T00:00:00.000000Z' WHERE version = 5",
    "a dropped table": "DROP TABLE aliases",
    "an edited journal entry": (
        "DROP TRIGGER journal_is_not_updated; UPDATE journal SET message = 'x' WHERE seq = 2; "
        "CREATE TRIGGER journal_is_not_updated BEFORE UPDATE ON journal BEGIN\n"
        "  SELECT RAISE(ABORT, 'a journal entry is never changed');\nEND"
    ),
}


@pytest.mark.parametrize("edit", MANUAL_EDITS)
def test_a_manually_edited_catalog_is_refused_and_nothing_is_deleted(five_versions, execute_sql, edit):
    for statement in MANUAL_EDITS[edit].split("; "):
        execute_sql(statement)
    before = blobs(five_versions)
    with pytest.raises(CatalogDamaged, match="nothing was deleted"):
        five_versions.prune(grace="0", keep_last=1)
    assert blobs(five_versions) == before


def wipe(folder):
    """Delete every row, but leave the schema intact, as an attacker would."""
    with closing(sqlite3.connect(folder / "catalog.db", isolation_level=None)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            if table != "_sqlite_migrations":
                connection.execute(f"DELETE FROM {table}")
        for _, sql in triggers:
            connection.execute(sql)


def test_a_wiped_catalog_is_damaged_and_nothing_is_deleted(five_versions):
    wipe(five_versions.folder)
    before = blobs(five_versions)
    assert [finding.subject for finding in five_versions.verify()] == ["catalog"]
    for dry_run in (True, False):
        with pytest.raises(CatalogDamaged, match="nothing was deleted"):
            five_versions.prune(grace="0", dry_run=dry_run)
    assert blobs(five_versions) == before


def test_a_registry_without_any_remaining_version_can_be_pruned(registry, model_file):
    registry.register(model_file(), "churn")
    registry.delete("churn/1")
    registry.delete("churn")
    assert list(registry.verify()) == []
    assert registry.prune(grace="0").freed > 0
    assert blobs(registry) == set()


def test_files_of_a_killed_first_registration_can_be_pruned(registry, tmp_path, model_file):
    registry.create()
    other = Registry(tmp_path / "other")
    other.register(model_file(), "churn")
    shutil.copytree(other.folder / "artifacts", registry.folder / "artifacts", dirs_exist_ok=True)
    assert list(registry.verify()) == []
    registry.prune(grace="0")
    assert blobs(registry) == set()


def test_files_in_a_manifest_are_kept_although_the_catalog_lost_them(five_versions, execute_sql):
    before = blobs(five_versions)
    execute_sql("DELETE FROM files")
    five_versions.prune(grace="0")
    assert blobs(five_versions) == before


def test_a_missing_registry_and_one_of_a_newer_program_are_refused(registry, five_versions, execute_sql, tmp_path):
    with pytest.raises(RegistryNotFound):
        Registry(tmp_path / "nothing").prune()
    execute_sql("PRAGMA user_version = 99")
    with pytest.raises(NoRegistry) as refused:
        five_versions.prune()
    assert refused.value.code == "registry_too_new"


# Concurrent processes


PRUNE = """
from modelreg import Registry
import modelreg.maintenance.pruning, modelreg.store.catalog.writer
registry = Registry(sys.argv[1])
ready()
print(registry.prune(grace="0", stages=["None"]).removed)
"""


def test_concurrent_prunes_remove_each_version_once(five_versions, run_concurrently):
    removed = run_concurrently(PRUNE, [(five_versions.folder,)] * 4)
    assert sorted(map(int, removed)) == [0, 0, 0, 2]
    assert [entry.version for entry in five_versions.history() if entry.action == "delete"] == [5, 1]
    assert list(five_versions.verify()) == []


REGISTER_OR_PRUNE = """
from modelreg import Registry
import modelreg.registration.register, modelreg.maintenance.pruning, modelreg.store.catalog.writer
registry = Registry(sys.argv[1])
ready()
for turn in range(int(sys.argv[4])):
    if sys.argv[2] == "prune":
        registry.prune(grace="0")
    else:
        registry.register(sys.argv[3], "churn", new_version=True)
print("done")
"""


@pytest.mark.slow
def test_prune_without_grace_keeps_the_files_of_concurrent_registrations(registry, model_file, run_concurrently):
    """Four processes register files that are stored, but unreferenced, while two prune."""
    files = [model_file(os.urandom(200_000), f"{number}.bin") for number in range(4)]
    for number, file in enumerate(files):
        registry.register(file, f"deleted-{number}")
        registry.delete(f"deleted-{number}/1")
    arguments = [(registry.folder, "register", file, 5) for file in files] + [(registry.folder, "prune", "-", 8)] * 2
    assert run_concurrently(REGISTER_OR_PRUNE, arguments) == ["done\n"] * 6
    assert len(registry.versions("churn")) == 20
    assert list(registry.verify()) == []


STOPPED = """
import os, signal, sys
from modelreg import Registry
def progress(done, total):
    print("copying", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
Registry(sys.argv[1]).register(sys.argv[2], "churn", progress=progress)
"""


def test_prune_times_out_on_a_stopped_registration_and_names_its_process(five_versions, model_file, process):
    five_versions.delete("churn/1")
    before = blobs(five_versions)
    stopped = process(STOPPED, five_versions.folder, model_file(b"x" * 3_000_000))
    assert stopped.stdout.readline() == "copying\n"
    os.waitpid(stopped.pid, os.WUNTRACED)
    with pytest.raises(LockTimeout, match=f"process {stopped.pid}") as refused:
        Registry(five_versions.folder, lock_timeout=0.1).prune(grace="0")
    assert refused.value.exit == 9
    assert blobs(five_versions) == before
    while stopped.poll() is None:
        stopped.send_signal(signal.SIGCONT)
        os.waitpid(stopped.pid, os.WUNTRACED) if stopped.stdout.readline() else stopped.wait()
    assert five_versions.version("churn/latest").version == 6
    assert five_versions.prune(grace="0").freed > 0
    assert list(five_versions.verify()) == []


# Counts every file that is opened, renamed or removed and every SQL statement, and kills the process at a given count.
KILLED = """
import os, signal, sqlite3, sys
from modelreg import Registry
import modelreg.maintenance.pruning, modelreg.store.catalog.writer
count, last = 0, int(sys.argv[2])
def step(name):
    global count
    count += 1
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)
def audit(event, arguments):
    if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "sqlite3.connect"):
        step(event)
def connect_with_trace(*arguments, connect=sqlite3.connect, **options):
    connection = connect(*arguments, **options)
    connection.set_trace_callback(step)
    return connection
sqlite3.connect = connect_with_trace
sys.addaudithook(audit)
Registry(sys.argv[1]).prune(grace="0", keep_last=1)
print(count)
"""


@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_a_killed_prune_leaves_versions_intact_and_the_next_one_completes_it(five_versions, run, tmp_path, kills):
    five_versions.path("churn/1")
    original = shutil.copytree(five_versions.folder, tmp_path / "original", symlinks=True)
    status, out, err = run(KILLED, five_versions.folder, 0)
    assert status == 0, err
    remaining = blobs(five_versions)
    for step in range(1, int(out) + 1, max(1, int(out) // kills)):
        killed = Registry(shutil.copytree(original, tmp_path / f"killed-{step}", symlinks=True))
        status, _, err = run(KILLED, killed.folder, step)
        assert status == -signal.SIGKILL, err
        assert list(killed.verify()) == []
        assert numbers(killed) in ([5, 4, 3, 2, 1], [5, 4, 3, 2])
        killed.prune(grace="0", keep_last=1)
        assert (numbers(killed), blobs(killed)) == ([5, 4, 3, 2], remaining)
        assert os.listdir(killed.folder / "checkouts") == []
        assert list(killed.verify()) == []


# Properties


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    versions=st.lists(
        st.tuples(
            st.sampled_from(["churn", "fraud"]),
            st.sampled_from([b"one", b"two", b"three", b"four"]),
            st.sampled_from(["None", "Staging", "Production", "Archived"]),
            st.sampled_from([None, "champion", "challenger"]),
        ),
        max_size=8,
    ),
    keep_last=st.none() | st.integers(1, 3),
    older_than=st.none() | st.just("0"),
    stages=st.lists(st.sampled_from(["None", "Staging", "Production", "Archived"]), max_size=3),
    grace=st.sampled_from(["0", "24h"]),
)
def test_prune_does_what_its_plan_says_and_keeps_protected_versions(versions, keep_last, older_than, stages, grace):
    folder = Path(tempfile.mkdtemp(prefix="modelreg-prune-"))
    try:
        registry = Registry(folder / "registry")
        registry.create()
        for name, content, stage, alias in versions:
            (folder / "model.bin").write_bytes(content)
            aliases = [] if alias is None else [alias]
            registry.register(
                folder / "model.bin", name, stage=stage, new_version=True, aliases=aliases,
                archive_existing=stage in ("Staging", "Production"),
            )  # fmt: skip
        protected = set()
        for model in registry.models():
            protected |= {f"{model.name}/{number}" for number in (*model.staging, *model.aliases.values())}
            protected |= {f"{model.name}/{model.production}"} - {f"{model.name}/None"}
            protected |= {f"{model.name}/{number}" for number in rollback_target(registry, model.name)}
        files = {path: path.stat().st_size for path in (registry.folder / "artifacts").rglob("*") if path.is_file()}
        before = references(registry)
        arguments = {"keep_last": keep_last, "older_than": older_than, "stages": stages, "grace": grace}
        plan = registry.prune(**arguments, dry_run=True)
        pruning = registry.prune(**arguments)
        after = references(registry)
        assert replace(pruning, dry_run=True, versions=()) == replace(plan, versions=())
        assert [(decision.reference, decision.removed, decision.reason) for decision in pruning.versions] == [
            (decision.reference, decision.removed, decision.reason) for decision in plan.versions
        ]
        assert before - after == {decision.reference for decision in plan.versions if decision.removed}
        assert protected <= after
        assert plan.freed == sum(size for path, size in files.items() if not path.exists())
        assert list(registry.verify()) == []
    finally:
        shutil.rmtree(folder)


def references(registry):
    return {version.reference for model in registry.models() for version in registry.versions(model.name)}


def rollback_target(registry, name):
    from modelreg.errors import NothingToRollBackTo

    try:
        return [registry.rollback(name, dry_run=True).version]
    except NothingToRollBackTo:
        return []


def test_versions_displaced_by_a_rollback_are_kept_until_the_next_promotion(registry, model_file):
    for number in range(1, 6):
        registry.register(model_file(b"%d" % number), "churn")
    for number in (1, 2, 3):
        registry.transition("churn", number, "Production", archive_existing=True)
    registry.rollback("churn")
    registry.rollback("churn")
    plan = registry.prune(keep_last=1, dry_run=True)
    reasons = {decision.version: decision.reason for decision in plan.versions}
    assert reasons[3] == reasons[2] == "was displaced by a rollback"
    assert reasons[4] == "is not among the newest 1"
    registry.transition("churn", 5, "Production", archive_existing=True)
    plan = registry.prune(keep_last=1, dry_run=True)
    reasons = {decision.version: decision.reason for decision in plan.versions}
    assert reasons[3] == reasons[2] == "is not among the newest 1"
    assert reasons[1] == "is the rollback target"


def test_pruning_imports_no_heavy_library(five_versions, run):
    script = """
import sys
from modelreg import Registry
Registry(sys.argv[1]).prune(grace="0", keep_last=1)
print(sorted({"pandas", "numpy", "sklearn", "joblib", "sqlite_utils", "rich", "typer"} & set(sys.modules)))
"""
    assert run(script, five_versions.folder)[1] == "[]\n"


def test_a_group_member_prunes_the_files_of_others(tmp_path, model_file, modelreg, as_user):
    as_member = as_user(12345, group=0)
    registry = Registry(tmp_path / "group")
    registry.create(shared=True)
    registry.register(model_file(), "churn")
    registry.path("churn/1")
    registry.delete("churn/1")
    for folder in (tmp_path, *tmp_path.parents):
        folder.chmod(folder.stat().st_mode | 0o055)
    process = subprocess.run(
        [*as_member, modelreg, "prune", "--grace", "0", "--registry", registry.folder],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert blobs(registry) == set()
    assert "belong to other users" in process.stdout
