"""Output that is closed or cannot be written: a change stays, and exit status and message say so."""

from __future__ import annotations

import os
import subprocess

import pytest

from .conftest import MODELREG, assert_sound, contents_of, stderr_of

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
    """Return the write end of a pipe without a reader."""
    read, write = os.pipe()
    os.close(read)
    return write


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_closed_pipe_on_reading_is_no_error(copy_registry, arguments):
    run = copy_registry()
    result = run(*arguments, stdout=closed_pipe())
    assert (result.returncode, stderr_of(result)) == (0, "")


@pytest.mark.parametrize("kind", CHANGING)
def test_closed_pipe_does_not_undo_a_change(copy_registry, kind):
    reference, run = copy_registry("reference"), copy_registry()
    assert reference(*CHANGING[kind]).returncode == 0
    result = run(*CHANGING[kind], stdout=closed_pipe())
    assert (result.returncode, stderr_of(result)) == (0, "")
    assert contents_of(run.registry) == contents_of(reference.registry)
    assert_sound(run)


def test_head_in_a_shell_pipeline_causes_no_error(copy_registry):
    run = copy_registry()
    script = (
        f"{MODELREG} history --json | head -c 10; {MODELREG} history | head -1; {MODELREG} load churn/1 -o - | wc -l"
    )
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script], env=run.whole_environment, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("buffered", ["", "1"], ids=["", "unbuffered"])
@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_output_to_a_full_disk_is_a_storage_failure(copy_registry, arguments, buffered):
    run = copy_registry()
    run.environment = {"PYTHONUNBUFFERED": buffered}
    with open("/dev/full", "w") as full:
        result = run(*arguments, stdout=full)
    assert result.returncode == 8, result.stderr
    assert stderr_of(result).startswith("{" if "--json" in arguments else "error: ")
    assert "No space left on device" in result.stderr


@pytest.mark.parametrize("kind", CHANGING)
def test_change_with_output_to_a_full_disk_reports_that_it_is_committed(copy_registry, kind):
    reference, run = copy_registry("reference"), copy_registry()
    assert reference(*CHANGING[kind]).returncode == 0
    with open("/dev/full", "w") as full:
        result = run(*CHANGING[kind], stdout=full)
    assert result.returncode == 8
    assert "the change is committed" in stderr_of(result)
    assert "nothing was changed" not in result.stderr
    assert contents_of(run.registry) == contents_of(reference.registry)
    assert_sound(run)


@pytest.mark.parametrize("output", ["full", "closed pipe", "closed"])
@pytest.mark.parametrize("kind", CHANGING)
def test_unwritable_stderr_does_not_change_the_outcome(copy_registry, kind, output):
    reference, run = copy_registry("reference"), copy_registry()
    expected = reference(*CHANGING[kind])
    stderr = {"full": "2>/dev/full", "closed": "2>&-", "closed pipe": f"2>&{(end := closed_pipe())}"}[output]
    command = " ".join(CHANGING[kind])
    result = subprocess.run(
        ["bash", "-c", f"{MODELREG} {command} {stderr}"],
        env=run.whole_environment,
        pass_fds=[end],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert result.returncode == 0
    assert "json" in kind.lower() or result.stdout == expected.stdout
    assert contents_of(run.registry) == contents_of(reference.registry)


def test_unwritable_error_message_keeps_the_exit_status(copy_registry):
    run = copy_registry()
    for stderr, command, status in (
        ("2>/dev/full", "show nobody", 3),
        ("2>&-", "show nobody", 3),
        ("2>/dev/full", "transition churn 2 Production", 4),
        ("2>/dev/full", "list --nope", 2),
        (">&- 2>&-", "list", 0),
    ):
        shell_command = ["bash", "-c", f"{MODELREG} {command} {stderr}"]
        assert subprocess.run(shell_command, env=run.whole_environment, check=False).returncode == status, (
            command,
            stderr,
        )
