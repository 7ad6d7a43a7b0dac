"""Runs commands in forks of a process that has imported modelreg, which saves the start of Python.

Otherwise a command runs as when installed: in its own process, with its own standard streams, environment and folder.
"""

from __future__ import annotations

import array
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping

_LONGEST_REQUEST = 4 << 20


class ForkServer:
    """A process that runs one command after another in forks of itself."""

    def __init__(self) -> None:
        self._connection, remote = socket.socketpair()
        with remote:
            arguments = [sys.executable, "-P", __file__, str(remote.fileno())]
            self._server = subprocess.Popen(arguments, pass_fds=[remote.fileno()])

    def run(self, arguments: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run ``modelreg`` in the current folder with an empty stdin."""
        request = json.dumps([arguments, dict(environment), os.getcwd()]).encode()
        assert len(request) < _LONGEST_REQUEST
        with os.fdopen(os.memfd_create("out"), "w+b") as out, os.fdopen(os.memfd_create("err"), "w+b") as err:
            descriptors = array.array("i", [out.fileno(), err.fileno()])
            self._connection.sendall(len(request).to_bytes(4, "big"))
            self._connection.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
            self._connection.sendall(request)
            status = int.from_bytes(_receive(self._connection, 4), "big", signed=True)
            out.seek(0)
            err.seek(0)
            texts = [stream.read().decode(errors="surrogateescape") for stream in (out, err)]
            return subprocess.CompletedProcess(arguments, status, *texts)

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._server.wait()


def _receive(connection: socket.socket, count: int) -> bytes:
    return connection.recv(count, socket.MSG_WAITALL)


def _serve(connection: socket.socket) -> None:
    while length := _receive(connection, 4):
        _, descriptors, _, _ = socket.recv_fds(connection, 1, 2)
        arguments, environment, folder = json.loads(_receive(connection, int.from_bytes(length, "big")))
        child = os.fork()
        if child == 0:
            connection.close()
            _run_command(arguments, environment, folder, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        _, status = os.waitpid(child, 0)
        connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))


def _run_command(arguments: list[str], environment: dict[str, str], folder: str, out: int, err: int) -> None:
    """Run the installed command in this process and exit."""
    from modelreg.cli import entry

    empty = os.open(os.devnull, os.O_RDONLY)
    for descriptor, standard in ((empty, 0), (out, 1), (err, 2)):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = ["modelreg", *arguments]
    entry.run()


if __name__ == "__main__":
    import sqlite_utils  # noqa: F401

    _serve(socket.socket(fileno=int(sys.argv[1])))
