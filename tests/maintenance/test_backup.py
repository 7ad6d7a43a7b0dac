"""Backup and restore copy everything, check every byte, and never overwrite anything else."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from modelreg import Registry
from modelreg.errors import (
    BlobDamaged,
    CatalogDamaged,
    Conflict,
    Damaged,
    InvalidInput,
    LockTimeout,
    NoRegistry,
    RegistryNotFound,
    UnsafeRegistry,
    UnusableFolder,
)


@pytest.fixture
def churn(registry, model_file, model_folder):
    """Two versions of 'churn' and a folder model; they share a file."""
    registry.register(model_file(b"1" * 1000), "churn", metrics={"auc": 0.9})
    registry.register(model_file(b"2" * 1000), "churn", stage="Production", aliases=["champion"])
    registry.register(model_folder({"weights/a.bin": b"a" * 3000, "b.bin": b"1" * 1000, "empty": b""}), "folder")
    return registry


@pytest.fixture
def folder(tmp_path):
    """The target of the backup; it does not exist yet."""
    return tmp_path / "backup"


def tree(path):
    """Relative path -> mode and content of everything below a folder; without the content of lock files."""
    return {
        str(entry.relative_to(path)): (
            stat.S_IMODE(entry.lstat().st_mode),
            entry.read_bytes() if entry.is_file() and entry.suffix != ".lock" else None,
        )
        for entry in sorted(path.rglob("*"))
    }


def without_locks(entries):
    """Lock files are never deleted, because another process may wait for one."""
    return {path: entry for path, entry in entries.items() if not path.endswith(".lock")}


def facts(registry):
    """Models, versions and history."""
    versions = [version for model in registry.models() for version in registry.versions(model.name)]
    return registry.models(), versions, registry.history()


def damage(path):
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    path.chmod(0o444)


def blob(registry, digest):
    return registry.folder / "artifacts" / "blobs" / "sha256" / digest.removeprefix("sha256:")


# Backup


def test_a_backup_is_a_registry_with_the_same_content(churn, folder):
    result = churn.backup(folder)
    backup = Registry(folder)
    assert facts(backup) == facts(churn)
    assert list(backup.verify()) == []
    assert backup.path("churn@champion").read_bytes() == b"2" * 1000
    head = churn.information().journal_head
    assert (result.path, result.models, result.versions, result.journal_head) == (str(folder), 2, 3, head)
    assert result.blobs == result.copied == 4 + 3 + 3  # four files, three configs, three manifests
    assert result.bytes == sum(path.stat().st_size for path in (folder / "artifacts" / "blobs" / "sha256").iterdir())


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_backup_and_restore_keep_file_modes(registry, folder, model_file, tmp_path, shared, mask):
    previous_mask = os.umask(mask)
    try:
        registry.create(shared=shared)
        registry.register(model_file(), "churn")
        registry.backup(folder)
        Registry(tmp_path / "restored").restore(folder)
    finally:
        os.umask(previous_mask)
    modes = {name: mode for name, (mode, _) in tree(registry.folder).items()}
    assert {name: mode for name, (mode, _) in tree(folder).items()} == modes
    assert {name: mode for name, (mode, _) in tree(tmp_path / "restored").items()} == modes
    assert folder.stat().st_mode == (tmp_path / "restored").stat().st_mode == registry.folder.stat().st_mode
    assert Registry(folder).information().shared is shared


def test_a_second_backup_copies_only_new_files(churn, folder, model_file):
    churn.backup(folder)
    churn.register(model_file(b"3" * 1000), "churn")
    churn.delete("churn/1")
    result = churn.backup(folder)
    assert (result.copied, result.versions) == (3, 3)
    assert facts(Registry(folder)) == facts(churn)
    assert churn.backup(folder).copied == 0
    assert Registry(folder).prune(grace="0").freed > 0  # the files of the deleted version
    assert list(Registry(folder).verify()) == []


def test_a_second_backup_repairs_damaged_files(churn, folder):
    churn.backup(folder)
    backup = Registry(folder)
    version = backup.version("churn/1")
    damage(blob(backup, version.files[0].digest))
    blob(backup, version.digest).unlink()
    assert churn.backup(folder).copied == 2
    assert list(backup.verify()) == []


@pytest.mark.parametrize("kind", ["file", "manifest", "config"])
@pytest.mark.parametrize("how", ["damaged", "missing", "cut"])
def test_a_damaged_blob_is_named_and_the_earlier_backup_is_unchanged(churn, folder, model_file, kind, how):
    churn.backup(folder)
    before = facts(Registry(folder))
    version = churn.register(model_file(b"3" * 1000), "churn")
    digest = {
        "file": lambda: version.files[0].digest,
        "manifest": lambda: version.digest,
        "config": lambda: churn._folder.artifacts.manifest(version).config,
    }[kind]()
    path = blob(churn, digest)
    {"damaged": damage, "missing": Path.unlink, "cut": lambda path: os.truncate(path, 10)}[how](path)
    with pytest.raises(BlobDamaged, match=r"churn/3: ('model.bin'|its config|its manifest) is .*no backup") as refused:
        churn.backup(folder)
    assert refused.value.exit == 6
    assert facts(Registry(folder)) == before
    assert list(Registry(folder).verify()) == []
    assert os.listdir(folder / "artifacts" / "ingest") == []
    churn.register(model_file(b"3" * 1000), "churn")  # repairs it
    churn.backup(folder)
    assert facts(Registry(folder)) == facts(churn)


def test_a_damaged_catalog_does_not_replace_the_earlier_backup(churn, folder, execute_sql):
    churn.backup(folder)
    before = tree(folder)
    execute_sql("DELETE FROM versions WHERE version = 2")
    with pytest.raises(CatalogDamaged, match="no backup was made"):
        churn.backup(folder)
    assert tree(folder) == before


def register_elsewhere(folder, model_file):
    Registry(folder).register(model_file(b"another registry"), "other")


def make_diverged_backup(folder, registry, model_file):
    registry.backup(folder)
    Registry(folder).register(model_file(b"another file"), "churn")


FOREIGN = {
    "another registry": lambda folder, registry, model_file: register_elsewhere(folder, model_file),
    "a diverged backup": make_diverged_backup,
    "other files": lambda folder, registry, model_file: (folder.mkdir(), (folder / "notes").write_text("x")),
    "a file": lambda folder, registry, model_file: folder.write_text("x"),
    "a broken link": lambda folder, registry, model_file: folder.symlink_to("nowhere"),
    "a registry without its catalog": lambda folder, registry, model_file: (
        registry.backup(folder),
        (folder / "catalog.db").unlink(),
    ),
    "a backup with an empty catalog": lambda folder, registry, model_file: (
        registry.backup(folder),
        (folder / "catalog.db").write_bytes(b""),
    ),
    "a shared registry": lambda folder, registry, model_file: Registry(folder).create(shared=True),
    "an unfinished backup of another registry": lambda folder, registry, model_file: (
        folder.mkdir(),
        (folder / "unfinished-backup").write_text("1:abc"),
    ),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_backup_to_any_other_folder_is_refused_and_changes_nothing(churn, folder, model_file, kind):
    FOREIGN[kind](folder, churn, model_file)
    before = tree(folder.parent)
    with pytest.raises(Conflict) as refused:
        churn.backup(folder)
    assert (refused.value.code, refused.value.exit) == ("unusable_backup", 4)
    assert tree(folder.parent) == before


def test_user_files_with_similar_names_to_temporaries_are_kept(churn, folder):
    folder.mkdir()
    for name in (".catalog.db.mine", ".catalog.db.17.abc", ".unfinished-backup.notes"):
        (folder / name).write_text("precious")
    before = tree(folder)
    with pytest.raises(Conflict) as refused:
        churn.backup(folder)
    assert refused.value.code == "unusable_backup"
    assert tree(folder) == before
    for name in before:
        (churn.folder / name).write_text("precious")
        os.utime(churn.folder / name, (0, 0))
    churn.prune(grace="0")
    assert all((churn.folder / name).exists() for name in before)


def test_temporaries_of_a_killed_backup_are_removed(churn, folder):
    folder.mkdir()
    for name in (".catalog.db.17.0123abcd", ".catalog.db.17.0123abcd-journal", ".unfinished-backup.17.0123abcd"):
        (folder / name).write_text("half")
    churn.backup(folder)
    assert [name for name in os.listdir(folder) if name.startswith((".catalog", ".unfinished"))] == []


@pytest.mark.parametrize("where", [".", "..", "artifacts", "sub/folder", "../registry"])
def test_backup_inside_or_around_the_registry_is_refused(churn, where):
    before = tree(churn.folder)
    for method in (churn.backup, churn.restore):
        with pytest.raises(Conflict) as refused:
            method(churn.folder / where)
        assert refused.value.code == "unusable_backup"
    assert tree(churn.folder) == before


def test_an_empty_registry_can_be_backed_up(registry, folder):
    registry.create()
    assert registry.backup(folder).journal_head is None
    assert registry.backup(folder).blobs == 0
    assert Registry(folder).models() == []


def test_backup_of_a_missing_registry_and_to_an_empty_path_are_refused(registry, folder):
    with pytest.raises(RegistryNotFound):
        registry.backup(folder)
    registry.create()
    with pytest.raises(InvalidInput):
        registry.backup("")
    assert not folder.exists()


# Concurrent processes


BACK_UP = """
from modelreg import Registry
import modelreg.registration.register, modelreg.maintenance.backup, modelreg.store.catalog.writer
registry = Registry(sys.argv[1])
ready()
for turn in range(4):
    if sys.argv[2] == "backup":
        registry.backup(sys.argv[3])
    else:
        version = registry.register(sys.argv[3], sys.argv[2], new_version=True)
        registry.transition(version.name, version.version, "Production", archive_existing=True)
        if turn == 2:
            registry.delete(f"{version.name}/1")
"""


@pytest.mark.slow
def test_backups_during_registrations_are_consistent(registry, model_file, run_concurrently, folder):
    registry.register(model_file(b"0"), "churn")
    files = [model_file(os.urandom(100_000), f"{number}.bin") for number in range(3)]
    arguments = [(registry.folder, f"model-{number}", file) for number, file in enumerate(files)]
    arguments += [(registry.folder, "backup", folder)] * 2 + [(registry.folder, "backup", f"{folder}-2")]
    run_concurrently(BACK_UP, arguments)
    for backup in (folder, Path(f"{folder}-2")):
        assert list(Registry(backup).verify()) == []
        history = Registry(backup).history()
        assert history == registry.history()[: len(history)]
    registry.backup(folder)
    assert facts(Registry(folder)) == facts(registry)


HOLD = """
import sys
from modelreg import Registry
def progress(done, total):
    print("copying", flush=True)
    sys.stdin.read()
Registry(sys.argv[1]).backup(sys.argv[2], progress=progress)
"""


def test_a_backup_blocks_prune_but_not_registrations_or_deletions(churn, folder, model_file, process):
    churn.delete("churn/1")
    holder = process(HOLD, churn.folder, folder, stdin=subprocess.PIPE)
    assert holder.stdout.readline() == "copying\n"
    registry = Registry(churn.folder, lock_timeout=0)
    with pytest.raises(LockTimeout, match=f"process {holder.pid}"):
        registry.prune(grace="0")
    with pytest.raises(LockTimeout):
        registry.backup(folder)
    assert registry.register(model_file(b"3"), "churn").version == 3
    registry.delete("folder/1")
    holder.stdin.close()
    holder.stdin = None
    assert holder.wait() == 0
    assert {model.name: model.versions for model in Registry(folder).models()} == {"churn": 1, "folder": 1}
    assert list(Registry(folder).verify()) == []


# Restore


def test_a_restored_registry_has_the_same_content(churn, folder, tmp_path):
    churn.backup(folder)
    restored = Registry(tmp_path / "restored")
    result = restored.restore(folder)
    assert (result.path, result.copied, result.replaced) == (str(restored.folder), 10, None)
    assert facts(restored) == facts(churn)
    assert list(restored.verify()) == []
    assert tree(restored.folder) == tree(folder)


def test_restore_replaces_a_registry_only_with_force_and_keeps_its_catalog(churn, folder, model_file):
    churn.backup(folder)
    churn.register(model_file(b"3"), "churn")
    before, after_backup = tree(churn.folder), churn.history()
    with pytest.raises(Conflict) as refused:
        churn.restore(folder)
    assert (refused.value.code, refused.value.exit, tree(churn.folder)) == ("registry_exists", 4, before)
    first = churn.restore(folder, force=True)
    assert facts(churn) == facts(Registry(folder))
    with closing(sqlite3.connect(first.replaced)) as old_catalog:
        assert old_catalog.execute("SELECT count(*) FROM journal").fetchone() == (len(after_backup),)
    second = churn.restore(folder, force=True)
    assert second.replaced != first.replaced
    assert Path(first.replaced).exists()
    assert list(churn.verify()) == []


def test_restore_of_a_lost_catalog_needs_no_force(churn, folder):
    churn.backup(folder)
    before = facts(churn)
    (churn.folder / "catalog.db").rename(churn.folder / "catalog.db-journal")  # SQLite would use it as its own
    result = churn.restore(folder)
    assert (facts(churn), result.copied, result.replaced) == (before, 0, None)
    assert list(churn.verify()) == []


@pytest.mark.parametrize("content", [b"", b"no catalog" * 1000, None])
def test_restore_keeps_a_damaged_catalog_beside_the_restored_one(churn, folder, content):
    churn.backup(folder)
    before = facts(churn)
    catalog = churn.folder / "catalog.db"
    content = catalog.read_bytes()[:9000] if content is None else content
    catalog.write_bytes(content)
    (churn.folder / "catalog.db-journal").write_bytes(b"of the damaged one")
    with pytest.raises(Conflict) as refused:
        churn.restore(folder)
    assert refused.value.code == "registry_exists"
    result = churn.restore(folder, force=True)
    assert facts(churn) == before
    assert Path(result.replaced).read_bytes() == content
    assert Path(result.replaced + "-journal").read_bytes() == b"of the damaged one"
    assert list(churn.verify()) == []


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE metrics SET value = 0.99",
        "UPDATE versions SET stage = 'Staging' WHERE version = 1",
        "UPDATE files SET path = '../' || path",
    ],
)
def test_a_manually_edited_catalog_does_not_replace_the_earlier_backup(churn, folder, edit):
    churn.backup(folder)
    before = facts(Registry(folder))
    with closing(sqlite3.connect(churn.folder / "catalog.db")) as catalog, catalog:
        catalog.execute(edit)
    with pytest.raises(CatalogDamaged, match="no backup was made"):
        churn.backup(folder)
    assert facts(Registry(folder)) == before
    assert list(Registry(folder).verify()) == []


def test_restore_repairs_damaged_files(churn, folder):
    churn.backup(folder)
    version = churn.version("churn/1")
    damage(blob(churn, version.files[0].digest))
    blob(churn, version.digest).unlink()
    assert churn.restore(folder, force=True).copied == 2
    assert list(churn.verify()) == []


@pytest.mark.parametrize("existing", ["nothing", "an empty folder", "a registry", "a registry without its catalog"])
@pytest.mark.parametrize("kind", ["file", "manifest", "catalog", "journal"])
def test_restoring_a_damaged_backup_is_refused_and_changes_nothing(churn, folder, tmp_path, model_file, kind, existing):
    churn.backup(folder)
    backup, target = Registry(folder), Registry(tmp_path / "target")
    if "registry" in existing:
        target.register(model_file(b"here"), "here")
    if "without" in existing:
        (target.folder / "catalog.db").unlink()
    if existing == "an empty folder":
        target.folder.mkdir()
    before = tree(tmp_path / "target")
    match kind:
        case "file":
            damage(blob(backup, backup.version("folder/1").files[-1].digest))
        case "manifest":
            damage(blob(backup, backup.version("folder/1").digest))
        case "catalog":
            os.truncate(folder / "catalog.db", 30_000)
        case "journal":
            with closing(sqlite3.connect(folder / "catalog.db")) as catalog, catalog:
                trigger = "journal_is_not_updated"
                (sql,) = catalog.execute("SELECT sql FROM sqlite_master WHERE name = ?", (trigger,)).fetchone()
                catalog.execute(f"DROP TRIGGER {trigger}")
                catalog.execute("UPDATE journal SET user = 'another user' WHERE seq = 1")
                catalog.execute(sql)
    with pytest.raises(Damaged, match=re.escape(str(folder))) as refused:
        target.restore(folder, force=True)
    assert (refused.value.code, refused.value.exit) == ("backup_damaged", 6)
    assert without_locks(tree(tmp_path / "target")) == without_locks(before)


def test_restore_refuses_missing_unsafe_and_newer_backups(churn, folder, tmp_path):
    target = Registry(tmp_path / "target")
    with pytest.raises(NoRegistry) as refused:
        target.restore(folder)
    assert refused.value.code == "backup_not_found"
    folder.mkdir()
    with pytest.raises(NoRegistry) as refused:
        target.restore(folder)
    assert refused.value.code == "backup_not_found"
    churn.backup(folder)
    folder.chmod(0o777)
    with pytest.raises(UnsafeRegistry):
        target.restore(folder)
    folder.chmod(0o755)
    with closing(sqlite3.connect(folder / "catalog.db")) as catalog:
        catalog.execute("PRAGMA user_version = 99")
    with pytest.raises(NoRegistry) as refused:
        target.restore(folder)
    assert (refused.value.code, refused.value.exit) == ("registry_too_new", 10)
    assert not target.folder.exists() or {path.name for path in target.folder.iterdir()} == {"write.lock", "prune.lock"}


def test_restore_into_a_folder_with_other_files_is_refused(churn, folder, tmp_path):
    churn.backup(folder)
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "notes").write_text("x")
    with pytest.raises(UnusableFolder):
        Registry(tmp_path / "target").restore(folder)
    assert [path.name for path in (tmp_path / "target").iterdir()] == ["notes"]


@pytest.mark.parametrize("locks", [True, False])
def test_restore_works_from_a_read_only_backup(churn, folder, tmp_path, locks, modelreg, as_user):
    """Runs as another user, who cannot write to the backup."""
    command = [*as_user(12345), modelreg]
    churn.backup(folder)
    if not locks:
        for lock in folder.glob("*.lock"):
            lock.unlink()
    before = tree(folder)
    for parent in (tmp_path, *tmp_path.parents):
        parent.chmod(parent.stat().st_mode | 0o055)
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 12345, 12345)
    process = subprocess.run(
        [*command, "restore", folder, "--registry", home / "registry"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert tree(folder) == before
    assert facts(Registry(home / "registry")) == facts(churn)


# Killed processes

KILLED = """
import os, signal, sqlite3, sys
from modelreg import Registry
import modelreg.maintenance.backup, modelreg.registration.register, modelreg.store.catalog.writer
count, last = 0, int(sys.argv[4])
def step(name):
    global count
    count += 1
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)
def audit(event, arguments):
    if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.chmod", "os.link", "sqlite3.connect"):
        step(event)
def connect_with_trace(*arguments, connect=sqlite3.connect, **options):
    connection = connect(*arguments, **options)
    connection.set_trace_callback(step)
    return connection
sqlite3.connect = connect_with_trace
sys.addaudithook(audit)
registry, folder = Registry(sys.argv[1]), sys.argv[3]
registry.backup(folder) if sys.argv[2] == "backup" else registry.restore(folder, force=sys.argv[2] == "force")
print(count)
"""
KILLS = [3, pytest.param(8, marks=pytest.mark.slow)]


def select_steps(steps, kills):
    """About ``kills`` of the steps, evenly spaced."""
    return range(1, steps + 1, max(1, steps // kills))


@pytest.mark.parametrize("kills", KILLS)
@pytest.mark.parametrize("earlier", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_killed_backup_is_complete_or_unfinished_and_the_next_one_completes_it(
    churn, folder, model_file, run, tmp_path, earlier, kills
):
    old = None
    if earlier:
        churn.backup(folder)
        old = facts(Registry(folder))
        churn.register(model_file(b"3"), "churn")
        shutil.copytree(folder, tmp_path / "earlier")
    status, out, err = run(KILLED, churn.folder, "backup", folder, 0)
    assert status == 0, err
    for step in select_steps(int(out), kills):
        shutil.rmtree(folder)
        if earlier:
            shutil.copytree(tmp_path / "earlier", folder)
        status, _, err = run(KILLED, churn.folder, "backup", folder, step)
        assert status == -signal.SIGKILL, err
        if (folder / "catalog.db").exists():
            assert facts(Registry(folder)) in (old, facts(churn))
            assert list(Registry(folder).verify()) == []
        else:
            assert not earlier
            with pytest.raises((CatalogDamaged, RegistryNotFound)):
                Registry(folder).models()
        churn.backup(folder)
        assert facts(Registry(folder)) == facts(churn)
        assert list(Registry(folder).verify()) == []
        assert {path.name for path in folder.iterdir()} == {
            "artifacts", "catalog.db", "checkouts", "write.lock", "prune.lock", ".gitignore",
        }  # fmt: skip
        assert os.listdir(folder / "artifacts" / "ingest") == []


@pytest.mark.parametrize("kills", KILLS)
@pytest.mark.parametrize("how", ["force", pytest.param("new", marks=pytest.mark.slow)])
def test_a_killed_restoration_is_completed_by_the_next_one(churn, folder, model_file, run, tmp_path, how, kills):
    churn.backup(folder)
    target, old = Registry(tmp_path / "target"), None
    if how == "force":
        target.register(model_file(b"here"), "here")
        old = facts(target)
        shutil.copytree(target.folder, tmp_path / "before")
    status, out, err = run(KILLED, target.folder, how, folder, 0)
    assert status == 0, err
    for step in select_steps(int(out), kills):
        shutil.rmtree(target.folder)
        if how == "force":
            shutil.copytree(tmp_path / "before", target.folder)
        status, _, err = run(KILLED, target.folder, how, folder, step)
        assert status == -signal.SIGKILL, err
        if (target.folder / "catalog.db").exists():
            assert facts(target) in (old, facts(churn))
        target.restore(folder, force=how == "force" or target.exists())
        assert facts(target) == facts(churn)
        assert list(target.verify()) == []
        assert os.listdir(target.folder / "artifacts" / "ingest") == []
        assert not list(target.folder.glob(".catalog.db.*"))
