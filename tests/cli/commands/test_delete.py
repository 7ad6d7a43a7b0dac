"""``modelreg delete``."""

from __future__ import annotations

import pytest

from ..conftest import get_stages, list_blobs


@pytest.mark.parametrize(("answer", "status", "remaining"), [("y\n", 0, 2), ("n\n", 130, 3)])
def test_delete_on_a_terminal_asks_for_confirmation(churn, terminal, answer, status, remaining):
    exit_status, output = terminal("delete", "churn/2").read_until("Delete churn/2").type(answer).read_to_end()
    assert (exit_status, len(get_stages(churn))) == (status, remaining)
    assert ("nothing was deleted" in output, "interrupted" in output) == (remaining == 3, False)


def test_delete_refuses_versions_in_use_before_asking(churn, terminal):
    for subject in ("churn/1", "churn"):
        status, output = terminal("delete", subject).read_to_end()
        assert status == 4
        assert "Delete" not in output


def test_delete_keeps_the_files_until_prune(churn, registry):
    before = list_blobs(registry)
    assert "until 'modelreg prune' removes them" in " ".join(churn("delete", "--help").stdout.split())
    assert churn("delete", "churn/2", "--yes").returncode == 0
    assert list_blobs(registry) == before
    assert churn("prune", "--grace", "0").returncode == 0
    assert len(before - list_blobs(registry)) == 3
