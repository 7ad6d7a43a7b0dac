"""What a model may do beyond computing is asked for by name, with a reason, and is in the journal."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from modelreg.errors import InvalidInput

pytestmark = pytest.mark.slow  # each starts the command; test_attempts.py has the essentials


UNTRUSTED_WORDS = ("--message", "its maps lie there")


@pytest.fixture
def maps(world):
    (world.folder / "maps").mkdir()
    (world.folder / "maps" / "zones").write_text("zone 7")
    return world.folder / "maps"


def test_a_folder_may_be_read_and_not_written(world, maps):
    code = f"""
print(open({str(maps / "zones")!r}).read())
try:
    open({str(maps / "new")!r}, "w")
except OSError:
    print("no")
"""
    reference = world.register(code)
    assert "PermissionError" in world.predict(reference).stderr
    done = world.predict(reference, "--allow-read", maps)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("zone 7\nno\n")
    entry = world.registry.history(reference)[-1]
    assert json.loads(entry.after) == {"trust": "full", "allow_read": [str(maps)]}
    assert f"with full trust, reading {maps}" in world.run("history", reference).stdout


def test_the_network_may_be_used_and_nothing_else(world):
    server = socket.create_server(("127.0.0.1", 0))
    code = f"""
import socket
print(socket.create_connection(("localhost", {server.getsockname()[1]}), timeout=10).recv(5).decode())
for attempt in (
    lambda: socket.socket(socket.AF_UNIX),
    lambda: socket.create_server(("127.0.0.1", 0)),
    lambda: open({str(world.home / "secret")!r}),
):
    try:
        attempt()
        print("done")
    except OSError:
        print("no")
"""
    reference = world.register(code)
    assert "the model runs confined: it may not write files" in world.predict(reference).stderr

    def answer() -> None:
        with server.accept()[0] as connection:
            connection.sendall(b"hello")

    answering = threading.Thread(target=answer)
    answering.start()
    done = world.predict(reference, "--allow-network")
    assert done.stderr.startswith("hello\nno\nno\nno\n"), done.stderr
    answering.join()
    server.close()
    assert json.loads(world.registry.history(reference)[-1].after) == {"trust": "full", "allow_network": True}
    assert "with full trust, with the network" in world.run("history", reference).stdout


@pytest.mark.parametrize("words", [pytest.param(("--allow-read", "."), marks=pytest.mark.slow), ("--allow-network",)])
def test_it_takes_a_reason_and_no_full_trust(world, words):
    reference = world.register("pass")
    asked = ("predict", reference, "-i", world.data, "-o", world.output, *words)
    done = world.run(*asked)
    assert done.returncode == 2
    assert "what a model may do beyond computing needs a reason" in done.stderr
    assert "load" not in [entry.action for entry in world.registry.history()]
    assert world.run(*asked, *UNTRUSTED_WORDS).returncode == 7  # a model that is not trusted is not loaded for that
    assert world.registry.history(reference)[-1].message == "its maps lie there"
    assert world.run("history", reference).returncode == 0


def test_a_folder_that_is_not_there_is_refused(world):
    reference = world.register("pass")
    done = world.predict(reference, "--allow-read", "/nowhere/at/all")
    assert done.returncode == 2
    assert "there is no folder or file '/nowhere/at/all'" in done.stderr
    with pytest.raises(InvalidInput, match="nowhere"):
        world.registry.evaluate(reference, world.data, "a", allow_read="/nowhere/at/all", message="why")


def test_the_journal_stays_sound(world, maps):
    world.predict(world.register("pass"), "--allow-read", maps, "--allow-network")
    assert list(world.registry.verify()) == []
