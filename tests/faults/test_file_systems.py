"""File systems without modes (CIFS, WSL's drives) or without locks; permissions of lock files."""

from __future__ import annotations

import stat
import sys
import threading

import pytest

from modelreg import Registry

from . import strace
from .conftest import assert_sound, stderr_of
from .strace import Moment

pytestmark = pytest.mark.fault


@pytest.mark.parametrize("call", ["chmod", "fchmod"])
def test_file_system_that_refuses_chmod_is_usable(empty_folder, can_trace, call):
    """The fixed modes of such a mount are simulated by the umask; nobody else may write."""
    run = empty_folder()
    prefix = strace.at(Moment(call, 1, ""), "error=EPERM", from_then_on=True)
    for arguments in (
        ["init"],
        ["register", "one.bin", "--name", "churn", "--stage", "Production"],
        ["register", "bert", "--name", "intent"],
        ["load", "intent/1"],
        ["backup", run.registry.parent / "copy"],
        ["restore", run.registry.parent / "copy", "--force"],
        ["verify"],
    ):
        result = run(*arguments, prefix=prefix)
        assert result.returncode == 0, (arguments, stderr_of(result))
    assert_sound(run)


@pytest.mark.parametrize("error", ["ENOLCK", "ENOSYS", "EOPNOTSUPP"])
def test_file_system_without_locks_is_reported_with_a_hint(copy_registry, can_trace, error):
    result = copy_registry()("tag", "churn", "a=b", prefix=strace.at(Moment("flock", 1, ""), f"error={error}"))
    assert result.returncode == 8
    assert "does not support flock" in stderr_of(result)
    assert "use a local disk" in result.stderr


def test_lock_files_are_readable_only_by_writers(copy_registry):
    """Also those that an older release left readable: everyone who can open a lock file can hold the lock."""
    run = copy_registry()
    for lock in ("write.lock", "prune.lock"):
        (run.registry / lock).chmod(0o644)
    assert run("register", "three.bin", "--name", "churn").returncode == 0
    modes = [stat.S_IMODE((run.registry / lock).stat().st_mode) for lock in ("write.lock", "prune.lock")]
    assert modes == [0o600, 0o600]


def test_loading_in_threads_does_not_redirect_stdout(copy_registry, tmp_path):
    import joblib
    from sklearn.dummy import DummyClassifier

    registry = Registry(copy_registry().registry)
    joblib.dump(DummyClassifier().fit([[0], [1]], [0, 1]), tmp_path / "model.joblib")
    registry.register(tmp_path / "model.joblib", "dummy")
    stdout, seen_streams = sys.stdout, []

    def load_repeatedly():
        for _ in range(5):
            registry.load("dummy/1")
            seen_streams.append(sys.stdout)

    threads = [threading.Thread(target=load_repeatedly) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(map(id, seen_streams)) == {id(stdout)}
    assert sys.stdout is stdout
