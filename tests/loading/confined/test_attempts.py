"""A model that may run any code, with full trust and from root, gets nothing done."""

from __future__ import annotations

import json
import os
import re
import socket
from pathlib import Path

import pytest
from world import World

SOURCE = (Path(__file__).parent / "attempts.py").read_text()
ATTEMPTS = re.findall(r"^def (attempt_\w+)", SOURCE, re.MULTILINE)
REFUSALS = {"EACCES", "EPERM", "ENOSYS"}
OTHERWISE = {
    "attempt_use_an_inherited_descriptor": {"EBADF"},
    "attempt_open_many_files": {"EMFILE"},
    "attempt_open_the_terminal": {"EACCES", "ENXIO", "ENOENT"},
}
"""What is there for nobody."""


class Outcome:
    """What came of all attempts, made by one model."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        tcp, udp = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        port = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", port))
        by_path, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        by_path.bind(str(folder / "s"))
        abstract.bind(f"\0modelreg-{os.getpid()}")
        by_path.listen()
        abstract.listen()
        inherited = os.open(self.world.home / "secret", os.O_RDWR)
        os.set_inheritable(inherited, True)
        place = {
            "home": str(self.world.home),
            "registry": str(self.world.registry.folder),
            "port": port,
            "socket": str(folder / "s"),
            "abstract": f"\0modelreg-{os.getpid()}",
            "inherited": inherited,
        }
        reference = self.world.register(f"{SOURCE}\nrun({place!r})")
        self.before = traces(self.world)
        self.done = self.world.predict(reference, pass_fds=[inherited])
        self.after = traces(self.world)
        for listening in (tcp, udp, by_path, abstract):
            listening.setblocking(False)
        self.listening = (tcp, udp, by_path, abstract)
        os.close(inherited)

    def told(self, what: str):
        """What the model printed about something."""
        (line,) = [line for line in self.done.stderr.splitlines() if line.startswith(f"{what} ")]
        return json.loads(line.partition(" ")[2])


def traces(world: World) -> dict[str, tuple]:
    """Everything in the home folder and the registry, but what running a model changes there."""
    found = {}
    for folder in (world.home, world.registry.folder):
        for path in sorted(folder.rglob("*")):
            status = path.lstat()
            times = () if path.is_dir() else (status.st_mtime_ns, status.st_ino)
            if not path.name.startswith("catalog.db") and path.suffix != ".lock":
                found[str(path)] = (status.st_mode, status.st_uid, *times)
    return found


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    found = Outcome(tmp_path_factory.mktemp("attempts"))
    yield found
    for each in found.listening:
        each.close()


def test_every_attempt_is_refused(outcome):
    assert outcome.done.returncode == 0, outcome.done.stderr
    met = outcome.told("outcomes")
    assert met.keys() == set(ATTEMPTS)
    assert {name: met[name] for name in ATTEMPTS if met[name] not in OTHERWISE.get(name, REFUSALS)} == {}


def test_it_leaves_no_trace(outcome):
    assert outcome.before == outcome.after
    assert (outcome.world.home / "secret").read_text() == "the secret"
    assert not Path("/tmp/modelreg-marker").exists()
    assert not Path("/dev/shm/modelreg-marker").exists()
    for each in outcome.listening:
        with pytest.raises(BlockingIOError):
            each.recv(1) if each.type == socket.SOCK_DGRAM else each.accept()


def test_it_predicts_all_the_same(outcome):
    assert outcome.world.output.read_text() == "prediction\n1.0\n1.0\n"


def test_it_holds_the_data_the_model_the_output_and_the_line_to_the_parent_alone(outcome):
    found = [re.sub(r":\[\d+\]|\d+/fd", "", target) for target in outcome.told("descriptors").values()]
    blob = next((outcome.world.registry.folder / "artifacts" / "blobs" / "sha256").iterdir())
    (private,) = [target for target in found if target.startswith(f"{outcome.world.folder}/") and "#" in target]
    blobs = [target for target in found if str(blob.parent) in target]
    assert len(blobs) == 1
    expected = ["/dev/null", "pipe", "pipe", "pipe", str(outcome.world.data), *blobs, private]
    assert sorted(found) == sorted(expected)


def test_it_sees_no_secret_of_the_environment(outcome):
    environment = outcome.told("environment")
    assert "SECRET_TOKEN" not in environment
    assert environment["HOME"] == str(outcome.world.home)


def test_every_thread_of_it_is_confined(outcome):
    for no_new_privs, seccomp, capabilities in outcome.told("threads"):
        assert (no_new_privs, seccomp) == ("1", "2")
        assert int(capabilities, 16) & ~(1 << 2) == 0  # reading, for root alone


def test_it_is_in_a_session_of_its_own(outcome):
    assert "session True" in outcome.done.stderr
