"""Nobody reads the answer, or it has no room: what was done is done, and the exit code and the words say so."""

from __future__ import annotations

import os
import subprocess

import pytest

from .conftest import MODELREG, assert_sound, facts, said

pytestmark = pytest.mark.fault

READING = (
    ["list"], ["list", "--json"], ["versions", "churn"], ["show", "churn/1"], ["history"], ["history", "--json"],
    ["info"],
    ["verify"], ["load", "churn/1"], ["load", "churn/1", "-o", "-"], ["diff", "churn/1", "churn/2"], ["--help"],
    ["register", "--help"], ["--version"],
)  # fmt: skip
CHANGING = {
    "register": ["register", "fresh.bin", "--name", "churn"],
    "register as JSON": ["register", "fresh.bin", "--name", "churn", "--json"],
    "transition": ["transition", "churn", "2", "Production", "--archive-existing"],
    "delete": ["delete", "churn/2", "--yes"],
    "tag": ["tag", "churn/1", "a=b"],
}


def closed_pipe():
    """The end to write to of a pipe that nobody reads."""
    read, write = os.pipe()
    os.close(read)
    return write


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_a_reader_that_has_gone_is_no_failure_and_nothing_is_said(stock, words):
    run = stock()
    done = run(*words, stdout=closed_pipe())
    assert (done.returncode, said(done)) == (0, "")


@pytest.mark.parametrize("kind", CHANGING)
def test_a_change_whose_reader_has_gone_was_made(stock, kind):
    whole, run = stock("whole"), stock()
    assert whole(*CHANGING[kind]).returncode == 0
    done = run(*CHANGING[kind], stdout=closed_pipe())
    assert (done.returncode, said(done)) == (0, "")
    assert facts(run.registry) == facts(whole.registry)
    assert_sound(run)


def test_head_in_a_shell_takes_a_line_and_the_rest_is_quiet(stock):
    run = stock()
    line = f"{MODELREG} history --json | head -c 10; {MODELREG} history | head -1; {MODELREG} load churn/1 -o - | wc -l"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], env=run.whole_environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("buffered", ["", "1"], ids=["", "unbuffered"])
@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_an_answer_without_room_is_a_failure_of_storage(stock, words, buffered):
    run = stock()
    run.environment = {"PYTHONUNBUFFERED": buffered}
    with open("/dev/full", "w") as full:
        done = run(*words, stdout=full)
    assert done.returncode == 8, done.stderr
    assert said(done).startswith("{" if "--json" in words else "error: ")
    assert "No space left on device" in done.stderr


@pytest.mark.parametrize("kind", CHANGING)
def test_a_change_whose_answer_has_no_room_was_made_and_the_words_say_so(stock, kind):
    whole, run = stock("whole"), stock()
    assert whole(*CHANGING[kind]).returncode == 0
    with open("/dev/full", "w") as full:
        done = run(*CHANGING[kind], stdout=full)
    assert done.returncode == 8
    assert "the change is committed" in said(done)
    assert "nothing was changed" not in done.stderr
    assert facts(run.registry) == facts(whole.registry)
    assert_sound(run)


@pytest.mark.parametrize("output", ["full", "closed pipe", "closed"])
@pytest.mark.parametrize("kind", CHANGING)
def test_notes_that_cannot_be_written_change_nothing_about_the_outcome(stock, kind, output):
    whole, run = stock("whole"), stock()
    expected = whole(*CHANGING[kind])
    stderr = {"full": "2>/dev/full", "closed": "2>&-", "closed pipe": f"2>&{(end := closed_pipe())}"}[output]
    words = " ".join(CHANGING[kind])
    done = subprocess.run(
        ["bash", "-c", f"{MODELREG} {words} {stderr}"],
        env=run.whole_environment,
        pass_fds=[end],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "json" in kind.lower() or done.stdout == expected.stdout
    assert facts(run.registry) == facts(whole.registry)


def test_an_error_that_cannot_be_said_keeps_its_exit_code(stock):
    run = stock()
    for stderr, words, status in (
        ("2>/dev/full", "show nobody", 3),
        ("2>&-", "show nobody", 3),
        ("2>/dev/full", "transition churn 2 Production", 4),
        ("2>/dev/full", "list --nope", 2),
        (">&- 2>&-", "list", 0),
    ):
        line = ["bash", "-c", f"{MODELREG} {words} {stderr}"]
        assert subprocess.run(line, env=run.whole_environment, check=False).returncode == status, (words, stderr)
