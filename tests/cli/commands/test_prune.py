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

from ..conftest import assert_refused, list_blobs, read_rows


def test_prune_dry_run_lists_versions_and_files_with_reasons(churn, registry):
    before = list_blobs(registry)
    result = churn("prune", "--keep-last", "1", "--grace", "0", "--dry-run")
    assert result.returncode == 0
    header, *rows = read_rows(result.stdout)
    assert header == ["kind", "subject", "action", "count", "size", "reason"]
    assert rows[:3] == [
        ["version", "churn/3", "kept", "1", "1000", "is among the newest 1"],
        ["version", "churn/2", "removed", "1", "1000", "is not among the newest 1"],
        ["version", "churn/1", "kept", "1", "1000", "is in Production"],
    ]
    assert [row[0] for row in rows[3:]] == ["blobs", "temporaries", "checkouts", "catalog temporaries"]
    assert rows[3][2:4] == ["removed", "3"]
    assert result.stderr.startswith("would remove 1 version and ")
    assert result.stderr.endswith("dry run: nothing was changed\n")
    assert list_blobs(registry) == before
    assert len(read_rows(churn("versions", "churn").stdout)) == 4


def test_prune_json_is_the_same_for_plan_and_result(churn):
    planned = churn("prune", "--stage", "none", "--grace", "0", "--dry-run", "--json")
    result = churn("prune", "--stage", "none", "--grace", "0", "--json", "--message", "rule 7", "--yes")
    assert (result.returncode, planned.returncode) == (0, 0)
    answer = json.loads(result.stdout)
    assert answer == json.loads(planned.stdout) | {"dry_run": False}
    assert (answer["removed"], [decision["removed"] for decision in answer["versions"]]) == (2, [True, True, False])
    assert answer["freed"] == sum(kind["size"] for kind in answer["bytes"] if kind["removed"]) > 2000
    assert [entry["message"] for entry in json.loads(churn("history", "--json").stdout)][:2] == ["rule 7"] * 2
    assert churn("verify").returncode == 0


def test_prune_in_a_script_removes_versions_only_with_yes(churn):
    result = churn("prune", "--keep-last", "1", "--grace", "0")
    assert result.returncode == 2
    assert all(fact in result.stderr for fact in ("removing 1 version", "nothing was changed", "add --yes"))
    assert len(read_rows(churn("versions", "churn").stdout)) == 4
    assert churn("prune", "--grace", "0").returncode == 0
    assert churn("prune", "--keep-last", "9").returncode == 0


def test_prune_notes_a_pattern_that_matches_no_model(churn):
    result = churn("prune", "chrun*", "--keep-last", "1")
    assert result.returncode == 0
    assert "'chrun*'" in result.stderr.splitlines()[0]
    assert "ch*" not in churn("prune", "ch*", "--keep-last", "1", "--dry-run").stderr


def test_prune_without_a_message_records_its_rules(churn):
    assert churn("prune", "--keep-last", "1", "--yes").returncode == 0
    assert "prune --keep-last 1" in churn("history", "churn/2").stdout.splitlines()[1]


def test_prune_table_distinguishes_plan_and_result(churn, terminal):
    status, planned = terminal("prune", "--keep-last", "1", "--dry-run").read_to_end()
    assert status == 0
    assert re.search("churn/2 +remove .* is not among the newest 1", remove_styles(planned))
    assert re.search("churn/1 +keep .* is in Production", remove_styles(planned))
    assert "temporaries" not in planned
    status, result = terminal("prune", "--keep-last", "1", "--yes").read_to_end()
    assert status == 0
    assert re.search("churn/2 +removed ", remove_styles(result))
    assert re.search("churn/1 +kept ", remove_styles(result))


def test_prune_prints_no_empty_table(churn, terminal):
    assert terminal("prune", "--dry-run").read_to_end() == (
        0,
        "would remove no versions and 0 B; dry run: nothing was changed\r\n",
    )


@pytest.mark.parametrize(("answer", "remaining"), [("n", 3), ("y", 2)])
def test_prune_on_a_terminal_asks_before_removing_versions(churn, registry, terminal, answer, remaining):
    session = terminal("prune", "--keep-last", "1", "--grace", "0").read_until("Remove 1 version from the catalog?")
    assert re.search("churn/2 +remove .* is not among the newest 1", remove_styles(session.output))
    status, output = session.type(f"{answer}\n").read_to_end()
    assert status == (130 if answer == "n" else 0)
    assert ("nothing was changed" if answer == "n" else "removed 1 version and") in output
    assert len(Registry(registry).versions("churn")) == remaining


@pytest.mark.parametrize("arguments", [("--keep-last", "1", "--yes"), ("--keep-last", "9"), ()])
def test_prune_on_a_terminal_does_not_ask_without_need(churn, terminal, arguments):
    status, output = terminal("prune", *arguments).read_to_end()
    assert (status, "?" in output) == (0, False)


@pytest.mark.parametrize(
    ("options", "code", "fact"),
    [
        (["churn"], "invalid_input", "--keep-last, --older-than or --stage"),
        (["--keep-last", "0"], "invalid_input", "at least 1"),
        (["--keep-last", "x"], "invalid_input", "prune --help"),
        (["--grace", "soon"], "invalid_input", "'soon'"),
        (["--older-than", "90"], "invalid_input", "90d"),
        (["--stage", "Prod"], "unknown_stage", "Production?"),
    ],
)
def test_invalid_prune_is_refused_and_changes_nothing(churn, options, code, fact, journal):
    before = journal()
    assert_refused(churn, ["prune", *options], 2, code, fact)
    assert journal() == before


def test_prune_reports_errors_as_json(churn, registry):
    (registry / "catalog.db").unlink()
    result = churn("prune", "--json")
    error = json.loads(result.stderr)["error"]
    assert (result.returncode, result.stdout, error["code"], error["exit"]) == (6, "", "catalog_damaged", 6)


def test_prune_names_a_stopped_process_that_holds_the_lock(churn, registry):
    holder = subprocess.Popen(
        ["flock", "--shared", registry / "prune.lock", "sh", "-c", "echo held; kill -STOP $$"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert holder.stdout.readline() == "held\n"
        result = churn("prune", "--lock-timeout", "0.1")
        assert (result.returncode, result.stdout) == (9, "")
        assert f"process {holder.pid}" in result.stderr
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.communicate()


def test_prune_names_a_process_with_two_locks_once(churn, registry):
    with open(registry / "prune.lock") as first, open(registry / "prune.lock") as second:
        fcntl.flock(first, fcntl.LOCK_SH)
        fcntl.flock(second, fcntl.LOCK_SH)
        result = churn("prune", "--lock-timeout", "0.1")
    assert (result.returncode, result.stdout) == (9, "")
    assert f"locked by process {os.getpid()} on" in result.stderr


def remove_styles(output: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", output)
