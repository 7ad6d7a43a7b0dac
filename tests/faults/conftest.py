"""Runs the installed command on copies of one registry, and checks the registry afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest

from modelreg import Registry

from . import strace

MODELREG = Path(sys.executable).with_name("modelreg")
EXHAUSTIVE = os.environ.get("MODELREG_FAULTS") == "all"
"""Whether every system call is tried, instead of every n-th."""

PARENT_FOLDER = "{beside}"
"""In the arguments of a command, a placeholder for the parent folder of its registry."""

INGEST = "artifacts/ingest"
BLOBS = "artifacts/blobs/sha256"

Result = subprocess.CompletedProcess[str]


def stride(default: int) -> int:
    """``default``, or 1 if every system call is tried."""
    return 1 if EXHAUSTIVE else default


@dataclass
class Command:
    """Runs ``modelreg`` on one registry folder, as scripts do."""

    registry: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def whole_environment(self) -> dict[str, str]:
        # without compiling modules, so that each run makes the same system calls as the counted one
        return os.environ | {"MODELREG_HOME": str(self.registry), "PYTHONDONTWRITEBYTECODE": "1"} | self.environment

    def __call__(self, *arguments: object, prefix: tuple[str, ...] | list[str] = (), **options: object) -> Result:
        """Run a command to its end; ``prefix`` is a command prefix, such as strace."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.run(
            [*map(str, prefix), MODELREG, *self._with_paths(arguments)],
            env=self.whole_environment,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
            timeout=120,
            **options,
        )

    def start(self, *arguments: object, prefix: list[str] | tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """Start a command without waiting."""
        return subprocess.Popen(
            [*map(str, prefix), MODELREG, *self._with_paths(arguments)],
            env=self.whole_environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def moments(self, *arguments: object) -> list[strace.Moment]:
        """Run a command to its end; return the system calls with which it changes something."""
        log = self.registry.parent / "strace.log"
        return strace.moments(
            [MODELREG, *self._with_paths(arguments)], self.whole_environment, self.registry.parent, log
        )

    def _with_paths(self, arguments: tuple[object, ...]) -> list[str]:
        return [str(argument).replace(PARENT_FOLDER, str(self.registry.parent)) for argument in arguments]


def files(folder: Path) -> dict[str, bytes]:
    """Create files to register in ``folder``: three files and a folder; returns path -> content."""
    contents = {
        "one.bin": b"1" * 1000,
        "two.bin": b"2" * 3000,
        "three.bin": b"3" * 5000,
        "bert/config.json": b'{"model_type": "bert"}',
        "bert/weights/a.bin": b"a" * 2000,
        "bert/weights/b.bin": b"b" * 2000,
    }
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return contents


@pytest.fixture(scope="session")
def original_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files to register, and a registry with two models: ``churn`` has version 1 in Production.

    ``backup`` is a backup from before the second model.
    """
    folder = tmp_path_factory.mktemp("stocked")
    files(folder)
    (folder / "fresh.bin").write_bytes(b"fresh" * 1000)
    run = Command(folder / "registry")
    for arguments in (
        ["register", "one.bin", "--name", "churn", "--stage", "Production", "--alias", "champion"],
        ["register", "two.bin", "--name", "churn", "--metric", "auc=0.9", "--tag", "team=search"],
        ["backup", "backup"],
        ["register", "bert", "--name", "intent"],
    ):
        result = run(*arguments, cwd=folder)
        assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture
def copy_registry(original_registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Command]:
    """A function that copies that registry to a new folder; the current folder has the files to register."""
    monkeypatch.chdir(original_registry)

    def copy(name: str = "registry") -> Command:
        folder = tmp_path / name
        shutil.copytree(original_registry / "registry", folder / "registry")
        return Command(folder / "registry")

    return copy


@pytest.fixture
def empty_folder(original_registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Command]:
    """A function that creates a folder without a registry; the first registration creates one there."""
    monkeypatch.chdir(original_registry)

    def create(name: str = "registry") -> Command:
        (tmp_path / name).mkdir()
        return Command(tmp_path / name / "registry")

    return create


@pytest.fixture
def can_trace() -> None:
    """Skip if strace is not installed or not permitted."""
    reason = strace.why_unavailable()
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture
def start_stopped() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """A function that starts a command that stops (SIGSTOP) at a system call; left over processes are killed."""
    started: list[subprocess.Popen[str]] = []

    def start(run: Command, *arguments: object, moment: strace.Moment) -> subprocess.Popen[str]:
        process = run.start(*arguments, prefix=strace.at(moment, "signal=STOP"))
        started.append(process)
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), f"{moment} never came"
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def stderr_of(result: Result) -> str:
    """The stderr of a command, which must not contain a traceback."""
    assert "Traceback" not in result.stderr, result.stderr
    assert "Exception ignored" not in result.stderr, result.stderr
    return result.stderr


def contents_of(registry: Path) -> dict[str, object]:
    """The contents of a registry without times, every file loaded; equal for registries with equal contents."""
    if not (registry / "catalog.db").exists():
        return {"models": {}, "journal": []}
    opened = Registry(registry)
    return {
        "models": {model.name: dict(_versions(opened, model.name)) for model in opened.models()},
        "journal": [
            (entry.seq, entry.action, entry.name, entry.version, entry.from_stage, entry.to_stage)
            for entry in opened.history()
        ],
    }


def _versions(registry: Registry, name: str) -> Iterator[tuple[int, object]]:
    for version in registry.versions(name):
        path = registry.path(version.reference)
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        digests = {str(file.relative_to(path.parent)): sha256(file.read_bytes()).hexdigest() for file in files}
        yield version.version, (version.stage, version.aliases, dict(version.tags), version.digest, digests)


def assert_sound(run: Command) -> None:
    """Check that ``modelreg verify`` finds no problem, and that registrations numbered versions without gaps."""
    if not (run.registry / "catalog.db").exists():
        return
    result = run("verify")
    assert (result.returncode, result.stdout) == (0, "subject\tpath\tproblem\n"), result.stdout + result.stderr
    registry = Registry(run.registry)
    numbers: dict[str, list[int]] = {}
    for entry in registry.history():
        if entry.action == "register":
            numbers.setdefault(entry.name, []).append(entry.version)
    for name, versions in numbers.items():
        assert versions == list(range(1, len(versions) + 1)), f"the versions of {name} are {versions}"


def leftovers(registry: Path) -> list[str]:
    """Temporary files, which only a killed process may leave behind."""
    paths = sorted((registry / INGEST).glob("*")) if (registry / INGEST).is_dir() else []
    paths += sorted(registry.glob(".*.db*")) + sorted(registry.glob("*-journal")) + sorted(registry.glob("*.db-wal"))
    return [str(path.relative_to(registry)) for path in paths]


def tree(folder: Path) -> dict[str, tuple[int, str]]:
    """Path -> mode and content of everything below ``folder``: equal if nothing was changed.

    The content of lock files, which name the last holder, is left out.
    """
    entries = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = (
            os.readlink(path) if path.is_symlink() else sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        )
        if path.suffix == ".lock":
            content = ""
        entries[str(path.relative_to(folder))] = (status.st_mode, content)
    return entries
