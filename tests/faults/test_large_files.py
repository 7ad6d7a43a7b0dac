"""Large files, copied by the kernel in a second thread: unsupported file systems, errors, another disk."""

from __future__ import annotations

import os
import tempfile
from hashlib import sha256

import pytest

from .conftest import assert_sound, contents_of, leftovers, stderr_of

pytestmark = pytest.mark.fault

PIECE = 8 * 1024 * 1024  # bytes per call of copy_file_range


@pytest.fixture
def large(tmp_path):
    """A file of several pieces."""
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(4 * PIECE + 5))
    return path


def failing_copies(error, when):
    """A command prefix that makes copy_file_range fail with ``error`` at the call ``when`` of each thread."""
    prefix = ["strace", "-D", "-f", "-qqq", "-o", "/dev/null", "-e", "trace=copy_file_range"]
    return [*prefix, "-e", f"inject=copy_file_range:error={error}:when={when}"]


@pytest.mark.parametrize("error", ["ENOSYS", "EXDEV", "EINVAL", "EOPNOTSUPP", "EPERM"])
def test_large_file_is_copied_without_copy_file_range(copy_registry, large, can_trace, error):
    run = copy_registry()
    result = run("register", large, "--name", "large", prefix=failing_copies(error, "1+"))
    assert result.returncode == 0, stderr_of(result)
    assert_sound(run)
    path = run("load", "large/1").stdout.strip()
    with open(path, "rb") as loaded:
        assert sha256(loaded.read()).digest() == sha256(large.read_bytes()).digest()


@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EDQUOT"])
@pytest.mark.parametrize("when", ["1", "3", "5+"])
def test_disk_error_in_a_large_file_registers_nothing(copy_registry, large, can_trace, error, when):
    run = copy_registry()
    before = contents_of(run.registry)
    result = run("register", large, "--name", "large", prefix=failing_copies(error, when))
    assert (result.returncode, result.stdout) == (8, ""), stderr_of(result)
    assert contents_of(run.registry) == before
    assert leftovers(run.registry) == []
    assert_sound(run)
    assert run("register", large, "--name", "large").returncode == 0


def test_file_on_another_file_system_is_registered(copy_registry, large, tmp_path):
    folders = [
        folder
        for folder in ("/dev/shm", tempfile.gettempdir())
        if os.path.isdir(folder) and os.stat(folder).st_dev != os.stat(tmp_path).st_dev
    ]
    if not folders:
        pytest.skip("there is no second file system")
    run = copy_registry()
    elsewhere = f"{folders[0]}/{os.getpid()}-{large.name}"
    try:
        with open(elsewhere, "wb") as copy:
            copy.write(large.read_bytes())
        assert run("register", elsewhere, "--name", "large").returncode == 0
    finally:
        os.unlink(elsewhere)
    assert_sound(run)
