"""Whoever uses a version that runs code when it is loaded is told so, on stderr and in one line."""

from __future__ import annotations

import json
import shutil

import pytest

from modelreg import Registry

RUNS_A_COMMAND = b"cposix\nsystem\n(S'true'\ntR."
NOTE = "note: churn/1 can run any code when it is loaded: 'modelreg show churn/1' shows the findings\n"


@pytest.fixture(scope="module")
def dangerous_once(tmp_path_factory):
    """A registry in which churn/1 runs a command when it is loaded, and churn/2 is a file of no format."""
    folder = tmp_path_factory.mktemp("dangerous")
    (folder / "model.pkl").write_bytes(RUNS_A_COMMAND)
    (folder / "model.bin").write_bytes(b"weights")
    registry = Registry(folder / "registry")
    registry.register(folder / "model.pkl", "churn", allow_unsafe="to study it")
    registry.register(folder / "model.bin", "churn")
    return registry.folder


@pytest.fixture
def dangerous(dangerous_once, registry, run):
    """Run ``modelreg`` on a copy of that registry."""
    shutil.copytree(dangerous_once, registry)
    return run


@pytest.mark.parametrize("words", [(), ("--json",), ("-o", "copy.pkl"), ("-o", "-")])
def test_loading_says_so(dangerous, words):
    done = dangerous("load", "churn/1", *words)
    assert (done.returncode, done.stderr) == (0, NOTE)


def test_nothing_is_said_of_a_model_that_holds_no_code(dangerous):
    assert dangerous("load", "churn/2").stderr == ""


def test_exporting_says_so(dangerous):
    assert dangerous("export", "churn/1", "layout").stderr.startswith(NOTE)


@pytest.mark.parametrize("stage", ["Staging", "Production"])
@pytest.mark.parametrize("words", [(), ("--json",), ("--quiet",), ("--dry-run",)])
def test_putting_it_into_a_stage_says_so(dangerous, stage, words):
    done = dangerous("transition", "churn/1", stage, *words)
    assert (done.returncode, done.stderr.count(NOTE)) == (0, 1)
    assert NOTE not in dangerous("transition", "churn/2", stage, "--archive-existing", *words).stderr


@pytest.mark.parametrize("stage", ["None", "Archived"])
def test_taking_it_out_of_use_does_not(dangerous, stage):
    dangerous("transition", "churn/1", "Staging")
    assert NOTE not in dangerous("transition", "churn/1", stage).stderr


def test_bringing_it_back_says_so(dangerous):
    dangerous("transition", "churn/1", "Production")
    dangerous("transition", "churn/2", "Production", "--archive-existing")
    done = dangerous("rollback", "churn", "--json")
    assert (done.returncode, done.stderr) == (0, NOTE)
    assert json.loads(done.stdout)["notes"] == [NOTE.removeprefix("note: ").strip()]


def test_registering_it_into_a_stage_says_what_it_does(run, registry, tmp_path):
    (tmp_path / "model.pkl").write_bytes(RUNS_A_COMMAND)
    words = ("--name", "churn", "--stage", "Staging", "--allow-unsafe", "to study it")
    done = run("register", tmp_path / "model.pkl", *words)
    (note,) = [line for line in done.stderr.splitlines() if line.startswith("note: ")]
    assert note.startswith("note: it runs code when it is loaded")
    assert Registry(registry).version("churn/1").stage == "Staging"
