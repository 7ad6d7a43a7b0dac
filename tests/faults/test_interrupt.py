"""Ctrl-C at any moment: nothing was changed, with a one-line message; or everything was, with the normal output."""

from __future__ import annotations

import random
import signal
import time
from subprocess import TimeoutExpired

import pytest

from . import strace
from .changing_commands import every_command
from .conftest import EXHAUSTIVE, INGEST, assert_sound, contents_of, leftovers, stderr_of, stride

pytestmark = pytest.mark.fault

CONTINUES = "interrupted; run the same command again to complete it\n"
INTERRUPTED = {"register": "interrupted; nothing was registered\n", "prune": CONTINUES, "backup": CONTINUES}
INTERRUPTED["restore"] = CONTINUES
NOTHING_CHANGED = "interrupted; nothing was changed\n"


@every_command
def test_ctrl_c_at_a_system_call_changes_nothing_or_everything(case, copy_registry, empty_folder, can_trace):
    make = empty_folder if case.creates_registry else copy_registry
    reference = make("reference")
    before = contents_of(make("before").registry)
    moments = reference.moments(*case.arguments)
    after = contents_of(reference.registry)
    for moment in strace.every_nth(moments, stride(4 * case.stride), stride(4 * case.stride_of_pages)):
        run = make(f"{moment.call}-{moment.nth}")
        result = run(*case.arguments, prefix=strace.at(moment, "signal=INT"))
        message = stderr_of(result)
        assert_sound(run)
        assert leftovers(run.registry) == [], moment
        if result.returncode == 0:
            assert result.stdout, moment
            assert contents_of(run.registry) == after, moment
        else:
            expected = INTERRUPTED.get(case.command, NOTHING_CHANGED)
            assert (result.returncode, message) == (130, expected), moment
            allowed = [before, after] if expected == CONTINUES else [before]
            assert contents_of(run.registry) in allowed, moment
            assert result.stdout == "" or contents_of(run.registry) == after, moment
            assert run(*case.arguments).returncode == 0
            assert contents_of(run.registry) == after, moment


def test_interrupt_message_depends_on_the_command_and_not_on_its_arguments(copy_registry, can_trace):
    run = copy_registry()
    for arguments, expected in (
        (["register", "fresh.bin", "--name", "backup"], INTERRUPTED["register"]),
        (["tag", "churn", "register=prune"], NOTHING_CHANGED),
        (["describe", "churn", "prune"], NOTHING_CHANGED),
    ):
        result = run(*arguments, prefix=strace.at(strace.Moment("flock", 1, ""), "signal=INT"))
        assert (result.returncode, result.stdout, stderr_of(result)) == (130, "", expected), arguments


def test_ctrl_c_stops_a_prune_while_it_deletes_blobs(copy_registry, can_trace):
    arguments = ["prune", "--stage", "None", "--grace", "0", "--yes"]
    deletions = [
        moment
        for moment in copy_registry("counted").moments(*arguments)
        if moment.call == "unlink" and "/blobs/" in moment.arguments
    ]
    run = copy_registry()
    blobs = len(list((run.registry / "artifacts/blobs/sha256").iterdir()))
    result = run(*arguments, prefix=strace.at(deletions[0], "signal=INT"))
    assert (result.returncode, result.stderr) == (130, INTERRUPTED["prune"])
    assert len(list((run.registry / "artifacts/blobs/sha256").iterdir())) == blobs - 1
    assert run(*arguments).returncode == 0
    assert_sound(run)


def test_ctrl_c_at_random_times_of_a_large_registration_reports_the_actual_outcome(copy_registry, tmp_path):
    random_generator = random.Random(20261004)
    large = tmp_path / "large.bin"
    run = copy_registry()
    large.write_bytes(bytes(20_000_008))
    started_at = time.monotonic()
    assert run("register", large, "--name", "churn").returncode == 0
    duration = time.monotonic() - started_at  # depends on the load of this machine
    contents, outcomes = contents_of(run.registry), set()
    count = 20 if EXHAUSTIVE else 8
    for number in range(1, count + 1):
        large.write_bytes(number.to_bytes(8, "big") + bytes(20_000_000))
        process = run.start("register", large, "--name", "churn")
        while not any((run.registry / INGEST).iterdir()):
            assert process.poll() is None
        try:
            # interrupt it at a random point of each part, from the beginning until after its end
            process.wait(1.5 * duration * (number - random_generator.random()) / count)
        except TimeoutExpired:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate()
        assert "Traceback" not in err
        assert leftovers(run.registry) == []
        outcomes.add(process.returncode)
        if process.returncode == 0:
            assert out.startswith("churn/")
            contents = contents_of(run.registry)
        else:
            assert (process.returncode, out, err) == (130, "", INTERRUPTED["register"])
            assert contents_of(run.registry) == contents
    assert_sound(run)
    assert outcomes == {0, 130}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_sigterm_and_sighup_change_nothing_or_everything(copy_registry, can_trace, number):
    reference = copy_registry("reference")
    before = contents_of(copy_registry("before").registry)
    moments = reference.moments("register", "fresh.bin", "--name", "churn")
    after = contents_of(reference.registry)
    for moment in strace.every_nth(moments, stride(16), stride(40)):
        run = copy_registry(f"{moment.call}-{moment.nth}")
        signal_name = number.name.removeprefix("SIG")
        result = run("register", "fresh.bin", "--name", "churn", prefix=strace.at(moment, f"signal={signal_name}"))
        message = stderr_of(result)
        assert_sound(run)
        assert leftovers(run.registry) == [], moment
        if result.returncode == 0:
            assert contents_of(run.registry) == after, moment
        else:
            assert (result.returncode, result.stdout, message) == (128 + number, "", INTERRUPTED["register"]), moment
            assert contents_of(run.registry) == before, moment
