"""Extra permissions of a model need an option and a reason, and are recorded in the journal."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from modelreg.errors import InvalidInput

pytestmark = pytest.mark.slow  # all start the command; test_attempts.py covers the essentials


REASON = ("--message", "it reads its maps from this folder")


@pytest.fixture
def maps(workspace):
    (workspace.folder / "maps").mkdir()
    (workspace.folder / "maps" / "zones").write_text("zone 7")
    return workspace.folder / "maps"


def test_an_allowed_folder_is_readable_and_not_writable(workspace, maps):
    code = f"""
print(open({str(maps / "zones")!r}).read())
try:
    open({str(maps / "new")!r}, "w")
except OSError:
    print("no")
"""
    reference = workspace.register(code)
    assert "PermissionError" in workspace.predict(reference).stderr
    result = workspace.predict(reference, "--allow-read", maps)
    assert result.returncode == 0, result.stderr
    assert result.stderr.startswith("zone 7\nno\n")
    entry = workspace.registry.history(reference)[-1]
    assert json.loads(entry.after) == {"trust": "full", "allow_read": [str(maps)]}
    assert f"with full trust, reading {maps}" in workspace.run("history", reference).stdout


def test_an_allowed_network_grants_nothing_else(workspace):
    server = socket.create_server(("127.0.0.1", 0))
    code = f"""
import socket
print(socket.create_connection(("localhost", {server.getsockname()[1]}), timeout=10).recv(5).decode())
for attempt in (
    lambda: socket.socket(socket.AF_UNIX),
    lambda: socket.create_server(("127.0.0.1", 0)),
    lambda: open({str(workspace.home / "secret")!r}),
):
    try:
        attempt()
        print("done")
    except OSError:
        print("no")
"""
    reference = workspace.register(code)
    assert "--allow-network" in workspace.predict(reference).stderr

    def answer() -> None:
        with server.accept()[0] as connection:
            connection.sendall(b"hello")

    server_thread = threading.Thread(target=answer)
    server_thread.start()
    result = workspace.predict(reference, "--allow-network")
    assert result.stderr.startswith("hello\nno\nno\nno\n"), result.stderr
    server_thread.join()
    server.close()
    assert json.loads(workspace.registry.history(reference)[-1].after) == {"trust": "full", "allow_network": True}
    assert "with full trust, with network access" in workspace.run("history", reference).stdout


@pytest.mark.parametrize("options", [pytest.param(("--allow-read", "."), marks=pytest.mark.slow), ("--allow-network",)])
def test_a_permission_needs_a_reason_and_no_full_trust(workspace, options):
    reference = workspace.register("pass")
    command = ("predict", reference, "-i", workspace.data, "-o", workspace.output, *options)
    result = workspace.run(*command)
    assert result.returncode == 2
    assert "needs a reason" in result.stderr
    assert "load" not in [entry.action for entry in workspace.registry.history()]
    assert workspace.run(*command, *REASON).returncode == 7  # a permission does not make the model trusted
    assert workspace.registry.history(reference)[-1].message == "it reads its maps from this folder"
    assert workspace.run("history", reference).returncode == 0


def test_allowing_a_missing_folder_is_refused(workspace):
    reference = workspace.register("pass")
    result = workspace.predict(reference, "--allow-read", "/nowhere/at/all")
    assert result.returncode == 2
    assert "'/nowhere/at/all'" in result.stderr
    with pytest.raises(InvalidInput, match="nowhere"):
        workspace.registry.evaluate(reference, workspace.data, "a", allow_read="/nowhere/at/all", message="why")


def test_verify_accepts_journal_entries_with_permissions(workspace, maps):
    workspace.predict(workspace.register("pass"), "--allow-read", maps, "--allow-network")
    assert list(workspace.registry.verify()) == []
