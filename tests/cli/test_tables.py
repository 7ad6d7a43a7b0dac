"""Tables on a terminal: widths follow the content."""

from __future__ import annotations

from io import StringIO

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from modelreg.cli.tables import Column, build_table

words = st.text("abcdefghij", min_size=1, max_size=24)
cells = st.lists(words, max_size=8).map(" ".join)
rows = st.lists(st.tuples(words, cells, cells), min_size=1, max_size=5)

COLUMNS = (
    Column[tuple[str, str, str]]("name", lambda row: row[0]),
    Column[tuple[str, str, str]]("before", lambda row: row[1], foldable=True),
    Column[tuple[str, str, str]]("after", lambda row: row[2], foldable=True),
)
OPTIONAL = Column[tuple[str, str, str]]("first_seen", lambda row: row[0], optional=True)


def render(records, columns, width: int) -> str | None:
    table = build_table(records, columns, width)
    if table is None:
        return None
    console = Console(file=StringIO(), width=width, highlight=False, markup=False)
    console.print(table)
    return console.file.getvalue()


@given(rows, st.integers(20, 160))
def test_table_fits_the_terminal_and_breaks_no_word(records, width):
    text = render(records, COLUMNS, width)
    if text is None:
        return
    assert all(len(line) <= width for line in text.splitlines())
    assert {word for row in records for cell in row for word in cell.split()} <= set(text.split())


@given(rows)
def test_terminal_of_80_columns_always_has_room_for_three_columns_of_short_words(records):
    assert render(records, COLUMNS, 80) is not None


@given(rows, st.integers(20, 160))
def test_optional_column_is_shown_only_if_no_cell_is_wrapped(records, width):
    text = render(records, (*COLUMNS, OPTIONAL), width)
    if text is not None and "first seen" in text:
        assert len(text.splitlines()) == len(records) + 1


def test_empty_foldable_column_is_left_out():
    assert "before" not in render([("churn", "", "1")], COLUMNS, 80)
