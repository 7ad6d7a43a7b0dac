"""A full file system: a tmpfs of a few megabytes, mounted for the test."""

from __future__ import annotations

import os
import subprocess

import pytest

from .conftest import Command, assert_sound, contents_of, leftovers, stderr_of

pytestmark = pytest.mark.fault

MEGABYTE = 1_000_000


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of 6 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=6000000", "none", folder]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"mounting is not permitted: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def make_model(folder, size, number=0):
    path = folder / f"model-{number}.bin"
    path.write_bytes(os.urandom(size))
    return path


def test_model_that_does_not_fit_is_refused(small_disk, tmp_path):
    run = Command(small_disk / "registry")
    assert run("register", make_model(tmp_path, MEGABYTE), "--name", "churn").returncode == 0
    before = contents_of(run.registry)
    for size in (8 * MEGABYTE, 50 * MEGABYTE):
        result = run("register", make_model(tmp_path, size, 1), "--name", "churn")
        message = stderr_of(result)
        assert (result.returncode, result.stdout) == (8, ""), message
        assert "No space left on device; nothing was changed" in message
        assert str(run.registry) in message
        assert f"{size} bytes are needed" in message
        assert "bytes are free" in message
        assert leftovers(run.registry) == []
        assert contents_of(run.registry) == before
        assert_sound(run)
    assert run("register", make_model(tmp_path, MEGABYTE, 2), "--name", "churn").stdout == "churn/2\n"
    assert_sound(run)


def test_registration_with_little_free_space_does_everything_or_nothing(small_disk, tmp_path):
    """With free space from nothing to enough, in steps."""
    model = make_model(tmp_path, 300_000)
    filler = small_disk / "filler"
    statuses = set()
    for free in range(0, 1_200_000, 163_840):
        run = Command(small_disk / "registry")
        fill(filler, small_disk, free)
        result = run("register", model, "--name", "churn")
        message = stderr_of(result)
        statuses.add(result.returncode)
        filler.unlink()
        if result.returncode == 0:
            assert contents_of(run.registry)["models"].keys() == {"churn"}
        else:
            assert (result.returncode, result.stdout) == (8, ""), message
            assert "nothing was changed" in message
            assert "bytes are free" in message
        assert leftovers(run.registry) == []
        assert_sound(run)
        assert run("register", model, "--name", "churn").stdout == "churn/1\n"
        assert_sound(run)
        subprocess.run(["rm", "-rf", run.registry], check=True)
    assert statuses == {0, 8}


def test_full_disk_allows_reading_and_refuses_changes(small_disk, tmp_path):
    run = Command(small_disk / "registry", {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    model = make_model(tmp_path, MEGABYTE)
    assert run("register", model, "--name", "churn").returncode == 0
    assert run("load", "churn/1").returncode == 0
    fill(small_disk / "filler", small_disk, 0)
    for arguments in (
        ["list"],
        ["versions", "churn"],
        ["show", "churn/1"],
        ["history"],
        ["verify"],
        ["load", "churn/1"],
    ):
        result = run(*arguments)
        assert result.returncode == 0, (arguments, result.stderr)
    for arguments in (
        ["transition", "churn", "1", "Production"],
        ["tag", "churn/1", "a=b"],
        ["delete", "churn/1", "--yes"],
    ):
        result = run(*arguments)
        assert (result.returncode, result.stdout) == (8, ""), (arguments, result.stderr)
        assert "nothing was changed" in stderr_of(result)
        assert "bytes are free" in result.stderr
    assert_sound(run)
    (small_disk / "filler").unlink()
    assert run("transition", "churn", "1", "Production").returncode == 0
    assert_sound(run)


def test_backup_that_does_not_fit_is_completed_later(small_disk, tmp_path):
    run = Command(tmp_path / "registry")
    assert run("register", make_model(tmp_path, 4 * MEGABYTE), "--name", "churn").returncode == 0
    fill(small_disk / "filler", small_disk, 2 * MEGABYTE)
    result = run("backup", small_disk / "backup")
    message = stderr_of(result)
    assert (result.returncode, result.stdout) == (8, ""), message
    assert "No space left on device; the backup is incomplete; the same command completes it" in message
    assert "nothing was changed" not in message
    assert "bytes are free" in message
    (small_disk / "filler").unlink()
    assert run("backup", small_disk / "backup").returncode == 0
    assert_sound(Command(small_disk / "backup"))
    fill(small_disk / "filler", small_disk, 0)
    assert "the backup is incomplete" in stderr_of(run("backup", small_disk / "backup"))
    assert_sound(Command(small_disk / "backup"))


def test_checkout_that_does_not_fit_is_refused(small_disk, tmp_path):
    run = Command(small_disk / "registry")
    assert run("register", make_model(tmp_path, 4 * MEGABYTE), "--name", "churn").returncode == 0
    for arguments in (["load", "churn/1"], ["load", "churn/1", "-o", small_disk / "there.bin"]):
        result = run(*arguments)
        assert (result.returncode, result.stdout) == (8, ""), result.stderr
        assert "No space left" in stderr_of(result)
    assert sorted(os.listdir(small_disk)) == ["registry"]
    assert os.listdir(run.registry / "checkouts") == []
    assert_sound(run)


def fill(path, folder, free):
    """Write to ``path`` until about ``free`` bytes are left."""
    status = os.statvfs(folder)
    path.write_bytes(bytes(max(0, status.f_bavail * status.f_frsize - free)))
