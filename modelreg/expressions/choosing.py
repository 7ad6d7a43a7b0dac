"""Records in memory, chosen and ordered by expressions as the catalog does it with versions by SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, TypeVar

from modelreg.expressions.building import Key
from modelreg.expressions.evaluation import Value, evaluate
from modelreg.expressions.fields import KEYED, FieldKind, number_in
from modelreg.expressions.tree import Expression, Field

T = TypeVar("T")


def chosen(
    records: Iterable[T], where: Expression | None, order: Sequence[Key], value_of: Callable[[T, Field], Value]
) -> list[T]:
    """Those for which ``where`` is true, sorted by ``order``; what has no such value comes last."""
    found = [record for record in records if where is None or evaluate(where, partial(value_of, record))]
    for field, descending in reversed(order):
        found = _sorted(found, [value_of(record, field) for record in found], descending)
        if KEYED.get(field.name) is FieldKind.LOOSE:  # texts that are numbers come first, and as numbers
            found = _sorted(found, [_number(value_of(record, field)) for record in found], descending)
    return found


def _number(value: Value) -> float | None:
    return number_in(value) if isinstance(value, str) else None


def _sorted(records: Sequence[T], values: Sequence[Any], descending: bool) -> list[T]:
    pairs = list(zip(records, values, strict=True))
    known = sorted((pair for pair in pairs if pair[1] is not None), key=itemgetter(1), reverse=descending)
    return [record for record, _ in (*known, *(pair for pair in pairs if pair[1] is None))]
