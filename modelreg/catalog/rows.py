"""Rows, gathered."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from typing import Any


def grouped(rows: Iterable[sqlite3.Row]) -> defaultdict[int, list[tuple[Any, ...]]]:
    """Rows by their first column, without it."""
    groups: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for key, *rest in rows:
        groups[key].append(tuple(rest))
    return groups
