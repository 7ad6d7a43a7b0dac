"""A read-only registry: reading works, and changes are refused with a message."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from .conftest import Command, assert_sound, contents_of, stderr_of, tree

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
def public(original_registry):
    """A folder that every user can reach, unlike tmp_path, with a copy of the registry."""
    folder = Path(tempfile.mkdtemp(prefix="modelreg-faults-"))
    folder.chmod(0o755)
    shutil.copytree(original_registry / "registry", folder / "registry")
    (folder / "new.bin").write_bytes(b"new")
    shutil.copy(original_registry / "one.bin", folder / "one.bin")
    (folder / "home").mkdir(mode=0o777)
    (folder / "home").chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def check_read_only(run, folder, prefix=()):
    """Check that reading works, that changes exit with 8, and that nothing was changed."""
    tree_before = tree(run.registry)
    for arguments in READING:
        result = run(*arguments, prefix=prefix)
        assert result.returncode == 0, (arguments, result.stderr)
        assert not result.stderr.startswith("error"), result.stderr
    loaded = Path(run("load", "churn/1", prefix=prefix).stdout.rstrip("\n"))
    assert loaded.is_relative_to(folder / "home")
    assert loaded.read_bytes() == (folder / "one.bin").read_bytes()
    for arguments in CHANGING:
        filled = [argument.format(new=folder / "new.bin", old=folder / "one.bin") for argument in arguments]
        result = run(*filled, prefix=prefix)
        assert (result.returncode, result.stdout) == (8, ""), (arguments, result.stderr)
        assert "nothing was changed" in stderr_of(result)
        assert str(run.registry) in result.stderr
        assert "hint: " in result.stderr
    assert tree(run.registry) == tree_before


def test_registry_of_another_user_is_read_only(public, as_user):
    run = Command(public / "registry", {"XDG_CACHE_HOME": str(public / "home"), "HOME": str(public / "home")})
    contents = contents_of(run.registry)
    check_read_only(run, public, as_user(65534))
    assert contents_of(run.registry) == contents
    assert_sound(run)


def test_registry_without_write_permission_is_read_only(public):
    """Of the same user, after ``chmod -R a-w``; root gives up its capabilities."""
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere without setpriv (util-linux)")
    prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"] if os.geteuid() == 0 else []
    run = Command(public / "registry", {"XDG_CACHE_HOME": str(public / "home")})
    subprocess.run(["chmod", "-R", "a-w", run.registry], check=True)
    check_read_only(run, public, prefix)
    subprocess.run(["chmod", "-R", "u+w", run.registry], check=True)


def test_read_only_mount_is_read_only_for_root(public):
    run = Command(public / "registry", {"XDG_CACHE_HOME": str(public / "home")})
    mounted = subprocess.run(
        ["mount", "--bind", "-o", "ro", run.registry, run.registry], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"mounting is not permitted: {mounted.stderr.strip()}")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", run.registry], check=True)
        check_read_only(run, public)
    finally:
        subprocess.run(["umount", run.registry], check=True)
    assert_sound(run)


def test_creating_a_registry_in_a_read_only_folder_is_refused(public, as_user):
    (public / "locked").mkdir(mode=0o755)
    run = Command(public / "locked" / "registry", {"HOME": str(public / "home")})
    result = run("register", public / "new.bin", "--name", "churn", prefix=as_user(65534))
    assert (result.returncode, result.stdout) == (8, ""), result.stderr
    assert str(run.registry) in stderr_of(result)
    assert os.listdir(public / "locked") == []


UNREADABLE = "churn/1\tone.bin\tis unreadable in the store: Permission denied"


def test_unreadable_blob_is_reported(public, as_user):
    """As in a registry that was copied with wrong modes."""
    blob = next(path for path in (public / "registry/artifacts/blobs/sha256").iterdir() if path.stat().st_size == 1000)
    blob.chmod(0)
    run = Command(public / "registry", {"XDG_CACHE_HOME": str(public / "home"), "HOME": str(public / "home")})
    result = run("load", "churn/1", prefix=as_user(65534))
    assert (result.returncode, result.stdout) == (8, "")
    assert f"{blob.parent}" in stderr_of(result)
    assert "Permission denied" in result.stderr
    verification = run("verify", prefix=as_user(65534))
    assert (verification.returncode, verification.stdout.splitlines()[1:]) == (6, [UNREADABLE])
    assert run("load", "churn/2", prefix=as_user(65534)).returncode == 0
