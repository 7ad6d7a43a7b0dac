"""The installed command on a registry that things happen to, and what must hold of that registry afterwards."""

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
"""Whether every moment is tried, rather than every so many."""

BESIDE = "{beside}"
"""In the words of a command: the folder in which its registry is."""

PRIVATE = "artifacts/ingest"
BLOBS = "artifacts/blobs/sha256"

Done = subprocess.CompletedProcess[str]


def stride(usual: int) -> int:
    """``usual``, or 1 when every moment is to be tried."""
    return 1 if EXHAUSTIVE else usual


@dataclass
class Command:
    """``modelreg`` on one registry folder, as scripts run it."""

    registry: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def whole_environment(self) -> dict[str, str]:
        # nothing is compiled on the way, so that each run makes the same system calls as the one that was counted
        return os.environ | {"MODELREG_HOME": str(self.registry), "PYTHONDONTWRITEBYTECODE": "1"} | self.environment

    def __call__(self, *words: object, before: tuple[str, ...] | list[str] = (), **options: object) -> Done:
        """Run it to its end, ``before`` put before its words."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.run(
            [*map(str, before), MODELREG, *self._own(words)],
            env=self.whole_environment,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
            timeout=120,
            **options,
        )

    def start(self, *words: object, before: list[str] | tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """Start it, and wait for nothing."""
        return subprocess.Popen(
            [*map(str, before), MODELREG, *self._own(words)],
            env=self.whole_environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def moments(self, *words: object) -> list[strace.Moment]:
        """Run it to its end, and return when it changes something."""
        log = self.registry.parent / "strace.log"
        return strace.moments([MODELREG, *self._own(words)], self.whole_environment, self.registry.parent, log)

    def _own(self, words: tuple[object, ...]) -> list[str]:
        return [str(word).replace(BESIDE, str(self.registry.parent)) for word in words]


def files(folder: Path) -> dict[str, bytes]:
    """What to register, below ``folder``: two files and a folder, and the same three again as other versions."""
    made = {
        "one.bin": b"1" * 1000,
        "two.bin": b"2" * 3000,
        "three.bin": b"3" * 5000,
        "bert/config.json": b'{"model_type": "bert"}',
        "bert/weights/a.bin": b"a" * 2000,
        "bert/weights/b.bin": b"b" * 2000,
    }
    for path, content in made.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return made


@pytest.fixture(scope="session")
def stocked_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files to register, and a registry of two models: ``churn`` has version 1 in Production.

    ``backup`` is one of it from when it had one model.
    """
    folder = tmp_path_factory.mktemp("stocked")
    files(folder)
    (folder / "fresh.bin").write_bytes(b"fresh" * 1000)
    run = Command(folder / "registry")
    for words in (
        ["register", "one.bin", "--name", "churn", "--stage", "Production", "--alias", "champion"],
        ["register", "two.bin", "--name", "churn", "--metric", "auc=0.9", "--tag", "team=search"],
        ["backup", "backup"],
        ["register", "bert", "--name", "intent"],
    ):
        done = run(*words, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def stock(stocked_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Command]:
    """Make copies of that registry, each in a folder of its own, from where its files can be registered."""
    monkeypatch.chdir(stocked_once)

    def copy(name: str = "registry") -> Command:
        folder = tmp_path / name
        shutil.copytree(stocked_once / "registry", folder / "registry")
        return Command(folder / "registry")

    return copy


@pytest.fixture
def nothing_yet(stocked_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Command]:
    """Name folders in which the first registration makes a registry."""
    monkeypatch.chdir(stocked_once)

    def name_one(name: str = "registry") -> Command:
        (tmp_path / name).mkdir()
        return Command(tmp_path / name / "registry")

    return name_one


@pytest.fixture
def can_trace() -> None:
    """Skip where strace is not there, or may not do its work."""
    reason = strace.why_not()
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture
def stopped() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command that stops at a moment, and wait until it has; those left over end."""
    started: list[subprocess.Popen[str]] = []

    def start(run: Command, *words: object, moment: strace.Moment) -> subprocess.Popen[str]:
        process = run.start(*words, before=strace.at(moment, "signal=STOP"))
        started.append(process)
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), f"{moment} never came"
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


# What must hold


def said(done: Done) -> str:
    """What a command said on stderr, which is never a traceback."""
    assert "Traceback" not in done.stderr, done.stderr
    assert "Exception ignored" not in done.stderr, done.stderr
    return done.stderr


def facts(registry: Path) -> dict[str, object]:
    """Everything that the registry holds, every byte loaded, without times: two that hold the same are equal."""
    if not (registry / "catalog.db").exists():
        return {"models": {}, "journal": []}
    asked = Registry(registry)
    return {
        "models": {model.name: dict(_versions(asked, model.name)) for model in asked.models()},
        "journal": [
            (entry.seq, entry.action, entry.name, entry.version, entry.from_stage, entry.to_stage)
            for entry in asked.history()
        ],
    }


def _versions(asked: Registry, name: str) -> Iterator[tuple[int, object]]:
    for version in asked.versions(name):
        path = asked.path(version.reference)
        loaded = {each: each.read_bytes() for each in ([path] if path.is_file() else path.rglob("*")) if each.is_file()}
        digests = {str(each.relative_to(path.parent)): sha256(content).hexdigest() for each, content in loaded.items()}
        yield version.version, (version.stage, version.aliases, dict(version.tags), version.digest, digests)


def assert_sound(run: Command) -> None:
    """``modelreg verify`` has nothing to say; and numbers have no gaps but those of what was deleted."""
    if not (run.registry / "catalog.db").exists():
        return
    done = run("verify")
    assert (done.returncode, done.stdout) == (0, "subject\tpath\tproblem\n"), done.stdout + done.stderr
    asked = Registry(run.registry)
    numbers: dict[str, list[int]] = {}
    for entry in asked.history():
        if entry.action == "register":
            numbers.setdefault(entry.name, []).append(entry.version)
    for name, given in numbers.items():
        assert given == list(range(1, len(given) + 1)), f"the numbers of {name} are {given}"


def leftovers(registry: Path) -> list[str]:
    """Temporaries of the program's own, which only a process that was killed may leave."""
    found = sorted((registry / PRIVATE).glob("*")) if (registry / PRIVATE).is_dir() else []
    found += sorted(registry.glob(".*.db*")) + sorted(registry.glob("*-journal")) + sorted(registry.glob("*.db-wal"))
    return [str(path.relative_to(registry)) for path in found]


def tree(folder: Path) -> dict[str, tuple[int, str]]:
    """Every file, folder and link below ``folder``, with mode and content: equal when nothing was touched.

    Who holds a lock is written into its file, and of no meaning to anybody else.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = (
            os.readlink(path) if path.is_symlink() else sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        )
        if path.suffix == ".lock":
            content = ""
        found[str(path.relative_to(folder))] = (status.st_mode, content)
    return found
