"""The child's program: confine this process, import the libraries, load the model, run it, answer.

It is started by `process`, gets its job over a socket and answers through a pipe. Whatever goes wrong while the model
is loaded or asked is sent as an error of `modelreg.errors`; what kills the process tells the parent by its end.
"""

from __future__ import annotations

import errno
import gc
import os
import socket
import sys
from contextlib import ExitStack, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from modelreg.domain.evaluations import EvaluationRequest
from modelreg.errors import InvalidData, ModelregError, ModelStopped, SandboxUnavailable
from modelreg.loading.confined import messages
from modelreg.loading.confined.job import Job, PredictionTask, WorkerSetup, receive
from modelreg.loading.confined.messages import Message

if TYPE_CHECKING:
    from modelreg.data.tables.source import TableFile

_LIBRARIES = {
    "sklearn": "sklearn.base",
    "pytorch": "torch",
    "onnx": "onnxruntime",
    "mlflow": "mlflow.pyfunc",
    "safetensors": "safetensors.numpy",
    **{name: name for name in ("xgboost", "lightgbm", "catboost", "keras")},
}
"""Flavor -> what its models need."""


def main(jobs: int, answers: int, parent: int) -> None:
    """Do the job that comes from the socket ``jobs``, answer through the pipe ``answers``, and end the process.

    ``parent`` is the process that started this one, and without which it does not go on.
    """
    gc.disable()  # imported modules are no garbage: looking for some would take a tenth of their time
    sys.argv = ["modelreg"]
    try:
        _die_with(parent)
        answer = _do_job(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=jobs), answers)
    except (EOFError, BrokenPipeError, ConnectionResetError):  # the parent has gone, or found an error of its own
        os._exit(0)
    except BaseException as error:  # a model may raise KeyboardInterrupt; Ctrl-C does not reach this session
        if not isinstance(error, (ModelregError, OSError, MemoryError)) and os.environ.get("MODELREG_DEBUG") == "1":
            raise
        answer = _failure(error)
    _flush()
    with suppress(OSError):
        _send(answers, answer)
    os._exit(0)


def _do_job(channel: socket.socket, answers: int) -> Message:
    from modelreg.loading.confined.inherited import let_go_of_descriptors
    from modelreg.loading.confined.sandbox import confine

    preparation, granted = receive(channel)
    assert isinstance(preparation, WorkerSetup)
    let_go_of_descriptors([channel.fileno(), answers, *granted])
    confinement = confine(
        preparation.permissions, preparation.limits, preparation.model_folder, preparation.registry, granted
    )
    for descriptor in granted:
        os.close(descriptor)
    if preparation.is_required and not confinement.is_complete:
        raise SandboxUnavailable(confinement.missing)
    _send(answers, messages.Confined(confinement))
    _pass_warnings_on(answers)
    _import_libraries(preparation.flavor)
    gc.freeze()
    gc.enable()
    job, descriptors = receive(channel)
    channel.close()
    assert isinstance(job, Job)
    return _run(job, descriptors, preparation.model_folder, answers)


def _run(job: Job, descriptors: list[int], model_folder: str | None, answers: int) -> Message:
    from pathlib import Path

    from modelreg.analysis.containers.content import OpenModel
    from modelreg.data.tables.source import TableFile
    from modelreg.loading.flavors import load

    def progress(done: int, total: int | None) -> None:
        _send(answers, messages.Advanced(done, total))

    with ExitStack() as files:
        opened = [files.enter_context(os.fdopen(each, "rb")) for each in descriptors[: 1 if model_folder else 2]]
        table = TableFile(
            job.data_name, opened[0], job.data_format, job.is_gzipped, job.layout, known_rows=job.data_rows
        )
        place = Path(model_folder) if model_folder else None
        model = load(OpenModel(None if place else opened[1], place), job.format, job.trust)
        try:
            if isinstance(job.task, EvaluationRequest):
                return _evaluate(model, job, job.task, table, progress)
            return _predict(model, job, job.task, table, descriptors[-1], progress)
        except InvalidData as error:
            if error.hint is None and not _is_caused_by(error, PermissionError, socket.gaierror):
                error.hint = f"modelreg show {job.trust.model} shows what the model takes"
            raise


def _predict(
    model: object, job: Job, task: PredictionTask, table: TableFile, output: int, progress: Any
) -> messages.Predicted:
    from modelreg.data.inference.prediction import predict
    from modelreg.data.tables.writing import OutputFile, open_writer

    with os.fdopen(output, "wb") as file, open_writer(OutputFile(file, task.output_format)) as write:
        rows, columns = predict(
            model,
            job.signature,
            table,
            write,
            proba=task.proba,
            id_column=task.id_column,
            ignore_extra=task.ignore_extra,
            progress=progress,
        )
    return messages.Predicted(rows, columns)


def _evaluate(
    model: object, job: Job, request: EvaluationRequest, table: TableFile, progress: Any
) -> messages.Measured:
    from modelreg.data.inference.evaluation import evaluate

    return messages.Measured(evaluate(model, job.signature, table, request, progress=progress))


def _import_libraries(flavor: str) -> None:
    """What nearly every job needs, while the parent checks the model's bytes."""
    _import_joblib()
    import pandas  # noqa: F401

    with suppress(Exception):  # whatever is wrong with the library, its loader meets it again and says it
        import_module(_LIBRARIES.get(flavor, "sklearn.base"))


def _import_joblib() -> None:
    """Import joblib, with threads in the place of processes, which cannot be started here."""
    from modelreg.loading.confined.semaphores import use_threads

    use_threads()  # before joblib sees whether semaphores can be made, without which it uses no threads either
    import joblib
    from joblib.externals.loky.backend import context
    from joblib.parallel import ThreadingBackend

    for name in ("loky", "multiprocessing"):
        joblib.register_parallel_backend(name, ThreadingBackend)
    context.physical_cores_cache = _physical_cores()  # which it would ask the program lscpu for


def _physical_cores() -> int:
    """How many cores there are, of which each may run several threads."""
    cores = set()
    for number in range(os.cpu_count() or 1):
        topology = f"/sys/devices/system/cpu/cpu{number}/topology"
        try:
            with open(f"{topology}/physical_package_id") as package, open(f"{topology}/core_id") as core:
                cores.add((package.read(), core.read()))
        except OSError:  # one that is switched off, or a system that does not tell
            continue
    return len(cores) or os.cpu_count() or 1


def _pass_warnings_on(answers: int) -> None:
    import warnings

    def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        _send(answers, messages.Warned(category, str(message)))

    warnings.showwarning = show


def _send(answers: int, message: Message) -> None:
    line = memoryview(messages.encode(message))
    while line:
        line = line[os.write(answers, line) :]


def _failure(error: BaseException) -> Message:
    """What the parent is told of an error."""
    if _is_caused_by(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return messages.OutOfMemory()
    if isinstance(error, ModelregError):
        return messages.Failed(_explained(error))
    if isinstance(error, OSError) and error.errno is not None and messages.is_storage_failure(error.errno):
        return messages.OutputFailed(error.errno)
    description = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return messages.Failed(ModelStopped("the model", f"its process failed: {description}"))


def _is_caused_by(error: BaseException | None, *kinds: type[BaseException]) -> bool:
    while error is not None:
        if isinstance(error, kinds):
            return True
        error = error.__cause__ or error.__context__
    return False


def _explained(error: ModelregError) -> ModelregError:
    """``error`` with a hint where the confinement may be what caused it."""
    if error.hint is None and _is_caused_by(error, PermissionError, socket.gaierror):
        error.hint = messages.CONFINED
    return error


def _die_with(parent: int) -> None:
    """Let the kernel end this process when the thread that started it is gone, however it went.

    Raises EOFError when the parent has gone already: it may have sent the whole job before.
    """
    if sys.platform == "linux":
        import signal

        from modelreg.loading.confined.kernel import PR_SET_PDEATHSIG, prctl

        with suppress(OSError):
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise EOFError


def _flush() -> None:
    """Let go of what was printed, by Python and by libraries in C."""
    import ctypes

    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    ctypes.CDLL(None).fflush(None)
