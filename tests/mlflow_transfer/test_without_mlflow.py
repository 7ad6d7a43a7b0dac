"""MLflow is an extra: without it the commands say so, and nothing else of modelreg misses it."""

from __future__ import annotations

import subprocess
from importlib.util import find_spec

import pytest


@pytest.mark.skipif(find_spec("mlflow") is not None, reason="MLflow is installed")
@pytest.mark.parametrize("command", ["import-mlflow", "export-mlflow"])
def test_the_commands_say_what_is_to_be_installed(command, registry, modelreg):
    registry.create()
    words = [modelreg, "--registry", registry.folder, command, "http://127.0.0.1:9"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("hint: pip install 'modelreg[mlflow]'\n")
