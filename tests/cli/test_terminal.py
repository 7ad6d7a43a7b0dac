"""Tables and questions on a terminal."""

from __future__ import annotations

import re

import pytest

from .conftest import get_stages


def test_terminal_shows_a_table(churn, terminal):
    status, shown = terminal("versions", "churn").ends()
    assert status == 0
    assert "\t" not in shown
    assert re.search("just now|minutes? ago", shown)
    assert "1.0 kB" in shown


@pytest.mark.parametrize("columns", [20, 40])
def test_narrow_terminal_shows_every_version(churn, terminal, columns):
    status, shown = terminal("versions", "churn", columns=columns).ends()
    assert status == 0
    letters = re.sub(r"\x1b\[[0-9;]*m|\s", "", shown)
    assert all(number in letters for number in "123")
    assert all(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) <= columns for line in shown.splitlines())


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [("transition", "churn", "2", "Production"), ("delete", "churn/2"), ("prune", "--keep-last", "1")]
)
def test_input_typed_before_a_question_does_not_answer_it(churn, terminal, words):
    asking = terminal(*words).type("a\ny\n")  # as the rest of a pasted session
    status, _ = asking.until(": ").type("\x03").ends()
    assert status == 130
    assert get_stages(churn) == {1: "Production", 2: "None", 3: "None"}
