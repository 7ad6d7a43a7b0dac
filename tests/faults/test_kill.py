"""SIGKILL at any system call and at random times: a command changes everything or nothing, and the next one works."""

from __future__ import annotations

import random
import signal
from contextlib import suppress
from subprocess import TimeoutExpired

import pytest

from modelreg import Registry

from . import strace
from .changing_commands import every_command
from .conftest import EXHAUSTIVE, assert_sound, contents_of, stride

pytestmark = pytest.mark.fault


@every_command
def test_sigkill_at_a_system_call_changes_everything_or_nothing(case, copy_registry, empty_folder, can_trace):
    make = empty_folder if case.creates_registry else copy_registry
    before = contents_of(make("before").registry)  # from another copy, because reading the files creates checkouts
    reference = make("reference")
    moments = reference.moments(*case.arguments)
    after = contents_of(reference.registry)
    outcomes = []
    for moment in strace.every_nth(moments, stride(4 * case.stride), stride(4 * case.stride_of_pages)):
        run = make(f"{moment.call}-{moment.nth}")
        result = run(*case.arguments, prefix=strace.at(moment, "signal=KILL"))
        assert result.returncode == -signal.SIGKILL, f"{moment} was never reached: {result.stderr}"
        assert_sound(run)
        contents = contents_of(run.registry)
        assert contents in (before, after), moment
        assert contents == after or not result.stdout, f"success was reported before the change: {moment}"
        outcomes.append(contents == after)
        repeated = run(*case.arguments)
        assert repeated.returncode in (case.repeated_status if contents == after else (0,)), (moment, repeated.stderr)
        assert_sound(run)
        assert contents_of(run.registry) == after, moment
    if before != after:
        assert outcomes == sorted(outcomes)  # nothing up to one system call, everything after it


ROUNDS = 15 if EXHAUSTIVE else 5
CONCURRENT = 4
SIZES = (1_000, 900_000, 3_000_000, 20_000_000)


def test_sigkill_at_random_times_loses_no_acknowledged_registration(empty_folder, tmp_path):
    random_generator = random.Random(20261004)
    run = empty_folder()
    acknowledged: dict[int, bytes] = {}
    for number in range(ROUNDS):
        contents = [random_generator.randbytes(8) * (random_generator.choice(SIZES) // 8) for _ in range(CONCURRENT)]
        paths = [tmp_path / f"{number}-{index}.bin" for index in range(CONCURRENT)]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        started = [run.start("register", path, "--name", "churn") for path in paths]
        for process in started:
            with suppress(TimeoutExpired):
                process.wait(random_generator.uniform(0, 0.6))  # kills it at a random point
            if random_generator.random() < 0.8:
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
