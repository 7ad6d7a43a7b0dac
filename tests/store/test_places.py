"""What others may have put into a registry's folder before it is one: nothing writes through it, or waits."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import chdir

import pytest

from modelreg import Registry
from modelreg.errors import CatalogDamaged, UnsafeRegistry, UnusableBackup

FOLDERS = ("artifacts", "artifacts/blobs", "artifacts/blobs/sha256", "artifacts/ingest", "checkouts")
FILES = ("write.lock", "prune.lock", ".gitignore", "artifacts/oci-layout", "artifacts/index.json", "catalog.db-journal")


def a_link(path):
    target = path.parents[len(path.parents) - 1 - path.parts.index("project")] / "elsewhere"
    if not target.exists():
        target.mkdir() if path.name in {name.rpartition("/")[2] for name in FOLDERS} else target.write_text("precious")
    path.symlink_to(target)


def a_socket(path):
    with socket.socket(socket.AF_UNIX) as server, chdir(path.parent):  # addresses of sockets are short
        server.bind(path.name)


ODD = {
    "a link": a_link,
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "a FIFO": os.mkfifo,
    "a socket": a_socket,
}


def tree(folder):
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else None)
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with something to register and an empty ``.modelreg``, in which the commands are run."""
    (tmp_path / "project" / ".modelreg").mkdir(parents=True)
    (tmp_path / "project" / "model.bin").write_bytes(b"a model")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def command(modelreg):
    def run(*words):
        return subprocess.run([modelreg, *words], capture_output=True, text=True, check=False, timeout=30)

    return run


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("place", [*FOLDERS, *FILES])
def test_the_first_registration_writes_through_nothing_that_stands_in_its_place(project, place, kind):
    path = project / ".modelreg" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    ODD[kind](path)
    before = tree(project)
    with pytest.raises(UnsafeRegistry, match=f"\\.modelreg/{place}' is") as refused:
        Registry(project / ".modelreg").register("model.bin", "churn")
    assert refused.value.exit == 10
    assert tree(project) == before


@pytest.mark.parametrize("place", FILES)
def test_the_first_command_says_what_folder_is_in_the_way_of_a_file(project, command, place):
    (project / ".modelreg" / place).mkdir(parents=True)
    before = tree(project)
    done = command("init")
    assert done.returncode == 10
    assert f"{place}' is no file" in done.stderr
    assert tree(project) == before


def test_a_cloned_repository_brings_no_link_through_which_anything_is_written(tmp_path, project, command, monkeypatch):
    precious = tmp_path / "bashrc"
    precious.write_text("export PRECIOUS=1")
    (project / ".modelreg" / ".gitignore").symlink_to("../../bashrc")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", project]
    for words in (["init", "-q"], ["add", "-A", "-f"], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *words], check=True)
    subprocess.run(["git", "clone", "-q", project, tmp_path / "clone"], check=True)
    monkeypatch.chdir(tmp_path / "clone")
    done = command("register", "model.bin", "--name", "churn")
    assert done.returncode == 10
    assert ".gitignore' is a link" in done.stderr
    assert precious.read_text() == "export PRECIOUS=1"


@pytest.mark.parametrize("place", ["artifacts", "checkouts", ".gitignore", "write.lock", "artifacts/index.json"])
def test_a_registry_is_not_used_through_links_in_it(registry, model_file, tmp_path, place):
    registry.register(model_file(), "churn")
    (registry.folder / place).rename(tmp_path / "elsewhere")
    (registry.folder / place).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafeRegistry, match=f"{place}' is a link"):
        registry.models()


@pytest.mark.parametrize("place", ["write.lock", "prune.lock", "catalog.db-journal", "catalog.db-wal"])
def test_a_folder_in_the_place_of_a_file_is_damage_that_every_command_names(registry, model_file, place):
    registry.register(model_file(), "churn")
    (registry.folder / place).unlink(missing_ok=True)
    (registry.folder / place).mkdir()
    for ask in (registry.models, registry.verify, registry.prune, lambda: registry.tag("churn", {"a": "b"})):
        with pytest.raises(CatalogDamaged, match=f"{place}' is no file, and is in the way of one") as refused:
            list(ask())
        assert refused.value.exit == 6


def test_a_backup_is_not_brought_up_to_date_through_a_link(registry, model_file, tmp_path):
    registry.register(model_file(), "churn")
    registry.backup(tmp_path / "backup")
    (tmp_path / "backup" / ".gitignore").unlink()
    (tmp_path / "backup" / ".gitignore").symlink_to(tmp_path / "victim")
    with pytest.raises(UnusableBackup, match="gitignore' is a link"):
        registry.backup(tmp_path / "backup")
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize("kind", ["a link", "a FIFO"])
@pytest.mark.parametrize("place", ["checkouts", ".gitignore"])
def test_an_unfinished_backup_is_not_completed_through_what_stands_in_its_place(
    registry, model_file, project, kind, place
):
    registry.register(model_file(), "churn")
    folder = project / "backup"
    folder.mkdir()
    (folder / "unfinished-backup").write_text("0:")
    ODD[kind](folder / place)
    before = tree(folder)
    with pytest.raises(UnsafeRegistry, match=f"{place}' is"):
        registry.backup(folder)
    assert tree(folder) == before


@pytest.mark.parametrize("kind", ODD)
def test_a_restoration_goes_through_nothing_that_stands_in_its_place(registry, model_file, project, kind):
    registry.register(model_file(), "churn")
    registry.backup(project / "backup")
    ODD[kind](project / ".modelreg" / "checkouts")
    before = tree(project / ".modelreg")
    with pytest.raises(UnsafeRegistry, match="checkouts' is"):
        type(registry)(project / ".modelreg").restore(project / "backup")
    assert tree(project / ".modelreg") == before


def test_a_marker_that_is_a_fifo_keeps_nobody_waiting(registry, model_file, project):
    registry.register(model_file(), "churn")
    (project / "backup").mkdir()
    os.mkfifo(project / "backup" / "unfinished-backup")
    with pytest.raises(UnusableBackup):
        registry.backup(project / "backup")


@pytest.mark.parametrize("name", ["oci-layout", "index.json"])
def test_a_layout_file_that_became_a_fifo_is_named_at_once(registry, model_file, name):
    registry.register(model_file(), "churn")
    (registry.folder / "artifacts" / name).unlink()
    os.mkfifo(registry.folder / "artifacts" / name)
    with pytest.raises(CatalogDamaged, match=name):
        list(registry.verify())


# Modes


SLOW = pytest.mark.slow


@pytest.mark.slow
@pytest.mark.parametrize("umask", [0o777, *(pytest.param(mask, marks=SLOW) for mask in (0o477, 0o277, 0o177))], ids=oct)
def test_a_user_with_a_strange_umask_can_use_what_the_commands_make(as_user, modelreg, umask):
    before = as_user(12345)
    folder = tempfile.mkdtemp(prefix="modelreg-umask-")  # which every user can reach, unlike those of tests
    try:
        os.chmod(folder, 0o777)
        os.mkdir(f"{folder}/model")
        os.mkdir(f"{folder}/model/deep")
        for name in ("a.bin", "deep/b.bin"):
            with open(f"{folder}/model/{name}", "w") as file:
                file.write(name)
        environment = os.environ | {
            "MODELREG_HOME": f"{folder}/registry",
            "HOME": folder,
            "XDG_CACHE_HOME": f"{folder}/c",
        }
        for words in (
            ["init"],
            ["register", "model", "--name", "churn"],
            ["list"],
            ["load", "churn/1"],
            ["load", "churn/1", "-o", "out"],
            ["export", "churn/1", "oci"],
            ["transition", "churn", "1", "Production"],
            ["backup", "deep/backup"],
            ["backup", "deep/backup"],
            ["restore", "deep/backup", "--registry", "restored"],
            ["verify", "--registry", "restored"],
            ["verify"],
            ["prune"],
        ):
            done = subprocess.run(
                [*before, modelreg, *words],
                umask=umask,
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, (words, done.stderr)
    finally:
        shutil.rmtree(folder)


STRANGER = 12345
"""The number of a user and of a group that nobody has."""


@pytest.fixture
def found(tmp_path, monkeypatch):
    """A ``.modelreg`` above the current folder, made in a way that is said; returns what a command then uses."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder to somebody else")

    def make(*, shared=False, owner=0, group=0, link_of=None):
        folder = tmp_path / ("real" if link_of is not None else ".modelreg")
        Registry(folder).create(shared=shared)
        os.chown(folder, owner, group)
        if link_of is not None:
            (tmp_path / ".modelreg").symlink_to(folder)
            os.chown(tmp_path / ".modelreg", link_of, link_of, follow_symlinks=False)
        (tmp_path / "below").mkdir()
        monkeypatch.chdir(tmp_path / "below")
        return Registry().folder

    return make


@pytest.mark.parametrize(
    "made",
    [
        {},
        {"shared": True},
        {"shared": True, "owner": STRANGER},
        {"group": STRANGER},
        {"link_of": 0},
    ],
)
def test_a_registry_found_upward_is_used_if_it_is_ones_own_or_made_for_a_group_of_ones_own(found, tmp_path, made):
    assert found(**made).samefile(tmp_path / ".modelreg")


@pytest.mark.parametrize(
    "made",
    [
        {"owner": STRANGER},
        {"owner": STRANGER, "group": STRANGER},
        {"owner": STRANGER, "group": STRANGER, "shared": True},
        {"link_of": STRANGER},
        {"link_of": STRANGER, "shared": True},
        {"owner": STRANGER, "shared": True, "link_of": STRANGER},
    ],
)
def test_a_registry_of_somebody_else_found_upward_is_refused_unless_it_is_named(found, tmp_path, made):
    with pytest.raises(UnsafeRegistry, match="belongs to another user") as refused:
        found(**made)
    assert f"--registry {tmp_path}/.modelreg" in refused.value.hint
    assert Registry(tmp_path / ".modelreg").models() == []


def test_a_folder_above_that_may_not_be_searched_is_passed_over(tmp_path, modelreg, without_privilege):
    (tmp_path / "closed" / "here").mkdir(parents=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    run = ["sh", "-c", f'cd "{tmp_path}/closed/here" && chmod 0 .. && exec "$@"', "sh", *without_privilege]
    try:
        done = subprocess.run([*run, modelreg, "list"], capture_output=True, text=True, check=False, env=environment)
    finally:
        os.chmod(tmp_path / "closed", 0o700)
    assert done.returncode == 10
    assert "error: " in done.stderr


ADDRESSES = ("s3://bucket/models", "gs://bucket", "https://example.org/models", "file:///srv/models")


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "words",
    [
        ("list", "--registry"),
        ("init", "--registry"),
        ("backup",),
        ("restore",),
        ("export", "churn/1"),
        ("load", "churn/1", "-o"),
        ("predict", "churn/1", "-i", "model.bin", "-o"),
    ],
    ids=" ".join,
)
def test_an_address_is_no_folder_and_nothing_is_made_of_it(registry, model_file, project, command, words, address):
    registry.register(model_file(), "churn")
    before = sorted(os.listdir())
    named = [] if words[-1] == "--registry" else ["--registry", registry.folder]
    done = command(*words, address, *named)
    assert done.returncode == 2
    assert "is an address, and a local path is needed" in done.stderr
    assert ("hint: write /srv/models" in done.stderr) is address.startswith("file:")
    assert sorted(os.listdir()) == before


def test_an_address_in_the_environment_is_no_folder_either(project, command, monkeypatch):
    monkeypatch.setenv("MODELREG_HOME", "s3://bucket/models")
    assert "is an address" in command("list").stderr
    monkeypatch.setenv("MODELREG_HOME", f"{project}/s3:/bucket")  # which nobody writes who means an address
    assert "is an address" not in command("list").stderr
