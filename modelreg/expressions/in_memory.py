"""Filter and sort records in memory, with the same results as SQL in the catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, TypeVar

from modelreg.expressions.building import Key
from modelreg.expressions.evaluation import Value, evaluate
from modelreg.expressions.fields import KEYED, FieldKind, parse_number
from modelreg.expressions.tree import Expression, Field

T = TypeVar("T")


def select(
    records: Iterable[T], where: Expression | None, order: Sequence[Key], value_of: Callable[[T, Field], Value]
) -> list[T]:
    """The records for which ``where`` is true, sorted by ``order``; records without a value come last."""
    selected = [record for record in records if where is None or evaluate(where, partial(value_of, record))]
    for field, descending in reversed(order):  # the sort is stable, so the most significant key comes last
        values = [value_of(record, field) for record in selected]
        selected = _sort(selected, values, descending)
        if KEYED.get(field.name) is FieldKind.TEXT_OR_NUMBER:  # numbers come before other texts
            values = [value_of(record, field) for record in selected]
            numbers = [parse_number(value) if isinstance(value, str) else None for value in values]
            selected = _sort(selected, numbers, descending)
    return selected


def _sort(records: Sequence[T], values: Sequence[Any], descending: bool) -> list[T]:
    pairs = list(zip(records, values, strict=True))
    present = sorted((pair for pair in pairs if pair[1] is not None), key=itemgetter(1), reverse=descending)
    return [record for record, _ in (*present, *(pair for pair in pairs if pair[1] is None))]
