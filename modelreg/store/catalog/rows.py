"""Rows, gathered."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from modelreg.errors import CatalogDamaged, InvalidData

Rows = defaultdict[int, list[tuple[Any, ...]]]
"""Rows without their first column, by its value."""


def grouped(rows: Iterable[sqlite3.Row]) -> Rows:
    """Rows by their first column, without it."""
    groups: Rows = defaultdict(list)
    for key, *rest in rows:
        groups[key].append(tuple(rest))
    return groups


@contextmanager
def understood() -> Iterator[None]:
    """Where rows become records: a value that no program of ours writes is damage of the catalog."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, InvalidData) as error:
        raise CatalogDamaged(
            f"the catalog holds a value that modelreg never writes: {error}", "restore it from a backup"
        ) from error
