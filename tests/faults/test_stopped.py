"""A stopped process: others continue, or get an error that names the lock holder; afterwards it completes."""

from __future__ import annotations

import signal

import pytest

from .conftest import assert_sound, contents_of, stderr_of

pytestmark = pytest.mark.fault


def first(moments, call, text):
    return next(moment for moment in moments if moment.call == call and text in moment.arguments)


COPYING = ("write", "artifacts/ingest")
PUBLISHING = ("rename", "artifacts/blobs")
WRITING = ("pwrite64", "catalog.db-journal")
COMMITTING = ("unlink", "catalog.db-journal")
UNKNOWN_HOLDER = "another program that uses the catalog"
"""The lock holder in the message while SQLite commits: other processes cannot read the catalog then."""
REGISTER = ("register", "fresh.bin", "--name", "churn")


@pytest.mark.parametrize("moment", [COPYING, PUBLISHING], ids=["while it copies", "while it publishes"])
def test_registration_stopped_before_the_catalog_does_not_block_others(copy_registry, can_trace, start_stopped, moment):
    moments = copy_registry("whole").moments(*REGISTER)
    run = copy_registry()
    process = start_stopped(run, *REGISTER, moment=first(moments, *moment))
    assert run("register", "bert", "--name", "churn").stdout == "churn/3\n"
    assert run("register", "fresh.bin", "--name", "other").stdout == "other/1\n"
    assert run("transition", "churn", "2", "Production", "--archive-existing").returncode == 0
    assert run("load", "other/1").returncode == 0
    assert_sound(run)
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "churn/4\n"), err
    assert_sound(run)
    assert len(contents_of(run.registry)["models"]["churn"]) == 4


@pytest.mark.parametrize("moment", [WRITING, COMMITTING], ids=["while it writes", "while it commits"])
def test_registration_stopped_in_the_catalog_is_named_to_others(copy_registry, can_trace, start_stopped, moment):
    moments = copy_registry("whole").moments(*REGISTER)
    run = copy_registry()
    process = start_stopped(run, *REGISTER, moment=first(moments, *moment))
    for arguments in (
        ["register", "bert", "--name", "churn"],
        ["transition", "churn", "2", "Production", "--archive-existing"],
        ["delete", "churn/2", "--yes"],
    ):
        result = run(*arguments, "--lock-timeout", "0.2")
        assert (result.returncode, result.stdout) == (9, ""), (arguments, result.stderr)
        assert f"process {process.pid} on " in stderr_of(result) or UNKNOWN_HOLDER in result.stderr
        assert "database is locked" not in result.stderr
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "churn/3\n"), err
    assert run("register", "bert", "--name", "churn").stdout == "churn/4\n"
    assert_sound(run)


def test_readers_see_the_previous_state_or_time_out(copy_registry, can_trace, start_stopped):
    moments = copy_registry("whole").moments(*REGISTER)
    run = copy_registry()
    before = run("list", "-q").stdout, run("history", "--head").stdout
    process = start_stopped(run, *REGISTER, moment=first(moments, *WRITING))
    assert (run("list", "-q").stdout, run("history", "--head").stdout) == before
    assert run("load", "churn/1").returncode == 0
    process.send_signal(signal.SIGCONT)
    assert process.wait(60) == 0

    moments = copy_registry("whole too").moments(*REGISTER)
    run = copy_registry("again")
    process = start_stopped(run, *REGISTER, moment=first(moments, *COMMITTING))
    result = run("list", "--lock-timeout", "0.2")
    assert (result.returncode, result.stdout) == (9, ""), result.stderr
    assert UNKNOWN_HOLDER in stderr_of(result)
    process.send_signal(signal.SIGCONT)
    assert process.wait(60) == 0
    assert_sound(run)


def test_promotion_stopped_before_its_lock_leaves_one_version_in_production(copy_registry, can_trace, start_stopped):
    promote = ("transition", "churn", "2", "Production", "--archive-existing")
    moments = copy_registry("whole").moments(*promote)
    run = copy_registry()
    process = start_stopped(run, *promote, moment=first(moments, "openat", "write.lock"))
    assert run("register", "fresh.bin", "--name", "churn", "--stage", "Production").returncode == 4
    assert (
        run("register", "fresh.bin", "--name", "churn", "--stage", "Production", "--archive-existing").returncode == 0
    )
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "churn/2 -> Production (churn/3 -> Archived)\n"), err
    assert_sound(run)


@pytest.mark.parametrize("moment", [COPYING, PUBLISHING, WRITING], ids=["copies", "publishes", "writes"])
def test_prune_waits_for_a_stopped_registration(copy_registry, can_trace, start_stopped, moment):
    moments = copy_registry("whole").moments(*REGISTER)
    run = copy_registry()
    process = start_stopped(run, *REGISTER, moment=first(moments, *moment))
    result = run("prune", "--grace", "0s", "--lock-timeout", "0.2")
    assert result.returncode == 9, result.stderr
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "churn/3\n"), err
    assert_sound(run)
    assert run("prune", "--grace", "0s").returncode == 0
    assert_sound(run)
