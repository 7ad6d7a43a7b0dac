"""Everything that is printed: answers on stdout in four forms, notes and errors on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from modelreg.cli.text import field, visible
from modelreg.errors import AnswerLost, InvalidExpression, ModelregError
from modelreg.system import interrupts
from modelreg.system.clock import as_text

if TYPE_CHECKING:
    from rich.table import Table

Record = TypeVar("Record")

STAGE_STYLES = {"Production": "bold green", "Staging": "yellow", "Archived": "dim", "None": ""}
"""Stage -> how rich shows it."""
_WIDE = 100  # columns of a terminal
_LONGEST_WORD = 12  # columns of a terminal; a longer one may be broken
_AROUND = 60  # characters of an expression before and behind what is wrong in it


class Form(Enum):
    """How an answer is written."""

    TABLE = "for people, on a terminal"
    LINES = "tab-separated lines with a header, in a pipe"
    JSON = "one array or object"
    QUIET = "references alone, one a line"


class ReaderGone(Exception):
    """Whoever read stdout has closed it, as ``| head`` does: no failure."""


class Column(NamedTuple, Generic[Record]):
    """One column of a table, and one field of a tab-separated line."""

    name: str
    value: Callable[[Record], object]
    """What stands in a tab-separated line."""
    cell: Callable[[Record], str] | None = None
    """What people see in a table, where it differs; None leaves it to ``value``."""
    style: Callable[[Record], str] | None = None
    in_table: bool = True
    right: bool = False
    foldable: bool = False
    """Whether its cells may be folded over several lines."""
    wide: bool = False
    """Whether a table leaves it out on a terminal of fewer than 100 columns."""


def chosen_form(as_json: bool, quiet: bool = False) -> Form:
    """The form of the answer, by the options and by whether stdout is a terminal."""
    if as_json:
        return Form.JSON
    if quiet:
        return Form.QUIET
    return Form.TABLE if is_terminal(sys.stdout) else Form.LINES


def print_records(
    records: Sequence[Record], columns: Sequence[Column[Record]], form: Form, reference: Callable[[Record], str]
) -> None:
    """Print ``records`` in ``form``; ``reference`` names one of them."""
    match form:
        case Form.JSON:
            print_json(records)
        case Form.QUIET:
            _write("".join(f"{reference(record)}\n" for record in records))
        case Form.LINES:
            rows = ("\t".join(field(column.value(record)) for column in columns) for record in records)
            _write("".join(f"{row}\n" for row in ("\t".join(column.name for column in columns), *rows)))
        case Form.TABLE:
            _print_table(records, columns)


def print_fields(record: object, values: Iterable[tuple[str, object]], form: Form, reference: str) -> None:
    """Print one record as names and values, one a line."""
    match form:
        case Form.JSON:
            print_json(record)
        case Form.QUIET:
            _write(f"{reference}\n")
        case Form.LINES:
            _write("".join(f"{name}\t{field(value)}\n" for name, value in values))
        case Form.TABLE:
            shown = [(name, value) for name, value in values if value not in (None, "")]
            width = max(len(name) for name, _ in shown)
            _write("".join(f"{name:<{width}}  {visible(str(value))}\n" for name, value in shown))


def print_json(answer: object) -> None:
    """Print a record as an object, or records as an array on one line, as ``gh`` does: it is for programs."""
    if isinstance(answer, Sequence):
        _write(json.dumps([fields_of(each) for each in answer], default=_as_json, check_circular=False) + "\n")
    else:
        _write(json.dumps(answer, default=_as_json, indent=2) + "\n")


def fields_of(record: Any) -> dict[str, object]:
    """The values of a record by name, as they stand in JSON; a dictionary is its own."""
    if isinstance(record, dict):
        return record
    names, values_of = _fields(record.__class__)
    return {
        name: as_text(value) if type(value) is datetime else value
        for name, value in zip(names, values_of(record), strict=True)
    }  # times here rather than in the encoder, which would call back for each


@cache
def _fields(record_type: Any) -> tuple[tuple[str, ...], Callable[[object], tuple[object, ...]]]:
    """The names of a record's fields, and what gets all their values at once."""
    names = tuple(record_type.__dataclass_fields__)
    return names, attrgetter(*names)


def print_line(text: str) -> None:
    """Print one line of answer."""
    _write(f"{visible(text)}\n")


def print_path(path: str) -> None:
    """Print a path on a line: for programs its very bytes, for people with control characters shown."""
    if is_terminal(sys.stdout) or sys.stdout is None:
        print_line(path)
    else:
        _write(f"{path}\n", exactly=True)


def note(text: str) -> None:
    """Tell people something beside the answer."""
    _to_stderr(visible(text))


def warn(message: Warning | str, *_: object, **__: object) -> None:
    """What a library or we ourselves warn of, as `warnings.showwarning` takes it: the sentence without the place."""
    note(f"warning: {message}")


def report(error: ModelregError, as_json: bool) -> int:
    """Print an error and return its exit status."""
    if as_json:
        fault: dict[str, object] = {
            "code": error.code,
            "exit": error.exit,
            "message": error.message,
            "hint": error.hint,
        }
        if isinstance(error, InvalidExpression):
            fault |= {"expression": error.expression, "place": error.place}
        _to_stderr(json.dumps({"error": fault}))
    else:
        _to_stderr(f"error: {visible(error.message)}")
        for line in _excerpt(error):
            _to_stderr(line)
        if error.hint:
            _to_stderr(f"hint: {visible(error.hint)}")
    return error.exit


def unexpected(error: Exception) -> ModelregError:
    """An error that nobody thought of, as one sentence."""
    return ModelregError(
        f"{type(error).__name__}: {error}",
        "this is a defect of modelreg; MODELREG_DEBUG=1 shows where it happened",
    )


def _excerpt(error: ModelregError) -> list[str]:
    """An expression that cannot be understood, as far as it is near the place, and a caret below that."""
    if not isinstance(error, InvalidExpression) or error.place is None:
        return []
    start, end = error.place
    first = max(0, start - _AROUND)
    near = "".join(
        character if character.isprintable() else " " for character in error.expression[first : end + _AROUND]
    )
    carets = "^" * max(1, min(end, first + len(near)) - start)
    return [f"  {near}", f"  {' ' * (start - first)}{carets}"]


def is_terminal(stream: Any) -> bool:
    """Whether ``stream`` is there and is a terminal."""
    return stream is not None and stream.isatty()


def can_ask() -> bool:
    """Whether somebody is there to answer: questions go to stderr and answers come from stdin."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def let_go_of_stdout() -> None:
    """Flush what was printed; a reader that is gone by then is no failure, nor noise when Python ends."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:  # which was said when it was printed
        _silence_stdout()


def _write(text: str, *, exactly: bool = False) -> None:
    """Write to stdout; ``exactly`` in the bytes that file names have, whatever the encoding of stdout."""
    if sys.stdout is None:  # closed by the caller
        return
    try:
        binary = getattr(sys.stdout, "buffer", None) if exactly else None
        if binary is not None:
            binary.write(os.fsencode(text))
        else:
            sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError as error:
        _silence_stdout()
        raise ReaderGone from error
    except OSError as error:
        _silence_stdout()
        raise AnswerLost(error, done=interrupts.has_begun_commit()) from error


@contextmanager
def reader_may_go() -> Iterator[None]:
    """Around what others write to stdout: whoever reads it may have had enough."""
    try:
        yield
    except BrokenPipeError as error:
        _silence_stdout()
        raise ReaderGone from error


def _silence_stdout() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


def _to_stderr(text: str) -> None:
    if sys.stderr is not None:
        with suppress(OSError):  # nobody can be told that nobody can be told
            print(text, file=sys.stderr)


def _print_table(records: Sequence[Record], columns: Sequence[Column[Record]]) -> None:
    from rich.console import Console  # 30 ms, for terminals alone

    console = Console(highlight=False, markup=False)
    shown = _shown_columns(records, columns, console.width)
    if _narrowest(records, shown) <= console.width:
        console.print(as_table(records, columns, console.width))
    else:  # no room for columns: each record as lines of its own
        console.print("\n".join(_as_lines(record, shown) for record in records), end="", overflow="fold")


def as_table(records: Sequence[Record], columns: Sequence[Column[Record]], width: int) -> Table:
    """``records`` as people see them on a terminal of ``width`` columns."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    shown = _shown_columns(records, columns, width)
    for column in shown:
        table.add_column(
            _heading(column),
            justify="right" if column.right else "left",
            no_wrap=not column.foldable,
            overflow="fold",
        )
    for record in records:
        table.add_row(*(Text(_cell(column, record), style=_style(column, record)) for column in shown))
    return table


def _shown_columns(records: Sequence[Record], columns: Sequence[Column[Record]], width: int) -> list[Column[Record]]:
    """Those of the table, without wide ones where there is no room, and foldable ones that are empty."""
    return [
        column
        for column in columns
        if column.in_table
        and (width >= _WIDE or not column.wide)
        and (not column.foldable or any(_cell(column, record) for record in records))
    ]


def _narrowest(records: Sequence[Record], columns: Sequence[Column[Record]]) -> int:
    """How many columns a terminal needs for a table in which no word is broken."""
    return sum(
        2 + max(len(_heading(column)), *(_width(column, _cell(column, record)) for record in records), 0)
        for column in columns
    )


def _width(column: Column[Record], cell: str) -> int:
    if not column.foldable:
        return len(cell)
    return min(_LONGEST_WORD, max(map(len, cell.split()), default=0))


def _as_lines(record: Record, columns: Sequence[Column[Record]]) -> str:
    width = max(len(_heading(column)) for column in columns)
    cells = ((_heading(column), _cell(column, record)) for column in columns)
    return "".join(f"{heading:<{width}}  {cell}\n" for heading, cell in cells if cell)


def _heading(column: Column[Record]) -> str:
    return column.name.removesuffix("_at").replace("_", " ")


def _cell(column: Column[Record], record: Record) -> str:
    value = column.cell(record) if column.cell else column.value(record)
    return "" if value is None else visible(str(value))


def _style(column: Column[Record], record: Record) -> str:
    return column.style(record) if column.style else ""


def _as_json(value: object) -> object:
    """What the JSON encoder cannot write by itself: records and times."""
    if isinstance(value, datetime):
        return as_text(value)
    if is_dataclass(value):
        return fields_of(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
