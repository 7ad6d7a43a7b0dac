"""Scripts in the manner of MLflow's tutorials run with nothing but the import changed, and print what MLflow's would.

Each is written for MLflow, with ``import mlflow`` and ``from mlflow…``; these words alone are replaced. What it prints
is in its last lines, ``# prints: …``.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from modelreg import Registry

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))
NEEDED = {"xgboost", "lightgbm", "matplotlib"}


def with_the_import_changed(text: str) -> str:
    text = re.sub(r"^(\s*)import mlflow$", r"\1import modelreg.mlflow as mlflow", text, flags=re.MULTILINE)
    text = re.sub(r"^(\s*)import mlflow\.([\w.]+)$", r"\1import modelreg.mlflow as mlflow", text, flags=re.MULTILINE)
    return re.sub(r"^(\s*)(from|import) mlflow\b", r"\1\2 modelreg.mlflow", text, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def runner():
    """A process that runs scripts in forks of itself."""
    words = [sys.executable, "-P", Path(__file__).with_name("script_runner.py")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_of_a_tutorial_runs_with_only_its_import_changed(script, runner, tmp_path):
    text = script.read_text()
    for library in NEEDED & set(re.findall(r"^import (\w+)", text, flags=re.MULTILINE)):
        if find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "script.py").write_text(with_the_import_changed(text))
    print(json.dumps(str(folder)), file=runner.stdin, flush=True)
    status = int(runner.stdout.readline())
    assert status == 0, (folder / "stderr").read_text()
    assert (folder / "stdout").read_text().splitlines() == re.findall(r"^# prints: (.*)$", text, flags=re.MULTILINE)
    registry = Registry(folder / "home")
    if registry.exists():
        assert list(registry.verify()) == []
