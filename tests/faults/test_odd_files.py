"""What is no file inside a model, and files that change while they are read: refused by name, and nothing is stored."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import chdir

import pytest

from .conftest import assert_sound, facts, leftovers, said, tree
from .strace import Moment

pytestmark = pytest.mark.fault


def a_socket(path):
    server = socket.socket(socket.AF_UNIX)
    with chdir(path.parent):  # addresses of sockets are short
        server.bind(path.name)
    server.close()


def a_device(path):
    try:
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # as /dev/zero: it never ends
    except PermissionError:
        pytest.skip("this user makes no devices")


ODD = {
    "a FIFO": os.mkfifo,
    "a socket": a_socket,
    "a character device": a_device,
    "a symbolic link": lambda path: path.symlink_to("/etc/hostname"),
    "a symbolic link ": lambda path: path.symlink_to("nowhere"),
    "a symbolic link  ": lambda path: path.symlink_to("."),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_file_is_refused_by_name_wherever_it_is(stock, tmp_path, kind):
    run = stock()
    known = tree(run.registry)
    model = tmp_path / "model"
    (model / "deep").mkdir(parents=True)
    (model / "weights.bin").write_bytes(b"w")
    ODD[kind](model / "deep" / "odd")
    done = run("register", model, "--name", "churn")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'deep/odd'" in said(done)
    assert kind.strip() in done.stderr
    assert tree(run.registry) == known


@pytest.mark.parametrize("kind", ["a FIFO", "a socket", "a character device"])
def test_what_is_no_file_is_refused_as_the_whole_model(stock, tmp_path, kind):
    run = stock()
    known = tree(run.registry)
    ODD[kind](tmp_path / "odd")
    (tmp_path / "link").symlink_to("odd")
    for path in (tmp_path / "odd", tmp_path / "link"):
        done = run("register", path, "--name", "churn")
        assert (done.returncode, done.stdout) == (2, "")
        assert kind in said(done)
    assert tree(run.registry) == known


LARGE = 40_000_000


def grow(path):
    with path.open("ab") as file:
        file.write(b"more")


def overwrite(path):
    with path.open("r+b") as file:
        file.seek(LARGE - 1000)
        file.write(b"other bytes")


def overwrite_what_was_read(path):
    with path.open("r+b") as file:
        file.write(b"other bytes")


def replace(path):
    """As most programs save: another file takes the name. The one that is being read stays whole."""
    (path.parent / "new.bin").write_bytes(b"n" * LARGE)
    os.replace(path.parent / "new.bin", path)


CHANGES = {
    "grows": grow,
    "is cut": lambda path: os.truncate(path, LARGE // 2),
    "is emptied": lambda path: os.truncate(path, 0),
    "is written to": overwrite,
    "is written to where it was read already": overwrite_what_was_read,
}


@pytest.fixture
def large_model(tmp_path):
    """A folder with a large file, in the middle of which a registration can be stopped."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a.bin").write_bytes(b"a")
    (folder / "large.bin").write_bytes(b"l" * LARGE)
    return folder


IN_THE_MIDDLE = Moment("copy_file_range", 3, "eight megabytes each time")
"""When the thread that copies a large file has copied some of it."""


@pytest.mark.parametrize("kind", CHANGES)
def test_a_file_that_changes_while_it_is_copied_is_refused_by_name_and_nothing_is_stored(
    stock,
    large_model,
    can_trace,
    stopped,
    kind,
):
    words = ("register", large_model, "--name", "churn")
    run = stock()
    before, blobs = facts(run.registry), tree(run.registry / "artifacts")
    process = stopped(run, *words, moment=IN_THE_MIDDLE)
    CHANGES[kind](large_model / "large.bin")
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, ""), err
    assert "'large.bin' changed while it was read; nothing was registered" in err
    assert leftovers(run.registry) == []
    assert facts(run.registry) == before
    assert tree(run.registry / "artifacts") == blobs
    assert run(*words).stdout == "churn/3\n"
    assert_sound(run)


def test_a_file_that_is_gone_before_it_is_read_is_named(stock, large_model, can_trace, stopped):
    words = ("register", large_model, "--name", "churn")
    found = stock("counted").moments(*words)
    run = stock()
    before = facts(run.registry)
    process = stopped(run, *words, moment=next(each for each in found if each.call == "flock"))
    (large_model / "large.bin").unlink()
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, ""), err
    assert "'large.bin'" in err
    assert leftovers(run.registry) == []
    assert facts(run.registry) == before


def test_a_file_that_becomes_a_fifo_before_it_is_read_is_refused_without_waiting(
    stock,
    large_model,
    can_trace,
    stopped,
):
    words = ("register", large_model, "--name", "churn")
    found = stock("counted").moments(*words)
    run = stock()
    process = stopped(run, *words, moment=next(each for each in found if each.call == "flock"))
    (large_model / "large.bin").unlink()
    os.mkfifo(large_model / "large.bin")
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, ""), err
    assert "'large.bin' is not a regular file any more" in err
    assert leftovers(run.registry) == []


def test_a_file_that_is_replaced_by_another_while_it_is_copied_is_the_one_it_was_or_refused(
    stock,
    large_model,
    can_trace,
    stopped,
):
    words = ("register", large_model, "--name", "churn")
    run = stock()
    process = stopped(run, *words, moment=IN_THE_MIDDLE)
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
