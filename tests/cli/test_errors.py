"""Errors: exit status, code and facts; a refused command changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing

import pytest

from .conftest import MODELREG, assert_refused


@pytest.mark.parametrize(
    ("expression", "line", "caret"),
    [
        ("nonsense >= 1", "  nonsense >= 1", "  ^^^^^^^^"),
        ("size > 1 AND stage = 'prod'", "  size > 1 AND stage = 'prod'", "                       ^^^^^^"),
        ("size >", "  size >", "        ^"),
    ],
)
def test_error_in_an_expression_is_marked_with_carets(churn, expression, line, caret):
    for arguments in (
        ("gate", "add", "churn", "Production", expression),
        ("versions", "churn", "--filter", expression),
    ):
        result = churn(*arguments)
        assert (result.returncode, result.stdout) == (2, "")
        lines = result.stderr.splitlines()
        assert lines[0].startswith("error: ")
        assert lines[1:3] == [line, caret]
    error = json.loads(churn("list", "--filter", expression, "--json").stderr)["error"]
    start, end = error["place"]
    assert (error["code"], error["expression"]) == ("invalid_expression", expression)
    assert end - start == len(caret.strip())


def test_long_expression_is_shown_near_the_error(churn):
    expression = " OR ".join(["size = 1"] * 40) + " OR nonsense = 1"
    lines = churn("versions", "churn", "--filter", expression).stderr.splitlines()
    assert lines[1].endswith("OR nonsense = 1")
    assert len(lines[1]) < 100
    assert lines[1].index("nonsense") == lines[2].index("^")


@pytest.mark.parametrize(
    ("arguments", "status", "code", "fact"),
    [
        (["versions", "chrun"], 3, "model_not_found", "churn?"),
        (["show", "churn/9"], 3, "version_not_found", "the latest version is 3"),
        (["load", "churn/Staging"], 3, "stage_empty", "Staging"),
        (["load", "churn@champion"], 3, "alias_not_found", "'champion'"),
        (["load", "churn@sha256:0123456789"], 3, "version_not_found", "sha256:0123456789"),
        (["load", "churn"], 2, "invalid_reference", "churn/latest"),
        (["load", "churn/0"], 2, "invalid_reference", "from 1"),
        (["load", "churn/-1"], 2, "invalid_reference", "-1"),
        (["load", "churn/1.5"], 2, "invalid_reference", "1.5"),
        (["load", "churn/Prod"], 2, "unknown_stage", "Production?"),
        (["load", "churn@sha256:xyz"], 2, "invalid_reference", "8 to 64"),
        (["transition", "churn", "1", "Producton"], 2, "unknown_stage", "Production?"),
        (["transition", "churn", "2", "Production"], 4, "production_occupied", "--archive-existing"),
        (["transition", "churn", "2", "Staging", "--if-current", "Archived"], 4, "stage_changed", "Archived"),
        (["transition", "churn", "2", "Archived", "--archive-existing"], 2, "invalid_input", "--archive-existing"),
        (["transition", "churn", "2", "Production", "--move-existing", "Production"], 2, "invalid_input", "Archived"),
        (["delete", "churn/2"], 2, "invalid_input", "--yes"),
        (["delete", "churn/1", "--yes"], 4, "version_in_use", "Production"),
        (["delete", "churn", "--yes"], 4, "model_in_use", "3 versions"),
        (["lst"], 2, "invalid_input", "list?"),
        (["list", "--nope"], 2, "invalid_input", "--help"),
        (["register"], 2, "invalid_input", "PATH"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_invalid_command_is_refused_and_changes_nothing(churn, arguments, status, code, fact, journal):
    before = journal()
    assert_refused(churn, arguments, status, code, fact)
    assert journal() == before


def test_missing_registry_error_names_the_searched_places(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}

    def run_without_registry(*arguments):
        return subprocess.run(
            [MODELREG, *arguments],
            cwd=tmp_path / "elsewhere",
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    searched_places = (".modelreg", f"'{tmp_path}/data/modelreg'")
    assert_refused(run_without_registry, ["list"], 10, "registry_not_found", *searched_places, "modelreg init")


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["versions", "churn"], ["load", "churn/1"], ["transition", "churn/1", "Staging"], ["verify"], ["info"]],
)
def test_reading_command_creates_no_registry(run, registry, arguments):
    assert_refused(run, arguments, 10, "registry_not_found", str(registry))
    assert not registry.exists()


def test_folder_with_other_files_is_not_used_as_a_registry(run, registry, files):
    registry.mkdir()
    (registry / "thesis.tex").touch()
    assert_refused(run, ["register", files[0], "--name", "churn"], 10, "unusable_folder", "thesis.tex")
    assert os.listdir(registry) == ["thesis.tex"]


@pytest.mark.parametrize("location", ["model-2.bin", "model-2.bin/registry", "model-2.bin/deeper/registry"])
def test_registry_path_at_or_below_a_file_is_refused(run, files, tmp_path, location):
    arguments = ["register", files[0], "--name", "churn", "--registry", tmp_path / location]
    assert_refused(run, arguments, 10, "unusable_folder", "model-2.bin' is not a folder", "--registry")


def test_registry_with_a_newer_schema_is_refused(churn, registry):
    with closing(sqlite3.connect(registry / "catalog.db")) as catalog:
        catalog.execute("PRAGMA user_version = 99")
    assert_refused(churn, ["list"], 10, "registry_too_new", "schema 99", "upgrade")


@pytest.mark.parametrize("damage", ["missing", "empty", "foreign"])
def test_missing_or_foreign_catalog_is_reported_as_damage_and_not_changed(churn, registry, files, damage):
    catalog = registry / "catalog.db"
    catalog.unlink()
    if damage == "empty":
        catalog.touch()
    elif damage == "foreign":
        sqlite3.connect(catalog).execute("CREATE TABLE recipes (name)").connection.close()
    before = catalog.read_bytes() if catalog.exists() else None
    for arguments in (["list"], ["register", str(files[0]), "--name", "churn"]):
        assert_refused(churn, arguments, 6, "catalog_damaged", "catalog")
    assert (catalog.read_bytes() if catalog.exists() else None) == before


def test_damaged_file_is_reported_and_not_loaded_and_can_be_registered_again(churn, registry, files, tmp_path):
    churn("register", files[0], "--name", "other", "--param", "a=1")
    version = json.loads(churn("show", "churn/2", "--json").stdout)
    blob = registry / "artifacts" / "blobs" / "sha256" / version["files"][0]["digest"][7:]
    blob.chmod(0o644)
    blob.write_bytes(b"X" + blob.read_bytes()[1:])
    assert_refused(churn, ["load", "churn/2"], 6, "blob_damaged", "churn/2", files[1].name)
    assert_refused(churn, ["load", "churn/2", "-o", tmp_path / "out"], 6, "blob_damaged")
    assert not (tmp_path / "out").exists()
    assert churn("load", "other/1").returncode == 0
    findings = churn("verify")
    assert (findings.returncode, findings.stdout.splitlines()[1].split("\t")[:2]) == (6, ["churn/2", files[1].name])
    assert churn("register", files[1], "--name", "churn", "--metric", "auc=0.9").stdout == "churn/2\n"
    assert churn("verify").returncode == 0
    assert churn("load", "churn/2").returncode == 0


def test_errors_are_json_with_the_json_option(churn):
    for arguments, status, code in [
        (["show", "nope", "--json"], 3, "model_not_found"),
        (["list", "--json", "--nope"], 2, "invalid_input"),
        (["transition", "churn", "2", "Production", "--json"], 4, "production_occupied"),
    ]:
        result = churn(*arguments)
        error = json.loads(result.stderr)["error"]
        assert (result.returncode, result.stdout) == (status, "")
        assert (error["code"], error["exit"]) == (code, status)
        assert set(error) == {"code", "exit", "message", "hint"}


def test_lock_timeout_names_the_process_that_holds_the_lock(churn, held_lock, files):
    def run_without_waiting(*arguments):
        return churn(*arguments, MODELREG_LOCK_TIMEOUT="0")

    arguments = ["register", files[0], "--name", "late"]
    assert_refused(run_without_waiting, arguments, 9, "lock_timeout", f"process {held_lock.pid}")
    assert "late" not in churn("list", "-q").stdout


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up the capabilities that bypass file modes")
def test_read_only_registry_can_be_read_and_not_changed(churn, registry, files, tmp_path):
    subprocess.run(["chmod", "-R", "a-w", registry], check=True)

    def run_unprivileged(*arguments):
        return subprocess.run(
            ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner", MODELREG, *arguments],
            env=os.environ | {"MODELREG_HOME": str(registry), "XDG_CACHE_HOME": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            check=False,
        )

    assert run_unprivileged("list", "-q").stdout == "churn\n"
    loaded = run_unprivileged("load", "churn/Production").stdout.strip()
    assert loaded.startswith(str(tmp_path / "cache"))
    assert_refused(run_unprivileged, ["register", files[0], "--name", "new"], 8, "write_failed", "nothing was changed")
    assert_refused(run_unprivileged, ["transition", "churn", "2", "Staging"], 8, "write_failed", "nothing was changed")
    subprocess.run(["chmod", "-R", "u+w", registry], check=True)


def test_world_writable_registry_is_refused(churn, registry):
    registry.chmod(0o777)
    assert_refused(churn, ["list"], 10, "unsafe_registry", str(registry))
