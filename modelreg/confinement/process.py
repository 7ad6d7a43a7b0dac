"""The parent's side: a child that confines itself is started, handed its job, listened to and ended.

Any number of threads may run children at once; nothing of this process is changed for it.
"""

from __future__ import annotations

import codecs
import fcntl
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

from modelreg.confinement import messages
from modelreg.confinement.environment import environment
from modelreg.confinement.job import Job, Preparation, send
from modelreg.confinement.messages import Measured, NoAnswer, Predicted
from modelreg.errors import ModelStopped

if TYPE_CHECKING:
    from modelreg.records.confinement import Confinement, Limits

Progress = Callable[[int, int | None], None]

_PROGRAM = """\
import json, sys
sys.path[:] = json.loads(sys.argv[2])
from modelreg.confinement.worker import main
main(int(sys.argv[1]))
"""
_BLOCK = 65536  # bytes
_MOST_THREADS = 1024  # genuine models use a few for each core
_WATCH = 0.05  # seconds between two looks at the number of threads
_MOST_WARNINGS = 100  # of one run that are passed on
_LAST_WORDS = 5.0  # seconds in which a child that closed its end must be gone


class ModelProcess:
    """A child process for one job, started at once: it waits for `prepare`, imports libraries, and waits for `run`."""

    def __init__(self) -> None:
        self._channel, child = socket.socketpair()
        reader, writer = os.pipe()
        line = fcntl.fcntl(child, fcntl.F_DUPFD_CLOEXEC, 3)  # beyond the standard ones, which may be closed here
        try:
            self._process = subprocess.Popen(
                [*_interpreter(), "-c", _PROGRAM, str(line), json.dumps(_module_folders())],
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                pass_fds=[line],
                start_new_session=True,  # away from the terminal and from its Ctrl-C
            )
        except BaseException:
            os.close(reader)
            self._channel.close()
            raise
        finally:
            os.close(writer)
            os.close(line)
            child.close()
        self._printed = _Printed(reader)
        self._limits: Limits | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the child, whatever it does; from then on nothing of its output changes."""
        self._end()
        self._printed.close()
        self._channel.close()

    def prepare(self, preparation: Preparation) -> None:
        """Let the child confine itself and import libraries meanwhile."""
        self._limits = preparation.limits
        with suppress(OSError):  # a child that has gone is met by `run`
            send(self._channel, preparation)

    def run(self, job: Job, descriptors: Sequence[int], progress: Progress | None = None) -> Predicted | Measured:
        """What came of a job; the child has ended then.

        Raises the error that the child sent, `ModelStopped` when it reached a limit, was ended by a signal or sent
        what is no answer, and OSError when data could not be read or the output not be written.
        """
        assert self._limits is not None, "prepare() comes first"
        deadline = None if self._limits.time is None else monotonic() + self._limits.time
        with suppress(OSError):
            send(self._channel, job, descriptors)
        try:
            answer = self._answer(job.trust.model, deadline, progress)
        except NoAnswer as error:
            raise ModelStopped(job.trust.model, "its process sent what is no answer") from error
        self._end()
        return answer

    def _answer(self, model: str, deadline: float | None, progress: Progress | None) -> Predicted | Measured:
        is_confined = False
        warned = _Warned(model)
        for message in self._messages(model, deadline):
            match message:
                case messages.Confined(confinement):
                    is_confined = True
                    _tell_of_missing(confinement)
                case messages.Warned(category, text):
                    warned.pass_on(text, category)
                case messages.Advanced(done, total):
                    if progress is not None:
                        progress(done, total)
                case Predicted() | Measured() if is_confined:
                    return message
                case messages.Failed(error):
                    raise error
                case messages.OutputFailed(number):
                    raise OSError(number, os.strerror(number))
                case messages.OutOfMemory():
                    raise self._out_of_memory(model)
                case _:
                    raise NoAnswer
        raise self._stopped(model)

    def _messages(self, model: str, deadline: float | None) -> Iterator[messages.Message]:
        """What the child sends until it closes its end; what it prints meanwhile is passed on.

        Nothing else limits threads everywhere: ``RLIMIT_NPROC`` does not hold for root, and counts those of all other
        processes of a user.
        """
        received, watched = bytearray(), 0.0
        with selectors.DefaultSelector() as selector:
            selector.register(self._channel, selectors.EVENT_READ)
            selector.register(self._printed.descriptor, selectors.EVENT_READ)
            while True:
                now = monotonic()
                ready = selector.select(_WATCH if deadline is None else max(0.0, min(_WATCH, deadline - now)))
                now = monotonic()
                if deadline is not None and now >= deadline:
                    raise self._out_of_time(model)
                if now >= watched + _WATCH:
                    watched = now
                    if _threads(self._process.pid) > _MOST_THREADS:
                        raise ModelStopped(model, f"it started more than {_MOST_THREADS:,} threads")
                places = {key.fd for key, _ in ready}
                if self._printed.descriptor in places and not self._printed.pass_on():
                    selector.unregister(self._printed.descriptor)
                if self._channel.fileno() in places:
                    block = _received(self._channel)
                    if not block:
                        return
                    received += block
                    *lines, received = received.split(b"\n")
                    yield from (messages.decode(bytes(line)) for line in lines)
                    if len(received) > messages.LONGEST:
                        raise NoAnswer

    def _end(self) -> None:
        """Kill the child and wait until it is gone, so that nothing is written any more; pass on its last words."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        while self._printed.pass_on():
            pass

    def _stopped(self, model: str) -> ModelStopped:
        """The error for a child that went without an answer."""
        try:
            self._process.wait(_LAST_WORDS)  # it closed its end of the line, and is about to end as well
        except subprocess.TimeoutExpired:
            return ModelStopped(model, "its process does not answer any more")
        self._end()
        status = self._process.returncode
        if status >= 0:
            return ModelStopped(model, "its process ended before it was done")
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        if name == "SIGKILL":
            killed = "its process was killed (SIGKILL)"
            return ModelStopped(model, killed, "the system does so when memory runs out")
        hint = self._memory_hint() if name == "SIGABRT" else None  # C++ ends so when it gets no memory
        return ModelStopped(model, f"its process crashed ({name})", hint)

    def _out_of_time(self, model: str) -> ModelStopped:
        assert self._limits is not None
        return ModelStopped(
            model, f"it took longer than {self._limits.time:g} seconds", "allow more with --time-limit SECONDS"
        )

    def _out_of_memory(self, model: str) -> ModelStopped:
        from modelreg.confinement.limits import memory_of, size_as_text

        assert self._limits is not None
        size = size_as_text(memory_of(self._limits))
        return ModelStopped(model, f"it wanted more memory than the limit of {size}", self._memory_hint())

    def _memory_hint(self) -> str:
        return "allow more with --memory-limit SIZE, as in --memory-limit 64GiB"


class _Warned:
    """The warnings of one run: each text once, and no more than `_MOST_WARNINGS`, of which nothing is kept."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._count = 0
        self._registry: dict[str | tuple[str, type[Warning], int], int] = {}

    def pass_on(self, text: str, category: type[Warning]) -> None:
        """Warn as if it had happened where `Registry` was called."""
        self._count += 1
        if self._count <= _MOST_WARNINGS:
            self._warn(text, category)
        elif self._count == _MOST_WARNINGS + 1:
            self._warn(f"further warnings of {self._model} are not shown", UserWarning)

    def _warn(self, text: str, category: type[Warning]) -> None:
        # with a registry of our own: that of a module keeps every text for as long as the process lives
        warnings.warn_explicit(text, category, f"<{self._model}>", 1, "modelreg.registry", self._registry)


class _Printed:
    """What the child prints, on its way to our stderr, with control characters escaped."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def pass_on(self) -> bool:
        """Pass on what is there; False at the end."""
        block = os.read(self.descriptor, _BLOCK)
        text = self._decoder.decode(block, final=not block)
        if text and sys.stderr is not None:
            with suppress(OSError, ValueError):  # whoever read our stderr has gone, or it is closed
                sys.stderr.write("".join(map(_visible, text)))
                sys.stderr.flush()
        return bool(block)

    def close(self) -> None:
        """Let go of the pipe."""
        os.close(self.descriptor)


def _visible(character: str) -> str:
    if character == "\r":  # of a progress bar, which would write over what stands there
        return "\n"
    return character if character.isprintable() or character in "\n\t" else repr(character)[1:-1]


def _threads(pid: int) -> int:
    """How many threads a process has; 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[17])  # proc(5): the 20th, and the name is the 2nd
    except (OSError, ValueError, IndexError):
        return 0


def _received(channel: socket.socket) -> bytes:
    try:
        return channel.recv(_BLOCK)
    except ConnectionResetError:  # it was killed with a message of ours unread
        return b""


def _tell_of_missing(confinement: Confinement) -> None:
    if not confinement.is_complete:
        warnings.warn(
            f"the model runs without complete confinement ({confinement.missing}), so it can do what you can",
            stacklevel=6,
        )


def _interpreter() -> list[str]:
    """This Python, with the options that decide what is imported from where, and which warnings are shown."""
    mode = "-I" if sys.flags.isolated else "-P"  # never from the current folder
    return [sys.executable, mode, *(f"-W{each}" for each in sys.warnoptions)]


def _module_folders() -> list[str]:
    """``sys.path`` as it means now; names that are no folders belong to import hooks, and stay as they are."""
    folders = [path for path in sys.path if isinstance(path, str)]
    return [os.path.abspath(path) if not path or os.path.exists(path) else path for path in folders]
