"""kill -9, at any system call and at any time: all of a command is done, or nothing, and the next one goes on."""

from __future__ import annotations

import random
import signal
from contextlib import suppress
from subprocess import TimeoutExpired

import pytest

from modelreg import Registry

from . import strace
from .conftest import assert_sound, facts, stride
from .undertakings import every_undertaking

pytestmark = pytest.mark.fault


@every_undertaking
def test_a_command_that_is_killed_at_a_system_call_has_done_all_or_nothing(undertaking, stock, nothing_yet, can_trace):
    make = nothing_yet if undertaking.makes_registry else stock
    before = facts(make("before").registry)  # of another copy, since asking for the bytes makes checkouts
    whole = make("whole")
    found = whole.moments(*undertaking.words)
    after = facts(whole.registry)
    outcomes = []
    for moment in strace.thinned(found, stride(2 * undertaking.stride), stride(2 * undertaking.stride_of_pages)):
        run = make(f"{moment.call}-{moment.nth}")
        done = run(*undertaking.words, before=strace.at(moment, "signal=KILL"))
        assert done.returncode == -signal.SIGKILL, f"{moment} never came: {done.stderr}"
        assert_sound(run)
        held = facts(run.registry)
        assert held in (before, after), moment
        assert held == after or not done.stdout, f"it was acknowledged before it was done: {moment}"
        outcomes.append(held == after)
        again = run(*undertaking.words)
        assert again.returncode in (undertaking.again if held == after else (0,)), (moment, again.stderr)
        assert_sound(run)
        assert facts(run.registry) == after, moment
    if before != after:
        assert outcomes == sorted(outcomes)  # nothing until one moment, and all from then on


ROUNDS = 15
AT_ONCE = 4
SIZES = (1_000, 900_000, 3_000_000, 20_000_000)


def test_of_registrations_killed_at_random_moments_every_acknowledged_one_is_there(nothing_yet, tmp_path):
    chance = random.Random(20261004)
    run = nothing_yet()
    acknowledged: dict[int, bytes] = {}
    for number in range(ROUNDS):
        contents = [chance.randbytes(8) * (chance.choice(SIZES) // 8) for _ in range(AT_ONCE)]
        paths = [tmp_path / f"{number}-{each}.bin" for each in range(AT_ONCE)]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        started = [run.start("register", path, "--name", "churn") for path in paths]
        for process in started:
            with suppress(TimeoutExpired):
                process.wait(chance.uniform(0, 0.6))  # while it works, however far it comes
            if chance.random() < 0.8:
                process.kill()
        for process, content in zip(started, contents, strict=True):
            out, err = process.communicate()
            assert process.returncode in (0, -signal.SIGKILL), err
            if out.endswith("\n"):
                acknowledged[int(out.removeprefix("churn/"))] = content
        for path in paths:
            path.unlink()
    assert_sound(run)
    registry = Registry(run.registry)
    assert acknowledged
    for version, content in acknowledged.items():
        assert registry.path(f"churn/{version}").read_bytes() == content
    registered = [entry.version for entry in registry.history()]
    assert registered == list(range(1, len(registered) + 1))
    assert set(acknowledged) <= set(registered)
    assert run("register", "one.bin", "--name", "churn").stdout == f"churn/{len(registered) + 1}\n"
