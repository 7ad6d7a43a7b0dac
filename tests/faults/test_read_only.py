"""A registry that may be read and not written: reading works, and changing it is refused in words."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from .conftest import Command, assert_sound, facts, said, tree

pytestmark = pytest.mark.fault

READING = (
    ["list"], ["list", "--json"], ["versions", "churn"], ["show", "churn/Production"], ["history"], ["info"],
    ["verify"], ["diff", "churn/1", "churn/2"], ["load", "churn/1"], ["load", "intent/latest"],
)  # fmt: skip
CHANGING = (
    ["register", "{new}", "--name", "churn"],
    ["register", "{old}", "--name", "churn"],
    ["transition", "churn", "2", "Production", "--archive-existing"],
    ["tag", "churn/1", "a=b"],
    ["alias", "churn/2", "challenger"],
    ["rename", "churn", "other"],
    ["delete", "churn/2", "--yes"],
    ["gate", "add", "churn", "Production", "metrics.auc > 0.5"],
)


@pytest.fixture
def apart(stocked_once):
    """A folder that every user can reach, unlike those of tests, with the stocked registry in it."""
    folder = Path(tempfile.mkdtemp(prefix="modelreg-faults-"))
    folder.chmod(0o755)
    shutil.copytree(stocked_once / "registry", folder / "registry")
    (folder / "new.bin").write_bytes(b"new")
    shutil.copy(stocked_once / "one.bin", folder / "one.bin")
    (folder / "home").mkdir(mode=0o777)
    (folder / "home").chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def hold_against(run, folder, before=()):
    """All that reads works, all that changes exits with 8, and nothing is touched."""
    known = tree(run.registry)
    for words in READING:
        done = run(*words, before=before)
        assert done.returncode == 0, (words, done.stderr)
        assert not done.stderr.startswith("error"), done.stderr
    loaded = Path(run("load", "churn/1", before=before).stdout.rstrip("\n"))
    assert loaded.is_relative_to(folder / "home")
    assert loaded.read_bytes() == (folder / "one.bin").read_bytes()
    for words in CHANGING:
        filled = [word.format(new=folder / "new.bin", old=folder / "one.bin") for word in words]
        done = run(*filled, before=before)
        assert (done.returncode, done.stdout) == (8, ""), (words, done.stderr)
        assert "nothing was changed" in said(done)
        assert str(run.registry) in done.stderr
        assert "hint: " in done.stderr
    assert tree(run.registry) == known


def test_what_belongs_to_another_user_can_be_read_and_not_changed(apart, as_user):
    run = Command(apart / "registry", {"XDG_CACHE_HOME": str(apart / "home"), "HOME": str(apart / "home")})
    held = facts(run.registry)
    hold_against(run, apart, as_user(65534))
    assert facts(run.registry) == held
    assert_sound(run)


def test_a_folder_without_any_permission_to_write_can_be_read_and_not_changed(apart):
    """Of the same user, as after ``chmod -R a-w``; the powers of root are given up."""
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and setpriv (util-linux) is not there to change that")
    before = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"] if os.geteuid() == 0 else []
    run = Command(apart / "registry", {"XDG_CACHE_HOME": str(apart / "home")})
    subprocess.run(["chmod", "-R", "a-w", run.registry], check=True)
    hold_against(run, apart, before)
    subprocess.run(["chmod", "-R", "u+w", run.registry], check=True)


def test_a_read_only_mount_can_be_read_and_not_changed_even_by_root(apart):
    run = Command(apart / "registry", {"XDG_CACHE_HOME": str(apart / "home")})
    mounted = subprocess.run(
        ["mount", "--bind", "-o", "ro", run.registry, run.registry], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.strip()}")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", run.registry], check=True)
        hold_against(run, apart)
    finally:
        subprocess.run(["umount", run.registry], check=True)
    assert_sound(run)


def test_a_registry_cannot_be_made_in_a_folder_that_cannot_be_written(apart, as_user):
    (apart / "locked").mkdir(mode=0o755)
    run = Command(apart / "locked" / "registry", {"HOME": str(apart / "home")})
    done = run("register", apart / "new.bin", "--name", "churn", before=as_user(65534))
    assert (done.returncode, done.stdout) == (8, ""), done.stderr
    assert str(run.registry) in said(done)
    assert os.listdir(apart / "locked") == []


UNREADABLE = "churn/1\tone.bin\tis unreadable in the store: Permission denied"


def test_a_blob_that_may_not_be_read_is_named(apart, as_user):
    """The registry of a group whose files came with the wrong modes."""
    blob = next(path for path in (apart / "registry/artifacts/blobs/sha256").iterdir() if path.stat().st_size == 1000)
    blob.chmod(0)
    run = Command(apart / "registry", {"XDG_CACHE_HOME": str(apart / "home"), "HOME": str(apart / "home")})
    done = run("load", "churn/1", before=as_user(65534))
    assert (done.returncode, done.stdout) == (8, "")
    assert f"{blob.parent}" in said(done)
    assert "Permission denied" in done.stderr
    found = run("verify", before=as_user(65534))
    assert (found.returncode, found.stdout.splitlines()[1:]) == (6, [UNREADABLE])
    assert run("load", "churn/2", before=as_user(65534)).returncode == 0
