"""A catalog of other blobs, a catalog left by a killed writer, and interrupted backups and restorations."""

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
from .conftest import BLOBS, assert_sound, contents_of, leftovers, stderr_of, tree
from .strace import Moment

pytestmark = pytest.mark.fault


@pytest.mark.parametrize("arguments", [[], ["init", "--require-sandbox"], ["register", "fresh.bin", "--name", "fresh"]])
def test_catalog_copied_to_other_blobs_is_detected(copy_registry, empty_folder, arguments):
    run, fresh = copy_registry(), empty_folder("fresh")
    assert fresh("init").returncode == 0
    shutil.copyfile(fresh.registry / "catalog.db", run.registry / "catalog.db")
    if arguments:
        assert run(*arguments).returncode == 0
    for blob in (run.registry / BLOBS).iterdir():
        if blob.stat().st_mtime < (fresh.registry / "catalog.db").stat().st_mtime:
            os.utime(blob, (1_700_000_000, 1_700_000_000))  # as if registered long ago
    before = tree(run.registry / "artifacts")
    result = run("verify")
    assert result.returncode == 6, result.stdout
    assert "may belong to another registry" in result.stdout
    result = run("prune", "--grace", "0")
    assert result.returncode == 6, result.stderr
    assert "the catalog may belong to another registry; nothing was deleted" in stderr_of(result)
    assert tree(run.registry / "artifacts") == before


def test_registry_with_old_blob_times_is_accepted(copy_registry):
    run = copy_registry()
    assert run("delete", "intent/1", "--yes").returncode == 0
    for blob in (run.registry / BLOBS).iterdir():
        os.utime(blob, (1_700_000_000, 1_700_000_000))
    assert_sound(run)
    assert run("prune", "--grace", "0").returncode == 0
    assert_sound(run)


def test_journal_of_a_killed_writer_is_reported_to_a_reader(copy_registry, can_trace, without_privilege):
    run = copy_registry()
    arguments = ["tag", "churn/1", "a=b"]
    moments = copy_registry("counted").moments(*arguments)
    last = [moment for moment in moments if moment.call == "pwrite64" and "catalog.db>" in moment.arguments][-1]
    run(*arguments, prefix=strace.at(last, "signal=KILL"))
    assert (run.registry / "catalog.db-journal").exists()
    subprocess.run(["chmod", "-R", "a-w", run.registry], check=True)
    result = run("list", prefix=without_privilege)
    assert result.returncode == 8, result.stderr
    assert "a process was killed while writing" in stderr_of(result)
    assert "any command as a user who may write" in result.stderr
    subprocess.run(["chmod", "-R", "u+w", run.registry], check=True)
    assert run("list").returncode == 0
    assert_sound(run)


def test_invalid_utf8_in_the_catalog_does_not_block_writers(copy_registry):
    run = copy_registry()
    with closing(sqlite3.connect(run.registry / "catalog.db")) as catalog, catalog:
        catalog.execute("UPDATE models SET description = CAST(x'ff41' AS TEXT) WHERE name = 'churn'")
    registry = Registry(run.registry, lock_timeout=1)
    gc.disable()
    try:
        for call in (registry.models, lambda: registry.model("churn")):
            try:
                call()
            except CatalogDamaged as damage:
                error = damage  # keeps the traceback, and so the connection, alive
            registry.tag("intent", {"a": "b"})
            assert error
    finally:
        gc.enable()


@pytest.mark.parametrize("then", ["fsync", "fsync+"])
def test_failed_sync_after_a_backup_reports_that_it_was_made(copy_registry, tmp_path, can_trace, then):
    counted = copy_registry("counted")
    moments = counted.moments("backup", counted.registry.parent / "backup")
    rename_index = max(
        number for number, moment in enumerate(moments) if "/backup/catalog.db" in moment.arguments.split(",")[-1]
    )
    after = next(moment for moment in moments[rename_index:] if moment.call == "fsync")
    run = copy_registry()
    backup = run.registry.parent / "backup"
    result = run("backup", backup, prefix=strace.at(after, "error=EIO", from_then_on=then.endswith("+")))
    assert result.returncode == 8
    assert "the change is committed" in stderr_of(result)
    assert contents_of(backup) == contents_of(run.registry)


def test_failed_restoration_changes_nothing(copy_registry, tmp_path, can_trace):
    """Into a new registry and into an existing one."""
    source = copy_registry("source")
    source("backup", tmp_path / "backup")
    for exists in (False, True):
        arguments = ["restore", tmp_path / "backup", "--force"]
        for call, nth in (("copy_file_range", 1), ("fchmod", 9), ("rename", 5), ("mkdir", 2)):
            name = f"{call}-{nth}-{exists}"
            run = copy_registry(name)
            if not exists:
                shutil.rmtree(run.registry)
            before = tree(run.registry / "artifacts") if exists else {}
            result = run(*arguments, prefix=strace.at(Moment(call, nth, ""), "error=ENOSPC", from_then_on=True))
            if result.returncode == 0:
                continue
            assert result.returncode == 8, (name, result.stderr)
            assert "nothing was changed" in stderr_of(result), name
            assert leftovers(run.registry) == [], name
            assert (tree(run.registry / "artifacts") if exists else tree(run.registry)).keys() - before.keys() <= {
                "write.lock",
                "prune.lock",
            }, name
            again = run("register", "fresh.bin", "--name", "new")
            assert again.returncode == 0, (name, again.stderr)
            assert_sound(run)


def test_running_restoration_blocks_others_and_a_killed_one_can_be_completed(
    copy_registry, empty_folder, tmp_path, can_trace, start_stopped
):
    copy_registry("source")("backup", tmp_path / "backup")
    run = empty_folder("new")
    moment = Moment("rename", 5, "")
    process = start_stopped(run, "restore", tmp_path / "backup", moment=moment)
    for arguments in (["list"], ["register", "fresh.bin", "--name", "churn"], ["verify"]):
        result = run(*arguments, "--lock-timeout", "0.2")
        assert result.returncode == 9, (arguments, result.stderr)
        assert f"process {process.pid}" in stderr_of(result)
    process.kill()
    process.communicate()
    for arguments in (["list"], ["register", "fresh.bin", "--name", "churn"]):
        result = run(*arguments)
        assert result.returncode == 6, result.stderr
        assert "the same 'modelreg restore' again" in stderr_of(result)
    assert run("restore", tmp_path / "backup").returncode == 0
    assert_sound(run)


def test_sigkill_never_separates_a_replaced_catalog_from_its_journal(copy_registry, tmp_path, can_trace):
    source = copy_registry("source")
    source("backup", tmp_path / "backup")
    arguments = ["tag", "churn/1", "a=b"]
    moments = source.moments(*arguments)
    last = [moment for moment in moments if moment.call == "pwrite64" and "catalog.db>" in moment.arguments][-1]

    def copy_with_journal(name):
        run = copy_registry(name)
        run(*arguments, prefix=strace.at(last, "signal=KILL"))
        assert (run.registry / "catalog.db-journal").exists()
        return run

    counted = copy_with_journal("counted")
    restore = ["restore", tmp_path / "backup", "--force"]
    moments = counted.moments(*restore)
    replacements = [
        moment
        for moment in moments
        if moment.call in ("link", "linkat", "unlink", "rename") and "catalog" in moment.arguments
    ]
    for moment in replacements:
        run = copy_with_journal(f"{moment.call}-{moment.nth}")
        pages = (run.registry / "catalog.db").read_bytes(), (run.registry / "catalog.db-journal").read_bytes()
        run(*restore, prefix=strace.at(moment, "signal=KILL"))
        pairs = [
            (path.read_bytes(), path.with_name(f"{path.name}-journal").read_bytes())
            for path in run.registry.glob("catalog*.db")
            if path.with_name(f"{path.name}-journal").exists()
        ]
        assert pages in pairs, moment
        assert run(*restore).returncode == 0, moment
        assert_sound(run)
