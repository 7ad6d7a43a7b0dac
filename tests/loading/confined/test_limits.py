"""A model that exceeds a limit, crashes or sends invalid messages exits with status 7 and writes nothing."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from workspace import MODELREG, TRUSTED

from modelreg.domain.confinement import Confinement
from modelreg.domain.evaluations import Scores
from modelreg.errors import InvalidData, InvalidInput, ModelStopped, UntrustedModel
from modelreg.loading.confined import messages

pytestmark = pytest.mark.slow  # all start the command; test_attempts.py covers the essentials

CRASHES = {
    "a segmentation fault": ("import ctypes; ctypes.string_at(0)", r"crashed \(SIGSEGV\)"),
    "an abort": ("import os; os.abort()", r"crashed \(SIGABRT\)"),
    "a kill": ("import os; os.kill(os.getpid(), 9)", r"killed \(SIGKILL\)"),
    "an exit": ("import os; os._exit(0)", "exited without an answer"),
    "an exit with a status": ("import os; os._exit(3)", "exited without an answer"),
}
COMMON = ("a segmentation fault", "an exit")
FIND_PIPE = """
import os, stat, time
for name in map(int, os.listdir("/proc/self/fd")):
    try:
        if name > 2 and stat.S_ISFIFO(os.fstat(name).st_mode):
            pipe = name
    except OSError:
        pass
"""
REGRESSION = Scores("regression", dict.fromkeys(["r2", "mae", "rmse", "mape", "max_error"], 0.5), {}, None, None, 2)
FORGED = {
    "invalid JSON": b"hello\n",
    "a closed pipe as the output's error": b'{"is": "OutputFailed", "errno": 32}\n',
    "scores as the answer to a prediction": messages.encode(messages.Measured(REGRESSION)),
}


def assert_stopped(workspace, result, reason):
    """Check the exit status, the error message and its hint, and that no output is left."""
    assert result.returncode == 7, result.stderr
    (first, *rest) = result.stderr.splitlines()
    assert re.search(reason, first), result.stderr
    assert first.startswith("error: ")
    assert all(line.startswith("hint: ") for line in rest)
    assert sorted(path.name for path in workspace.folder.iterdir() if "out.csv" in path.name) == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        pytest.param(*crash, id=name, marks=() if name in COMMON else pytest.mark.slow)
        for name, crash in CRASHES.items()
    ],
)
def test_a_crash_is_reported_with_its_cause(workspace, code, reason):
    assert_stopped(workspace, workspace.predict(workspace.register(code)), reason)


@pytest.mark.parametrize(
    "code",
    [
        "held = bytearray(4 << 30)",
        pytest.param("import numpy; numpy.ones(1 << 30)", marks=pytest.mark.slow),
        pytest.param("a = [0]\nwhile True: a += a", marks=pytest.mark.slow),
    ],
)
def test_a_model_over_the_memory_limit_is_stopped(workspace, code):
    result = workspace.predict(workspace.register(code), "--memory-limit", "3GiB")
    assert_stopped(workspace, result, r"memory limit of 3 GiB")
    assert "--memory-limit" in result.stderr


@pytest.mark.slow
def test_the_default_memory_limit_is_the_machines_memory(workspace):
    assert_stopped(workspace, workspace.predict(workspace.register("held = bytearray(1 << 45)")), "memory limit of ")


def test_a_model_over_the_time_limit_is_stopped(workspace):
    result = workspace.predict(workspace.register("while True: pass"), "--time-limit", "3")
    assert_stopped(workspace, result, "longer than 3 seconds")


THREADS = """
import _thread, threading
_thread.stack_size(32768)
held = threading.Lock()
held.acquire()
for _ in range(COUNT):
    _thread.start_new_thread(held.acquire, ())
if WAIT:
    held.acquire()
"""


def test_a_model_with_more_than_1024_threads_is_stopped(workspace):
    result = workspace.predict(workspace.register(THREADS.replace("COUNT", "2000").replace("WAIT", "True")))
    assert_stopped(workspace, result, "more than 1,024 threads")


@pytest.mark.slow
def test_a_model_with_200_threads_is_allowed(workspace):
    assert (
        workspace.predict(workspace.register(THREADS.replace("COUNT", "200").replace("WAIT", "False"))).returncode == 0
    )


def test_a_stopped_model_leaves_an_existing_output_unchanged(workspace):
    workspace.output.write_text("as it was")
    assert workspace.predict(workspace.register("import os; os._exit(0)")).returncode == 7
    assert workspace.output.read_text() == "as it was"


@pytest.mark.slow
def test_a_stopped_model_writes_nothing_to_stdout(workspace):
    reference = workspace.register("import os; os._exit(0)")
    result = workspace.run("predict", reference, "-i", workspace.data, "-o", "-", *TRUSTED)
    assert (result.returncode, result.stdout) == (7, "")


def test_an_evaluation_that_crashes_is_not_stored(workspace):
    workspace.data.write_text("a,y\n1,1\n2,1\n")
    reference = workspace.register("import os; os.abort()")
    result = workspace.run("evaluate", reference, "--data", workspace.data, "--target", "y", *TRUSTED)
    assert result.returncode == 7
    assert workspace.registry.evaluations(reference) == []


@pytest.mark.parametrize(
    ("options", "rows"), [((), 3), (("--task", "classification"), 2)], ids=["more rows than lines", "task"]
)
def test_scores_that_do_not_fit_the_data_or_task_are_not_stored(workspace, options, rows):
    workspace.data.write_text("a,y\n1,1\n2,1\n")
    line = messages.encode(messages.Measured(replace(REGRESSION, data_rows=rows)))
    reference = workspace.register(f"{FIND_PIPE}os.write(pipe, {line!r})\ntime.sleep(60)")
    result = workspace.run("evaluate", reference, "--data", workspace.data, "--target", "y", *options, *TRUSTED)
    assert_stopped(workspace, result, "sent an invalid answer")
    assert workspace.registry.evaluations(reference) == []


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.EIO, "data.csv' could not be read: Input/output error"),
        (errno.ENOSPC, "sent an invalid answer"),
        (errno.EDQUOT, "sent an invalid answer"),
    ],
)
def test_an_evaluation_accepts_only_read_errors_of_storage(workspace, number, reason):
    workspace.data.write_text("a,y\n1,1\n2,1\n")
    line = messages.encode(messages.OutputFailed(number))
    reference = workspace.register(f"{FIND_PIPE}os.write(pipe, {line!r})\ntime.sleep(60)")
    result = workspace.run("evaluate", reference, "--data", workspace.data, "--target", "y", *TRUSTED)
    assert result.returncode == (2 if number == errno.EIO else 7), result.stderr
    assert reason in result.stderr
    assert "registry" not in result.stderr
    assert workspace.registry.evaluations(reference) == []


FLOOD = """
import _thread
message = b'{"is": "Advanced", "done": 1, "total": 1, "x": [' + b'[],' * 2_000_000 + b'0]}\\n'
def flood():
    remaining = memoryview(message)
    while remaining:
        remaining = remaining[os.write(pipe, remaining):]
_thread.start_new_thread(flood, ())
time.sleep(60)
"""


def test_a_message_over_the_size_limit_is_refused(workspace):
    assert_stopped(workspace, workspace.predict(workspace.register(FIND_PIPE + FLOOD)), "sent an invalid answer")


def test_a_stopped_model_raises_model_stopped(workspace):
    reference = workspace.register("import os; os.abort()")
    with pytest.raises(ModelStopped, match="crashed"):
        workspace.registry.predict(reference, workspace.data, workspace.output, trust="full", message="a test")
    assert json.loads(workspace.predict(reference, "--json").stderr)["error"]["code"] == "model_stopped"


@pytest.mark.parametrize("line", FORGED.values(), ids=FORGED)
def test_a_forged_answer_is_refused(workspace, line):
    result = workspace.predict(workspace.register(f"{FIND_PIPE}os.write(pipe, {line!r})\ntime.sleep(60)"))
    assert_stopped(workspace, result, "sent an invalid answer")


@pytest.mark.parametrize("name", ["KeyboardInterrupt", pytest.param("GeneratorExit", marks=pytest.mark.slow)])
def test_an_exception_outside_exception_is_reported(workspace, name):
    assert_stopped(workspace, workspace.predict(workspace.register(f"raise {name}")), name)


@pytest.mark.slow
def test_a_process_that_closes_its_pipe_and_keeps_running_is_killed(workspace):
    result = workspace.predict(workspace.register(f"{FIND_PIPE}os.close(pipe)\nwhile True: time.sleep(1)"))
    assert_stopped(workspace, result, "closed its connection")


@pytest.mark.slow
def test_an_endless_message_is_refused(workspace):
    code = f"{FIND_PIPE}while True: os.write(pipe, b'x' * 65536)"
    assert_stopped(workspace, workspace.predict(workspace.register(code)), "sent an invalid answer")


@pytest.mark.slow
def test_control_characters_in_an_error_are_escaped(workspace):
    result = workspace.predict(workspace.register("raise ValueError('\\x1b[2J\\x07 cleared')"))
    assert result.returncode == 2
    assert "\x1b" not in result.stderr
    assert "cleared" in result.stderr


def test_a_forged_error_cannot_give_advice_in_our_name(workspace):
    """A model may send any text; only names that the catalog has of it are suggested for trust."""
    sent = UntrustedModel("model/1", ("it imports evil.name, which is not on the allow-list",), ("evil.name",))
    result = workspace.predict(
        workspace.register(f"{FIND_PIPE}os.write(pipe, {messages.encode(messages.Failed(sent))!r})")
    )
    assert result.returncode == 7
    assert "trust add" not in result.stderr
    sent = InvalidData("the data is wrong", "modelreg trust add evil.name")
    result = workspace.predict(
        workspace.register(f"{FIND_PIPE}os.write(pipe, {messages.encode(messages.Failed(sent))!r})")
    )
    assert "hint: modelreg trust add evil.name  # from the model's process" in result.stderr


def test_a_second_report_of_confinement_is_refused(workspace):
    line = messages.encode(messages.Confined(Confinement(0, False)))
    result = workspace.predict(workspace.register(f"{FIND_PIPE}os.write(pipe, {line!r})\ntime.sleep(60)"))
    assert_stopped(workspace, result, "sent an invalid answer")


def test_a_warning_stops_the_model_when_warnings_are_errors(workspace):
    line = messages.encode(messages.Warned(UserWarning, "beware"))
    reference = workspace.register(f"{FIND_PIPE}os.write(pipe, {line!r})\ntime.sleep(60)")
    result = workspace.predict(reference, environment={"PYTHONWARNINGS": "error"})
    assert_stopped(workspace, result, "warnings as errors.*: beware")


PRINTS = "import os, time\nprint(os.getpid(), flush=True)\nos.write(1, b'x' * 300_000)\ntime.sleep(60)"


def test_the_time_limit_holds_while_nobody_reads_stderr(workspace):
    arguments = [
        "predict",
        workspace.register(PRINTS),
        "-i",
        workspace.data,
        "-o",
        workspace.output,
        *TRUSTED,
        "--time-limit",
        "8",
    ]
    environment = os.environ | {"MODELREG_HOME": str(workspace.registry.folder)}
    command = subprocess.Popen([MODELREG, *arguments], env=environment, stderr=subprocess.PIPE, text=True)
    child = int(command.stderr.readline())
    assert exits_within(child, 20)
    assert "longer than 8 seconds" in command.communicate()[1]
    assert command.returncode == 7


FORKS = """
import os, subprocess, sys, threading, time
from modelreg import Registry
start, forked = subprocess.Popen.__init__, []
def start_slowly(*arguments, **options):
    def fork():
        forked.append(os.fork())
        if not forked[0]:
            time.sleep(60)
            os._exit(0)
    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()
    start(*arguments, **options)
subprocess.Popen.__init__ = start_slowly
Registry(sys.argv[1]).predict("model/1", *sys.argv[2:], trust="full", message="a test", time_limit=30)
os.kill(forked[0], 9)
"""


def test_a_fork_by_another_thread_does_not_block_the_prediction(workspace, run):
    workspace.register("pass")
    began = time.monotonic()
    status, _, err = run(FORKS, workspace.registry.folder, workspace.data, workspace.output)
    assert status == 0, err
    assert time.monotonic() - began < 30
    assert workspace.output.read_text() == "prediction\n1.0\n1.0\n"


@pytest.mark.parametrize(
    "limit",
    [
        {"memory_limit": "12"},
        {"memory_limit": "much"},
        {"memory_limit": "8388608TiB"},
        {"time_limit": 0},
        {"time_limit": -1},
        {"time_limit": math.nan},
    ],
    ids=repr,
)
def test_invalid_limits_are_refused(workspace, limit):
    with pytest.raises(InvalidInput):
        workspace.registry.predict("model/1", workspace.data, workspace.output, **limit)


def test_a_model_within_its_limits_predicts(workspace):
    reference = workspace.register("pass")
    assert workspace.predict(reference, "--memory-limit", "much").returncode == 2
    assert workspace.predict(reference, "--memory-limit", "4GiB", "--time-limit", "600").returncode == 0


WAITS = "import os, time\nprint('started', flush=True)\nwhile True: time.sleep(1)"


@pytest.fixture
def waiting(workspace, request):
    """A command whose model runs for ever, and the model's process ID; the parameter is code for ``sitecustomize``."""
    reference = workspace.register(WAITS)
    arguments = ["predict", reference, "-i", workspace.data, "-o", workspace.output, *TRUSTED]
    environment = os.environ | {"MODELREG_HOME": str(workspace.registry.folder)}
    environment |= workspace.write_sitecustomize(getattr(request, "param", ""))
    command = subprocess.Popen(
        [MODELREG, *arguments],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # nohup ignores it, and that is inherited
    )
    while "started" not in (line := command.stderr.readline()):
        assert line, "the model never started"
    (child,) = Path(f"/proc/{command.pid}/task/{command.pid}/children").read_text().split()
    yield command, int(child)
    command.kill()
    command.communicate()


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def exits_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < deadline:
        os.sched_yield()
    return not is_running(pid)


def test_ctrl_c_also_ends_the_model(workspace, waiting):
    command, child = waiting
    command.send_signal(signal.SIGINT)
    assert command.wait() == 130
    assert exits_within(child, 10)
    assert not workspace.output.exists()


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, *(pytest.param(number, marks=pytest.mark.slow) for number in (signal.SIGHUP, signal.SIGKILL))],
)
def test_a_killed_command_leaves_no_temporary_output(workspace, waiting, number):
    command, _ = waiting
    command.send_signal(number)
    command.wait()
    assert [path.name for path in workspace.folder.iterdir() if path.name.startswith((".modelreg-", "out.csv"))] == []


NO_UNNAMED_FILES = "import os\ndel os.O_TMPFILE\n"
"""Without ``O_TMPFILE``, as on network file systems, the output has a temporary name."""


@pytest.mark.parametrize("waiting", [NO_UNNAMED_FILES], indirect=True, ids=["with a name"])
@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_a_signal_removes_the_temporary_output(workspace, waiting, number, status):
    command, child = waiting
    assert len(list(workspace.folder.glob(".modelreg-*"))) == 1
    command.send_signal(number)
    assert command.wait() == status
    assert exits_within(child, 10)
    assert [path.name for path in workspace.folder.iterdir() if path.name.startswith((".modelreg-", "out.csv"))] == []


def test_the_model_does_not_outlive_a_killed_command(waiting):
    command, child = waiting
    command.kill()
    command.wait()
    assert exits_within(child, 10)


WAITS_FOR_PARENT = """
import os, sys
if any("modelreg.loading.confined.worker" in word for word in sys.orig_argv):
    parent = os.getppid()
    with open(PATH, "w") as file:
        file.write(f"{os.getpid()}\\n")
    while os.getppid() == parent:
        os.sched_yield()
"""


def test_the_model_is_not_run_when_its_parent_was_killed_during_the_start(workspace):
    """The job is already sent, and a process that the program forked keeps the pipes open."""
    workspace.register("while True: pass")
    path = workspace.folder / "child"
    environment = os.environ | workspace.write_sitecustomize(WAITS_FOR_PARENT.replace("PATH", repr(str(path))))
    arguments = [sys.executable, "-c", FORKS, workspace.registry.folder, workspace.data, workspace.output]
    program = subprocess.Popen(arguments, env=environment, stderr=subprocess.DEVNULL, start_new_session=True)
    tasks = Path(f"/proc/{program.pid}/task")
    while not (path.exists() and path.read_text().endswith("\n")):
        assert program.poll() is None
    while len(list(tasks.iterdir())) < 2:  # the thread that watches its limits starts just before the job is sent
        assert program.poll() is None
    while (tasks / str(program.pid) / "stat").read_text().rpartition(")")[2].split()[0] != "S":
        assert program.poll() is None
    program.kill()
    program.wait()
    child = int(path.read_text())
    try:
        assert exits_within(child, 20)
    finally:
        os.killpg(program.pid, signal.SIGKILL)
        if is_running(child):
            os.kill(child, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc")
def test_a_prediction_leaves_no_process(workspace):
    before = list_children()
    workspace.registry.predict(
        workspace.register("pass"), workspace.data, workspace.output, trust="full", message="a test"
    )
    assert list_children() == before


def list_children() -> str:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text()
