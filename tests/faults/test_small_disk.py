"""A file system that is really full: a few megabytes of memory, mounted for the test."""

from __future__ import annotations

import os
import subprocess

import pytest

from .conftest import Command, assert_sound, facts, leftovers, said

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
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def a_model(folder, size, number=0):
    path = folder / f"model-{number}.bin"
    path.write_bytes(os.urandom(size))
    return path


def test_a_model_that_does_not_fit_is_refused_and_one_that_fits_is_stored(small_disk, tmp_path):
    run = Command(small_disk / "registry")
    assert run("register", a_model(tmp_path, MEGABYTE), "--name", "churn").returncode == 0
    before = facts(run.registry)
    for size in (8 * MEGABYTE, 50 * MEGABYTE):
        done = run("register", a_model(tmp_path, size, 1), "--name", "churn")
        words = said(done)
        assert (done.returncode, done.stdout) == (8, ""), words
        assert "No space left on device; nothing was changed" in words
        assert str(run.registry) in words
        assert f"{size} bytes are needed" in words
        assert "bytes are free" in words
        assert leftovers(run.registry) == []
        assert facts(run.registry) == before
        assert_sound(run)
    assert run("register", a_model(tmp_path, MEGABYTE, 2), "--name", "churn").stdout == "churn/2\n"
    assert_sound(run)


def test_a_disk_that_fills_up_more_and_more_never_leaves_half_of_anything(small_disk, tmp_path):
    """From the first byte too few to room enough: a registry is made, or not, and a model registered, or not."""
    model = a_model(tmp_path, 300_000)
    filler = small_disk / "filler"
    seen = set()
    for free in range(0, 1_200_000, 81_920):
        run = Command(small_disk / "registry")
        fill(filler, small_disk, free)
        done = run("register", model, "--name", "churn")
        words = said(done)
        seen.add(done.returncode)
        filler.unlink()
        if done.returncode == 0:
            assert facts(run.registry)["models"].keys() == {"churn"}
        else:
            assert (done.returncode, done.stdout) == (8, ""), words
            assert "nothing was changed" in words
            assert "bytes are free" in words
        assert leftovers(run.registry) == []
        assert_sound(run)
        assert run("register", model, "--name", "churn").stdout == "churn/1\n"
        assert_sound(run)
        subprocess.run(["rm", "-rf", run.registry], check=True)
    assert seen == {0, 8}


def test_on_a_full_disk_what_is_there_can_be_read_and_stages_are_refused_in_words(small_disk, tmp_path):
    run = Command(small_disk / "registry", {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    model = a_model(tmp_path, MEGABYTE)
    assert run("register", model, "--name", "churn").returncode == 0
    assert run("load", "churn/1").returncode == 0
    fill(small_disk / "filler", small_disk, 0)
    for words in (["list"], ["versions", "churn"], ["show", "churn/1"], ["history"], ["verify"], ["load", "churn/1"]):
        done = run(*words)
        assert done.returncode == 0, (words, done.stderr)
    for words in (
        ["transition", "churn", "1", "Production"],
        ["tag", "churn/1", "a=b"],
        ["delete", "churn/1", "--yes"],
    ):
        done = run(*words)
        assert (done.returncode, done.stdout) == (8, ""), (words, done.stderr)
        assert "nothing was changed" in said(done)
        assert "bytes are free" in done.stderr
    assert_sound(run)
    (small_disk / "filler").unlink()
    assert run("transition", "churn", "1", "Production").returncode == 0
    assert_sound(run)


def test_a_backup_that_does_not_fit_is_not_finished_and_is_completed_when_there_is_room(small_disk, tmp_path):
    run = Command(tmp_path / "registry")
    assert run("register", a_model(tmp_path, 4 * MEGABYTE), "--name", "churn").returncode == 0
    fill(small_disk / "filler", small_disk, 2 * MEGABYTE)
    done = run("backup", small_disk / "backup")
    words = said(done)
    assert (done.returncode, done.stdout) == (8, ""), words
    assert "No space left on device; the backup is incomplete; the same command completes it" in words
    assert "nothing was changed" not in words
    assert "bytes are free" in words
    (small_disk / "filler").unlink()
    assert run("backup", small_disk / "backup").returncode == 0
    assert_sound(Command(small_disk / "backup"))
    fill(small_disk / "filler", small_disk, 0)
    assert "the backup is not finished" in said(run("backup", small_disk / "backup"))
    assert_sound(Command(small_disk / "backup"))


def test_a_checkout_that_does_not_fit_is_refused_and_leaves_nothing(small_disk, tmp_path):
    run = Command(small_disk / "registry")
    assert run("register", a_model(tmp_path, 4 * MEGABYTE), "--name", "churn").returncode == 0
    for words in (["load", "churn/1"], ["load", "churn/1", "-o", small_disk / "there.bin"]):
        done = run(*words)
        assert (done.returncode, done.stdout) == (8, ""), done.stderr
        assert "No space left" in said(done)
    assert sorted(os.listdir(small_disk)) == ["registry"]
    assert os.listdir(run.registry / "checkouts") == []
    assert_sound(run)


def fill(path, folder, free):
    """Write to ``path`` until just about ``free`` bytes are left."""
    found = os.statvfs(folder)
    path.write_bytes(bytes(max(0, found.f_bavail * found.f_frsize - free)))
