"""Temporary folders for copies of MLflow's data. The next import removes those that a killed import left."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

_PREFIX = "modelreg-mlflow-"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A private folder that is removed at the end; folders of killed processes of this user are removed first.

    A lock on the folder shows that its process is alive: the kernel releases the lock when the process ends.
    """
    _remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    with closing(_Lock(folder)) as lock:
        lock.acquire()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


class _Lock:
    """A lock on a folder, which is released by `close`."""

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)

    def acquire(self) -> bool:
        """Try to take the lock; returns False if another process holds it."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Release the lock."""
        os.close(self._descriptor)


def _remove_abandoned() -> None:
    """Remove folders of this user that are not locked; an empty folder stays, since it may be about to be locked."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if folder.lstat().st_uid != os.geteuid() or not any(folder.iterdir()):
                continue
            with closing(_Lock(folder)) as lock:
                if lock.acquire():
                    shutil.rmtree(folder, ignore_errors=True)
