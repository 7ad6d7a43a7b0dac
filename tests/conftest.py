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

settings.register_profile("without deadlines", deadline=None)  # 'make bench' measures speed
settings.load_profile("without deadlines")


def pytest_configure():
    """Let Ctrl-C end the processes that tests start, even if the shell started pytest with SIGINT ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _isolated_environment(tmp_path, monkeypatch):
    """Hide the registry, cache, repository, MLflow and CI job of the developer and of other tests."""
    prefixes = ("MODELREG_", "GITHUB_", "CI_JOB", "BUILD", "CIRCLE_", "MLFLOW_TRACKING", "MLFLOW_REGISTRY")
    for name in os.environ:
        if name.startswith(prefixes):
            monkeypatch.delenv(name)
    for kind in ("DATA", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / f"user-{kind.lower()}"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)


@pytest.fixture
def registry(tmp_path):
    """A registry whose folder is created by the first registration."""
    return Registry(tmp_path / "registry")


@pytest.fixture
def model_file(tmp_path):
    """Create a file to register: ``model_file(b"bytes")``, ``model_file(b"bytes", "name.bin")``."""

    def create(content: bytes = b"the bytes of a model", name: str = "model.bin") -> Path:
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return create


@pytest.fixture
def model_folder(tmp_path):
    """Create a folder to register: ``model_folder({"weights/a.bin": b"a"})``."""

    def create(files: dict[str, bytes], name: str = "model") -> Path:
        folder = tmp_path / "files" / name
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        return folder

    return create


@pytest.fixture
def blob_path(registry):
    """Return the path of the blob with a digest."""
    return lambda digest: registry.folder / "artifacts" / "blobs" / "sha256" / digest.removeprefix("sha256:")


@pytest.fixture
def execute_sql(registry):
    """Run SQL on the catalog outside of modelreg: ``execute_sql("UPDATE …", {…})``. Returns the rows."""

    def execute(statement: str, values: object = ()) -> list[tuple]:
        with closing(sqlite3.connect(registry.folder / "catalog.db")) as connection, connection:
            return connection.execute(statement, values).fetchall()

    return execute


@pytest.fixture(scope="session")
def modelreg():
    """The path of the command that is installed for the Python that runs the tests."""
    return Path(sys.executable).with_name("modelreg")


@pytest.fixture(scope="session")
def as_user(modelreg):
    """Return a command prefix that runs a command as another user: ``as_user(12345)``, ``as_user(12345, group=0)``."""

    def build_prefix(user: int, group: int | None = None) -> list[str]:
        if os.geteuid() != 0 or shutil.which("setpriv") is None:
            pytest.skip("only root, with setpriv (util-linux), can become another user")
        prefix = ["setpriv", f"--reuid={user}", f"--regid={user if group is None else group}", "--clear-groups"]
        result = subprocess.run([*prefix, modelreg, "--version"], capture_output=True, text=True, check=False)
        if result.returncode:
            pytest.skip(f"another user cannot run this installation: {result.stderr.strip()[-200:]}")
        return prefix

    return build_prefix


@pytest.fixture
def without_privilege():
    """A command prefix that takes away the capabilities with which root bypasses file modes."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root bypasses file modes, and setpriv (util-linux) is not installed")
    capabilities = "-dac_override,-dac_read_search"
    return "setpriv", f"--bounding-set={capabilities}", f"--inh-caps={capabilities}"


@pytest.fixture
def process():
    """Start a Python script in its own process: ``process(SCRIPT, argument, …)``. Kill it at the end of the test."""
    processes: list[subprocess.Popen[str]] = []

    def start(script: str, *arguments: object, prefix: tuple[str, ...] = (), **options: object) -> subprocess.Popen:
        command = [*prefix, sys.executable, "-c", script, *map(str, arguments)]
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        processes.append(subprocess.Popen(command, text=True, **options))
        return processes[-1]

    yield start
    for child in processes:
        if child.poll() is None:
            child.kill()
        child.communicate()


@pytest.fixture
def run(process):
    """Run a Python script in its own process and return (exit status, stdout, stderr)."""

    def run_script(script: str, *arguments: object, **options: object) -> tuple[int, str, str]:
        child = process(script, *arguments, **options)
        out, err = child.communicate()
        return child.returncode, out, err

    return run_script


@pytest.fixture
def run_concurrently(process):
    """Run a script in several processes that continue at the same moment, and return the stdout of each.

    The script calls ``ready()`` after its imports, which returns when all processes are ready. If a script fails, the
    test fails with its stderr.
    """

    def run_all(script: str, arguments: list[tuple[object, ...]]) -> list[str]:
        prelude = "import sys\ndef ready():\n    print('ready', flush=True)\n    sys.stdin.read()\n"
        processes = [
            process(prelude + script, *script_arguments, stdin=subprocess.PIPE) for script_arguments in arguments
        ]
        for child in processes:
            if child.stdout.readline() != "ready\n":
                pytest.fail(child.communicate()[1])
        for child in processes:
            child.stdin.close()
            child.stdin = None
        results = [(child, *child.communicate()) for child in processes]
        for child, _, err in results:
            assert child.returncode == 0, err
            assert "database is locked" not in err
        return [out for _, out, _ in results]

    return run_all
