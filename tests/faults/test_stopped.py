"""A process that stands still in the middle: others go on or are told who holds the lock, and it ends well itself."""

from __future__ import annotations

import signal

import pytest

from .conftest import assert_sound, facts, said

pytestmark = pytest.mark.fault


def first(found, call, text):
    return next(moment for moment in found if moment.call == call and text in moment.arguments)


COPYING = ("write", "artifacts/ingest")
PUBLISHING = ("rename", "artifacts/blobs")
WRITING = ("pwrite64", "catalog.db-journal")
COMMITTING = ("unlink", "catalog.db-journal")
ANOTHER = "another program that uses the catalog"
"""Who it is when SQLite is in the middle of a commit, which lets nobody read either."""
REGISTER = ("register", "fresh.bin", "--name", "churn")


@pytest.mark.parametrize("moment", [COPYING, PUBLISHING], ids=["while it copies", "while it publishes"])
def test_while_a_registration_stands_still_before_the_catalog_others_work(stock, can_trace, stopped, moment):
    found = stock("whole").moments(*REGISTER)
    run = stock()
    process = stopped(run, *REGISTER, moment=first(found, *moment))
    assert run("register", "bert", "--name", "churn").stdout == "churn/3\n"
    assert run("register", "fresh.bin", "--name", "other").stdout == "other/1\n"
    assert run("transition", "churn", "2", "Production", "--archive-existing").returncode == 0
    assert run("load", "other/1").returncode == 0
    assert_sound(run)
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "churn/4\n"), err
    assert_sound(run)
    assert len(facts(run.registry)["models"]["churn"]) == 4


@pytest.mark.parametrize("moment", [WRITING, COMMITTING], ids=["while it writes", "while it commits"])
def test_while_a_registration_stands_still_in_the_catalog_others_are_told_who_it_is(stock, can_trace, stopped, moment):
    found = stock("whole").moments(*REGISTER)
    run = stock()
    process = stopped(run, *REGISTER, moment=first(found, *moment))
    for words in (
        ["register", "bert", "--name", "churn"],
        ["transition", "churn", "2", "Production", "--archive-existing"],
        ["delete", "churn/2", "--yes"],
    ):
        done = run(*words, "--lock-timeout", "0.2")
        assert (done.returncode, done.stdout) == (9, ""), (words, done.stderr)
        assert f"process {process.pid} on " in said(done) or ANOTHER in done.stderr
        assert "database is locked" not in done.stderr
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "churn/3\n"), err
    assert run("register", "bert", "--name", "churn").stdout == "churn/4\n"
    assert_sound(run)


def test_readers_see_the_registry_as_it_was_or_are_told_to_try_again(stock, can_trace, stopped):
    found = stock("whole").moments(*REGISTER)
    run = stock()
    before = run("list", "-q").stdout, run("history", "--head").stdout
    process = stopped(run, *REGISTER, moment=first(found, *WRITING))
    assert (run("list", "-q").stdout, run("history", "--head").stdout) == before
    assert run("load", "churn/1").returncode == 0
    process.send_signal(signal.SIGCONT)
    assert process.wait(60) == 0

    found = stock("whole too").moments(*REGISTER)
    run = stock("again")
    process = stopped(run, *REGISTER, moment=first(found, *COMMITTING))
    done = run("list", "--lock-timeout", "0.2")
    assert (done.returncode, done.stdout) == (9, ""), done.stderr
    assert ANOTHER in said(done)
    process.send_signal(signal.SIGCONT)
    assert process.wait(60) == 0
    assert_sound(run)


def test_two_promotions_of_which_one_stands_still_end_with_one_in_production(stock, can_trace, stopped):
    promote = ("transition", "churn", "2", "Production", "--archive-existing")
    found = stock("whole").moments(*promote)
    run = stock()
    process = stopped(run, *promote, moment=first(found, "openat", "write.lock"))
    assert run("register", "fresh.bin", "--name", "churn", "--stage", "Production").returncode == 4
    assert (
        run("register", "fresh.bin", "--name", "churn", "--stage", "Production", "--archive-existing").returncode == 0
    )
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "churn/2 -> Production (churn/3 -> Archived)\n"), err
    assert_sound(run)


@pytest.mark.parametrize("moment", [COPYING, PUBLISHING, WRITING], ids=["copies", "publishes", "writes"])
def test_nothing_that_a_registration_that_stands_still_needs_is_pruned(stock, can_trace, stopped, moment):
    found = stock("whole").moments(*REGISTER)
    run = stock()
    process = stopped(run, *REGISTER, moment=first(found, *moment))
    done = run("prune", "--grace", "0s", "--lock-timeout", "0.2")
    assert done.returncode == 9, done.stderr
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "churn/3\n"), err
    assert_sound(run)
    assert run("prune", "--grace", "0s").returncode == 0
    assert_sound(run)
