"""Tables and questions on a terminal."""

from __future__ import annotations

import re

import pytest

from .conftest import get_stages


def test_terminal_shows_a_table(churn, terminal):
    status, output = terminal("versions", "churn").read_to_end()
    assert status == 0
    assert "\t" not in output
    assert re.search("just now|minutes? ago", output)
    assert "1.0 kB" in output


@pytest.mark.parametrize("columns", [20, 40])
def test_narrow_terminal_shows_every_version(churn, terminal, columns):
    status, output = terminal("versions", "churn", columns=columns).read_to_end()
    assert status == 0
    letters = re.sub(r"\x1b\[[0-9;]*m|\s", "", output)
    assert all(number in letters for number in "123")
    assert all(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) <= columns for line in output.splitlines())


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [("transition", "churn", "2", "Production"), ("delete", "churn/2"), ("prune", "--keep-last", "1")]
)
def test_input_typed_before_a_question_does_not_answer_it(churn, terminal, arguments):
    session = terminal(*arguments).type("a\ny\n")  # as the rest of a pasted session
    status, _ = session.read_until(": ").type("\x03").read_to_end()
    assert status == 130
    assert get_stages(churn) == {1: "Production", 2: "None", 3: "None"}
