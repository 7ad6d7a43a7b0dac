"""What is checked is what is used: folders that are swapped, blobs that change, places that belong to a registry."""

from __future__ import annotations

import os
import signal
import stat
import subprocess

import pytest

from modelreg import Registry
from modelreg.errors import InvalidInput

from . import strace
from .conftest import BLOBS, MODELREG, assert_sound, facts, said
from .strace import Moment

pytestmark = pytest.mark.fault

LARGE = 3_000_000


@pytest.mark.parametrize("call", ["openat", "flock"])
def test_a_folder_that_becomes_a_link_brings_no_file_from_elsewhere(stock, tmp_path, can_trace, stopped, call):
    """While the folder is walked, and between that and the reading."""
    model, secret = tmp_path / "model", tmp_path / "secret"
    for folder in (model / "a" / "b", secret / "b"):
        folder.mkdir(parents=True)
    (model / "a" / "b" / "weights.bin").write_bytes(b"weights")
    (secret / "b" / "weights.bin").write_bytes(b"a secret")
    run = stock()
    before = facts(run.registry)
    words = ("register", model, "--name", "churn")
    moment = Moment("flock", 1, "") if call == "flock" else opening_of(stock("counted"), model, words)
    process = stopped(run, *words, moment=moment)
    (model / "a").rename(tmp_path / "moved")
    (model / "a").symlink_to(secret)
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, ""), err
    assert "changed while it was read; nothing was registered" in err or "'a' is a symbolic link" in err
    assert facts(run.registry) == before


def opening_of(run, folder, words):
    """When the walk opens the folder itself."""
    log = run.registry.parent / "log"
    command = ["strace", "-y", "-o", log, "-e", "trace=openat", MODELREG, *map(str, words)]
    subprocess.run(list(map(str, command)), env=run.whole_environment, capture_output=True, check=True)
    lines = [line for line in log.read_text().splitlines() if line.startswith("openat(")]
    number = next(number for number, line in enumerate(lines, 1) if f'"{folder}"' in line)
    return Moment("openat", number, "")


def test_bytes_that_change_between_the_check_and_the_answer_end_with_6(stock, can_trace, stopped, tmp_path):
    run = stock()
    large = tmp_path / "large.bin"
    large.write_bytes(b"l" * LARGE)
    run("register", large, "--name", "large")
    digest = Registry(run.registry).version("large/1").files[0].digest
    out = tmp_path / "out"
    with out.open("wb") as target:
        command = [*strace.at(Moment("lseek", 0, ""), "signal=STOP"), MODELREG, "load", "large/1", "-o", "-"]
        first = number_of_rewind(stock("counted"), large)
        command[command.index("-e") + 3] = f"inject=lseek:signal=STOP:when={first}"
        process = subprocess.Popen(command, env=run.whole_environment, stdout=target, stderr=subprocess.PIPE, text=True)
        os.waitpid(process.pid, os.WUNTRACED)
        blob = run.registry / BLOBS / digest.removeprefix("sha256:")
        blob.chmod(0o644)
        with blob.open("r+b") as file:
            file.seek(LARGE - 10)
            file.write(b"x")
        process.send_signal(signal.SIGCONT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 6, err
    assert "wrong bytes were written" in err


def number_of_rewind(run, large):
    """Which of the calls of lseek goes back to the start of the blob."""
    run("register", large, "--name", "large")
    log = run.registry.parent / "log"
    command = ["strace", "-y", "-o", log, "-e", "trace=lseek", MODELREG, "load", "large/1", "-o", "-"]
    subprocess.run(list(map(str, command)), env=run.whole_environment, stdout=subprocess.DEVNULL, check=True)
    lines = [line for line in log.read_text().splitlines() if line.startswith("lseek(")]
    return next(number for number, line in enumerate(lines, 1) if BLOBS in line and ", 0, SEEK_SET" in line)


def test_nobody_else_can_open_a_checkout_before_it_is_finished(stock, can_trace, stopped):
    """Whatever the umask: who holds a descriptor could write to a file after its path was printed."""
    run = stock()
    mask = os.umask(0)
    try:
        process = stopped(run, "load", "intent/1", moment=Moment("chmod", 1, ""))
    finally:
        os.umask(mask)
    (private,) = [path for path in (run.registry / "checkouts").iterdir() if path.name.startswith(".")]
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert not any(stat.S_IMODE(path.stat().st_mode) & 0o022 for path in private.rglob("*"))
    process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert not any(path.stat().st_mode & 0o022 for path in (run.registry / "checkouts").rglob("*"))


def test_a_checkout_that_is_being_built_is_not_pruned(stock, can_trace, stopped):
    run = stock()
    process = stopped(run, "load", "intent/1", moment=Moment("chmod", 1, ""))
    done = run("prune", "--grace", "0", "--lock-timeout", "0.2")
    assert done.returncode == 9, said(done)
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert os.path.exists(out.rstrip("\n") + "/config.json")


PLACES = ("catalog.db", "write.lock", "artifacts/blobs/sha256/x.csv", "checkouts/x.csv", "catalog.db-journal")


@pytest.mark.parametrize("place", PLACES)
def test_nothing_is_written_over_a_registry_s_own_files(stock, tmp_path, place):
    run = stock()
    (tmp_path / "link").symlink_to(run.registry)
    for target in (run.registry / place, tmp_path / "link" / place):
        done = run("load", "churn/1", "-o", target, "--force")
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert "is inside the registry" in said(done)
    assert run("export", "churn/1", run.registry / "artifacts" / "new").returncode == 2
    with pytest.raises(InvalidInput, match="is inside the registry"):
        Registry(run.registry).predict("churn/1", tmp_path / "x.csv", run.registry / "artifacts" / "x.csv")
    assert_sound(run)


def test_a_folder_in_a_blob_s_place_is_healed_by_registering_again(stock):
    run = stock()
    digest = Registry(run.registry).version("churn/1").files[0].digest
    blob = run.registry / BLOBS / digest.removeprefix("sha256:")
    blob.unlink()
    (blob / "deep" / "er").mkdir(parents=True)
    (blob / "deep" / "file").write_bytes(b"x")
    assert run("verify").returncode == 6
    done = run("register", "one.bin", "--name", "churn")
    assert done.returncode == 0, done.stderr
    assert_sound(run)


def test_a_folder_of_1100_levels_is_registered_loaded_copied_and_pruned(stock, tmp_path):
    run = stock()
    model = tmp_path / "model"
    model.mkdir()
    top = os.open(model, os.O_RDONLY)
    here = os.dup(top)
    for _ in range(1100):
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(os.open("weights.bin", os.O_WRONLY | os.O_CREAT, dir_fd=here))
    os.close(here)
    os.close(top)
    for words in (
        ["register", model, "--name", "deep"],
        ["load", "deep/1"],
        ["load", "deep/1"],
        ["load", "deep/1", "-o", tmp_path / "copy"],
        ["delete", "deep/1", "--yes"],
        ["prune", "--grace", "0"],
    ):
        done = run(*words)
        assert done.returncode == 0, (words, done.stderr)
    assert not any((run.registry / "checkouts").iterdir())
    for folder in (model, tmp_path / "copy"):  # which pytest cannot remove
        subprocess.run(["rm", "-rf", folder], check=True)


def test_a_name_as_long_as_names_can_be_is_registered_loaded_and_copied(stock, tmp_path):
    run = stock()
    name = "n" * 255
    (tmp_path / name).write_bytes(b"long")
    assert run("register", tmp_path / name, "--name", "long").returncode == 0
    (tmp_path / "out").mkdir()
    for words in (["load", "long/1"], ["load", "long/1", "-o", f"{tmp_path}/out/"]):
        done = run(*words)
        assert done.returncode == 0, done.stderr
        assert os.path.basename(done.stdout.rstrip("\n")) == name


@pytest.mark.parametrize("name", ["with\ttab", "with\x1bescape", "naïve"])
def test_what_load_prints_is_the_path(stock, tmp_path, name):
    run = stock()
    (tmp_path / name).write_bytes(b"odd")
    assert run("register", tmp_path / name, "--name", "odd").returncode == 0
    done = run("load", "odd/1")
    with open(done.stdout.removesuffix("\n"), "rb") as file:
        assert file.read() == b"odd"


def test_a_path_with_a_newline_is_refused_as_a_line_and_given_as_json(stock, tmp_path):
    run = stock()
    (tmp_path / "with\nnewline").write_bytes(b"odd")
    assert run("register", tmp_path / "with\nnewline", "--name", "odd").returncode == 0
    done = run("load", "odd/1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "modelreg load odd/1 --json" in said(done)
    assert run("load", "odd/1", "--json").returncode == 0


def test_the_digest_of_names_beyond_ascii_is_the_same_in_every_locale(stock, tmp_path):
    """Python takes file names for ASCII here, and for Latin-1 in the locales of old systems."""
    model = tmp_path / "model"
    model.mkdir()
    (model / "naïve.bin").write_bytes(b"n")
    run, other = stock("utf-8"), stock("ascii")
    other.environment |= {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    printed = []
    for each in (run, other):
        done = each("register", model, "--name", "intl")
        assert done.returncode == 0, done.stderr
        printed.append(Registry(each.registry).version("intl/1").digest)
        loaded = each("load", "intl/1").stdout.rstrip("\n")
        assert os.listdir(loaded) == ["naïve.bin"]
        copied = each("load", "intl/1", "-o", each.registry.parent / "copy")
        assert copied.returncode == 0, copied.stderr
        assert os.listdir(each.registry.parent / "copy") == ["naïve.bin"]
    assert printed[0] == printed[1]


def test_a_pipe_of_the_shell_is_named_as_what_it_is(stock):
    run = stock()
    words = f"echo x | {MODELREG} register /dev/stdin --name piped; {MODELREG} register <(echo x) --name piped"
    done = subprocess.run(["bash", "-c", words], env=run.whole_environment, capture_output=True, text=True, check=False)
    assert done.stderr.count("is a FIFO, not a file or folder") == 2
    assert done.returncode == 2
