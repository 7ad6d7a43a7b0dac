"""The documentation of MLflow's interface is complete, and its example works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import modelreg.mlflow as mlflow
from modelreg import Registry

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
def test_the_readme_example_works(tmp_path, monkeypatch):
    session = re.search(
        r"<!-- mlflow -->\n```python\n(.*?)```", (ROOT / "docs" / "mlflow.md").read_text(), re.DOTALL
    ).group(1)
    monkeypatch.setenv("MODELREG_HOME", str(tmp_path / "home"))
    result = subprocess.run([sys.executable, "-c", session], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert Registry(tmp_path / "home").model("tumours").production == 1
    assert "current_stage='Production'" in result.stdout
    assert list(Registry(tmp_path / "home").verify()) == []


def test_every_name_and_client_method_is_documented():
    documented = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "mlflow.md").read_text()))
    methods = {name for name in dir(mlflow.MlflowClient) if not name.startswith("_")}
    assert {*mlflow.__all__, *methods} - documented == set()
