"""A model that takes too much, crashes or lies ends with one sentence and exit 7, and nothing is written."""

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
from world import MODELREG, TRUSTED

from modelreg.domain.confinement import Confinement
from modelreg.domain.evaluations import Scores
from modelreg.errors import InvalidData, InvalidInput, ModelStopped, UntrustedModel
from modelreg.loading.confined import messages

pytestmark = pytest.mark.slow  # each starts the command; test_attempts.py has the essentials

CRASHES = {
    "a segmentation fault": ("import ctypes; ctypes.string_at(0)", r"crashed \(SIGSEGV\)"),
    "an abort": ("import os; os.abort()", r"crashed \(SIGABRT\)"),
    "a kill": ("import os; os.kill(os.getpid(), 9)", r"killed \(SIGKILL\)"),
    "an exit": ("import os; os._exit(0)", "ended before it was done"),
    "an exit with a status": ("import os; os._exit(3)", "ended before it was done"),
}
COMMON = ("a segmentation fault", "an exit")
LINE = """
import os, stat, time
for name in map(int, os.listdir("/proc/self/fd")):
    try:
        if name > 2 and stat.S_ISFIFO(os.fstat(name).st_mode):
            line = name
    except OSError:
        pass
"""
REGRESSION = Scores("regression", dict.fromkeys(["r2", "mae", "rmse", "mape", "max_error"], 0.5), {}, None, None, 2)
FORGED = {
    "no JSON": b"hello\n",
    "a closed pipe": b'{"is": "OutputFailed", "errno": 32}\n',
    "scores of a prediction": messages.encode(messages.Measured(REGRESSION)),
}


def assert_stopped(world, done, reason):
    assert done.returncode == 7, done.stderr
    (first, *rest) = done.stderr.splitlines()
    assert re.search(reason, first), done.stderr
    assert first.startswith("error: ")
    assert all(line.startswith("hint: ") for line in rest)
    assert sorted(path.name for path in world.folder.iterdir() if "out.csv" in path.name) == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [pytest.param(*each, id=name, marks=() if name in COMMON else pytest.mark.slow) for name, each in CRASHES.items()],
)
def test_a_crash(world, code, reason):
    assert_stopped(world, world.predict(world.register(code)), reason)


@pytest.mark.parametrize(
    "code",
    [
        "held = bytearray(4 << 30)",
        pytest.param("import numpy; numpy.ones(1 << 30)", marks=pytest.mark.slow),
        pytest.param("a = [0]\nwhile True: a += a", marks=pytest.mark.slow),
    ],
)
def test_too_much_memory(world, code):
    done = world.predict(world.register(code), "--memory-limit", "3GiB")
    assert_stopped(world, done, r"wanted more memory than the limit of 3 GiB; nothing was written")
    assert "--memory-limit" in done.stderr


@pytest.mark.slow
def test_the_memory_of_the_machine_is_the_limit_unless_another_is_given(world):
    assert_stopped(world, world.predict(world.register("held = bytearray(1 << 45)")), "wanted more memory")


def test_too_much_time(world):
    done = world.predict(world.register("while True: pass"), "--time-limit", "3")
    assert_stopped(world, done, "took longer than 3 seconds; nothing was written")


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


def test_too_many_threads(world):
    done = world.predict(world.register(THREADS.replace("COUNT", "2000").replace("WAIT", "True")))
    assert_stopped(world, done, "started more than 1,024 threads; nothing was written")


@pytest.mark.slow
def test_many_threads(world):
    assert world.predict(world.register(THREADS.replace("COUNT", "200").replace("WAIT", "False"))).returncode == 0


def test_what_was_there_stays(world):
    world.output.write_text("as it was")
    assert world.predict(world.register("import os; os._exit(0)")).returncode == 7
    assert world.output.read_text() == "as it was"


@pytest.mark.slow
def test_nothing_goes_to_stdout_either(world):
    reference = world.register("import os; os._exit(0)")
    done = world.run("predict", reference, "-i", world.data, "-o", "-", *TRUSTED)
    assert (done.returncode, done.stdout) == (7, "")


def test_an_evaluation_that_does_not_end_is_not_kept(world):
    world.data.write_text("a,y\n1,1\n2,1\n")
    reference = world.register("import os; os.abort()")
    done = world.run("evaluate", reference, "--data", world.data, "--target", "y", *TRUSTED)
    assert done.returncode == 7
    assert world.registry.evaluations(reference) == []


@pytest.mark.parametrize(
    ("words", "rows"), [((), 3), (("--task", "classification"), 2)], ids=["more rows than lines", "task"]
)
def test_an_evaluation_of_other_data_is_not_kept(world, words, rows):
    world.data.write_text("a,y\n1,1\n2,1\n")
    line = messages.encode(messages.Measured(replace(REGRESSION, data_rows=rows)))
    reference = world.register(f"{LINE}os.write(line, {line!r})\ntime.sleep(60)")
    done = world.run("evaluate", reference, "--data", world.data, "--target", "y", *words, *TRUSTED)
    assert_stopped(world, done, "sent what is no answer; nothing was written")
    assert world.registry.evaluations(reference) == []


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.EIO, "data.csv' could not be read: Input/output error"),
        (errno.ENOSPC, "sent what is no answer"),
        (errno.EDQUOT, "sent what is no answer"),
    ],
)
def test_an_evaluation_has_no_output_that_could_fail(world, number, reason):
    world.data.write_text("a,y\n1,1\n2,1\n")
    line = messages.encode(messages.OutputFailed(number))
    reference = world.register(f"{LINE}os.write(line, {line!r})\ntime.sleep(60)")
    done = world.run("evaluate", reference, "--data", world.data, "--target", "y", *TRUSTED)
    assert done.returncode == (2 if number == errno.EIO else 7), done.stderr
    assert reason in done.stderr
    assert "registry" not in done.stderr
    assert world.registry.evaluations(reference) == []


FLOOD = """
import _thread
message = b'{"is": "Advanced", "done": 1, "total": 1, "x": [' + b'[],' * 2_000_000 + b'0]}\\n'
def flood():
    left = memoryview(message)
    while left:
        left = left[os.write(line, left):]
_thread.start_new_thread(flood, ())
time.sleep(60)
"""


def test_a_long_message_is_not_read(world):
    assert_stopped(world, world.predict(world.register(LINE + FLOOD)), "sent what is no answer; nothing was written")


def test_the_error_has_a_class_and_a_code(world):
    reference = world.register("import os; os.abort()")
    with pytest.raises(ModelStopped, match="crashed"):
        world.registry.predict(reference, world.data, world.output, trust="full", message="a test")
    assert json.loads(world.predict(reference, "--json").stderr)["error"]["code"] == "model_stopped"


@pytest.mark.parametrize("line", FORGED.values(), ids=FORGED)
def test_a_forged_answer(world, line):
    done = world.predict(world.register(f"{LINE}os.write(line, {line!r})\ntime.sleep(60)"))
    assert_stopped(world, done, "sent what is no answer; nothing was written")


@pytest.mark.parametrize("name", ["KeyboardInterrupt", pytest.param("GeneratorExit", marks=pytest.mark.slow)])
def test_an_exception_that_is_no_error(world, name):
    assert_stopped(world, world.predict(world.register(f"raise {name}")), f"its process failed: {name}; nothing")


@pytest.mark.slow
def test_a_process_that_closes_its_line_and_stays(world):
    done = world.predict(world.register(f"{LINE}os.close(line)\nwhile True: time.sleep(1)"))
    assert_stopped(world, done, "does not answer any more; nothing was written")


@pytest.mark.slow
def test_an_answer_without_end(world):
    code = f"{LINE}while True: os.write(line, b'x' * 65536)"
    assert_stopped(world, world.predict(world.register(code)), "sent what is no answer")


@pytest.mark.slow
def test_an_error_with_control_characters_is_escaped(world):
    done = world.predict(world.register("raise ValueError('\\x1b[2J\\x07 cleared')"))
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    assert "cleared" in done.stderr


def test_an_error_that_a_model_forges_gives_no_advice_of_ours(world):
    """What a model sends may say anything; names to be trusted are those that the catalog has of it."""
    sent = UntrustedModel("model/1", ("it imports evil.name, which is not on the allow-list",), ("evil.name",))
    done = world.predict(world.register(f"{LINE}os.write(line, {messages.encode(messages.Failed(sent))!r})"))
    assert done.returncode == 7
    assert "trust add" not in done.stderr
    sent = InvalidData("the data is wrong", "modelreg trust add evil.name")
    done = world.predict(world.register(f"{LINE}os.write(line, {messages.encode(messages.Failed(sent))!r})"))
    assert "hint: modelreg trust add evil.name  # from the model's process" in done.stderr


def test_it_says_once_by_what_it_is_confined(world):
    line = messages.encode(messages.Confined(Confinement(0, False)))
    done = world.predict(world.register(f"{LINE}os.write(line, {line!r})\ntime.sleep(60)"))
    assert_stopped(world, done, "sent what is no answer; nothing was written")


def test_a_warning_where_warnings_are_errors(world):
    line = messages.encode(messages.Warned(UserWarning, "beware"))
    reference = world.register(f"{LINE}os.write(line, {line!r})\ntime.sleep(60)")
    done = world.predict(reference, environment={"PYTHONWARNINGS": "error"})
    assert_stopped(world, done, "warnings are errors here, and it warned: beware; nothing was written")


PRINTS = "import os, time\nprint(os.getpid(), flush=True)\nos.write(1, b'x' * 300_000)\ntime.sleep(60)"


def test_the_time_limit_holds_while_nobody_reads_what_is_printed(world):
    words = ["predict", world.register(PRINTS), "-i", world.data, "-o", world.output, *TRUSTED, "--time-limit", "8"]
    environment = os.environ | {"MODELREG_HOME": str(world.registry.folder)}
    command = subprocess.Popen([MODELREG, *words], env=environment, stderr=subprocess.PIPE, text=True)
    child = int(command.stderr.readline())
    assert gone_within(child, 20)
    assert "took longer than 8 seconds" in command.communicate()[1]
    assert command.returncode == 7


FORKS = """
import os, subprocess, sys, threading, time
from modelreg import Registry
start, forked = subprocess.Popen.__init__, []
def slowly(*words, **options):
    def fork():
        forked.append(os.fork())
        if not forked[0]:
            time.sleep(60)
            os._exit(0)
    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()
    start(*words, **options)
subprocess.Popen.__init__ = slowly
Registry(sys.argv[1]).predict("model/1", *sys.argv[2:], trust="full", message="a test", time_limit=30)
os.kill(forked[0], 9)
"""


def test_another_thread_that_forks_meanwhile_keeps_nobody_waiting(world, run):
    world.register("pass")
    began = time.monotonic()
    status, _, err = run(FORKS, world.registry.folder, world.data, world.output)
    assert status == 0, err
    assert time.monotonic() - began < 30
    assert world.output.read_text() == "prediction\n1.0\n1.0\n"


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
def test_limits_are_numbers(world, limit):
    with pytest.raises(InvalidInput):
        world.registry.predict("model/1", world.data, world.output, **limit)


def test_limits_that_suffice(world):
    reference = world.register("pass")
    assert world.predict(reference, "--memory-limit", "much").returncode == 2
    assert world.predict(reference, "--memory-limit", "4GiB", "--time-limit", "600").returncode == 0


WAITS = "import os, time\nprint('started', flush=True)\nwhile True: time.sleep(1)"


@pytest.fixture
def waiting(world, request):
    """A command whose model runs for ever, and that model's process; the parameter is what Python imports first."""
    reference = world.register(WAITS)
    words = ["predict", reference, "-i", world.data, "-o", world.output, *TRUSTED]
    environment = os.environ | {"MODELREG_HOME": str(world.registry.folder)}
    environment |= world.site(getattr(request, "param", ""))
    command = subprocess.Popen([MODELREG, *words], env=environment, stderr=subprocess.PIPE, text=True)
    while "started" not in (line := command.stderr.readline()):
        assert line, "the model never started"
    (child,) = Path(f"/proc/{command.pid}/task/{command.pid}/children").read_text().split()
    yield command, int(child)
    command.kill()
    command.communicate()


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_there(pid) and time.monotonic() < deadline:
        os.sched_yield()
    return not is_there(pid)


def test_ctrl_c_ends_the_model_too(world, waiting):
    command, child = waiting
    command.send_signal(signal.SIGINT)
    assert command.wait() == 130
    assert gone_within(child, 10)
    assert not world.output.exists()


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, *(pytest.param(each, marks=pytest.mark.slow) for each in (signal.SIGHUP, signal.SIGKILL))],
)
def test_nothing_is_left_beside_the_output_of_a_command_that_is_ended(world, waiting, number):
    command, _ = waiting
    command.send_signal(number)
    command.wait()
    assert [path.name for path in world.folder.iterdir() if path.name.startswith((".modelreg-", "out.csv"))] == []


NO_UNNAMED_FILES = "import os\ndel os.O_TMPFILE\n"
"""As on network file systems and others: the output has a name from the beginning."""


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
def test_an_output_that_has_a_name_is_removed_when_the_command_is_ended(world, waiting, number, status):
    command, child = waiting
    assert len(list(world.folder.glob(".modelreg-*"))) == 1
    command.send_signal(number)
    assert command.wait() == status
    assert gone_within(child, 10)
    assert [path.name for path in world.folder.iterdir() if path.name.startswith((".modelreg-", "out.csv"))] == []


def test_the_model_does_not_outlive_a_command_that_is_killed(waiting):
    command, child = waiting
    command.kill()
    command.wait()
    assert gone_within(child, 10)


WAITS_FOR_THE_END = """
import os, sys
if any("modelreg.loading.confined.worker" in word for word in sys.orig_argv):
    parent = os.getppid()
    with open(PLACE, "w") as file:
        file.write(f"{os.getpid()}\\n")
    while os.getppid() == parent:
        os.sched_yield()
"""


def test_the_model_is_not_run_when_the_program_was_killed_while_the_model_process_started(world):
    """The job is sent by then, and the answers would be read by another process that the program has forked."""
    world.register("while True: pass")
    place = world.folder / "child"
    environment = os.environ | world.site(WAITS_FOR_THE_END.replace("PLACE", repr(str(place))))
    words = [sys.executable, "-c", FORKS, world.registry.folder, world.data, world.output]
    program = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL, start_new_session=True)
    tasks = Path(f"/proc/{program.pid}/task")
    while not (place.exists() and place.read_text().endswith("\n")):
        assert program.poll() is None
    while len(list(tasks.iterdir())) < 2:  # the thread that watches its limits starts just before the job is sent
        assert program.poll() is None
    while (tasks / str(program.pid) / "stat").read_text().rpartition(")")[2].split()[0] != "S":
        assert program.poll() is None
    program.kill()
    program.wait()
    child = int(place.read_text())
    try:
        assert gone_within(child, 20)
    finally:
        os.killpg(program.pid, signal.SIGKILL)
        if is_there(child):
            os.kill(child, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc")
def test_no_process_is_left(world):
    before = children()
    world.registry.predict(world.register("pass"), world.data, world.output, trust="full", message="a test")
    assert children() == before


def children() -> str:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text()
