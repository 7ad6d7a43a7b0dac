"""Temporary folders for copies of MLflow's records, which a killed import leaves and the next one removes."""

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
    """A private folder that is removed at the end; those that killed processes of this user left are removed first.

    A lock on the folder says that its process is alive: the kernel takes it back when the process ends.
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
    """A lock on a folder, held while it is open."""

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)

    def acquire(self) -> bool:
        """Whether nobody else holds it; it is held from then on."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Give the lock back."""
        os.close(self._descriptor)


def _remove_abandoned() -> None:
    """Remove the folders of this user that no process holds; one that is empty may be about to be locked, and stays."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if folder.lstat().st_uid != os.geteuid() or not any(folder.iterdir()):
                continue
            with closing(_Lock(folder)) as lock:
                if lock.acquire():
                    shutil.rmtree(folder, ignore_errors=True)
