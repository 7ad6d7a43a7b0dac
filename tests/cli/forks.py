"""Runs commands in forks of a process that has imported modelreg, since the start of Python takes most of their time.

Otherwise they run as the installed command does: each in a process of its own, with its own standard streams,
environment and current folder.
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


class Forks:
    """A process that runs one command after another in forks of itself."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair()
        with theirs:
            words = [sys.executable, "-P", __file__, str(theirs.fileno())]
            self._server = subprocess.Popen(words, pass_fds=[theirs.fileno()])

    def run(self, words: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run ``modelreg`` in the current folder, without anybody to answer questions."""
        request = json.dumps([words, dict(environment), os.getcwd()]).encode()
        assert len(request) < _LONGEST_REQUEST
        with os.fdopen(os.memfd_create("out"), "w+b") as out, os.fdopen(os.memfd_create("err"), "w+b") as err:
            descriptors = array.array("i", [out.fileno(), err.fileno()])
            self._ours.sendall(len(request).to_bytes(4, "big"))
            self._ours.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
            self._ours.sendall(request)
            status = int.from_bytes(_exactly(self._ours, 4), "big", signed=True)
            out.seek(0)
            err.seek(0)
            said = [stream.read().decode(errors="surrogateescape") for stream in (out, err)]
            return subprocess.CompletedProcess(words, status, *said)

    def close(self) -> None:
        """End the process."""
        self._ours.close()
        self._server.wait()


def _exactly(connection: socket.socket, count: int) -> bytes:
    return connection.recv(count, socket.MSG_WAITALL)


def _serve(connection: socket.socket) -> None:
    while length := _exactly(connection, 4):
        _, descriptors, _, _ = socket.recv_fds(connection, 1, 2)
        words, environment, folder = json.loads(_exactly(connection, int.from_bytes(length, "big")))
        child = os.fork()
        if child == 0:
            connection.close()
            _become(words, environment, folder, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        _, status = os.waitpid(child, 0)
        connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))


def _become(words: list[str], environment: dict[str, str], folder: str, out: int, err: int) -> None:
    """Be the installed command, to its end."""
    from modelreg.cli import entry

    nothing = os.open(os.devnull, os.O_RDONLY)
    for given, standard in ((nothing, 0), (out, 1), (err, 2)):
        os.dup2(given, standard)
        os.close(given)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = ["modelreg", *words]
    entry.run()


if __name__ == "__main__":
    import sqlite_utils  # noqa: F401

    _serve(socket.socket(fileno=int(sys.argv[1])))
