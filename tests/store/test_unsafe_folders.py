"""Unsafe registry folders: links, FIFOs and wrong file types in it, strange modes, other owners, URLs as paths."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import chdir

import pytest

from modelreg import Registry
from modelreg.errors import CatalogDamaged, Conflict, UnsafeRegistry

FOLDERS = ("artifacts", "artifacts/blobs", "artifacts/blobs/sha256", "artifacts/ingest", "checkouts")
FILES = ("write.lock", "prune.lock", ".gitignore", "artifacts/oci-layout", "artifacts/index.json", "catalog.db-journal")


def make_link(path):
    target = path.parents[len(path.parents) - 1 - path.parts.index("project")] / "elsewhere"
    if not target.exists():
        target.mkdir() if path.name in {name.rpartition("/")[2] for name in FOLDERS} else target.write_text("important")
    path.symlink_to(target)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as server, chdir(path.parent):  # a socket address is at most 108 bytes
        server.bind(path.name)


OBSTACLES = {
    "a link": make_link,
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "a FIFO": os.mkfifo,
    "a socket": make_socket,
}


def tree(folder):
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else None)
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The current folder: it contains a model file and an empty ``.modelreg``."""
    (tmp_path / "project" / ".modelreg").mkdir(parents=True)
    (tmp_path / "project" / "model.bin").write_bytes(b"a model")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def command(modelreg):
    def run(*arguments):
        return subprocess.run([modelreg, *arguments], capture_output=True, text=True, check=False, timeout=30)

    return run


@pytest.mark.parametrize("kind", OBSTACLES)
@pytest.mark.parametrize("name", [*FOLDERS, *FILES])
def test_first_registration_refuses_an_obstacle_in_the_registry_folder(project, name, kind):
    path = project / ".modelreg" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    OBSTACLES[kind](path)
    before = tree(project)
    with pytest.raises(UnsafeRegistry, match=f"\\.modelreg/{name}' is") as error_info:
        Registry(project / ".modelreg").register("model.bin", "churn")
    assert error_info.value.exit == 10
    assert tree(project) == before


@pytest.mark.parametrize("name", FILES)
def test_init_names_a_folder_in_the_place_of_a_file(project, command, name):
    (project / ".modelreg" / name).mkdir(parents=True)
    before = tree(project)
    result = command("init")
    assert result.returncode == 10
    assert f"{name}' is not a file" in result.stderr
    assert tree(project) == before


def test_register_in_a_cloned_repository_does_not_write_through_its_links(tmp_path, project, command, monkeypatch):
    users_file = tmp_path / "bashrc"
    users_file.write_text("export PRECIOUS=1")
    (project / ".modelreg" / ".gitignore").symlink_to("../../bashrc")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", project]
    for arguments in (["init", "-q"], ["add", "-A", "-f"], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *arguments], check=True)
    subprocess.run(["git", "clone", "-q", project, tmp_path / "clone"], check=True)
    monkeypatch.chdir(tmp_path / "clone")
    result = command("register", "model.bin", "--name", "churn")
    assert result.returncode == 10
    assert ".gitignore' is a link" in result.stderr
    assert users_file.read_text() == "export PRECIOUS=1"


@pytest.mark.parametrize("name", ["artifacts", "checkouts", ".gitignore", "write.lock", "artifacts/index.json"])
def test_registry_with_a_link_in_it_is_refused(registry, model_file, tmp_path, name):
    registry.register(model_file(), "churn")
    (registry.folder / name).rename(tmp_path / "elsewhere")
    (registry.folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafeRegistry, match=f"{name}' is a link"):
        registry.models()


@pytest.mark.parametrize("name", ["write.lock", "prune.lock", "catalog.db-journal", "catalog.db-wal"])
def test_every_command_names_a_folder_in_the_place_of_a_file_as_damage(registry, model_file, name):
    registry.register(model_file(), "churn")
    (registry.folder / name).unlink(missing_ok=True)
    (registry.folder / name).mkdir()
    for call in (registry.models, registry.verify, registry.prune, lambda: registry.tag("churn", {"a": "b"})):
        with pytest.raises(CatalogDamaged, match=f"{name}' is not a file") as error_info:
            list(call())
        assert error_info.value.exit == 6


def test_backup_refuses_an_existing_backup_with_a_link_in_it(registry, model_file, tmp_path):
    registry.register(model_file(), "churn")
    registry.backup(tmp_path / "backup")
    (tmp_path / "backup" / ".gitignore").unlink()
    (tmp_path / "backup" / ".gitignore").symlink_to(tmp_path / "victim")
    with pytest.raises(Conflict, match="gitignore' is a link") as refused:
        registry.backup(tmp_path / "backup")
    assert refused.value.code == "unusable_backup"
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize("kind", ["a link", "a FIFO"])
@pytest.mark.parametrize("name", ["checkouts", ".gitignore"])
def test_backup_refuses_an_obstacle_in_an_unfinished_backup(registry, model_file, project, kind, name):
    registry.register(model_file(), "churn")
    folder = project / "backup"
    folder.mkdir()
    (folder / "unfinished-backup").write_text("0:")
    OBSTACLES[kind](folder / name)
    before = tree(folder)
    with pytest.raises(UnsafeRegistry, match=f"{name}' is"):
        registry.backup(folder)
    assert tree(folder) == before


@pytest.mark.parametrize("kind", OBSTACLES)
def test_restore_refuses_an_obstacle_in_the_target_folder(registry, model_file, project, kind):
    registry.register(model_file(), "churn")
    registry.backup(project / "backup")
    OBSTACLES[kind](project / ".modelreg" / "checkouts")
    before = tree(project / ".modelreg")
    with pytest.raises(UnsafeRegistry, match="checkouts' is"):
        type(registry)(project / ".modelreg").restore(project / "backup")
    assert tree(project / ".modelreg") == before


def test_backup_does_not_block_on_a_fifo_as_marker(registry, model_file, project):
    registry.register(model_file(), "churn")
    (project / "backup").mkdir()
    os.mkfifo(project / "backup" / "unfinished-backup")
    with pytest.raises(Conflict) as refused:
        registry.backup(project / "backup")
    assert refused.value.code == "unusable_backup"


@pytest.mark.parametrize("name", ["oci-layout", "index.json"])
def test_verify_names_a_fifo_as_layout_file_without_blocking(registry, model_file, name):
    registry.register(model_file(), "churn")
    (registry.folder / "artifacts" / name).unlink()
    os.mkfifo(registry.folder / "artifacts" / name)
    with pytest.raises(CatalogDamaged, match=name):
        list(registry.verify())


SLOW = pytest.mark.slow


@pytest.mark.slow
@pytest.mark.parametrize("umask", [0o777, *(pytest.param(mask, marks=SLOW) for mask in (0o477, 0o277, 0o177))], ids=oct)
def test_commands_work_with_a_restrictive_umask(as_user, modelreg, umask):
    prefix = as_user(12345)
    folder = tempfile.mkdtemp(prefix="modelreg-umask-")  # every user can reach it, unlike tmp_path
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
        for arguments in (
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
            result = subprocess.run(
                [*prefix, modelreg, *arguments],
                umask=umask,
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert result.returncode == 0, (arguments, result.stderr)
    finally:
        shutil.rmtree(folder)


OTHER_USER_ID = 12345
"""An unused user id and group id."""


@pytest.fixture
def find_registry(tmp_path, monkeypatch):
    """Create a ``.modelreg`` above the current folder with given owners; return the folder that `Registry` finds."""
    if os.geteuid() != 0:
        pytest.skip("only root can change the owner of a folder")

    def create_and_find(*, shared=False, owner=0, group=0, link_of=None):
        folder = tmp_path / ("real" if link_of is not None else ".modelreg")
        Registry(folder).create(shared=shared)
        os.chown(folder, owner, group)
        if link_of is not None:
            (tmp_path / ".modelreg").symlink_to(folder)
            os.chown(tmp_path / ".modelreg", link_of, link_of, follow_symlinks=False)
        (tmp_path / "below").mkdir()
        monkeypatch.chdir(tmp_path / "below")
        return Registry().folder

    return create_and_find


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"shared": True},
        {"shared": True, "owner": OTHER_USER_ID},
        {"group": OTHER_USER_ID},
        {"link_of": 0},
    ],
)
def test_registry_found_upward_is_used_if_the_caller_or_a_group_of_the_caller_owns_it(find_registry, tmp_path, options):
    assert find_registry(**options).samefile(tmp_path / ".modelreg")


@pytest.mark.parametrize(
    "options",
    [
        {"owner": OTHER_USER_ID},
        {"owner": OTHER_USER_ID, "group": OTHER_USER_ID},
        {"owner": OTHER_USER_ID, "group": OTHER_USER_ID, "shared": True},
        {"link_of": OTHER_USER_ID},
        {"link_of": OTHER_USER_ID, "shared": True},
        {"owner": OTHER_USER_ID, "shared": True, "link_of": OTHER_USER_ID},
    ],
)
def test_registry_of_another_user_found_upward_is_refused_unless_named(find_registry, tmp_path, options):
    with pytest.raises(UnsafeRegistry, match="belongs to another user") as error_info:
        find_registry(**options)
    assert f"--registry {tmp_path}/.modelreg" in error_info.value.hint
    assert Registry(tmp_path / ".modelreg").models() == []


def test_registry_lookup_skips_a_parent_folder_without_search_permission(tmp_path, modelreg, without_privilege):
    (tmp_path / "closed" / "here").mkdir(parents=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    run = ["sh", "-c", f'cd "{tmp_path}/closed/here" && chmod 0 .. && exec "$@"', "sh", *without_privilege]
    try:
        result = subprocess.run([*run, modelreg, "list"], capture_output=True, text=True, check=False, env=environment)
    finally:
        os.chmod(tmp_path / "closed", 0o700)
    assert result.returncode == 10
    assert "error: " in result.stderr


URLS = ("s3://bucket/models", "gs://bucket", "https://example.org/models", "file:///srv/models")


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(
    "arguments",
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
def test_url_as_a_path_is_refused_and_creates_no_folder(registry, model_file, project, command, arguments, url):
    registry.register(model_file(), "churn")
    before = sorted(os.listdir())
    named = [] if arguments[-1] == "--registry" else ["--registry", registry.folder]
    result = command(*arguments, url, *named)
    assert result.returncode == 2
    assert "is a URL" in result.stderr
    assert ("hint: use /srv/models" in result.stderr) is url.startswith("file:")
    assert sorted(os.listdir()) == before


def test_url_in_modelreg_home_is_refused(project, command, monkeypatch):
    monkeypatch.setenv("MODELREG_HOME", "s3://bucket/models")
    assert "is a URL" in command("list").stderr
    monkeypatch.setenv("MODELREG_HOME", f"{project}/s3:/bucket")  # a path on purpose
    assert "is a URL" not in command("list").stderr
