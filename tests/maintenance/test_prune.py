"""Cleaning: what nobody needs goes, what anybody needs stays, and the plan is what is done."""

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
    RegistryNotFound,
    RegistryTooNew,
    UnknownStage,
)

DAY = 86400


def blobs(registry):
    return set(os.listdir(registry.folder / "artifacts" / "blobs" / "sha256"))


def age(path, days=2):
    """Let a file's bytes have been written so many days ago."""
    moment = time.time() - days * DAY
    os.utime(path, (moment, moment), follow_symlinks=False)


def age_blobs(registry, days=2):
    for name in blobs(registry):
        age(registry.folder / "artifacts" / "blobs" / "sha256" / name, days)


def numbers(registry, name="churn"):
    return [version.version for version in registry.versions(name)]


def of_kind(pruning, kind, removed=True):
    return next(((row.count, row.size) for row in pruning.bytes if (row.kind, row.removed) == (kind, removed)), (0, 0))


@pytest.fixture(scope="module")
def five_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("five")
    registry = Registry(folder / "registry")
    for number in range(1, 6):
        (folder / "model.bin").write_bytes(b"%d" % number * 1000)
        registry.register(folder / "model.bin", "churn", aliases=["champion"] if number == 4 else [])
    registry.transition("churn", 2, "Production")
    registry.transition("churn", 3, "Production", archive_existing=True)
    return registry.folder


@pytest.fixture
def five(registry, five_once):
    """Five versions of 'churn': 3 is in Production, a rollback returns to 2, 4 has an alias."""
    shutil.copytree(five_once, registry.folder)
    return registry


# Bytes


def test_bytes_of_deleted_versions_go_when_they_are_old_and_no_sooner(five):
    kept = blobs(five)
    five.delete("churn/1")
    young = five.prune()
    assert (young.freed, of_kind(young, "blobs", removed=False)[0]) == (0, 3)
    assert blobs(five) == kept
    age_blobs(five)
    planned = five.prune(dry_run=True)
    assert blobs(five) == kept
    done = five.prune()
    assert replace(done, dry_run=True) == planned
    assert of_kind(done, "blobs")[0] == 3  # the file, the config, the manifest
    assert len(blobs(five)) == len(kept) - 3
    assert list(five.verify()) == []
    assert five.prune().freed == 0


def test_every_byte_of_every_version_stays_whatever_its_age(registry, model_file, model_folder):
    registry.register(model_file(), "churn", metrics={"auc": 0.9})
    registry.register(model_file(), "other")
    registry.register(model_folder({"a/b.bin": b"1", "c.bin": b"1", "d.bin": b"2"}), "folder")
    age_blobs(registry, days=1000)
    kept = blobs(registry)
    assert registry.prune(grace="0").freed == 0
    assert blobs(registry) == kept
    assert list(registry.verify()) == []


def test_bytes_that_another_version_has_too_stay(registry, model_file):
    for name in ("churn", "other"):
        registry.register(model_file(), name)
    registry.delete("other/1")
    assert registry.prune(grace="0").freed == 0
    registry.delete("churn/1")
    registry.prune(grace="0")
    assert blobs(registry) == set()


def test_a_config_stays_though_its_manifest_is_damaged(five, blob_path):
    manifest = blob_path(five.version("churn/5").digest)
    kept = blobs(five)
    manifest.chmod(0o644)
    manifest.write_bytes(b"{}")
    five.prune(grace="0")
    assert blobs(five) == kept


@pytest.mark.parametrize("clock", ["mtime", "ctime"])
def test_a_blob_from_the_future_is_young(five, blob_path, clock, run):
    digest = five.version("churn/1").files[0].digest
    five.delete("churn/1")
    age_blobs(five)
    if clock == "mtime":
        age(blob_path(digest), days=-1)
        done = five.prune(grace="0")
    else:  # nobody can set a ctime: the program's clock is set back instead
        script = """
import sys
from datetime import UTC, datetime, timedelta
from modelreg import Registry, clock
clock.now = lambda: datetime.now(UTC) - timedelta(days=1)
print(Registry(sys.argv[1]).prune(grace="0").freed)
"""
        status, out, err = run(script, five.folder)
        assert (status, out) == (0, "0\n"), err
        done = None
    assert blob_path(digest).exists()
    assert done is None or of_kind(done, "blobs", removed=False)[0] == 1


def test_what_killed_processes_left_goes_when_it_is_old(five):
    ingest, checkouts = five.folder / "artifacts" / "ingest", five.folder / "checkouts"
    half = checkouts / f".4711-{'0' * 16}"
    (half / "sub").mkdir(parents=True)
    (half / "sub" / "model.bin").write_bytes(b"half")
    (half / "sub" / "model.bin").chmod(0o444)
    left = [ingest / "4711-abc", half, five.folder / ".catalog.db.4711.0123abcd"]
    left[0].write_bytes(b"12345")
    left[2].write_bytes(b"123")
    (checkouts / "notes.txt").write_bytes(b"of somebody")
    five.prune()
    assert all(path.exists() for path in left)
    for path in (*left, half / "sub" / "model.bin"):
        age(path)
    done = five.prune()
    assert not any(path.exists() for path in left)
    kinds = ("temporaries", "checkouts", "catalog temporaries")
    assert [of_kind(done, kind) for kind in kinds] == [(1, 5), (1, 4), (1, 3)]
    assert done.freed == 12
    assert (checkouts / "notes.txt").exists()


def test_checkouts_go_with_the_last_version_of_their_digest(five, model_file):
    five.register(model_file(b"1" * 1000), "other")
    paths = {name: five.path(name) for name in ("churn/1", "churn/5")}
    five.delete("churn/1")
    five.prune()
    assert all(path.exists() for path in paths.values())  # other/1 has the same digest
    five.delete("other/1")
    five.prune()
    assert not paths["churn/1"].exists()
    assert not paths["churn/1"].parent.exists()
    assert paths["churn/5"].exists()


def test_what_is_no_blob_is_left_alone(five, tmp_path):
    folder = five.folder / "artifacts" / "blobs" / "sha256"
    outside = tmp_path / "outside"
    outside.write_bytes(b"of somebody")
    (folder / ("0" * 64)).symlink_to(outside)
    (folder / "README").write_text("of somebody")
    five.prune(grace="0")
    assert outside.exists()
    assert (folder / "README").exists()


# Versions


def test_versions_go_by_the_rules_and_never_one_that_somebody_relies_on(five):
    planned = five.prune(keep_last=1, grace="0", dry_run=True)
    assert {fate.version: fate.reason for fate in planned.versions if not fate.removed} == {
        5: "is among the newest 1",
        4: "has the alias champion",
        3: "is in Production",
        2: "is what a rollback would return to",
    }
    assert numbers(five) == [5, 4, 3, 2, 1]
    done = five.prune(keep_last=1, grace="0", message="rule 7")
    assert done == replace(planned, dry_run=False)
    assert (numbers(five), done.removed) == ([5, 4, 3, 2], 1)
    entry = five.history()[-1]
    assert (entry.action, entry.name, entry.version, entry.message) == ("delete", "churn", 1, "rule 7")
    assert list(five.verify()) == []
    assert five.rollback("churn").version == 2


def test_the_journal_says_by_which_rules_a_version_was_removed_unless_told_why(five):
    five.prune("ch*", keep_last=1, older_than="0", stages=["archived", "none"])
    entry = five.history()[-1]
    assert (entry.action, entry.version) == ("delete", 1)
    assert entry.message == "prune 'ch*' --keep-last 1 --older-than 0d --stage None --stage Archived"


def test_what_dry_run_announces_is_what_is_freed(five, model_file):
    five.register(model_file(b"1" * 1000), "other")  # shares its bytes with churn/1
    five.path("churn/5")
    before = {path: path.stat().st_size for path in five.folder.rglob("*") if path.is_file()}
    planned = five.prune(stages=["None"], grace="0", dry_run=True)
    done = five.prune(stages=["None"], grace="0")
    gone = sum(size for path, size in before.items() if not path.exists())
    assert done.freed == planned.freed == gone > 0


def test_bytes_of_removed_versions_follow_the_same_law(five):
    assert five.prune(keep_last=1).freed == 0  # they are young
    assert numbers(five) == [5, 4, 3, 2]
    age_blobs(five)
    assert five.prune().freed > 1000


@pytest.mark.parametrize("stage", ["Staging", "Production"])
def test_no_rule_removes_what_is_staged(five, stage):
    five.transition("churn", 5, "Staging")
    assert five.prune(stages=[stage], older_than="0").removed == 0


def test_a_pattern_limits_the_rules_to_models_and_bytes_are_cleaned_everywhere(five, model_file):
    for name in ("fraud", "spare"):
        five.register(model_file(name.encode()), name)
    five.delete("spare/1")
    done = five.prune("fr*", stages=["None"], grace="0")
    assert [fate.reference for fate in done.versions] == ["fraud/1"]
    assert (numbers(five), numbers(five, "fraud")) == ([5, 4, 3, 2, 1], [])
    assert of_kind(done, "blobs")[0] == 6


def test_age_counts_from_registration(five, by_hand):
    assert five.prune(older_than="1d", dry_run=True).removed == 0
    assert five.prune(older_than="0", dry_run=True).removed == 2


def test_only_versions_that_were_agreed_to_go(five):
    planned = five.prune(stages=["Archived", "None"], dry_run=True)
    assert [fate.version for fate in planned.versions if fate.removed] == [5, 1]
    five.transition("churn", 1, "Staging")
    five.remove_alias("churn", "champion")
    done = five.prune(stages=["Archived", "None"], agreed=planned)
    assert [fate.version for fate in done.versions if fate.removed] == [5]


@pytest.mark.parametrize(
    "asked",
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
def test_what_makes_no_sense_is_refused_before_anything_is_done(five, asked):
    five.delete("churn/1")
    before = blobs(five)
    with pytest.raises((InvalidInput, UnknownStage)) as refused:
        five.prune(**{"grace": "0"} | asked)
    assert refused.value.exit == 2
    assert blobs(five) == before


@pytest.mark.parametrize("text", ["0", "0s", "45s", "30m", "24h", "90d", "2w"])
def test_lengths_of_time_are_numbers_with_a_unit(five, text):
    five.prune(grace=text, older_than=text, dry_run=True)


# A catalog that cannot be believed


def broken_page(catalog):
    content = bytearray(catalog.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 16] = b"\xff" * 16
    catalog.write_bytes(content)


def other_registry(catalog):
    other = Registry(catalog.parent.parent / "elsewhere")
    source = catalog.parent.parent / "stranger.bin"
    source.write_bytes(b"a stranger")
    other.register(source, "stranger")
    shutil.copy(other.folder / "catalog.db", catalog)


DAMAGE = {
    "missing": lambda catalog: catalog.unlink(),
    "empty": lambda catalog: catalog.write_bytes(b""),
    "cut": lambda catalog: os.truncate(catalog, 8192),
    "no database": lambda catalog: catalog.write_bytes(b"text" * 5000),
    "broken": broken_page,
    "of another registry": other_registry,
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("dry_run", [False, True])
def test_nothing_is_deleted_when_the_catalog_is_damaged(five, damage, dry_run):
    five.delete("churn/1")
    DAMAGE[damage](five.folder / "catalog.db")
    before = blobs(five)
    with pytest.raises(CatalogDamaged) as refused:
        five.prune(grace="0", dry_run=dry_run)
    assert refused.value.exit == 6
    assert blobs(five) == before


CHANGES_BY_HAND = {
    "a version that is gone": "DELETE FROM versions WHERE version = 5",
    "another digest": "UPDATE versions SET digest = replace(digest, 'a', 'b') WHERE version = 5",
    "a trigger that is gone": "DROP TRIGGER version_deleted",
    "a journal that ends too soon": "DROP TRIGGER journal_is_not_deleted; DELETE FROM journal WHERE seq > 5",
    "a count": "UPDATE models SET versions = 7",
    "a stage": "UPDATE versions SET stage = 'Archived' WHERE version = 3",
    "an alias": "DELETE FROM aliases",
    "a time": "UPDATE versions SET created_at = '2020-01-01T00:00:00.000000Z' WHERE version = 5",
    "a table that is gone": "DROP TABLE aliases",
    "an entry of the journal in the middle": (
        "DROP TRIGGER journal_is_not_updated; UPDATE journal SET message = 'x' WHERE seq = 2; "
        "CREATE TRIGGER journal_is_not_updated BEFORE UPDATE ON journal BEGIN\n"
        "  SELECT RAISE(ABORT, 'a journal entry is never changed');\nEND"
    ),
}


@pytest.mark.parametrize("change", CHANGES_BY_HAND)
def test_nothing_is_deleted_when_the_catalog_was_changed_by_hand(five, by_hand, change):
    for statement in CHANGES_BY_HAND[change].split("; "):
        by_hand(statement)
    before = blobs(five)
    with pytest.raises(CatalogDamaged, match="nothing was deleted"):
        five.prune(grace="0", keep_last=1)
    assert blobs(five) == before


def wipe(folder):
    """Take every row away, and leave the database as it was made, as somebody who wants to deceive would."""
    with closing(sqlite3.connect(folder / "catalog.db", isolation_level=None)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            if table != "_sqlite_migrations":
                connection.execute(f"DELETE FROM {table}")
        for _, sql in triggers:
            connection.execute(sql)


def test_a_catalog_from_which_everything_was_taken_is_damaged_and_nothing_is_deleted(five):
    wipe(five.folder)
    before = blobs(five)
    assert [finding.subject for finding in five.verify()] == ["catalog"]
    for dry_run in (True, False):
        with pytest.raises(CatalogDamaged, match="nothing was deleted"):
            five.prune(grace="0", dry_run=dry_run)
    assert blobs(five) == before


def test_a_registry_whose_versions_were_all_deleted_is_clean_and_can_be_cleaned(registry, model_file):
    registry.register(model_file(), "churn")
    registry.delete("churn/1")
    registry.delete("churn")
    assert list(registry.verify()) == []
    assert registry.prune(grace="0").freed > 0
    assert blobs(registry) == set()


def test_what_a_killed_first_registration_left_beside_an_empty_catalog_can_be_cleaned(registry, tmp_path, model_file):
    registry.create()
    other = Registry(tmp_path / "other")
    other.register(model_file(), "churn")
    shutil.copytree(other.folder / "artifacts", registry.folder / "artifacts", dirs_exist_ok=True)
    assert list(registry.verify()) == []
    registry.prune(grace="0")
    assert blobs(registry) == set()


def test_files_that_the_catalog_lost_stay_since_the_manifest_names_them(five, by_hand):
    before = blobs(five)
    by_hand("DELETE FROM files")
    five.prune(grace="0")
    assert blobs(five) == before


def test_a_folder_that_is_no_registry_or_a_newer_one_is_left_alone(registry, five, by_hand, tmp_path):
    with pytest.raises(RegistryNotFound):
        Registry(tmp_path / "nothing").prune()
    by_hand("PRAGMA user_version = 99")
    with pytest.raises(RegistryTooNew):
        five.prune()


# Many processes


PRUNE = """
from modelreg import Registry
import modelreg.maintenance.pruning, modelreg.store.catalog.writer
registry = Registry(sys.argv[1])
ready()
print(registry.prune(grace="0", stages=["None"]).removed)
"""


def test_of_prunes_at_once_each_version_is_removed_by_one(five, at_once):
    removed = at_once(PRUNE, [(five.folder,)] * 4)
    assert sorted(map(int, removed)) == [0, 0, 0, 2]
    assert [entry.version for entry in five.history() if entry.action == "delete"] == [5, 1]
    assert list(five.verify()) == []


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
def test_a_prune_without_grace_never_takes_what_four_registrations_bring_in(registry, model_file, at_once):
    """Each registers bytes that are there without a version, over and over, while others clean."""
    files = [model_file(os.urandom(200_000), f"{number}.bin") for number in range(4)]
    for number, file in enumerate(files):
        registry.register(file, f"gone-{number}")
        registry.delete(f"gone-{number}/1")
    work = [(registry.folder, "register", file, 5) for file in files] + [(registry.folder, "prune", "-", 8)] * 2
    assert at_once(REGISTER_OR_PRUNE, work) == ["done\n"] * 6
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


def test_a_registration_that_is_stopped_keeps_prune_away_and_is_named(five, model_file, process):
    five.delete("churn/1")
    before = blobs(five)
    stopped = process(STOPPED, five.folder, model_file(b"x" * 3_000_000))
    assert stopped.stdout.readline() == "copying\n"
    os.waitpid(stopped.pid, os.WUNTRACED)
    with pytest.raises(LockTimeout, match=f"process {stopped.pid}") as refused:
        Registry(five.folder, lock_timeout=0.1).prune(grace="0")
    assert refused.value.exit == 9
    assert blobs(five) == before
    while stopped.poll() is None:
        stopped.send_signal(signal.SIGCONT)
        os.waitpid(stopped.pid, os.WUNTRACED) if stopped.stdout.readline() else stopped.wait()
    assert five.version("churn/latest").version == 6
    assert five.prune(grace="0").freed > 0
    assert list(five.verify()) == []


# The process is told of every file that it opens, renames or removes and of every SQL statement, and kills itself at
# the one with a given number.
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
def told(event, arguments):
    if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "sqlite3.connect"):
        step(event)
def traced(*arguments, connect=sqlite3.connect, **options):
    connection = connect(*arguments, **options)
    connection.set_trace_callback(step)
    return connection
sqlite3.connect = traced
sys.addaudithook(told)
Registry(sys.argv[1]).prune(grace="0", keep_last=1)
print(count)
"""


@pytest.mark.parametrize("most", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_a_prune_that_is_killed_leaves_every_version_whole_and_the_next_one_ends_it(five, run, tmp_path, most):
    five.path("churn/1")
    whole = shutil.copytree(five.folder, tmp_path / "whole", symlinks=True)
    status, out, err = run(KILLED, five.folder, 0)
    assert status == 0, err
    ended = blobs(five)
    for place in range(1, int(out) + 1, max(1, int(out) // most)):
        killed = Registry(shutil.copytree(whole, tmp_path / f"killed-{place}", symlinks=True))
        status, _, err = run(KILLED, killed.folder, place)
        assert status == -signal.SIGKILL, err
        assert list(killed.verify()) == []
        assert numbers(killed) in ([5, 4, 3, 2, 1], [5, 4, 3, 2])
        killed.prune(grace="0", keep_last=1)
        assert (numbers(killed), blobs(killed)) == ([5, 4, 3, 2], ended)
        assert os.listdir(killed.folder / "checkouts") == []
        assert list(killed.verify()) == []


# The law, for whatever is asked of whatever is there


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
def test_the_plan_is_what_is_done_and_what_somebody_relies_on_stays(versions, keep_last, older_than, stages, grace):
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
        relied_on = set()
        for model in registry.models():
            relied_on |= {(model.name, number) for number in (*model.staging, *model.aliases.values())}
            relied_on |= {(model.name, model.production)} - {(model.name, None)}
            relied_on |= {(model.name, number) for number in rollback_target(registry, model.name)}
        files = {path: path.stat().st_size for path in (registry.folder / "artifacts").rglob("*") if path.is_file()}
        before = {(each.name, each.version) for model in registry.models() for each in registry.versions(model.name)}
        asked = {"keep_last": keep_last, "older_than": older_than, "stages": stages, "grace": grace}
        planned = registry.prune(**asked, dry_run=True)
        done = registry.prune(**asked)
        left = {(each.name, each.version) for model in registry.models() for each in registry.versions(model.name)}
        assert replace(done, dry_run=True, versions=()) == replace(planned, versions=())
        assert [(f.reference, f.removed, f.reason) for f in done.versions] == [
            (f.reference, f.removed, f.reason) for f in planned.versions
        ]
        assert before - left == {(fate.name, fate.version) for fate in planned.versions if fate.removed}
        assert relied_on <= left
        assert planned.freed == sum(size for path, size in files.items() if not path.exists())
        assert list(registry.verify()) == []
    finally:
        shutil.rmtree(folder)


def rollback_target(registry, name):
    from modelreg.errors import NothingToRollBackTo

    try:
        return [registry.rollback(name, dry_run=True).version]
    except NothingToRollBackTo:
        return []


def test_what_a_rollback_displaced_stays_until_another_version_is_promoted(registry, model_file):
    for number in range(1, 6):
        registry.register(model_file(b"%d" % number), "churn")
    for number in (1, 2, 3):
        registry.transition("churn", number, "Production", archive_existing=True)
    registry.rollback("churn")
    registry.rollback("churn")
    fates = {fate.version: fate.reason for fate in registry.prune(keep_last=1, dry_run=True).versions}
    assert fates[3] == fates[2] == "is what a rollback displaced"
    assert fates[4] == "is not among the newest 1"
    registry.transition("churn", 5, "Production", archive_existing=True)
    fates = {fate.version: fate.reason for fate in registry.prune(keep_last=1, dry_run=True).versions}
    assert fates[3] == fates[2] == "is not among the newest 1"
    assert fates[1] == "is what a rollback would return to"


def test_pruning_asks_nothing_of_a_library(five, run):
    script = """
import sys
from modelreg import Registry
Registry(sys.argv[1]).prune(grace="0", keep_last=1)
print(sorted({"pandas", "numpy", "sklearn", "joblib", "sqlite_utils", "rich", "typer"} & set(sys.modules)))
"""
    assert run(script, five.folder)[1] == "[]\n"


def test_a_member_of_the_group_cleans_what_others_stored(tmp_path, model_file, modelreg, as_user):
    before = as_user(12345, group=0)
    registry = Registry(tmp_path / "group")
    registry.create(shared=True)
    registry.register(model_file(), "churn")
    registry.path("churn/1")
    registry.delete("churn/1")
    for folder in (tmp_path, *tmp_path.parents):
        folder.chmod(folder.stat().st_mode | 0o055)
    done = subprocess.run(
        [*before, modelreg, "prune", "--grace", "0", "--registry", registry.folder],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert blobs(registry) == set()
    assert "belong to other users" in done.stdout
