"""How records look in Python and in notebooks: a short ``repr``, an HTML table, and a DataFrame of many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from pandas import DataFrame

T = TypeVar("T", bound="Displayed")

_MOST_ROWS = 100  # of a list in a notebook; 'to_frame' has all
_SHORT = {"evaluations": "eval"}  # the prefixes of the filter language


class Displayed:
    """A frozen dataclass with a short ``repr`` and a table in notebooks; declare it with ``repr=False``."""

    __slots__ = ()
    table_columns: ClassVar[tuple[str, ...]] = ()
    """The fields that a table of many such records shows."""

    def label(self) -> str:
        """The text of ``repr``: the identity and key values of the record; by default what tables show."""
        return " ".join(_text(getattr(self, name)) for name in self.table_columns)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.label()}>"

    def _repr_html_(self) -> str:
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return html_table(
            ("", ""), [(name, value) for name, value in values.items() if value not in (None, "", (), {})]
        )


class RecordList(list[T]):
    """A list of records: a table in notebooks, and a DataFrame on request."""

    def __init__(self, record_type: type[T], records: Iterable[T] = ()) -> None:
        super().__init__(records)
        self._record_type = record_type

    def to_frame(self) -> DataFrame:
        """Return a pandas DataFrame with a row for each record.

        Mappings become one column for each key, named as in filters: ``metrics.auc``, ``params.depth``,
        ``eval.holdout.accuracy``; a record without the key has a missing value there.
        """
        from pandas import DataFrame

        rows = [dict(_flat(record)) for record in self]
        plain = [field.name for field in fields(self._record_type)]  # type: ignore[arg-type]
        names = list(dict.fromkeys(name for row in rows for name in row)) or plain
        return DataFrame(rows, columns=names)

    def _repr_html_(self) -> str:
        names = self._record_type.table_columns
        rows = [tuple(getattr(record, name) for name in names) for record in self[:_MOST_ROWS]]
        more = len(self) - len(rows)
        return html_table(names, rows) + (f"<p>… and {more} more; to_frame() has all</p>" if more else "")


def _flat(record: Displayed) -> Iterator[tuple[str, object]]:
    for field in fields(record):  # type: ignore[arg-type]
        value, prefix = getattr(record, field.name), _SHORT.get(field.name, field.name)
        if not isinstance(value, Mapping):
            yield field.name, value
            continue
        for key, inner in value.items():
            if isinstance(inner, Mapping):
                yield from ((f"{prefix}.{key}.{name}", number) for name, number in inner.items())
            else:
                yield f"{prefix}.{key}", inner


def html_table(names: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> str:
    """Return an HTML table with a heading, unless all ``names`` are empty; every value is escaped."""
    from html import escape

    def cells(values: Iterable[object], tag: str) -> str:
        return "".join(f"<{tag}>{escape(_text(value))}</{tag}>" for value in values)

    names = tuple(names)
    head = f"<thead><tr>{cells(names, 'th')}</tr></thead>" if any(names) else ""
    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f"<table>{head}<tbody>{body}</tbody></table>"


def _text(value: object) -> str:
    """A value as a table shows it: six significant digits, times to the second, mappings as ``key=value``."""
    match value:
        case None:
            return ""
        case float():
            return f"{value:.6g}"
        case datetime():
            return value.isoformat(sep=" ", timespec="seconds")
        case Mapping():
            return ", ".join(f"{key}={_text(inner)}" for key, inner in value.items())
        case tuple() | list():
            return ", ".join(_text(inner) for inner in value)
        case _:
            return str(value)
