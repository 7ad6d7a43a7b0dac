"""Load all hostile files without protection, in separate processes: ``python -m hostile.naive``.

Prints as JSON the names of the files whose payload had its effect, and of the others.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

from hostile.file import Effect, HostileFile, Trigger
from hostile.makers import hostile_files


def load(path: Path, trigger: Trigger) -> None:
    """Load the file with the loader that it attacks."""
    if trigger is Trigger.JOBLIB:
        import joblib

        joblib.load(path)
    elif trigger is Trigger.NUMPY:
        import numpy as np

        np.load(path, allow_pickle=True)
    elif trigger is Trigger.SKOPS:
        import skops.io

        _predict(skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path)))
    else:
        with path.open("rb") as file:
            loaded = pickle.load(file)
            if trigger is Trigger.PREDICT:
                _predict(loaded)


def _predict(model: Any) -> None:
    model.predict([[0.0]])


def has_effect(file: HostileFile, folder: Path, marker: Path) -> bool:
    """Whether loading the file creates or deletes the marker."""
    marker.write_text("") if file.effect is Effect.DELETES else None
    path = folder / file.file_name
    path.write_bytes(file.content)
    child = os.fork()
    if not child:
        os.chdir(folder)
        with contextlib.suppress(BaseException):
            load(path, file.trigger)
        for thread in threading.enumerate():
            if thread is not threading.main_thread():
                thread.join(0.5)
        os._exit(0)
    os.waitpid(child, 0)
    expected, end = file.effect is Effect.MAKES, time.monotonic() + (0 if file.effect is Effect.DELETES else 1)
    while marker.exists() is not expected and time.monotonic() < end:
        time.sleep(0.02)  # a program started by the payload may still run
    has_expected_state = marker.exists() is expected
    if marker.is_dir():
        marker.rmdir()
    else:
        marker.unlink(missing_ok=True)
    return has_expected_state


def main() -> None:
    """Load every file whose loader is installed."""
    warnings.simplefilter("ignore")
    folder = Path(tempfile.mkdtemp())
    marker = folder / "marker"
    results: dict[str, list[str]] = {"run": [], "not run": []}
    stdout = os.dup(1)
    devnull = os.open(os.devnull, os.O_RDWR)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    for file in hostile_files(str(marker)):
        if file.trigger is not Trigger.OTHER:
            results["run" if has_effect(file, folder, marker) else "not run"].append(file.name)
    os.write(stdout, json.dumps(results).encode())


if __name__ == "__main__":
    sys.exit(main())
