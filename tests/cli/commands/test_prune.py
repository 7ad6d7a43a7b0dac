"""``modelreg prune``."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess

import pytest

from modelreg import Registry

from ..conftest import list_blobs, read_rows


def test_prune_dry_run_lists_versions_and_files_with_reasons(churn, registry):
    before = list_blobs(registry)
    done = churn("prune", "--keep-last", "1", "--grace", "0", "--dry-run")
    assert done.returncode == 0
    header, *rows = read_rows(done.stdout)
    assert header == ["kind", "subject", "action", "count", "size", "reason"]
    assert rows[:3] == [
        ["version", "churn/3", "kept", "1", "1000", "is among the newest 1"],
        ["version", "churn/2", "removed", "1", "1000", "is not among the newest 1"],
        ["version", "churn/1", "kept", "1", "1000", "is in Production"],
    ]
    assert [row[0] for row in rows[3:]] == ["blobs", "temporaries", "checkouts", "catalog temporaries"]
    assert rows[3][2:4] == ["removed", "3"]
    assert done.stderr.startswith("would remove 1 version and ")
    assert done.stderr.endswith("dry run: nothing was changed\n")
    assert list_blobs(registry) == before
    assert len(read_rows(churn("versions", "churn").stdout)) == 4


def test_prune_json_is_the_same_for_plan_and_result(churn):
    planned = churn("prune", "--stage", "none", "--grace", "0", "--dry-run", "--json")
    done = churn("prune", "--stage", "none", "--grace", "0", "--json", "--message", "rule 7", "--yes")
    assert (done.returncode, planned.returncode) == (0, 0)
    answer = json.loads(done.stdout)
    assert answer == json.loads(planned.stdout) | {"dry_run": False}
    assert (answer["removed"], [fate["removed"] for fate in answer["versions"]]) == (2, [True, True, False])
    assert answer["freed"] == sum(found["size"] for found in answer["bytes"] if found["removed"]) > 2000
    assert [entry["message"] for entry in json.loads(churn("history", "--json").stdout)][-2:] == ["rule 7"] * 2
    assert churn("verify").returncode == 0


def test_prune_in_a_script_removes_versions_only_with_yes(churn):
    done = churn("prune", "--keep-last", "1", "--grace", "0")
    assert done.returncode == 2
    assert all(fact in done.stderr for fact in ("removing 1 version", "nothing was changed", "add --yes"))
    assert len(read_rows(churn("versions", "churn").stdout)) == 4
    assert churn("prune", "--grace", "0").returncode == 0
    assert churn("prune", "--keep-last", "9").returncode == 0


def test_prune_notes_a_pattern_that_matches_no_model(churn):
    done = churn("prune", "chrun*", "--keep-last", "1")
    assert done.returncode == 0
    assert "'chrun*'" in done.stderr.splitlines()[0]
    assert "ch*" not in churn("prune", "ch*", "--keep-last", "1", "--dry-run").stderr


def test_prune_without_a_message_records_its_rules(churn):
    assert churn("prune", "--keep-last", "1", "--yes").returncode == 0
    assert "prune --keep-last 1" in churn("history", "churn/2").stdout.splitlines()[-1]


def test_prune_table_distinguishes_plan_and_result(churn, terminal):
    status, planned = terminal("prune", "--keep-last", "1", "--dry-run").ends()
    assert status == 0
    assert re.search("churn/2 +remove .* is not among the newest 1", remove_styles(planned))
    assert re.search("churn/1 +keep .* is in Production", remove_styles(planned))
    assert "temporaries" not in planned
    status, done = terminal("prune", "--keep-last", "1", "--yes").ends()
    assert status == 0
    assert re.search("churn/2 +removed ", remove_styles(done))
    assert re.search("churn/1 +kept ", remove_styles(done))


def test_prune_prints_no_empty_table(churn, terminal):
    assert terminal("prune", "--dry-run").ends() == (
        0,
        "would remove no versions and 0 B; dry run: nothing was changed\r\n",
    )


@pytest.mark.parametrize(("answer", "left"), [("n", 3), ("y", 2)])
def test_prune_on_a_terminal_asks_before_removing_versions(churn, registry, terminal, answer, left):
    shown = terminal("prune", "--keep-last", "1", "--grace", "0").until("Remove 1 version from the catalog?")
    assert re.search("churn/2 +remove .* is not among the newest 1", remove_styles(shown.shown))
    status, said = shown.type(f"{answer}\n").ends()
    assert status == (130 if answer == "n" else 0)
    assert ("nothing was changed" if answer == "n" else "removed 1 version and") in said
    assert len(Registry(registry).versions("churn")) == left


@pytest.mark.parametrize("words", [("--keep-last", "1", "--yes"), ("--keep-last", "9"), ()])
def test_prune_on_a_terminal_does_not_ask_without_need(churn, terminal, words):
    status, said = terminal("prune", *words).ends()
    assert (status, "?" in said) == (0, False)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("prune", "churn"), 2, "add --keep-last, --older-than or --stage"),
        (("prune", "--keep-last", "0"), 2, "at least 1 is needed"),
        (("prune", "--keep-last", "x"), 2, "prune --help"),
        (("prune", "--grace", "soon"), 2, "'soon' is not a length of time"),
        (("prune", "--older-than", "90"), 2, "write a whole number and a unit"),
        (("prune", "--stage", "Prod"), 2, "did you mean Production?"),
        (("backup",), 2, "backup --help"),
        (("backup", ""), 2, "name a folder"),
        (("restore", ""), 2, "name a folder"),
        (("backup", "{}"), 4, "contain one another"),
        (("backup", "{}/work"), 4, "something else than an earlier backup"),
        (("backup", "{}/model-1.bin"), 4, "model-1.bin' is not a folder"),
        (("backup", "{}/model-1.bin/new"), 4, "model-1.bin' is not a folder"),
        (("restore", "{}/nothing"), 10, "there is no backup in"),
        (("backup", "{}/registry"), 4, "are the same folder"),
    ],
)
def test_invalid_prune_backup_or_restore_is_refused_and_changes_nothing(
    churn, files, tmp_path, words, status, said, journal
):
    (tmp_path / "work" / "notes.txt").write_text("of somebody")
    before = journal()
    done = churn(*(word.format(tmp_path) for word in words))
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert journal() == before


def test_prune_reports_errors_as_json(churn, registry):
    (registry / "catalog.db").unlink()
    done = churn("prune", "--json")
    error = json.loads(done.stderr)["error"]
    assert (done.returncode, done.stdout, error["code"], error["exit"]) == (6, "", "catalog_damaged", 6)


def test_prune_names_a_stopped_process_that_holds_the_lock(churn, registry):
    holder = subprocess.Popen(
        ["flock", "--shared", registry / "prune.lock", "sh", "-c", "echo held; kill -STOP $$"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert holder.stdout.readline() == "held\n"
        done = churn("prune", "--lock-timeout", "0.1")
        assert (done.returncode, done.stdout) == (9, "")
        assert f"process {holder.pid}" in done.stderr
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.communicate()


def test_prune_names_a_process_with_two_locks_once(churn, registry):
    with open(registry / "prune.lock") as first, open(registry / "prune.lock") as second:
        fcntl.flock(first, fcntl.LOCK_SH)
        fcntl.flock(second, fcntl.LOCK_SH)
        done = churn("prune", "--lock-timeout", "0.1")
    assert (done.returncode, done.stdout) == (9, "")
    assert f"locked by process {os.getpid()} on" in done.stderr


def remove_styles(shown: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", shown)
