"""``modelreg backup`` and ``modelreg restore``."""

from __future__ import annotations

import json


def test_backup_is_a_registry_and_can_be_restored(churn, run, registry, tmp_path):
    head = churn("history", "--head").stdout.strip()
    backup = tmp_path / "backup"
    done = churn("backup", backup)
    assert (done.returncode, done.stdout) == (0, f"{backup}\n")
    assert done.stderr.startswith("3 versions: copied 9 of 9 stored files, ")
    assert done.stderr.endswith(f" {head}\n")
    assert churn("verify", "--registry", backup).returncode == 0
    assert churn("versions", "churn", "--registry", backup).stdout == churn("versions", "churn").stdout
    assert json.loads(churn("backup", backup, "--json").stdout)["copied"] == 0

    refused = churn("restore", backup)
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "--force" in refused.stderr
    forced = churn("restore", backup, "--force")
    assert (forced.returncode, forced.stdout) == (0, f"{registry}\n")
    assert "catalog was kept as " in forced.stderr
    elsewhere = tmp_path / "deep" / "elsewhere"
    restored = json.loads(churn("restore", backup, "--json", "--registry", elsewhere).stdout)
    assert (restored["path"], restored["replaced"], restored["journal_head"]) == (str(elsewhere), None, head)
    assert churn("load", "churn/1", "--registry", elsewhere).returncode == 0


def test_unfinished_backup_is_refused_until_it_is_completed(churn, registry, tmp_path):
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "unfinished-backup").write_text(churn("history", "--head").stdout.strip())
    for command in ("list", "verify", "prune"):
        done = churn(command, "--registry", tmp_path / "backup")
        assert (done.returncode, "an unfinished backup" in done.stderr) == (6, True)
    assert churn("backup", tmp_path / "backup").returncode == 0
    assert churn("verify", "--registry", tmp_path / "backup").returncode == 0
