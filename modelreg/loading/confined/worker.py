"""The child's program: confine this process, import libraries, load the model, run it and answer.

`process` starts it. It receives its job over a socket and answers through a pipe. It sends errors of loading or running
the model as errors of `modelreg.errors`; the parent recognises a crash by the exit status.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import socket
import sys
from contextlib import ExitStack, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from modelreg.domain.evaluations import EvaluationRequest
from modelreg.errors import InvalidData, ModelregError, ModelStopped, SandboxUnavailable
from modelreg.loading.confined import messages
from modelreg.loading.confined.job import Job, PredictionTask, WorkerSetup, receive
from modelreg.loading.confined.kernel import PR_SET_PDEATHSIG, prctl
from modelreg.loading.confined.messages import Message
from modelreg.loading.confined.sandbox import confine
from modelreg.loading.confined.semaphores import replace_process_semaphores
from modelreg.loading.confined.startup_resources import redirect_descriptors

if TYPE_CHECKING:
    from modelreg.data.tables.table_file import TableFile

_LIBRARIES = {
    "sklearn": "sklearn.base",
    "pytorch": "torch",
    "onnx": "onnxruntime",
    "mlflow": "mlflow.pyfunc",
    "safetensors": "safetensors.numpy",
    **{name: name for name in ("xgboost", "lightgbm", "catboost", "keras")},
}
"""Flavor -> the module to import for its models."""


def main(jobs: int, answers: int, parent: int) -> None:
    """Receive a job from the socket ``jobs``, answer through the pipe ``answers``, and exit.

    ``parent`` is the ID of the process that started this one; this one exits without it.
    """
    gc.disable()  # importing makes no garbage, and collecting would add a tenth to its time
    sys.argv = ["modelreg"]
    try:
        _exit_with_parent(parent)
        answer = _do_job(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=jobs), answers)
    except (EOFError, BrokenPipeError, ConnectionResetError):  # the parent ended, or had an error itself
        os._exit(0)
    except BaseException as error:  # a model may raise KeyboardInterrupt; Ctrl-C does not reach this process
        if not isinstance(error, (ModelregError, OSError, MemoryError)) and os.environ.get("MODELREG_DEBUG") == "1":
            raise
        answer = _build_error_message(error)
    _flush()
    with suppress(OSError):
        _send(answers, answer)
    os._exit(0)


def _do_job(channel: socket.socket, answers: int) -> Message:
    """Confine this process, import libraries, and then run the job."""
    setup, granted = receive(channel)
    assert isinstance(setup, WorkerSetup)
    redirect_descriptors([channel.fileno(), answers, *granted])
    confinement = confine(setup.permissions, setup.limits, setup.model_folder, setup.registry, granted)
    for descriptor in granted:
        os.close(descriptor)
    if setup.is_required and not confinement.is_complete:
        raise SandboxUnavailable(confinement.missing)
    _send(answers, messages.Confined(confinement))
    _relay_warnings(answers)
    _import_libraries(setup.flavor)
    gc.freeze()
    gc.enable()
    job, descriptors = receive(channel)
    channel.close()
    assert isinstance(job, Job)
    return _run(job, descriptors, setup.model_folder, answers)


def _run(job: Job, descriptors: list[int], model_folder: str | None, answers: int) -> Message:
    from pathlib import Path

    from modelreg.analysis.containers.content import OpenModel
    from modelreg.data.tables.table_file import TableFile
    from modelreg.loading.flavors import load

    def progress(done: int, total: int | None) -> None:
        _send(answers, messages.Advanced(done, total))

    with ExitStack() as files:
        inputs = descriptors[: 1 if model_folder else 2]
        data, *model_file = [files.enter_context(os.fdopen(descriptor, "rb")) for descriptor in inputs]
        table = TableFile(job.data_name, data, job.data_format, job.is_gzipped, job.layout, known_rows=job.data_rows)
        source = OpenModel(None, Path(model_folder)) if model_folder else OpenModel(model_file[0], None)
        model = load(source, job.format, job.trust)
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
    """Import what nearly all jobs need, while the parent checks the model's bytes."""
    _import_joblib()
    import pandas  # noqa: F401

    with suppress(Exception):  # the model's loader imports the library again, and reports the error
        import_module(_LIBRARIES.get(flavor, "sklearn.base"))


def _import_joblib() -> None:
    """Import joblib, and make it use threads: a confined process cannot start processes."""
    replace_process_semaphores()  # first: joblib tests for semaphores on import, and uses no threads without them
    import joblib
    from joblib.externals.loky.backend import context
    from joblib.parallel import ThreadingBackend

    for name in ("loky", "multiprocessing"):
        joblib.register_parallel_backend(name, ThreadingBackend)
    context.physical_cores_cache = _count_physical_cores()  # joblib would run the program lscpu


def _count_physical_cores() -> int:
    """Count the physical cores; a core may run several hardware threads."""
    cores = set()
    for number in range(os.cpu_count() or 1):
        topology = f"/sys/devices/system/cpu/cpu{number}/topology"
        try:
            with open(f"{topology}/physical_package_id") as package, open(f"{topology}/core_id") as core:
                cores.add((package.read(), core.read()))
        except OSError:  # this processor is offline, or the system has no topology
            continue
    return len(cores) or os.cpu_count() or 1


def _relay_warnings(answers: int) -> None:
    import warnings

    def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        _send(answers, messages.Warned(category, str(message)))

    warnings.showwarning = show


def _send(answers: int, message: Message) -> None:
    line = memoryview(messages.encode(message))
    while line:
        line = line[os.write(answers, line) :]


def _build_error_message(error: BaseException) -> Message:
    """Build the message that reports an error to the parent."""
    if _is_caused_by(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return messages.OutOfMemory()
    if isinstance(error, ModelregError):
        if error.hint is None and _is_caused_by(error, PermissionError, socket.gaierror):
            error.hint = messages.CONFINEMENT_HINT
        return messages.Failed(error)
    if isinstance(error, OSError) and error.errno is not None and messages.is_storage_failure(error.errno):
        return messages.OutputFailed(error.errno)
    description = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return messages.Failed(ModelStopped("the model", f"its process failed: {description}"))


def _is_caused_by(error: BaseException | None, *kinds: type[BaseException]) -> bool:
    """Whether an error, or one in its chain of causes, is of these classes."""
    while error is not None:
        if isinstance(error, kinds):
            return True
        error = error.__cause__ or error.__context__
    return False


def _exit_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends.

    Raises EOFError when the parent has already ended; it may have sent the whole job before.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise EOFError


def _flush() -> None:
    """Flush what Python and C libraries have printed."""
    import ctypes

    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    ctypes.CDLL(None).fflush(None)
