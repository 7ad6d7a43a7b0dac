"""Run scripts in forks of a process that has imported the libraries, since imports take most of a script's time.

It reads JSON lines from stdin with the folder of a script, and prints each exit status. The script is ``script.py`` in
that folder; its output goes to ``stdout`` and ``stderr`` beside it.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import sys
import traceback
from pathlib import Path


def serve() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(_run(Path(json.loads(line))))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(folder: Path) -> int:
    os.chdir(folder)
    os.environ["MODELREG_HOME"] = str(folder / "home")
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, descriptor)
    sys.argv = ["script.py"]
    status = 0
    try:
        runpy.run_path("script.py", run_name="__main__")
    except BaseException:
        traceback.print_exc()
        status = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return status


if __name__ == "__main__":
    import pandas  # noqa: F401
    import sklearn.ensemble
    import sklearn.linear_model
    import sklearn.pipeline  # noqa: F401

    import modelreg.mlflow
    import modelreg.registration.register  # noqa: F401

    serve()
