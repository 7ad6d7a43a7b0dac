"""Ctrl-C at any moment: nothing was done, said in one sentence; or all was, and the answer comes as ever."""

from __future__ import annotations

import random
import signal
import time
from subprocess import TimeoutExpired

import pytest

from . import strace
from .conftest import PRIVATE, assert_sound, facts, leftovers, said, stride
from .undertakings import every_undertaking

pytestmark = pytest.mark.fault

GOES_ON = "interrupted; run the same command again to complete it\n"
INTERRUPTED = {"register": "interrupted; nothing was registered\n", "prune": GOES_ON, "backup": GOES_ON}
INTERRUPTED["restore"] = GOES_ON
OTHERWISE = "interrupted; nothing was changed\n"


@every_undertaking
def test_ctrl_c_at_a_system_call_undoes_all_or_comes_too_late(undertaking, stock, nothing_yet, can_trace):
    make = nothing_yet if undertaking.makes_registry else stock
    whole = make("whole")
    before = facts(make("before").registry)
    found = whole.moments(*undertaking.words)
    after = facts(whole.registry)
    for moment in strace.thinned(found, stride(2 * undertaking.stride), stride(2 * undertaking.stride_of_pages)):
        run = make(f"{moment.call}-{moment.nth}")
        done = run(*undertaking.words, before=strace.at(moment, "signal=INT"))
        words = said(done)
        assert_sound(run)
        assert leftovers(run.registry) == [], moment
        if done.returncode == 0:
            assert done.stdout, moment
            assert facts(run.registry) == after, moment
        else:
            expected = INTERRUPTED.get(undertaking.command, OTHERWISE)
            assert (done.returncode, words) == (130, expected), moment
            may_be = [before, after] if expected == GOES_ON else [before]
            assert facts(run.registry) in may_be, moment
            assert done.stdout == "" or facts(run.registry) == after, moment
            assert run(*undertaking.words).returncode == 0
            assert facts(run.registry) == after, moment


def test_the_command_says_what_was_interrupted_and_not_its_arguments(stock, can_trace):
    run = stock()
    for words, expected in (
        (["register", "fresh.bin", "--name", "backup"], INTERRUPTED["register"]),
        (["tag", "churn", "register=prune"], OTHERWISE),
        (["describe", "churn", "prune"], OTHERWISE),
    ):
        done = run(*words, before=strace.at(strace.Moment("flock", 1, ""), "signal=INT"))
        assert (done.returncode, done.stdout, said(done)) == (130, "", expected), words


def test_ctrl_c_ends_a_prune_that_deletes_bytes(stock, can_trace):
    words = ["prune", "--stage", "None", "--grace", "0", "--yes"]
    found = [each for each in stock("counted").moments(*words) if each.call == "unlink" and "/blobs/" in each.arguments]
    run = stock()
    blobs = len(list((run.registry / "artifacts/blobs/sha256").iterdir()))
    done = run(*words, before=strace.at(found[0], "signal=INT"))
    assert (done.returncode, done.stderr) == (130, INTERRUPTED["prune"])
    assert len(list((run.registry / "artifacts/blobs/sha256").iterdir())) == blobs - 1
    assert run(*words).returncode == 0
    assert_sound(run)


def test_ctrl_c_at_random_moments_of_a_large_registration_tells_the_truth(stock, tmp_path):
    chance = random.Random(20261004)
    large = tmp_path / "large.bin"
    run = stock()
    large.write_bytes(bytes(20_000_008))
    begun = time.monotonic()
    assert run("register", large, "--name", "churn").returncode == 0
    duration = time.monotonic() - begun  # on this machine, as busy as it is
    known, outcomes = facts(run.registry), set()
    for number in range(1, 21):
        large.write_bytes(number.to_bytes(8, "big") + bytes(20_000_000))
        process = run.start("register", large, "--name", "churn")
        while not any((run.registry / PRIVATE).iterdir()):
            assert process.poll() is None
        try:
            process.wait(chance.uniform(0, 1.5 * duration))  # while it works, however far it comes
        except TimeoutExpired:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate()
        assert "Traceback" not in err
        assert leftovers(run.registry) == []
        outcomes.add(process.returncode)
        if process.returncode == 0:
            assert out.startswith("churn/")
            known = facts(run.registry)
        else:
            assert (process.returncode, out, err) == (130, "", INTERRUPTED["register"])
            assert facts(run.registry) == known
    assert_sound(run)
    assert outcomes == {0, 130}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_told_to_end_undoes_all_or_has_done_all(stock, can_trace, number):
    whole = stock("whole")
    before = facts(stock("before").registry)
    found = whole.moments("register", "fresh.bin", "--name", "churn")
    after = facts(whole.registry)
    for moment in strace.thinned(found, stride(8), stride(20)):
        run = stock(f"{moment.call}-{moment.nth}")
        signal_name = number.name.removeprefix("SIG")
        done = run("register", "fresh.bin", "--name", "churn", before=strace.at(moment, f"signal={signal_name}"))
        words = said(done)
        assert_sound(run)
        assert leftovers(run.registry) == [], moment
        if done.returncode == 0:
            assert facts(run.registry) == after, moment
        else:
            assert (done.returncode, done.stdout, words) == (128 + number, "", INTERRUPTED["register"]), moment
            assert facts(run.registry) == before, moment
