"""Large files, which the kernel copies where it can, in a second thread: other disks, faults, and what comes back."""

from __future__ import annotations

import os
from hashlib import sha256

import pytest

from .conftest import assert_sound, facts, leftovers, said

pytestmark = pytest.mark.fault

PIECE = 8 * 1024 * 1024  # bytes that are copied at once


@pytest.fixture
def large(tmp_path):
    """A file of several pieces."""
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(4 * PIECE + 5))
    return path


def failing(error, when):
    """What to put before a command whose kernel copies with ``error``, at each thread's call of this number."""
    words = ["strace", "-D", "-f", "-qqq", "-o", "/dev/null", "-e", "trace=copy_file_range"]
    return [*words, "-e", f"inject=copy_file_range:error={error}:when={when}"]


@pytest.mark.parametrize("error", ["ENOSYS", "EXDEV", "EINVAL", "EOPNOTSUPP", "EPERM"])
def test_where_the_kernel_does_not_copy_the_program_does(stock, large, can_trace, error):
    run = stock()
    done = run("register", large, "--name", "large", before=failing(error, "1+"))
    assert done.returncode == 0, said(done)
    assert_sound(run)
    path = run("load", "large/1").stdout.strip()
    with open(path, "rb") as loaded:
        assert sha256(loaded.read()).digest() == sha256(large.read_bytes()).digest()


@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EDQUOT"])
@pytest.mark.parametrize("when", ["1", "3", "5+"])
def test_a_disk_that_fails_in_the_middle_of_a_large_file_leaves_nothing(stock, large, can_trace, error, when):
    run = stock()
    before = facts(run.registry)
    done = run("register", large, "--name", "large", before=failing(error, when))
    assert (done.returncode, done.stdout) == (8, ""), said(done)
    assert facts(run.registry) == before
    assert leftovers(run.registry) == []
    assert_sound(run)
    assert run("register", large, "--name", "large").returncode == 0


def test_a_file_of_another_file_system_is_registered_and_backed_up(stock, large, tmp_path):
    memory = "/dev/shm"
    if not os.path.isdir(memory) or os.stat(memory).st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("there is no second file system")
    run = stock()
    elsewhere = f"{memory}/{os.getpid()}-{large.name}"
    try:
        with open(elsewhere, "wb") as copy:
            copy.write(large.read_bytes())
        assert run("register", elsewhere, "--name", "large").returncode == 0
    finally:
        os.unlink(elsewhere)
    assert_sound(run)
