"""``modelreg delete``."""

from __future__ import annotations

import pytest

from ..conftest import get_stages, list_blobs


@pytest.mark.parametrize(("answer", "status", "left"), [("y\n", 0, 2), ("n\n", 130, 3)])
def test_delete_on_a_terminal_asks_for_confirmation(churn, terminal, answer, status, left):
    ended, shown = terminal("delete", "churn/2").until("Delete churn/2").type(answer).ends()
    assert (ended, len(get_stages(churn))) == (status, left)
    assert ("nothing was deleted" in shown, "interrupted" in shown) == (left == 3, False)


def test_delete_refuses_versions_in_use_before_asking(churn, terminal):
    for subject in ("churn/1", "churn"):
        status, shown = terminal("delete", subject).ends()
        assert status == 4
        assert "Delete" not in shown


def test_delete_keeps_the_files_until_prune(churn, registry):
    before = list_blobs(registry)
    assert "until 'modelreg prune' removes them" in " ".join(churn("delete", "--help").stdout.split())
    assert churn("delete", "churn/2", "--yes").returncode == 0
    assert list_blobs(registry) == before
    assert churn("prune", "--grace", "0").returncode == 0
    assert len(before - list_blobs(registry)) == 3
