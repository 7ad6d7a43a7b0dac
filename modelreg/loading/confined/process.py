"""The parent's side: start a child process, send it a job, read its messages and end it.

Several threads may run children at once; nothing in this process is changed for that.
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
from modelreg.loading.confined.environment import build_environment
from modelreg.loading.confined.job import Job, PredictionTask, WorkerSetup, send
from modelreg.loading.confined.limits import format_size, get_memory_limit
from modelreg.loading.confined.messages import InvalidMessage, Measured, Predicted

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
_SMALL_BLOCK = 1024  # bytes; escaping makes at most 4096 of them, for which a writable pipe has room
_MAX_THREADS = 1024  # genuine models use a few per core
_POLL_INTERVAL = 0.05  # seconds between two checks of whether the child is alive
_THREAD_INTERVAL = 0.01  # seconds between two counts of the child's threads; it can start some hundred in that time
_MAX_WARNINGS = 100  # shown per run
_EXIT_TIMEOUT = 5.0  # seconds in which a child must exit after it closed its pipe
_MEMORY_HINT = "raise the limit with --memory-limit SIZE, such as --memory-limit 64GiB"


class ModelProcess:
    """A child process for one job. It starts at once, imports libraries after `prepare`, and then waits for `run`."""

    def __init__(self) -> None:
        with ExitStack() as parent_ends, ExitStack() as child_ends:
            self._channel, jobs = map(parent_ends.enter_context, socket.socketpair())
            # never receive: descriptors that a model sends, or sockets with SO_LINGER, would block this process
            self._channel.shutdown(socket.SHUT_RD)
            self._answers, answers = _open_pipe(parent_ends, child_ends)
            printed, output = _open_pipe(parent_ends, child_ends)
            channels = [
                _duplicate_above_standard_streams(descriptor, child_ends) for descriptor in (jobs.fileno(), answers)
            ]
            jobs.close()
            self._process = _start_child(channels, output)
            self._parent_ends = parent_ends.pop_all()
        self._printed = _OutputRelay(printed)
        self._limits: Limits | None = None
        self._deadline: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Kill the child if it still runs, so that its output does not change any more."""
        self._end()
        self._printed.relay_rest(wait=isinstance(error, Exception) and not self._is_late())
        self._parent_ends.close()

    def prepare(self, setup: WorkerSetup, granted: Sequence[int] = ()) -> None:
        """Let the child confine itself and import libraries; ``granted`` are descriptors of paths that it may read."""
        self._limits = setup.limits
        with suppress(OSError):  # `run` reports a child that has ended
            send(self._channel, setup, granted)

    def run(self, job: Job, descriptors: Sequence[int], progress: Progress | None = None) -> Predicted | Measured:
        """Run a job, wait for the child to end, and return its result.

        Raises the error that the child sent. Raises `ModelStopped` when the child reached a limit, was killed by a
        signal or sent an invalid message, and OSError when data could not be read or the output not be written.
        """
        assert self._limits is not None, "prepare() comes first"
        model = job.trust.model
        self._deadline = None if self._limits.time is None else monotonic() + self._limits.time
        with _LimitWatcher(self._process, self._deadline) as watcher:
            with suppress(OSError):
                send(self._channel, job, descriptors)
            try:
                answer = self._read_answer(job, progress)
            except InvalidMessage as error:
                raise ModelStopped(model, "its process sent an invalid answer") from error
            result = self._explain_exit(model) if answer is None else answer
        self._end()
        if watcher.has_too_many_threads:
            raise ModelStopped(model, f"it started more than {_MAX_THREADS:,} threads")
        self.check_time_limit(model)
        self._printed.relay_rest(wait=True)
        if isinstance(result, ModelStopped):
            raise result
        return result

    def check_time_limit(self, model: str) -> None:
        """Raise `ModelStopped` after the time limit; checking the output counts towards it, too."""
        if self._is_late():
            assert self._limits is not None
            reason = f"it took longer than {self._limits.time:g} seconds"
            raise ModelStopped(model, reason, "raise the limit with --time-limit SECONDS")

    def _is_late(self) -> bool:
        return self._deadline is not None and monotonic() >= self._deadline

    def _read_answer(self, job: Job, progress: Progress | None) -> Predicted | Measured | None:
        """Read the child's messages up to its result; returns None when it ended without one."""
        is_confined = False
        warning_relay = _WarningRelay(job.trust.model)
        for message in self._read_messages():
            match message:
                case messages.Confined(confinement) if not is_confined:
                    is_confined = True
                    _warn_if_incomplete(confinement)
                case messages.Warned(category, text):
                    warning_relay.relay(text, category)
                case messages.Advanced(done, total):
                    if progress is not None:
                        progress(done, total)
                case Predicted() | Measured() if is_confined:
                    return message
                case _:
                    raise self._build_error(message, job, is_confined=is_confined)
        return None

    def _build_error(self, message: messages.Message, job: Job, *, is_confined: bool) -> Exception:
        """The error to raise for a message."""
        match message:
            case messages.Failed(error) if not is_confined:
                return error  # from our own code: no model was loaded yet
            case messages.Failed(error) if not isinstance(error, (ConfinementFailed, SandboxUnavailable)):
                return self._mark_advice(error, job)
            case messages.OutputFailed(number) if isinstance(job.task, PredictionTask):
                return OSError(number, os.strerror(number))
            case messages.OutputFailed(errno.EIO):  # an evaluation has no output, so the data failed
                return InvalidData(f"{job.data_name} could not be read: {os.strerror(errno.EIO)}")
            case messages.OutOfMemory():
                assert self._limits is not None
                size = format_size(get_memory_limit(self._limits))
                return ModelStopped(job.trust.model, f"it needed more than the memory limit of {size}", _MEMORY_HINT)
            case _:
                return InvalidMessage()

    def _mark_advice(self, error: ModelregError, job: Job) -> ModelregError:
        """Mark the hint of an error that a model may have forged, so that it is not taken for our own advice."""
        if isinstance(error, UntrustedModel):
            return job.build_untrusted_error(error.findings, error.trustable)
        if error.hint is not None and error.hint != messages.CONFINEMENT_HINT:
            error.hint = f"{error.hint}  # from the model's process"
            error.__notes__ = [f"hint: {error.hint}"]
        return error

    def _read_messages(self) -> Iterator[messages.Message]:
        """Read messages until the child closes its pipe or ends; relay what it prints meanwhile.

        The end of the pipe alone does not show that the child has ended: a process that another thread has forked may
        keep the pipe open.
        """
        received = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            selector.register(self._printed.descriptor, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in selector.select(_POLL_INTERVAL)}
                has_ended = self._process.poll() is not None  # checked before reading: it writes nothing after that
                if self._printed.descriptor in ready and self._printed.relay() == b"":
                    selector.unregister(self._printed.descriptor)
                if has_ended or self._answers in ready:
                    block = _read_available(self._answers)
                    if not block:
                        return
                    received += block
                    *lines, received = received.split(b"\n")
                    for line in map(bytes, lines):
                        if messages.is_result(line):  # the last message; decoding it takes time
                            self._end()
                        yield messages.decode(line)
                    if len(received) > messages.get_max_size(received):
                        raise InvalidMessage

    def _end(self) -> None:
        """Kill the child and wait for its end, so that it writes nothing any more."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def _explain_exit(self, model: str) -> ModelStopped:
        """The error for a child that ended, or closed its pipe, without an answer."""
        try:
            self._process.wait(_EXIT_TIMEOUT)  # a child that closed its pipe is normally about to exit
        except subprocess.TimeoutExpired:
            return ModelStopped(model, "its process closed its connection and did not exit")
        status = self._process.returncode
        if status >= 0:
            return ModelStopped(model, "its process exited without an answer")
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        if name == "SIGKILL":
            reason = "its process was killed (SIGKILL)"
            return ModelStopped(model, reason, "the system kills processes when memory runs out")
        hint = _MEMORY_HINT if name == "SIGABRT" else None  # C++ programs abort when they get no memory
        return ModelStopped(model, f"its process crashed ({name})", hint)


class _WarningRelay:
    """Shows the warnings of one run: each text once, and at most `_MAX_WARNINGS`; keeps none of them."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._count = 0
        self._registry: dict[str | tuple[str, type[Warning], int], int] = {}

    def relay(self, text: str, category: type[Warning]) -> None:
        """Issue a warning as if it came from the caller of `Registry`."""
        self._count += 1
        if self._count <= _MAX_WARNINGS:
            self._warn(text, category)
        elif self._count == _MAX_WARNINGS + 1:
            self._warn(f"further warnings of {self._model} are not shown", UserWarning)

    def _warn(self, text: str, category: type[Warning]) -> None:
        try:
            # with our own registry: a module's registry would keep all texts for the life of this process
            warnings.warn_explicit(text, category, f"<{self._model}>", 1, "modelreg.registry", self._registry)
        except Warning as warning:
            reason = f"Python treats warnings as errors here, and the model warned: {text}"
            raise ModelStopped(self._model, reason) from warning


class _OutputRelay:
    """Copies what the child prints to stderr, with control characters escaped."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def relay(self, size: int = _BLOCK) -> bytes | None:
        """Copy at most ``size`` bytes and return them: empty at the end, None when there is nothing at the moment."""
        try:
            block = os.read(self.descriptor, size)
        except BlockingIOError:
            return None
        text = self._decoder.decode(block, final=not block)
        if text and sys.stderr is not None:
            with suppress(OSError, ValueError):  # stderr is closed, or its reader has ended
                sys.stderr.write(escaped(text))
                sys.stderr.flush()
        return block

    def relay_rest(self, *, wait: bool) -> None:
        """Copy what an ended child has left: all of it, or without ``wait`` only what stderr takes without blocking."""
        while (wait or _is_writable(sys.stderr)) and self.relay(_SMALL_BLOCK):
            pass


class _LimitWatcher:
    """A thread that kills the child at its limits, even while this process is blocked.

    It counts threads itself because ``RLIMIT_NPROC`` does not hold for root, and counts all processes of a user.
    """

    def __init__(self, process: subprocess.Popen[bytes], deadline: float | None) -> None:
        self.has_too_many_threads = False
        """Whether it killed the child for its number of threads."""
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
        while not self._is_over.wait(self._get_interval()):
            is_late = self._deadline is not None and monotonic() >= self._deadline
            self.has_too_many_threads = not is_late and _count_threads(self._process.pid) > _MAX_THREADS
            if is_late or self.has_too_many_threads:
                self._process.kill()
                return

    def _get_interval(self) -> float:
        remaining = _THREAD_INTERVAL if self._deadline is None else self._deadline - monotonic()
        return max(0.0, min(_THREAD_INTERVAL, remaining))


def _is_writable(stream: TextIO | None) -> bool:
    """Whether writing to a stream would not block, as far as the system can tell."""
    try:
        return stream is not None and bool(select.select([], [stream.fileno()], [], 0)[1])
    except (OSError, ValueError, AttributeError):  # a Python object without a descriptor
        return True


def _count_threads(pid: int) -> int:
    """The number of threads of a process; 0 when it is unknown."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # field 20 in proc(5); field 2 is the process name in brackets, which may contain blanks
            return int(file.read().rpartition(b")")[2].split()[17])
    except (OSError, ValueError, IndexError):
        return 0


def _read_available(descriptor: int) -> bytes:
    """Read what is in a pipe; returns nothing at its end, and when it is empty."""
    try:
        return os.read(descriptor, _BLOCK)
    except BlockingIOError:
        return b""


def _warn_if_incomplete(confinement: Confinement) -> None:
    """Warn on stderr about incomplete confinement; not through `warnings`, which the environment can silence."""
    if not confinement.is_complete and sys.stderr is not None:
        text = f"the model runs without complete confinement ({confinement.missing}): it can do whatever you can do"
        with suppress(OSError, ValueError):
            sys.stderr.write(f"warning: {text}\n")
            sys.stderr.flush()


def _start_child(channels: Sequence[int], output: int) -> subprocess.Popen[bytes]:
    """Start the child; it inherits ``channels``, for its job and its answers. Raises `ConfinementFailed`."""
    if not sys.executable:
        raise ConfinementFailed("sys.executable is empty, so the path of this Python is unknown")
    mode = "-I" if sys.flags.isolated else "-P"  # never import from the current folder
    options = [mode, *(f"-W{option}" for option in sys.warnoptions)]
    numbers = ",".join(map(str, (*channels, os.getpid())))
    try:
        return subprocess.Popen(
            [sys.executable, *options, "-c", _PROGRAM, numbers, json.dumps(_list_import_folders())],
            env=build_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=channels,
            start_new_session=True,  # no terminal, and no Ctrl-C from it
        )
    except (FileNotFoundError, PermissionError) as error:
        reason = f"{shown(sys.executable)} cannot be started: {error.strerror}"
        raise ConfinementFailed(reason, "set sys.executable to the Python that modelreg runs in") from error


def _list_import_folders() -> list[str]:
    """``sys.path`` with absolute paths; names that are not folders belong to import hooks and stay unchanged."""
    folders = []
    for path in sys.path:
        if isinstance(path, str):
            with suppress(FileNotFoundError):  # a relative path when the current folder was removed
                folders.append(os.path.abspath(path) if not path or os.path.exists(path) else path)
    return folders


def _open_pipe(parent_ends: ExitStack, child_ends: ExitStack) -> tuple[int, int]:
    """Open a pipe from the child to the parent; the parent reads from it without blocking."""
    reader, writer = os.pipe()
    parent_ends.callback(os.close, reader)
    child_ends.callback(os.close, writer)
    os.set_blocking(reader, False)
    return reader, writer


def _duplicate_above_standard_streams(descriptor: int, child_ends: ExitStack) -> int:
    """Duplicate a descriptor to a number of 3 or more; without this it may be 0 to 2 when those are closed here."""
    copy = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    child_ends.callback(os.close, copy)
    return copy
