"""Special files in a model, and files that change while they are read, are refused; nothing is stored."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import chdir

import pytest

from .conftest import assert_sound, contents_of, leftovers, stderr_of, tree
from .strace import Moment

pytestmark = pytest.mark.fault


def make_socket(path):
    server = socket.socket(socket.AF_UNIX)
    with chdir(path.parent):  # a socket address is at most 108 bytes
        server.bind(path.name)
    server.close()


def make_device(path):
    try:
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero, which never ends
    except PermissionError:
        pytest.skip("only root can create a device")


SPECIAL_FILES = {
    "FIFO": ("a FIFO", os.mkfifo),
    "socket": ("a socket", make_socket),
    "character device": ("a character device", make_device),
    "link to a file": ("a symbolic link", lambda path: path.symlink_to("/etc/hostname")),
    "link to nowhere": ("a symbolic link", lambda path: path.symlink_to("nowhere")),
    "link to its own folder": ("a symbolic link", lambda path: path.symlink_to(".")),
}
"""Kind of file -> its name in the message, and a function that creates it."""


@pytest.mark.parametrize("kind", SPECIAL_FILES)
def test_special_file_in_a_folder_is_refused_by_path(copy_registry, tmp_path, kind):
    run = copy_registry()
    before = tree(run.registry)
    model = tmp_path / "model"
    (model / "deep").mkdir(parents=True)
    (model / "weights.bin").write_bytes(b"w")
    message, create = SPECIAL_FILES[kind]
    create(model / "deep" / "odd")
    result = run("register", model, "--name", "churn")
    assert (result.returncode, result.stdout) == (2, "")
    assert "'deep/odd'" in stderr_of(result)
    assert message in result.stderr
    assert tree(run.registry) == before


@pytest.mark.parametrize("kind", ["FIFO", "socket", "character device"])
def test_special_file_as_the_model_is_refused(copy_registry, tmp_path, kind):
    run = copy_registry()
    before = tree(run.registry)
    message, create = SPECIAL_FILES[kind]
    create(tmp_path / "odd")
    (tmp_path / "link").symlink_to("odd")
    for path in (tmp_path / "odd", tmp_path / "link"):
        result = run("register", path, "--name", "churn")
        assert (result.returncode, result.stdout) == (2, "")
        assert message in stderr_of(result)
    assert tree(run.registry) == before


LARGE = 40_000_000


def grow(path):
    with path.open("ab") as file:
        file.write(b"more")


def overwrite(path):
    with path.open("r+b") as file:
        file.seek(LARGE - 1000)
        file.write(b"other bytes")


def overwrite_start(path):
    with path.open("r+b") as file:
        file.write(b"other bytes")


def replace(path):
    """Rename another file over it, as most programs save; the file being read stays intact."""
    (path.parent / "new.bin").write_bytes(b"n" * LARGE)
    os.replace(path.parent / "new.bin", path)


CHANGES = {
    "grows": grow,
    "is cut": lambda path: os.truncate(path, LARGE // 2),
    "is emptied": lambda path: os.truncate(path, 0),
    "is written to": overwrite,
    "is written to where it was already read": overwrite_start,
}


@pytest.fixture
def large_model(tmp_path):
    """A folder with a large file, large enough to stop a registration while it copies it."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a.bin").write_bytes(b"a")
    (folder / "large.bin").write_bytes(b"l" * LARGE)
    return folder


IN_THE_MIDDLE = Moment("copy_file_range", 3, "eight megabytes per call")
"""The copying thread has copied a part of the large file."""


@pytest.mark.parametrize("kind", CHANGES)
def test_file_that_changes_while_it_is_copied_is_refused(
    copy_registry,
    large_model,
    can_trace,
    start_stopped,
    kind,
):
    arguments = ("register", large_model, "--name", "churn")
    run = copy_registry()
    before, blobs = contents_of(run.registry), tree(run.registry / "artifacts")
    process = start_stopped(run, *arguments, moment=IN_THE_MIDDLE)
    CHANGES[kind](large_model / "large.bin")
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, ""), err
    assert "'large.bin' changed while it was read; nothing was registered" in err
    assert leftovers(run.registry) == []
    assert contents_of(run.registry) == before
    assert tree(run.registry / "artifacts") == blobs
    assert run(*arguments).stdout == "churn/3\n"
    assert_sound(run)


def test_file_removed_before_it_is_read_is_refused(copy_registry, large_model, can_trace, start_stopped):
    arguments = ("register", large_model, "--name", "churn")
    moments = copy_registry("counted").moments(*arguments)
    run = copy_registry()
    before = contents_of(run.registry)
    process = start_stopped(run, *arguments, moment=next(moment for moment in moments if moment.call == "flock"))
    (large_model / "large.bin").unlink()
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, ""), err
    assert "'large.bin'" in err
    assert leftovers(run.registry) == []
    assert contents_of(run.registry) == before


def test_file_replaced_by_a_fifo_is_refused_without_blocking(
    copy_registry,
    large_model,
    can_trace,
    start_stopped,
):
    arguments = ("register", large_model, "--name", "churn")
    moments = copy_registry("counted").moments(*arguments)
    run = copy_registry()
    process = start_stopped(run, *arguments, moment=next(moment for moment in moments if moment.call == "flock"))
    (large_model / "large.bin").unlink()
    os.mkfifo(large_model / "large.bin")
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, ""), err
    assert "'large.bin' is not a regular file any more" in err
    assert leftovers(run.registry) == []


def test_file_replaced_while_it_is_copied_is_stored_as_it_was_or_refused(
    copy_registry,
    large_model,
    can_trace,
    start_stopped,
):
    arguments = ("register", large_model, "--name", "churn")
    run = copy_registry()
    process = start_stopped(run, *arguments, moment=IN_THE_MIDDLE)
    replace(large_model / "large.bin")
    process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (0, 2), err
    if process.returncode == 0:
        loaded = run("load", "churn/3").stdout.rstrip("\n")
        with open(f"{loaded}/large.bin", "rb") as file:
            assert set(file.read()) == {ord("l")}
    assert leftovers(run.registry) == []
    assert_sound(run)
