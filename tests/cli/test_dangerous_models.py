"""Commands that use a dangerous version print a note on stderr."""

from __future__ import annotations

import json
import shutil

import pytest

from modelreg import Registry

RUNS_A_COMMAND = b"cposix\nsystem\n(S'true'\ntR."


def find_notes(stderr):
    """The lines that say that churn/1 is dangerous."""
    return [line for line in stderr.splitlines() if line.startswith("note: churn/1 ") and "show churn/1" in line]


@pytest.fixture(scope="module")
def dangerous_template(tmp_path_factory):
    """A registry in which churn/1 runs a command when it is loaded; churn/2 has an unrecognised format."""
    folder = tmp_path_factory.mktemp("dangerous")
    (folder / "model.pkl").write_bytes(RUNS_A_COMMAND)
    (folder / "model.bin").write_bytes(b"weights")
    registry = Registry(folder / "registry")
    registry.register(folder / "model.pkl", "churn", allow_unsafe="to study it")
    registry.register(folder / "model.bin", "churn")
    return registry.folder


@pytest.fixture
def dangerous(dangerous_template, registry, run):
    """Run ``modelreg`` on a copy of that registry."""
    shutil.copytree(dangerous_template, registry)
    return run


@pytest.mark.parametrize("arguments", [(), ("--json",), ("-o", "copy.pkl"), ("-o", "-")])
def test_load_prints_the_note(dangerous, arguments):
    result = dangerous("load", "churn/1", *arguments)
    assert result.returncode == 0
    assert find_notes(result.stderr) == result.stderr.splitlines() != []


def test_load_of_a_version_without_code_prints_no_note(dangerous):
    assert dangerous("load", "churn/2").stderr == ""


def test_export_prints_the_note(dangerous):
    stderr = dangerous("export", "churn/1", "layout").stderr
    assert find_notes(stderr) == stderr.splitlines()[:1]


@pytest.mark.parametrize("stage", ["Staging", "Production"])
@pytest.mark.parametrize("arguments", [(), ("--json",), ("--quiet",), ("--dry-run",)])
def test_transition_to_a_stage_in_use_prints_the_note(dangerous, stage, arguments):
    result = dangerous("transition", "churn/1", stage, *arguments)
    assert (result.returncode, len(find_notes(result.stderr))) == (0, 1)
    harmless = dangerous("transition", "churn/2", stage, "--archive-existing", *arguments)
    assert find_notes(harmless.stderr) == []


@pytest.mark.parametrize("stage", ["None", "Archived"])
def test_transition_out_of_use_prints_no_note(dangerous, stage):
    dangerous("transition", "churn/1", "Staging")
    assert find_notes(dangerous("transition", "churn/1", stage).stderr) == []


def test_rollback_prints_the_note(dangerous):
    dangerous("transition", "churn/1", "Production")
    dangerous("transition", "churn/2", "Production", "--archive-existing")
    result = dangerous("rollback", "churn", "--json")
    assert result.returncode == 0
    (note,) = find_notes(result.stderr)
    assert result.stderr == f"{note}\n"
    assert json.loads(result.stdout)["notes"] == [note.removeprefix("note: ")]


def test_register_into_a_stage_prints_what_the_scan_found(run, registry, tmp_path):
    (tmp_path / "model.pkl").write_bytes(RUNS_A_COMMAND)
    arguments = ("--name", "churn", "--stage", "Staging", "--allow-unsafe", "to study it")
    result = run("register", tmp_path / "model.pkl", *arguments)
    (note,) = [line for line in result.stderr.splitlines() if line.startswith("note: ")]
    assert "runs code when" in note
    assert Registry(registry).version("churn/1").stage == "Staging"
