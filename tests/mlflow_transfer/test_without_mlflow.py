"""Without MLflow, which is an extra, the commands say how to install it."""

from __future__ import annotations

import subprocess
from importlib.util import find_spec

import pytest


@pytest.mark.skipif(find_spec("mlflow") is not None, reason="MLflow is installed")
@pytest.mark.parametrize("command", ["import-mlflow", "export-mlflow"])
def test_the_commands_print_how_to_install_mlflow(command, registry, modelreg):
    registry.create()
    command_line = [modelreg, "--registry", registry.folder, command, "http://127.0.0.1:9"]
    result = subprocess.run(command_line, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.endswith("hint: pip install 'modelreg[mlflow]'\n")
