"""Scripts like those of MLflow's tutorials run after a change of the import, and print what they print with MLflow.

Each script is written for MLflow, with ``import mlflow`` or ``from mlflow…``; only these words are replaced. The
expected output is in its last lines, ``# prints: …``.
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
OPTIONAL_LIBRARIES = {"xgboost", "lightgbm", "matplotlib"}


def change_import(text: str) -> str:
    text = re.sub(r"^(\s*)import mlflow$", r"\1import modelreg.mlflow as mlflow", text, flags=re.MULTILINE)
    text = re.sub(r"^(\s*)import mlflow\.([\w.]+)$", r"\1import modelreg.mlflow as mlflow", text, flags=re.MULTILINE)
    return re.sub(r"^(\s*)(from|import) mlflow\b", r"\1\2 modelreg.mlflow", text, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def runner():
    """The process of `script_runner`."""
    command = [sys.executable, "-P", Path(__file__).with_name("script_runner.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_runs_and_prints_the_same_after_the_import_is_changed(script, runner, tmp_path):
    text = script.read_text()
    for library in OPTIONAL_LIBRARIES & set(re.findall(r"^import (\w+)", text, flags=re.MULTILINE)):
        if find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "script.py").write_text(change_import(text))
    print(json.dumps(str(folder)), file=runner.stdin, flush=True)
    status = int(runner.stdout.readline())
    assert status == 0, (folder / "stderr").read_text()
    assert (folder / "stdout").read_text().splitlines() == re.findall(r"^# prints: (.*)$", text, flags=re.MULTILINE)
    registry = Registry(folder / "home")
    if registry.exists():
        assert list(registry.verify()) == []
