"""Fixtures that run the installed command, in pipes and on a pseudo-terminal, and helpers that read its output."""

from __future__ import annotations

import atexit
import functools
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from forks import ForkServer

from modelreg import Registry
from modelreg.domain.journal import JournalEntry

MODELREG = Path(sys.executable).with_name("modelreg")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """The folder that commands use as their registry; it does not exist yet."""
    return tmp_path / "registry"


@functools.cache
def fork_server() -> ForkServer:
    """The server that runs commands; it ends with the tests."""
    server = ForkServer()
    atexit.register(server.close)
    return server


def runner(registry: Path) -> Run:
    """A function that runs ``modelreg`` on a registry, without a terminal and with an empty stdin."""

    def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        if not environment:
            return fork_server().run([*map(str, arguments)], os.environ | {"MODELREG_HOME": str(registry)})
        return subprocess.run(  # Python reads some variables only when it starts
            [MODELREG, *arguments],
            env=os.environ | {"MODELREG_HOME": str(registry)} | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def run(registry: Path) -> Run:
    """Run ``modelreg``; the registry does not exist yet."""
    return runner(registry)


@pytest.fixture
def shell(registry: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Run a line in a shell, as if it were pasted there."""

    def paste(line: str) -> subprocess.CompletedProcess[str]:
        path = f"{MODELREG.parent}:{os.environ['PATH']}"
        environment = os.environ | {"MODELREG_HOME": str(registry), "PATH": path}
        return subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, check=False)

    return paste


def write_three_files(folder: Path) -> list[Path]:
    paths = [folder / f"model-{number}.bin" for number in (1, 2, 3)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * 1000)
    return paths


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three files with different contents."""
    return write_three_files(tmp_path)


@pytest.fixture(scope="session")
def churn_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with three versions of 'churn'; the first is in Production."""
    folder = tmp_path_factory.mktemp("churn")
    run = runner(folder / "registry")
    for path in write_three_files(folder):
        assert run("register", path, "--name", "churn", "--metric", "auc=0.9").returncode == 0
    assert run("transition", "churn", "1", "Production").returncode == 0
    return folder / "registry"


@pytest.fixture
def churn(registry: Path, churn_template: Path) -> Run:
    """Run ``modelreg`` on a copy of that registry."""
    shutil.copytree(churn_template, registry)
    return runner(registry)


@pytest.fixture
def scored(churn: Run, tmp_path: Path) -> Run:
    """Run ``modelreg`` on that registry, in which all versions have a metric on the dataset 'holdout'."""
    (tmp_path / "holdout.csv").write_text("age,target\n31,0\n")
    for version, auc in ((1, 0.9), (2, 0.95), (3, 0.6)):
        data = str(tmp_path / "holdout.csv")
        result = churn("evaluate", f"churn/{version}", "--data", data, "--metric", f"roc_auc={auc}")
        assert result.returncode == 0, result.stderr
    return churn


@pytest.fixture(scope="session")
def trained_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, its holdout, rows to predict, and a registry that has the model."""
    import joblib
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    folder, data = tmp_path_factory.mktemp("iris"), load_iris(as_frame=True)
    joblib.dump(LogisticRegression(max_iter=1000).fit(data.data, data.target), folder / "iris.joblib")
    data.frame.to_csv(folder / "holdout.csv", index=False)
    data.data.to_csv(folder / "rows.csv", index=False)
    arguments = ("register", folder / "iris.joblib", "--name", "iris", "--signature-from", folder / "rows.csv")
    assert runner(folder / "registry")(*arguments).returncode == 0
    return folder


@pytest.fixture
def trained(registry: Path, trained_template: Path, tmp_path: Path) -> Path:
    """A copy of that folder; commands use its registry."""
    assert registry == tmp_path / "registry"
    shutil.copytree(trained_template, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def journal(registry: Path) -> Callable[[], list[JournalEntry]]:
    """Read the journal; a refused command adds no entry."""
    return Registry(registry).history


@pytest.fixture
def held_lock(churn, registry):
    """Another process that holds the write lock until the test ends."""
    holder = subprocess.Popen(
        [
            str(MODELREG.with_name("python")),
            "-c",
            "import sys; from pathlib import Path; from modelreg.system.locks import locked\n"
            "with locked(Path(sys.argv[1]), 0): print('held', flush=True); sys.stdin.read()",
            registry / "write.lock",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    yield holder
    holder.communicate()


def assert_refused(run: Run, arguments: Sequence[str | Path], status: int, code: str, *facts: str) -> None:
    """Run a command twice, also with --json: assert that it prints one error with all ``facts``, and nothing else."""
    result = run(*arguments)
    assert result.returncode == status, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) <= 2
    for fact in facts:
        assert fact in result.stderr
    result = run(*arguments, "--json")
    error = json.loads(result.stderr)["error"]
    assert (result.returncode, result.stdout) == (status, "")
    assert (error["exit"], error["code"]) == (status, code)


def get_undo(result: subprocess.CompletedProcess[str]) -> str:
    """The undo command that a command printed."""
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("undo: ")]
    return line.removeprefix("undo: ")


def get_stages(run: Run) -> dict[int, str]:
    """The stages of the versions of 'churn'."""
    return {version["version"]: version["stage"] for version in json.loads(run("versions", "churn", "--json").stdout)}


def get_state(folder: Path) -> list[dict[str, object]]:
    """All models, versions and gates, without times and without numbers of gates."""
    registry = Registry(folder)
    models = registry.models()
    versions = [asdict(version) for model in models for version in registry.versions(model.name)]
    records = [*map(asdict, models), *versions, *map(asdict, registry.gates())]
    for record in records:
        for field in ("created_at", "updated_at", "production_since", "id"):
            record.pop(field, None)
        for approval in record.get("approvals", ()):
            approval.pop("created_at")
    return records


def read_rows(out: str) -> list[list[str]]:
    """The fields of tab-separated lines."""
    return [line.split("\t") for line in out.splitlines()]


def list_blobs(registry: Path) -> set[str]:
    """The digests of the stored files."""
    return set(os.listdir(registry / "artifacts" / "blobs" / "sha256"))


@dataclass
class Terminal:
    """A command that runs on a pseudo-terminal."""

    process: subprocess.Popen[bytes]
    descriptor: int
    output: str = ""
    typed: str = ""

    def read_until(self, text: str) -> Terminal:
        """Read until ``text`` was printed."""
        while text not in self.output:
            assert self._read(), f"{text!r} was not printed: {self.output!r}"
        return self

    def type(self, text: str) -> Terminal:
        """Type ``text``."""
        os.write(self.descriptor, text.encode())
        self.typed = text
        return self

    def read_to_end(self) -> tuple[int, str]:
        """Read to the end; returns the exit status and the whole output."""
        while self._read():
            pass
        os.close(self.descriptor)
        return self.process.wait(), self.output

    def _read(self) -> bool:
        ready, _, _ = select.select([self.descriptor], [], [], 3)
        if not ready and self.typed == "\x03":
            self.type("\x03")  # the first one came before Python began to read; a user would press again
        ready, _, _ = select.select([self.descriptor], [], [], 30)
        assert ready, f"no output for 30 seconds: {self.output!r}"
        try:
            data = os.read(self.descriptor, 65536)
        except OSError:  # Linux reports EIO when the other side has closed
            return False
        self.output += data.decode()
        return bool(data)


@pytest.fixture
def terminal(registry: Path) -> Callable[..., Terminal]:
    """Run ``modelreg`` on a pseudo-terminal."""

    def start(*arguments: str | Path, columns: int = 120) -> Terminal:
        controller, device = pty.openpty()
        process = subprocess.Popen(
            [MODELREG, *arguments],
            env=os.environ
            | {"MODELREG_HOME": str(registry), "COLUMNS": str(columns), "TERM": "xterm", "NO_COLOR": "1"},
            stdin=device,
            stdout=device,
            stderr=device,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(device)
        return Terminal(process, controller)

    return start


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that a typed Ctrl-C becomes a signal
    signal.signal(signal.SIGINT, signal.default_int_handler)
