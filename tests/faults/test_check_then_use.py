"""Files that change between check and use, paths inside a registry, and unusual file names."""

from __future__ import annotations

import os
import signal
import stat
import subprocess

import pytest

from modelreg import Registry
from modelreg.errors import InvalidInput

from . import strace
from .conftest import BLOBS, MODELREG, assert_sound, contents_of, stderr_of
from .strace import Moment

pytestmark = pytest.mark.fault

LARGE = 3_000_000


@pytest.mark.parametrize("call", ["openat", "flock"])
def test_folder_replaced_by_a_link_is_refused(copy_registry, tmp_path, can_trace, start_stopped, call):
    """While the files are listed, or between that and reading them."""
    model, secret = tmp_path / "model", tmp_path / "secret"
    for folder in (model / "a" / "b", secret / "b"):
        folder.mkdir(parents=True)
    (model / "a" / "b" / "weights.bin").write_bytes(b"weights")
    (secret / "b" / "weights.bin").write_bytes(b"a secret")
    run = copy_registry()
    before = contents_of(run.registry)
    arguments = ("register", model, "--name", "churn")
    moment = Moment("flock", 1, "") if call == "flock" else opening_call(copy_registry("counted"), model, arguments)
    process = start_stopped(run, *arguments, moment=moment)
    (model / "a").rename(tmp_path / "moved")
    (model / "a").symlink_to(secret)
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, ""), err
    assert "changed while it was read; nothing was registered" in err or "'a' is a symbolic link" in err
    assert contents_of(run.registry) == before


def opening_call(run, folder, arguments):
    """Return the openat call that opens the folder itself."""
    log = run.registry.parent / "log"
    command = ["strace", "-y", "-o", log, "-e", "trace=openat", MODELREG, *map(str, arguments)]
    subprocess.run(list(map(str, command)), env=run.whole_environment, capture_output=True, check=True)
    lines = [line for line in log.read_text().splitlines() if line.startswith("openat(")]
    number = next(number for number, line in enumerate(lines, 1) if f'"{folder}"' in line)
    return Moment("openat", number, "")


def test_blob_changed_between_check_and_output_causes_exit_6(copy_registry, can_trace, start_stopped, tmp_path):
    run = copy_registry()
    large = tmp_path / "large.bin"
    large.write_bytes(b"l" * LARGE)
    run("register", large, "--name", "large")
    digest = Registry(run.registry).version("large/1").files[0].digest
    out = tmp_path / "out"
    with out.open("wb") as target:
        command = [*strace.at(Moment("lseek", 0, ""), "signal=STOP"), MODELREG, "load", "large/1", "-o", "-"]
        number = number_of_rewind(copy_registry("counted"), large)
        command[command.index("-e") + 3] = f"inject=lseek:signal=STOP:when={number}"
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
    """The number of the lseek call that goes back to the start of the blob."""
    run("register", large, "--name", "large")
    log = run.registry.parent / "log"
    command = ["strace", "-y", "-o", log, "-e", "trace=lseek", MODELREG, "load", "large/1", "-o", "-"]
    subprocess.run(list(map(str, command)), env=run.whole_environment, stdout=subprocess.DEVNULL, check=True)
    lines = [line for line in log.read_text().splitlines() if line.startswith("lseek(")]
    return next(number for number, line in enumerate(lines, 1) if BLOBS in line and ", 0, SEEK_SET" in line)


def test_unfinished_checkout_is_private(copy_registry, can_trace, start_stopped):
    """With any umask: who has opened a file could write to it after its path was printed."""
    run = copy_registry()
    mask = os.umask(0)
    try:
        process = start_stopped(run, "load", "intent/1", moment=Moment("chmod", 1, ""))
    finally:
        os.umask(mask)
    (unfinished,) = [path for path in (run.registry / "checkouts").iterdir() if path.name.startswith(".")]
    assert stat.S_IMODE(unfinished.stat().st_mode) == 0o700
    assert not any(stat.S_IMODE(path.stat().st_mode) & 0o022 for path in unfinished.rglob("*"))
    process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert not any(path.stat().st_mode & 0o022 for path in (run.registry / "checkouts").rglob("*"))


def test_prune_waits_for_an_unfinished_checkout(copy_registry, can_trace, start_stopped):
    run = copy_registry()
    process = start_stopped(run, "load", "intent/1", moment=Moment("chmod", 1, ""))
    result = run("prune", "--grace", "0", "--lock-timeout", "0.2")
    assert result.returncode == 9, stderr_of(result)
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert os.path.exists(out.rstrip("\n") + "/config.json")


REGISTRY_PATHS = ("catalog.db", "write.lock", "artifacts/blobs/sha256/x.csv", "checkouts/x.csv", "catalog.db-journal")


@pytest.mark.parametrize("path", REGISTRY_PATHS)
def test_output_paths_inside_a_registry_are_refused(copy_registry, tmp_path, path):
    run = copy_registry()
    (tmp_path / "link").symlink_to(run.registry)
    for target in (run.registry / path, tmp_path / "link" / path):
        result = run("load", "churn/1", "-o", target, "--force")
        assert (result.returncode, result.stdout) == (2, ""), result.stderr
        assert "is inside the registry" in stderr_of(result)
    assert run("export", "churn/1", run.registry / "artifacts" / "new").returncode == 2
    with pytest.raises(InvalidInput, match="is inside the registry"):
        Registry(run.registry).predict("churn/1", tmp_path / "x.csv", run.registry / "artifacts" / "x.csv")
    assert_sound(run)


def test_folder_in_place_of_a_blob_is_repaired_by_registering_again(copy_registry):
    run = copy_registry()
    digest = Registry(run.registry).version("churn/1").files[0].digest
    blob = run.registry / BLOBS / digest.removeprefix("sha256:")
    blob.unlink()
    (blob / "deep" / "er").mkdir(parents=True)
    (blob / "deep" / "file").write_bytes(b"x")
    assert run("verify").returncode == 6
    result = run("register", "one.bin", "--name", "churn")
    assert result.returncode == 0, result.stderr
    assert_sound(run)


def test_folder_of_1100_levels_works_in_every_command(copy_registry, tmp_path):
    run = copy_registry()
    model = tmp_path / "model"
    model.mkdir()
    top = os.open(model, os.O_RDONLY)
    current = os.dup(top)
    for _ in range(1100):
        os.mkdir("d", dir_fd=current)
        deeper = os.open("d", os.O_RDONLY, dir_fd=current)
        os.close(current)
        current = deeper
    os.close(os.open("weights.bin", os.O_WRONLY | os.O_CREAT, dir_fd=current))
    os.close(current)
    os.close(top)
    for arguments in (
        ["register", model, "--name", "deep"],
        ["load", "deep/1"],
        ["load", "deep/1"],
        ["load", "deep/1", "-o", tmp_path / "copy"],
        ["delete", "deep/1", "--yes"],
        ["prune", "--grace", "0"],
    ):
        result = run(*arguments)
        assert result.returncode == 0, (arguments, result.stderr)
    assert not any((run.registry / "checkouts").iterdir())
    for folder in (model, tmp_path / "copy"):  # pytest cannot remove it
        subprocess.run(["rm", "-rf", folder], check=True)


def test_file_name_of_maximum_length_works(copy_registry, tmp_path):
    run = copy_registry()
    name = "n" * 255
    (tmp_path / name).write_bytes(b"long")
    assert run("register", tmp_path / name, "--name", "long").returncode == 0
    (tmp_path / "out").mkdir()
    for arguments in (["load", "long/1"], ["load", "long/1", "-o", f"{tmp_path}/out/"]):
        result = run(*arguments)
        assert result.returncode == 0, result.stderr
        assert os.path.basename(result.stdout.rstrip("\n")) == name


@pytest.mark.parametrize("name", ["with\ttab", "with\x1bescape", "naïve"])
def test_load_prints_the_exact_path(copy_registry, tmp_path, name):
    run = copy_registry()
    (tmp_path / name).write_bytes(b"odd")
    assert run("register", tmp_path / name, "--name", "odd").returncode == 0
    result = run("load", "odd/1")
    with open(result.stdout.removesuffix("\n"), "rb") as file:
        assert file.read() == b"odd"


def test_path_with_a_newline_is_printed_only_as_json(copy_registry, tmp_path):
    run = copy_registry()
    (tmp_path / "with\nnewline").write_bytes(b"odd")
    assert run("register", tmp_path / "with\nnewline", "--name", "odd").returncode == 0
    result = run("load", "odd/1")
    assert (result.returncode, result.stdout) == (2, "")
    assert "modelreg load odd/1 --json" in stderr_of(result)
    assert run("load", "odd/1", "--json").returncode == 0


def test_digest_of_non_ascii_file_names_is_the_same_in_every_locale(copy_registry, tmp_path):
    """Python decodes file names as ASCII here, and as Latin-1 in other old locales."""
    model = tmp_path / "model"
    model.mkdir()
    (model / "naïve.bin").write_bytes(b"n")
    run, other = copy_registry("utf-8"), copy_registry("ascii")
    other.environment |= {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    digests = []
    for command in (run, other):
        result = command("register", model, "--name", "intl")
        assert result.returncode == 0, result.stderr
        digests.append(Registry(command.registry).version("intl/1").digest)
        loaded = command("load", "intl/1").stdout.rstrip("\n")
        assert os.listdir(loaded) == ["naïve.bin"]
        copied = command("load", "intl/1", "-o", command.registry.parent / "copy")
        assert copied.returncode == 0, copied.stderr
        assert os.listdir(command.registry.parent / "copy") == ["naïve.bin"]
    assert digests[0] == digests[1]


def test_shell_pipe_as_model_is_refused_as_a_fifo(copy_registry):
    run = copy_registry()
    script = f"echo x | {MODELREG} register /dev/stdin --name piped; {MODELREG} register <(echo x) --name piped"
    result = subprocess.run(
        ["bash", "-c", script], env=run.whole_environment, capture_output=True, text=True, check=False
    )
    assert result.stderr.count("is a FIFO, not a file or folder") == 2
    assert result.returncode == 2
