"""A catalog that does not belong to the blobs, one of a killed writer, and what a command says it has left."""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing

import pytest

from modelreg import Registry
from modelreg.errors import CatalogDamaged

from . import strace
from .conftest import BLOBS, assert_sound, facts, leftovers, said, tree
from .strace import Moment

pytestmark = pytest.mark.fault


@pytest.mark.parametrize("words", [[], ["init", "--require-sandbox"], ["register", "fresh.bin", "--name", "fresh"]])
def test_a_catalog_that_was_put_beside_other_blobs_is_not_believed(stock, nothing_yet, words):
    run, fresh = stock(), nothing_yet("fresh")
    assert fresh("init").returncode == 0
    shutil.copyfile(fresh.registry / "catalog.db", run.registry / "catalog.db")
    if words:
        assert run(*words).returncode == 0
    for blob in (run.registry / BLOBS).iterdir():
        if blob.stat().st_mtime < (fresh.registry / "catalog.db").stat().st_mtime:
            os.utime(blob, (1_700_000_000, 1_700_000_000))  # it was registered long ago
    known = tree(run.registry / "artifacts")
    done = run("verify")
    assert done.returncode == 6, done.stdout
    assert "may belong to another registry" in done.stdout
    done = run("prune", "--grace", "0")
    assert done.returncode == 6, done.stderr
    assert "the catalog may belong to another registry; nothing was deleted" in said(done)
    assert tree(run.registry / "artifacts") == known


def test_a_registry_whose_clock_was_set_back_is_believed(stock):
    run = stock()
    assert run("delete", "intent/1", "--yes").returncode == 0
    for blob in (run.registry / BLOBS).iterdir():
        os.utime(blob, (1_700_000_000, 1_700_000_000))
    assert_sound(run)
    assert run("prune", "--grace", "0").returncode == 0
    assert_sound(run)


def test_what_a_killed_writer_left_is_said_to_who_only_reads(stock, can_trace, without_privilege):
    run = stock()
    words = ["tag", "churn/1", "a=b"]
    found = stock("counted").moments(*words)
    last = [moment for moment in found if moment.call == "pwrite64" and "catalog.db>" in moment.arguments][-1]
    run(*words, before=strace.at(last, "signal=KILL"))
    assert (run.registry / "catalog.db-journal").exists()
    subprocess.run(["chmod", "-R", "a-w", run.registry], check=True)
    done = run("list", before=without_privilege)
    assert done.returncode == 8, done.stderr
    assert "a process was killed while it wrote" in said(done)
    assert "any command of a user who may write" in done.stderr
    subprocess.run(["chmod", "-R", "u+w", run.registry], check=True)
    assert run("list").returncode == 0
    assert_sound(run)


def test_a_text_that_is_no_utf_8_keeps_nobody_from_writing(stock):
    run = stock()
    with closing(sqlite3.connect(run.registry / "catalog.db")) as catalog, catalog:
        catalog.execute("UPDATE models SET description = CAST(x'ff41' AS TEXT) WHERE name = 'churn'")
    asked = Registry(run.registry, lock_timeout=1)
    gc.disable()
    try:
        for ask in (asked.models, lambda: asked.model("churn")):
            try:
                ask()
            except CatalogDamaged as damage:
                kept = damage
            asked.tag("intent", {"a": "b"})
            assert kept
    finally:
        gc.enable()


@pytest.mark.parametrize("then", ["fsync", "fsync+"])
def test_a_sync_that_fails_after_a_backup_is_in_place_says_that_it_is_made(stock, tmp_path, can_trace, then):
    counted = stock("counted")
    found = counted.moments("backup", counted.registry.parent / "backup")
    placed = max(
        number for number, moment in enumerate(found) if "/backup/catalog.db" in moment.arguments.split(",")[-1]
    )
    after = next(moment for moment in found[placed:] if moment.call == "fsync")
    run = stock()
    backup = run.registry.parent / "backup"
    done = run("backup", backup, before=strace.at(after, "error=EIO", from_then_on=then.endswith("+")))
    assert done.returncode == 8
    assert "the change was made" in said(done)
    assert facts(backup) == facts(run.registry)


def test_a_restoration_that_fails_leaves_nothing(stock, tmp_path, can_trace):
    """For any error of the disk, and in a registry that is there as well."""
    made = stock("made")
    made("backup", tmp_path / "backup")
    for there in (False, True):
        words = ["restore", tmp_path / "backup", "--force"]
        for call, nth in (("copy_file_range", 1), ("fchmod", 9), ("rename", 5), ("mkdir", 2)):
            name = f"{call}-{nth}-{there}"
            run = stock(name)
            if not there:
                shutil.rmtree(run.registry)
            before = tree(run.registry / "artifacts") if there else {}
            done = run(*words, before=strace.at(Moment(call, nth, ""), "error=ENOSPC", from_then_on=True))
            if done.returncode == 0:
                continue
            assert done.returncode == 8, (name, done.stderr)
            assert "nothing was changed" in said(done), name
            assert leftovers(run.registry) == [], name
            assert (tree(run.registry / "artifacts") if there else tree(run.registry)).keys() - before.keys() <= {
                "write.lock",
                "prune.lock",
            }, name
            again = run("register", "fresh.bin", "--name", "new")
            assert again.returncode == 0, (name, again.stderr)
            assert_sound(run)


def test_while_a_restoration_runs_other_commands_wait_and_one_that_was_killed_is_completed(
    stock, nothing_yet, tmp_path, can_trace, stopped
):
    stock("made")("backup", tmp_path / "backup")
    run = nothing_yet("new")
    moment = Moment("rename", 5, "")
    process = stopped(run, "restore", tmp_path / "backup", moment=moment)
    for words in (["list"], ["register", "fresh.bin", "--name", "churn"], ["verify"]):
        done = run(*words, "--lock-timeout", "0.2")
        assert done.returncode == 9, (words, done.stderr)
        assert f"process {process.pid}" in said(done)
    process.kill()
    process.communicate()
    for words in (["list"], ["register", "fresh.bin", "--name", "churn"]):
        done = run(*words)
        assert done.returncode == 6, done.stderr
        assert "the same 'modelreg restore' again" in said(done)
    assert run("restore", tmp_path / "backup").returncode == 0
    assert_sound(run)


def test_a_kill_never_separates_a_replaced_catalog_from_its_journal(stock, tmp_path, can_trace):
    made = stock("made")
    made("backup", tmp_path / "backup")
    words = ["tag", "churn/1", "a=b"]
    found = made.moments(*words)
    last = [moment for moment in found if moment.call == "pwrite64" and "catalog.db>" in moment.arguments][-1]

    def killed(name):
        run = stock(name)
        run(*words, before=strace.at(last, "signal=KILL"))
        assert (run.registry / "catalog.db-journal").exists()
        return run

    counted = killed("counted")
    restoring = ["restore", tmp_path / "backup", "--force"]
    moments = counted.moments(*restoring)
    chosen = [
        each for each in moments if each.call in ("link", "linkat", "unlink", "rename") and "catalog" in each.arguments
    ]
    for moment in chosen:
        run = killed(f"{moment.call}-{moment.nth}")
        pages = (run.registry / "catalog.db").read_bytes(), (run.registry / "catalog.db-journal").read_bytes()
        run(*restoring, before=strace.at(moment, "signal=KILL"))
        pairs = [
            (path.read_bytes(), path.with_name(f"{path.name}-journal").read_bytes())
            for path in run.registry.glob("catalog*.db")
            if path.with_name(f"{path.name}-journal").exists()
        ]
        assert pages in pairs, moment
        assert run(*restoring).returncode == 0, moment
        assert_sound(run)
