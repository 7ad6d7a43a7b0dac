"""Shared fixtures: a real registry in its own folder, real files, and real processes."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings

from modelreg import Registry

settings.register_profile("without deadlines", deadline=None)  # speed is measured elsewhere, on a quiet machine
settings.load_profile("without deadlines")


def pytest_configure():
    """Let Ctrl-C end what tests start, also where a shell runs them in the background and has it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _isolated_environment(tmp_path, monkeypatch):
    """No test sees the developer's registry, cache, repository, MLflow or CI job, nor one of another test."""
    foreign = ("MODELREG_", "GITHUB_", "CI_JOB", "BUILD", "CIRCLE_", "MLFLOW_TRACKING", "MLFLOW_REGISTRY")
    for name in os.environ:
        if name.startswith(foreign):
            monkeypatch.delenv(name)
    for kind in ("DATA", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / f"user-{kind.lower()}"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)


@pytest.fixture
def registry(tmp_path):
    """A registry whose folder is made by the first registration."""
    return Registry(tmp_path / "registry")


@pytest.fixture
def model_file(tmp_path):
    """Make a file to register: ``model_file(b"bytes")``, ``model_file(b"bytes", "name.bin")``."""

    def make(content: bytes = b"the bytes of a model", name: str = "model.bin") -> Path:
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return make


@pytest.fixture
def model_folder(tmp_path):
    """Make a folder to register: ``model_folder({"weights/a.bin": b"a"})``."""

    def make(files: dict[str, bytes], name: str = "model") -> Path:
        folder = tmp_path / "files" / name
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        return folder

    return make


@pytest.fixture
def blob_path(registry):
    """Where the registry keeps the bytes of a digest."""
    return lambda digest: registry.folder / "artifacts" / "blobs" / "sha256" / digest.removeprefix("sha256:")


@pytest.fixture
def by_hand(registry):
    """Run SQL on the catalog as somebody with sqlite3 would: ``by_hand("UPDATE …", {…})``; returns the rows."""

    def execute(statement: str, values: object = ()) -> list[tuple]:
        with closing(sqlite3.connect(registry.folder / "catalog.db")) as connection, connection:
            return connection.execute(statement, values).fetchall()

    return execute


@pytest.fixture(scope="session")
def modelreg():
    """The installed command, which belongs to the Python that runs the tests, whatever PATH says."""
    return Path(sys.executable).with_name("modelreg")


@pytest.fixture(scope="session")
def as_user(modelreg):
    """What to put before a command so that another user runs it: ``as_user(12345)``, or of group 0 with ``group=0``."""

    def words(user: int, group: int | None = None) -> list[str]:
        if os.geteuid() != 0 or shutil.which("setpriv") is None:
            pytest.skip("only root, with setpriv (util-linux), can become another user")
        before = ["setpriv", f"--reuid={user}", f"--regid={user if group is None else group}", "--clear-groups"]
        tried = subprocess.run([*before, modelreg, "--version"], capture_output=True, text=True, check=False)
        if tried.returncode:
            pytest.skip(f"another user cannot run this installation: {tried.stderr.strip()[-200:]}")
        return before

    return words


@pytest.fixture
def without_privilege():
    """What to start a process with so that even root is bound by the modes of files."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root ignores the modes of files, and setpriv (util-linux) is not there to change that")
    powers = "-dac_override,-dac_read_search"
    return "setpriv", f"--bounding-set={powers}", f"--inh-caps={powers}"


@pytest.fixture
def process():
    """Start Python on a script in a process of its own: ``process(SCRIPT, argument, …)``; those left over end."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str, *arguments: object, before: tuple[str, ...] = (), **options: object) -> subprocess.Popen:
        command = [*before, sys.executable, "-c", script, *map(str, arguments)]
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        started.append(subprocess.Popen(command, text=True, **options))
        return started[-1]

    yield start
    for each in started:
        if each.poll() is None:
            each.kill()
        each.communicate()


@pytest.fixture
def run(process):
    """Run a script in a process of its own to its end: (exit status, stdout, stderr)."""

    def finish(script: str, *arguments: object, **options: object) -> tuple[int, str, str]:
        started = process(script, *arguments, **options)
        out, err = started.communicate()
        return started.returncode, out, err

    return finish


@pytest.fixture
def at_once(process):
    """Start a script in many processes, let go of all in one moment, and return what each printed.

    The script is imported and ready when it says ``ready()``; one that fails fails the test with what it said.
    """

    def together(script: str, arguments: list[tuple[object, ...]]) -> list[str]:
        prelude = "import sys\ndef ready():\n    print('ready', flush=True)\n    sys.stdin.read()\n"
        processes = [process(prelude + script, *each, stdin=subprocess.PIPE) for each in arguments]
        for each in processes:
            if each.stdout.readline() != "ready\n":
                pytest.fail(each.communicate()[1])
        for each in processes:
            each.stdin.close()
            each.stdin = None
        said = [(each, *each.communicate()) for each in processes]
        for each, _, err in said:
            assert each.returncode == 0, err
            assert "database is locked" not in err
        return [out for _, out, _ in said]

    return together
