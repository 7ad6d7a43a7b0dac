"""A confined model with full trust, run by root, fails in all its attempts to reach beyond its process."""

from __future__ import annotations

import json
import os
import re
import socket
from pathlib import Path

import pytest
from workspace import Workspace

SOURCE = (Path(__file__).parent / "attempts.py").read_text()
ATTEMPTS = re.findall(r"^def (attempt_\w+)", SOURCE, re.MULTILINE)
REFUSALS = {"EACCES", "EPERM", "ENOSYS"}
OTHER_ERRORS = {
    "attempt_use_an_inherited_descriptor": {"EBADF"},
    "attempt_open_many_files": {"EMFILE"},
    "attempt_open_the_terminal": {"EACCES", "ENXIO", "ENOENT"},
}
"""Errors of attempts that fail for another reason than a missing right."""


class Outcome:
    """The outcome of one model that makes all attempts."""

    def __init__(self, folder: Path) -> None:
        self.workspace = Workspace(folder)
        tcp, udp = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        port = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", port))
        by_path, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        by_path.bind(str(folder / "s"))
        abstract.bind(f"\0modelreg-{os.getpid()}")
        by_path.listen()
        abstract.listen()
        inherited = os.open(self.workspace.home / "secret", os.O_RDWR)
        os.set_inheritable(inherited, True)
        locations = {
            "home": str(self.workspace.home),
            "registry": str(self.workspace.registry.folder),
            "port": port,
            "socket": str(folder / "s"),
            "abstract": f"\0modelreg-{os.getpid()}",
            "inherited": inherited,
        }
        reference = self.workspace.register(f"{SOURCE}\nrun({locations!r})")
        self.before = list_files(self.workspace)
        self.result = self.workspace.predict(reference, pass_fds=[inherited])
        self.after = list_files(self.workspace)
        self.sockets = (tcp, udp, by_path, abstract)
        for server in self.sockets:
            server.setblocking(False)
        os.close(inherited)

    def get_printed(self, key: str):
        """The value that the model printed for a key."""
        (line,) = [line for line in self.result.stderr.splitlines() if line.startswith(f"{key} ")]
        return json.loads(line.partition(" ")[2])


def list_files(workspace: Workspace) -> dict[str, tuple]:
    """Modes, owners and times of all files in the home folder and the registry, except files that each run changes."""
    files = {}
    for folder in (workspace.home, workspace.registry.folder):
        for path in sorted(folder.rglob("*")):
            status = path.lstat()
            times = () if path.is_dir() else (status.st_mtime_ns, status.st_ino)
            if not path.name.startswith("catalog.db") and path.suffix != ".lock":
                files[str(path)] = (status.st_mode, status.st_uid, *times)
    return files


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    outcome = Outcome(tmp_path_factory.mktemp("attempts"))
    yield outcome
    for server in outcome.sockets:
        server.close()


def test_every_attempt_is_refused(outcome):
    assert outcome.result.returncode == 0, outcome.result.stderr
    errors = outcome.get_printed("outcomes")
    assert errors.keys() == set(ATTEMPTS)
    assert {name: errors[name] for name in ATTEMPTS if errors[name] not in OTHER_ERRORS.get(name, REFUSALS)} == {}


def test_attempts_change_no_file_and_reach_no_socket(outcome):
    assert outcome.before == outcome.after
    assert (outcome.workspace.home / "secret").read_text() == "the secret"
    assert not Path("/tmp/modelreg-marker").exists()
    assert not Path("/dev/shm/modelreg-marker").exists()
    for server in outcome.sockets:
        with pytest.raises(BlockingIOError):
            server.recv(1) if server.type == socket.SOCK_DGRAM else server.accept()


def test_the_model_still_predicts(outcome):
    assert outcome.workspace.output.read_text() == "prediction\n1.0\n1.0\n"


def test_only_data_model_output_and_pipes_are_open(outcome):
    targets = [re.sub(r":\[\d+\]|\d+/fd", "", target) for target in outcome.get_printed("descriptors").values()]
    blob = next((outcome.workspace.registry.folder / "artifacts" / "blobs" / "sha256").iterdir())
    (private,) = [target for target in targets if target.startswith(f"{outcome.workspace.folder}/") and "#" in target]
    blobs = [target for target in targets if str(blob.parent) in target]
    assert len(blobs) == 1
    expected = ["/dev/null", "pipe", "pipe", "pipe", str(outcome.workspace.data), *blobs, private]
    assert sorted(targets) == sorted(expected)


def test_secret_environment_variables_are_hidden(outcome):
    environment = outcome.get_printed("environment")
    assert "SECRET_TOKEN" not in environment
    assert environment["HOME"] == str(outcome.workspace.home)


def test_all_threads_are_confined(outcome):
    for no_new_privs, seccomp, capabilities in outcome.get_printed("threads"):
        assert (no_new_privs, seccomp) == ("1", "2")
        assert int(capabilities, 16) & ~(1 << 2) == 0  # CAP_DAC_READ_SEARCH, which only root has


def test_the_child_has_its_own_session(outcome):
    assert "session True" in outcome.result.stderr
