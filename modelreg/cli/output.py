"""All output: results on stdout in four forms; notes, warnings and errors on stderr."""

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
from typing import TYPE_CHECKING, Any, TypeVar

from modelreg.cli.text import escape, format_field
from modelreg.errors import InvalidExpression, ModelregError, StorageFailure
from modelreg.system import interrupts
from modelreg.system.clock import as_text

if TYPE_CHECKING:
    from modelreg.cli.tables import Column

Record = TypeVar("Record")

_EXCERPT = 60  # characters of an expression shown before and after an error


class Form(Enum):
    """The form in which a command prints its result."""

    TABLE = "table, on a terminal"
    LINES = "tab-separated lines with a header, elsewhere"
    JSON = "one array or object"
    QUIET = "only references, one per line"


class StdoutClosed(Exception):
    """The reader of stdout closed the pipe, as ``| head`` does. This is not a failure."""


class _Preferences:
    """Output options that every command accepts."""

    notes = True
    tables_in_pipes = False


_preferences = _Preferences()


def set_preferences(*, quiet: bool | None = None, table: bool | None = None) -> None:
    """Print no notes if ``quiet``, and tables also in pipes if ``table``; None keeps the present setting."""
    if quiet is not None:
        _preferences.notes = not quiet
    if table is not None:
        _preferences.tables_in_pipes = table


def choose_form(as_json: bool, quiet: bool = False) -> Form:
    """The form that the options select; by default a table on a terminal, else tab-separated lines."""
    if as_json:
        return Form.JSON
    if quiet or not _preferences.notes:
        return Form.QUIET
    return Form.TABLE if is_terminal(sys.stdout) or _preferences.tables_in_pipes else Form.LINES


def print_records(
    records: Sequence[Record], columns: Sequence[Column[Record]], form: Form, reference: Callable[[Record], str]
) -> None:
    """Print records; ``reference`` returns what the quiet form prints of one."""
    match form:
        case Form.JSON:
            print_json(records)
        case Form.QUIET:
            _write("".join(f"{reference(record)}\n" for record in records))
        case Form.LINES:
            rows = ("\t".join(format_field(column.value(record)) for column in columns) for record in records)
            _write("".join(f"{row}\n" for row in ("\t".join(column.name for column in columns), *rows)))
        case Form.TABLE:
            from modelreg.cli.tables import print_table

            print_table(records, columns)


def print_fields(record: object, values: Iterable[tuple[str, object]], form: Form, reference: str) -> None:
    """Print one record as one line for each name and value."""
    match form:
        case Form.JSON:
            print_json(record)
        case Form.QUIET:
            _write(f"{reference}\n")
        case Form.LINES:
            _write("".join(f"{name}\t{format_field(value)}\n" for name, value in values))
        case Form.TABLE:
            present = [(name, value) for name, value in values if value not in (None, "")]
            width = max(len(name) for name, _ in present)
            _write("".join(f"{name:<{width}}  {escape(str(value))}\n" for name, value in present))


def print_json(result: object) -> None:
    """Print a record as an indented object, or a sequence of records as an array on one line."""
    if isinstance(result, Sequence):
        _write(json.dumps([get_fields(record) for record in result], default=_encode, check_circular=False) + "\n")
    else:
        _write(json.dumps(result, default=_encode, indent=2) + "\n")


def get_fields(record: Any) -> dict[str, object]:
    """The fields of a record by name, with times as text; a dictionary is returned as it is."""
    if isinstance(record, dict):
        return record
    names, get_values = _field_access(record.__class__)
    return {
        name: as_text(value) if type(value) is datetime else value  # faster than a callback of the encoder
        for name, value in zip(names, get_values(record), strict=True)
    }


@cache
def _field_access(record_type: Any) -> tuple[tuple[str, ...], Callable[[object], tuple[object, ...]]]:
    """The names of a record's fields, and a function that returns all their values."""
    names = tuple(record_type.__dataclass_fields__)
    return names, attrgetter(*names)


def print_line(text: str) -> None:
    """Print one line on stdout."""
    _write(f"{escape(text)}\n")


def print_path(path: str) -> None:
    """Print a path on a line: with control characters escaped on a terminal, elsewhere its exact bytes."""
    if is_terminal(sys.stdout) or sys.stdout is None:
        print_line(path)
    else:
        _write(f"{path}\n", as_path=True)


def print_note(text: str) -> None:
    """Print a note on stderr, unless --quiet is given."""
    if _preferences.notes:
        _write_to_stderr(escape(text))


def print_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning on stderr without its place in the code; takes the arguments of `warnings.showwarning`."""
    _write_to_stderr(escape(f"warning: {message}"))


def report_error(error: ModelregError, as_json: bool) -> int:
    """Print an error on stderr and return its exit status."""
    if as_json:
        fields: dict[str, object] = {
            "code": error.code,
            "exit": error.exit,
            "message": error.message,
            "hint": error.hint,
        }
        if isinstance(error, InvalidExpression):
            fields |= {"expression": error.expression, "place": error.place}
        _write_to_stderr(json.dumps({"error": fields}))
    else:
        _write_to_stderr(f"error: {escape(error.message)}")
        for line in _build_excerpt(error):
            _write_to_stderr(line)
        if error.hint:
            _write_to_stderr(f"hint: {escape(error.hint)}")
    return error.exit


def wrap_unexpected(error: Exception) -> ModelregError:
    """An unexpected exception as an error that can be reported."""
    return ModelregError(
        f"{type(error).__name__}: {error}",
        "this is a bug in modelreg; run the command again with MODELREG_DEBUG=1 for a traceback",
    )


def _build_excerpt(error: ModelregError) -> list[str]:
    """The part of an invalid expression around the error, and a line of carets below the error."""
    if not isinstance(error, InvalidExpression) or error.place is None:
        return []
    start, end = error.place
    first = max(0, start - _EXCERPT)
    excerpt = "".join(
        character if character.isprintable() else " " for character in error.expression[first : end + _EXCERPT]
    )
    carets = "^" * max(1, min(end, first + len(excerpt)) - start)
    return [f"  {excerpt}", f"  {' ' * (start - first)}{carets}"]


def is_terminal(stream: Any) -> bool:
    """Whether ``stream`` is a terminal; None stands for a closed stream."""
    return stream is not None and stream.isatty()


def can_prompt() -> bool:
    """Whether the user can be asked: prompts go to stderr, and answers come from stdin."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def flush_stdout() -> None:
    """Flush stdout; a closed pipe is not a failure, and causes no message when Python exits."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:  # was reported when the text was printed
        _discard_stdout()


def _write(text: str, *, as_path: bool = False) -> None:
    """Write to stdout; ``as_path`` writes the bytes of a file name, whatever the encoding of stdout.

    Raises `StdoutClosed` for a closed pipe, and `StorageFailure` for other errors.
    """
    if sys.stdout is None:  # closed by the caller
        return
    try:
        binary = getattr(sys.stdout, "buffer", None) if as_path else None
        if binary is not None:
            binary.write(os.fsencode(text))
        else:
            sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError as error:
        _discard_stdout()
        raise StdoutClosed from error
    except OSError as error:
        _discard_stdout()
        raise build_stdout_error(error, done=interrupts.has_begun_commit()) from error


def build_stdout_error(error: OSError, *, done: bool) -> StorageFailure:
    """The error for output that could not be written; ``done`` says that the command committed a change."""
    return StorageFailure(
        f"the output could not be written to stdout: {error.strerror or error}"
        + ("; the change is committed" if done else ""),
        "'modelreg history' shows it" if done else None,
        code="answer_lost",
    )


@contextmanager
def closed_pipe_ends_output() -> Iterator[None]:
    """Raise `StdoutClosed` when code inside writes to stdout after its reader closed the pipe."""
    try:
        yield
    except BrokenPipeError as error:
        _discard_stdout()
        raise StdoutClosed from error


def _discard_stdout() -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())


def _write_to_stderr(text: str) -> None:
    if sys.stderr is not None:
        with suppress(OSError):  # there is no other place to report it
            print(text, file=sys.stderr)


def _encode(value: object) -> object:
    """Encode a record or a time for the JSON encoder."""
    if isinstance(value, datetime):
        return as_text(value)
    if is_dataclass(value):
        return get_fields(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
