"""File systems that lack something: modes, as on CIFS and WSL's drives, or locks; and who may open a lock."""

from __future__ import annotations

import stat
import sys
import threading

import pytest

from modelreg import Registry

from . import strace
from .conftest import assert_sound, said
from .strace import Moment

pytestmark = pytest.mark.fault


@pytest.mark.parametrize("call", ["chmod", "fchmod"])
def test_a_file_system_that_refuses_modes_is_used_as_it_is(nothing_yet, can_trace, call):
    """With the modes of a mount that nobody else may write to, as a umask gives them here."""
    run = nothing_yet()
    before = strace.at(Moment(call, 1, ""), "error=EPERM", from_then_on=True)
    for words in (
        ["init"],
        ["register", "one.bin", "--name", "churn", "--stage", "Production"],
        ["register", "bert", "--name", "intent"],
        ["load", "intent/1"],
        ["backup", run.registry.parent / "copy"],
        ["restore", run.registry.parent / "copy", "--force"],
        ["verify"],
    ):
        done = run(*words, before=before)
        assert done.returncode == 0, (words, said(done))
    assert_sound(run)


@pytest.mark.parametrize("error", ["ENOLCK", "ENOSYS", "EOPNOTSUPP"])
def test_a_file_system_without_locks_is_named_with_what_to_do(stock, can_trace, error):
    done = stock()("tag", "churn", "a=b", before=strace.at(Moment("flock", 1, ""), f"error={error}"))
    assert done.returncode == 8
    assert "the file system has no flock" in said(done)
    assert "use a local disk" in done.stderr


def test_a_lock_is_opened_by_who_may_write_alone(stock):
    """Also one that an older program left readable: whoever reads it could hold it."""
    run = stock()
    for lock in ("write.lock", "prune.lock"):
        (run.registry / lock).chmod(0o644)
    assert run("register", "three.bin", "--name", "churn").returncode == 0
    modes = [stat.S_IMODE((run.registry / lock).stat().st_mode) for lock in ("write.lock", "prune.lock")]
    assert modes == [0o600, 0o600]


def test_threads_that_load_leave_stdout_where_it_is(stock, tmp_path):
    import joblib
    from sklearn.dummy import DummyClassifier

    registry = Registry(stock().registry)
    joblib.dump(DummyClassifier().fit([[0], [1]], [0, 1]), tmp_path / "model.joblib")
    registry.register(tmp_path / "model.joblib", "dummy")
    before, seen = sys.stdout, []

    def load():
        for _ in range(5):
            registry.load("dummy/1")
            seen.append(sys.stdout)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(map(id, seen)) == {id(before)}
    assert sys.stdout is before
