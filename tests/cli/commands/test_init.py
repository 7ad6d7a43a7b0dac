"""``modelreg init``."""

from __future__ import annotations

import json
import subprocess

from ..conftest import MODELREG


def test_init_sets_the_stage_rules_permanently(run):
    created = json.loads(run("init", "--stages", "mlflow", "--json").stdout)
    assert (created["created"], created["stages"]) == (True, "mlflow")
    assert json.loads(run("info", "--json").stdout)["stages"] == "mlflow"
    assert "stages\tmlflow\n" in run("info").stdout
    again = run("init", "--stages", "strict")
    assert (again.returncode, again.stdout) == (4, "")
    assert run("init", "--stages", "loose").returncode == 2


def test_registry_created_by_init_is_found_from_subfolders(tmp_path, files):
    below = tmp_path / "project" / "deep" / "down"
    below.mkdir(parents=True)

    def run_in(folder, *arguments):
        return subprocess.run([MODELREG, *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout

    path = run_in(tmp_path / "project", "init").strip()
    assert path == str(tmp_path / "project" / ".modelreg")
    run_in(below, "register", str(files[0]), "--name", "churn")
    assert json.loads(run_in(below, "info", "--json"))["path"] == path
