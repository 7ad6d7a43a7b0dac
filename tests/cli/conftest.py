"""The installed command, run as scripts and people run it."""

from __future__ import annotations

import atexit
import functools
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from forks import Forks

from modelreg import Registry
from modelreg.domain.journal import JournalEntry

MODELREG = Path(sys.executable).with_name("modelreg")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """Where the command finds its registry; nothing is there yet."""
    return tmp_path / "registry"


@functools.cache
def forks() -> Forks:
    """Where commands are run; it ends with the tests."""
    made = Forks()
    atexit.register(made.close)
    return made


def runner(registry: Path) -> Run:
    """Run ``modelreg`` on a registry, without a terminal, and without anybody to answer questions."""

    def run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        if not environment:  # of which some is looked at only when Python starts
            return forks().run([*map(str, words)], os.environ | {"MODELREG_HOME": str(registry)})
        return subprocess.run(
            [MODELREG, *words],
            env=os.environ | {"MODELREG_HOME": str(registry)} | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def run(registry: Path) -> Run:
    """Run ``modelreg``; there is no registry yet."""
    return runner(registry)


@pytest.fixture
def shell(registry: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Run a line in a shell, as somebody who pastes it."""

    def paste(line: str) -> subprocess.CompletedProcess[str]:
        path = f"{MODELREG.parent}:{os.environ['PATH']}"
        environment = os.environ | {"MODELREG_HOME": str(registry), "PATH": path}
        return subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, check=False)

    return paste


def three_files(folder: Path) -> list[Path]:
    paths = [folder / f"model-{number}.bin" for number in (1, 2, 3)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * 1000)
    return paths


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three files, each other bytes."""
    return three_files(tmp_path)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with three versions of 'churn', of which the first is in Production."""
    folder = tmp_path_factory.mktemp("churn")
    run = runner(folder / "registry")
    for path in three_files(folder):
        assert run("register", path, "--name", "churn", "--metric", "auc=0.9").returncode == 0
    assert run("transition", "churn", "1", "Production").returncode == 0
    return folder / "registry"


@pytest.fixture
def churn(registry: Path, made_once: Path) -> Run:
    """Run ``modelreg`` on a copy of that registry."""
    shutil.copytree(made_once, registry)
    return runner(registry)


@pytest.fixture
def journal(registry: Path) -> Callable[[], list[JournalEntry]]:
    """All that was ever done to the registry; what is refused does not add to it."""
    return Registry(registry).history


@dataclass
class Terminal:
    """A command that runs on a pseudo-terminal, as a person would run it."""

    process: subprocess.Popen[bytes]
    descriptor: int
    shown: str = ""
    typed: str = ""

    def until(self, text: str) -> Terminal:
        """Read until ``text`` was shown."""
        while text not in self.shown:
            assert self._read(), f"{text!r} was never shown: {self.shown!r}"
        return self

    def type(self, text: str) -> Terminal:
        """Type ``text``."""
        os.write(self.descriptor, text.encode())
        self.typed = text
        return self

    def ends(self) -> tuple[int, str]:
        """Read to the end; returns the exit status and all that was shown."""
        while self._read():
            pass
        os.close(self.descriptor)
        return self.process.wait(), self.shown

    def _read(self) -> bool:
        ready, _, _ = select.select([self.descriptor], [], [], 3)
        if not ready and self.typed == "\x03":
            self.type("\x03")  # Python did not see it, since it came just before it began to read: people press again
        ready, _, _ = select.select([self.descriptor], [], [], 30)
        assert ready, f"nothing came for half a minute: {self.shown!r}"
        try:
            got = os.read(self.descriptor, 65536)
        except OSError:  # Linux says EIO when the other side has closed
            return False
        self.shown += got.decode()
        return bool(got)


@pytest.fixture
def terminal(registry: Path) -> Callable[..., Terminal]:
    """Run ``modelreg`` on a terminal of its own."""

    def start(*words: str | Path, columns: int = 120) -> Terminal:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [MODELREG, *words],
            env=os.environ
            | {"MODELREG_HOME": str(registry), "COLUMNS": str(columns), "TERM": "xterm", "NO_COLOR": "1"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(theirs)
        return Terminal(process, ours)

    return start


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C typed there becomes a signal
    signal.signal(signal.SIGINT, signal.default_int_handler)
