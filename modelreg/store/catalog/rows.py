"""Grouping and parsing database rows."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from modelreg.errors import CatalogDamaged, InvalidData

Rows = defaultdict[int, list[tuple[Any, ...]]]
"""Value of the first column -> the rows with that value, without their first column."""


def group_by_first_column(rows: Iterable[sqlite3.Row]) -> Rows:
    """Group rows by their first column, and remove it from them."""
    groups: Rows = defaultdict(list)
    for key, *rest in rows:
        groups[key].append(tuple(rest))
    return groups


@contextmanager
def parsing_rows() -> Iterator[None]:
    """Raise `CatalogDamaged` for a row that cannot be parsed: somebody changed the catalog by hand."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, InvalidData) as error:
        raise CatalogDamaged(
            f"the catalog contains a value that modelreg never writes: {error}", "restore it from a backup"
        ) from error
