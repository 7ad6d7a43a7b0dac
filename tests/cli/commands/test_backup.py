"""``modelreg backup`` and ``modelreg restore``."""

from __future__ import annotations

import json

import pytest

from ..conftest import assert_refused


def test_backup_is_a_registry_and_can_be_restored(churn, run, registry, tmp_path):
    head = churn("history", "--head").stdout.strip()
    backup = tmp_path / "backup"
    result = churn("backup", backup)
    assert (result.returncode, result.stdout) == (0, f"{backup}\n")
    assert result.stderr.startswith("3 versions: copied 9 of 9 stored files, ")
    assert result.stderr.endswith(f" {head}\n")
    assert churn("verify", "--registry", backup).returncode == 0
    assert churn("versions", "churn", "--registry", backup).stdout == churn("versions", "churn").stdout
    assert json.loads(churn("backup", backup, "--json").stdout)["copied"] == 0

    refused = churn("restore", backup)
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "--force" in refused.stderr
    result = churn("restore", backup, "--force")
    assert (result.returncode, result.stdout) == (0, f"{registry}\n")
    assert "catalog was kept as " in result.stderr
    elsewhere = tmp_path / "deep" / "elsewhere"
    restored = json.loads(churn("restore", backup, "--json", "--registry", elsewhere).stdout)
    assert (restored["path"], restored["replaced"], restored["journal_head"]) == (str(elsewhere), None, head)
    assert churn("load", "churn/1", "--registry", elsewhere).returncode == 0


def test_unfinished_backup_is_refused_until_it_is_completed(churn, registry, tmp_path):
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "unfinished-backup").write_text(churn("history", "--head").stdout.strip())
    for command in ("list", "verify", "prune"):
        result = churn(command, "--registry", tmp_path / "backup")
        assert (result.returncode, "an unfinished backup" in result.stderr) == (6, True)
    assert churn("backup", tmp_path / "backup").returncode == 0
    assert churn("verify", "--registry", tmp_path / "backup").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "status", "code", "fact"),
    [
        (["backup"], 2, "invalid_input", "backup --help"),
        (["backup", ""], 2, "invalid_input", "name a folder"),
        (["restore", ""], 2, "invalid_input", "name a folder"),
        (["backup", "{}"], 4, "unusable_backup", "contain one another"),
        (["backup", "{}/work"], 4, "unusable_backup", "/work'"),
        (["backup", "{}/model-1.bin"], 4, "unusable_backup", "model-1.bin' is not a folder"),
        (["backup", "{}/model-1.bin/new"], 4, "unusable_backup", "model-1.bin' is not a folder"),
        (["restore", "{}/nothing"], 10, "backup_not_found", "/nothing'"),
        (["backup", "{}/registry"], 4, "unusable_backup", "same folder"),
    ],
)
def test_invalid_backup_or_restore_is_refused_and_changes_nothing(
    churn, files, tmp_path, arguments, status, code, fact, journal
):
    (tmp_path / "work" / "notes.txt").write_text("of somebody")
    before = journal()
    assert_refused(churn, [argument.format(tmp_path) for argument in arguments], status, code, fact)
    assert journal() == before
