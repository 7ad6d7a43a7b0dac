"""Tables on a terminal: which columns are shown, how wide each is, and what replaces a table that does not fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from modelreg.cli.text import escape

if TYPE_CHECKING:
    from rich.table import Table

Record = TypeVar("Record")

STAGE_STYLES = {"Production": "bold green", "Staging": "yellow", "Archived": "dim", "None": ""}
"""Stage -> style of rich."""
_LONGEST_WORD = 24  # terminal columns, enough for a shortened digest; longer words, such as paths, may be broken
_GAP = 2  # terminal columns between two columns of a table


class Column(NamedTuple, Generic[Record]):
    """A column of a table and of tab-separated lines."""

    name: str
    value: Callable[[Record], object]
    """The value in tab-separated lines."""
    cell: Callable[[Record], str] | None = None
    """The text in a table; None: the same as ``value``."""
    style: Callable[[Record], str] | None = None
    in_table: bool = True
    right: bool = False
    foldable: bool = False
    """Whether cells may be wrapped over several lines; an empty foldable column is left out of a table."""
    optional: bool = False
    """Whether a table leaves the column out if its lines would otherwise not fit on the terminal."""


def print_table(records: Sequence[Record], columns: Sequence[Column[Record]]) -> None:
    """Print a table on stdout, or a block of lines for each record if the terminal is too narrow."""
    from rich.console import Console  # takes 30 ms; needed only on terminals

    console = Console(highlight=False, markup=False)
    table = build_table(records, columns, console.width)
    if table is None:
        shown = [column for column in columns if column.in_table]
        console.print("\n".join(_format_block(record, shown) for record in records), end="", overflow="fold")
    else:
        console.print(table)


def build_table(records: Sequence[Record], columns: Sequence[Column[Record]], width: int) -> Table | None:
    """A table of ``records`` for a terminal of ``width`` columns; None if it would break words of normal length."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")
    measured = _select_columns([_measure(column, records) for column in columns if column.in_table], width)
    widths = _divide_width(measured, width)
    if widths is None:
        return None
    for column, column_width in zip(measured, widths, strict=True):
        table.add_column(
            _heading(column.column),
            justify="right" if column.column.right else "left",
            width=column_width,
            overflow="fold",
        )
    for index, record in enumerate(records):
        styles = [column.column.style(record) if column.column.style else "" for column in measured]
        table.add_row(*(Text(column.cells[index], style) for column, style in zip(measured, styles, strict=True)))
    return table


class _MeasuredColumn(NamedTuple, Generic[Record]):
    """A column of a table with the text of its cells."""

    column: Column[Record]
    cells: Sequence[str]
    minimum: int
    """Terminal columns without breaking words of normal length."""
    wanted: int
    """Terminal columns with each cell on one line."""


def _measure(column: Column[Record], records: Sequence[Record]) -> _MeasuredColumn[Record]:
    from rich.cells import cell_len

    cells = [_cell(column, record) for record in records]
    wanted = max(map(cell_len, (_heading(column), *cells)))
    words = (min(_LONGEST_WORD, cell_len(word)) for cell in cells for word in cell.split())
    minimum = max(len(_heading(column)), *words, 0) if column.foldable else wanted
    return _MeasuredColumn(column, cells, minimum, wanted)


def _select_columns(columns: Sequence[_MeasuredColumn[Record]], width: int) -> list[_MeasuredColumn[Record]]:
    """The columns of a table: without empty foldable ones, and without optional ones if the others need the width."""
    present = [column for column in columns if not column.column.foldable or any(column.cells)]
    if sum(column.wanted + _GAP for column in present) - _GAP <= width:
        return present
    return [column for column in present if not column.column.optional]


def _divide_width(columns: Sequence[_MeasuredColumn[Record]], width: int) -> list[int] | None:
    """The width of each column; None if the columns need more than ``width`` together.

    What is left over the minimum goes first to the columns that lack the least.
    """
    widths = [column.minimum for column in columns]
    rest = width - sum(widths) - _GAP * (len(columns) - 1)
    if rest < 0:
        return None
    by_lack = sorted(range(len(columns)), key=lambda index: columns[index].wanted - columns[index].minimum)
    for position, index in enumerate(by_lack):
        more = min(columns[index].wanted - columns[index].minimum, rest // (len(columns) - position))
        widths[index] += more
        rest -= more
    return widths


def _format_block(record: Record, columns: Sequence[Column[Record]]) -> str:
    width = max(len(_heading(column)) for column in columns)
    cells = ((_heading(column), _cell(column, record)) for column in columns)
    return "".join(f"{heading:<{width}}  {cell}\n" for heading, cell in cells if cell)


def _heading(column: Column[Record]) -> str:
    return column.name.removesuffix("_at").replace("_", " ")


def _cell(column: Column[Record], record: Record) -> str:
    value = column.cell(record) if column.cell else column.value(record)
    return "" if value is None else escape(str(value))
