"""The parent's side: a child that confines itself is started, handed its job, listened to and ended.

Any number of threads may run children at once; nothing of this process is changed for it.
"""

from __future__ import annotations

import codecs
import errno
import fcntl
import json
import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from modelreg.errors import (
    ConfinementFailed,
    InvalidData,
    ModelregError,
    ModelStopped,
    SandboxUnavailable,
    UntrustedModel,
    shown,
)
from modelreg.errors.text import escaped
from modelreg.loading.confined import messages
from modelreg.loading.confined.environment import environment
from modelreg.loading.confined.job import Job, PredictionTask, WorkerSetup, send
from modelreg.loading.confined.messages import Measured, NoAnswer, Predicted

if TYPE_CHECKING:
    from modelreg.domain.confinement import Confinement, Limits

Progress = Callable[[int, int | None], None]

_PROGRAM = """\
import json, sys
sys.path[:] = json.loads(sys.argv[2])
from modelreg.loading.confined.worker import main
main(*map(int, sys.argv[1].split(",")))
"""
_BLOCK = 65536  # bytes
_AT_ONCE = 1024  # bytes that become 4096 at most, for which a pipe that takes anything has room
_MOST_THREADS = 1024  # genuine models use a few for each core
_WATCH = 0.05  # seconds between two looks at the child's state
_COUNT = 0.01  # seconds between two looks at the number of its threads, of which it makes some hundred in that time
_MOST_WARNINGS = 100  # of one run that are passed on
_LAST_WORDS = 5.0  # seconds in which a child that closed its end must be gone


class ModelProcess:
    """A child process for one job, started at once: it waits for `prepare`, imports libraries, and waits for `run`."""

    def __init__(self) -> None:
        with ExitStack() as ours, ExitStack() as theirs:
            self._channel, jobs = map(ours.enter_context, socket.socketpair())
            # nothing is received by it: descriptors that a model sends, or sockets that linger, would keep us waiting
            self._channel.shutdown(socket.SHUT_RD)
            self._answers, answers = _pipe(ours, theirs)
            printed, output = _pipe(ours, theirs)
            lines = [_beyond_standard(each, theirs) for each in (jobs.fileno(), answers)]
            jobs.close()
            self._process = _started(lines, output)
            self._opened = ours.pop_all()
        self._printed = _Printed(printed)
        self._limits: Limits | None = None
        self._deadline: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the child, whatever it does; from then on nothing of its output changes."""
        self._end()
        self._printed.pass_on_the_rest(wait=isinstance(error, Exception) and not self._is_late())
        self._opened.close()

    def prepare(self, preparation: WorkerSetup, granted: Sequence[int] = ()) -> None:
        """Let the child confine itself and import libraries meanwhile; ``granted`` is what it may read."""
        self._limits = preparation.limits
        with suppress(OSError):  # a child that has gone is met by `run`
            send(self._channel, preparation, granted)

    def run(self, job: Job, descriptors: Sequence[int], progress: Progress | None = None) -> Predicted | Measured:
        """What came of a job; the child has ended then.

        Raises the error that the child sent, `ModelStopped` when it reached a limit, was ended by a signal or sent
        what is no answer, and OSError when data could not be read or the output not be written.
        """
        assert self._limits is not None, "prepare() comes first"
        model = job.trust.model
        self._deadline = None if self._limits.time is None else monotonic() + self._limits.time
        with _Watch(self._process, self._deadline) as watch:
            with suppress(OSError):
                send(self._channel, job, descriptors)
            try:
                answer = self._answer(job, progress)
            except NoAnswer as error:
                raise ModelStopped(model, "its process sent what is no answer") from error
            result = self._stopped(model) if answer is None else answer
        self._end()
        if watch.has_too_many_threads:
            raise ModelStopped(model, f"it started more than {_MOST_THREADS:,} threads")
        self.require_time(model)
        self._printed.pass_on_the_rest(wait=True)
        if isinstance(result, ModelStopped):
            raise result
        return result

    def require_time(self, model: str) -> None:
        """Raise `ModelStopped` after the time limit; what is done with the output counts as well."""
        if self._is_late():
            raise self._out_of_time(model)

    def _is_late(self) -> bool:
        return self._deadline is not None and monotonic() >= self._deadline

    def _answer(self, job: Job, progress: Progress | None) -> Predicted | Measured | None:
        """The child's answer; None where it went without one."""
        is_confined = False
        model = job.trust.model
        warned = _Warned(model)
        for message in self._messages():
            match message:
                case messages.Confined(confinement) if not is_confined:
                    is_confined = True
                    _tell_of_missing(confinement)
                case messages.Warned(category, text):
                    warned.pass_on(text, category)
                case messages.Advanced(done, total):
                    if progress is not None:
                        progress(done, total)
                case Predicted() | Measured() if is_confined:
                    return message
                case _:
                    raise self._error(message, job, is_confined=is_confined)
        return None

    def _error(self, message: messages.Message, job: Job, *, is_confined: bool) -> Exception:
        """The error that a message stands for."""
        match message:
            case messages.Failed(error) if not is_confined:
                return error  # of our own program: there was no model yet
            case messages.Failed(error) if not isinstance(error, (ConfinementFailed, SandboxUnavailable)):
                return self._blamed(error, job)
            case messages.OutputFailed(number) if isinstance(job.task, PredictionTask):
                return OSError(number, os.strerror(number))
            case messages.OutputFailed(errno.EIO):  # an evaluation writes nothing
                return InvalidData(f"{job.data_name} could not be read: {os.strerror(errno.EIO)}")
            case messages.OutOfMemory():
                return self._out_of_memory(job.trust.model)
            case _:
                return NoAnswer()

    def _blamed(self, error: ModelregError, job: Job) -> ModelregError:
        """An error that a model could have sent itself: what it advises must not be taken for advice of ours."""
        if isinstance(error, UntrustedModel):
            return job.untrusted(error.findings, error.trustable)
        if error.hint is not None and error.hint != messages.CONFINED:
            error.hint = f"{error.hint}  # from the model's process"
            error.__notes__ = [f"hint: {error.hint}"]
        return error

    def _messages(self) -> Iterator[messages.Message]:
        """What the child sends until it closes its end, or is gone; what it prints meanwhile is passed on.

        The end of a pipe does not tell when the child is gone: a process that another thread has forked may hold it
        open as well.
        """
        received = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            selector.register(self._printed.descriptor, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in selector.select(_WATCH)}
                is_gone = self._process.poll() is not None  # asked before reading: nothing is written after that
                if self._printed.descriptor in ready and self._printed.pass_on() == b"":
                    selector.unregister(self._printed.descriptor)
                if is_gone or self._answers in ready:
                    block = _read(self._answers)
                    if not block:
                        return
                    received += block
                    *lines, received = received.split(b"\n")
                    for line in map(bytes, lines):
                        if messages.is_result(line):  # nothing comes behind it, and reading it takes time
                            self._end()
                        yield messages.decode(line)
                    if len(received) > messages.longest(received):
                        raise NoAnswer

    def _end(self) -> None:
        """Kill the child and wait until it is gone, so that nothing is written any more."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def _stopped(self, model: str) -> ModelStopped:
        """The error for a child that went without an answer."""
        try:
            self._process.wait(_LAST_WORDS)  # it closed its end of the line, and is about to end as well
        except subprocess.TimeoutExpired:
            return ModelStopped(model, "its process does not answer any more")
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
        from modelreg.loading.confined.limits import memory_of, size_as_text

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
        try:
            # with a registry of our own: that of a module keeps every text for as long as the process lives
            warnings.warn_explicit(text, category, f"<{self._model}>", 1, "modelreg.registry", self._registry)
        except Warning as warning:
            raise ModelStopped(self._model, f"warnings are errors here, and it warned: {text}") from warning


class _Printed:
    """What the child prints, on its way to our stderr, with control characters escaped."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def pass_on(self, most: int = _BLOCK) -> bytes | None:
        """Pass on what is there, and return it: nothing at the end, None when there is nothing now."""
        try:
            block = os.read(self.descriptor, most)
        except BlockingIOError:
            return None
        text = self._decoder.decode(block, final=not block)
        if text and sys.stderr is not None:
            with suppress(OSError, ValueError):  # whoever read our stderr has gone, or it is closed
                sys.stderr.write(escaped(text))
                sys.stderr.flush()
        return block

    def pass_on_the_rest(self, *, wait: bool) -> None:
        """Pass on what a child that is gone has left, or as much of it as our stderr takes without waiting."""
        while (wait or _takes_text(sys.stderr)) and self.pass_on(_AT_ONCE):
            pass


class _Watch:
    """A thread that ends the child at its limits, whatever this process waits for meanwhile.

    Nothing else limits threads everywhere: ``RLIMIT_NPROC`` does not hold for root, and counts those of all other
    processes of a user.
    """

    def __init__(self, process: subprocess.Popen[bytes], deadline: float | None) -> None:
        self.has_too_many_threads = False
        """Whether it was ended for its number of threads."""
        self._process = process
        self._deadline = deadline
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="modelreg-limits", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(self._interval()):
            is_late = self._deadline is not None and monotonic() >= self._deadline
            self.has_too_many_threads = not is_late and _threads(self._process.pid) > _MOST_THREADS
            if is_late or self.has_too_many_threads:
                self._process.kill()
                return

    def _interval(self) -> float:
        return _COUNT if self._deadline is None else max(0.0, min(_COUNT, self._deadline - monotonic()))


def _takes_text(stream: TextIO | None) -> bool:
    """Whether text that is written to a stream now finds room, as far as the system tells."""
    try:
        return stream is not None and bool(select.select([], [stream.fileno()], [], 0)[1])
    except (OSError, ValueError, AttributeError):  # it is no file, but an object of the program
        return True


def _threads(pid: int) -> int:
    """How many threads a process has; 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[17])  # proc(5): the 20th, and the name is the 2nd
    except (OSError, ValueError, IndexError):
        return 0


def _read(descriptor: int) -> bytes:
    """What is in a pipe now; nothing at its end, or when it is empty."""
    try:
        return os.read(descriptor, _BLOCK)
    except BlockingIOError:
        return b""


def _tell_of_missing(confinement: Confinement) -> None:
    """Say it on stderr, and not as one of Python's warnings, which the environment may silence."""
    if not confinement.is_complete and sys.stderr is not None:
        text = f"the model runs without complete confinement ({confinement.missing}), so it can do what you can"
        with suppress(OSError, ValueError):
            sys.stderr.write(f"warning: {text}\n")
            sys.stderr.flush()


def _started(lines: Sequence[int], output: int) -> subprocess.Popen[bytes]:
    """The child, with the descriptors ``lines`` for its job and its answers; raises `ConfinementFailed`."""
    numbers = ",".join(map(str, (*lines, os.getpid())))
    words = [*_interpreter(), "-c", _PROGRAM, numbers, json.dumps(_module_folders())]
    try:
        return subprocess.Popen(
            words,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=lines,
            start_new_session=True,  # away from the terminal and from its Ctrl-C
        )
    except (FileNotFoundError, PermissionError) as error:
        reason = f"{shown(sys.executable)} cannot be started: {error.strerror}"
        raise ConfinementFailed(reason, "sys.executable is the Python that modelreg runs in") from error


def _interpreter() -> list[str]:
    """This Python, with the options that decide what is imported from where, and which warnings are shown."""
    if not sys.executable:
        raise ConfinementFailed("this Python does not know its own program (sys.executable)")
    mode = "-I" if sys.flags.isolated else "-P"  # never from the current folder
    return [sys.executable, mode, *(f"-W{each}" for each in sys.warnoptions)]


def _module_folders() -> list[str]:
    """``sys.path`` as it means now; names that are no folders belong to import hooks, and stay as they are."""
    folders = []
    for path in sys.path:
        if isinstance(path, str):
            with suppress(FileNotFoundError):  # what is relative to a current folder that is gone
                folders.append(os.path.abspath(path) if not path or os.path.exists(path) else path)
    return folders


def _pipe(ours: ExitStack, theirs: ExitStack) -> tuple[int, int]:
    """A pipe that we read without waiting; the child has its other end."""
    reader, writer = os.pipe()
    ours.callback(os.close, reader)
    theirs.callback(os.close, writer)
    os.set_blocking(reader, False)
    return reader, writer


def _beyond_standard(descriptor: int, theirs: ExitStack) -> int:
    """A copy that is none of the standard streams, which may be closed here."""
    copy = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    theirs.callback(os.close, copy)
    return copy
