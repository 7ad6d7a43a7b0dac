"""What an expression says of one version, by SQL's three-valued logic: True, False, or None when it is unknown."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Container
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from modelreg.expressions.fields import number_in, release_key
from modelreg.expressions.tree import (
    And,
    Arithmetic,
    Comparison,
    Expression,
    Field,
    In,
    IsNull,
    Like,
    Negative,
    Not,
    Number,
    NumberIn,
    Operand,
    Or,
    ReleaseIn,
    Text,
)

Value = float | str | tuple[str, ...] | None
"""What a field holds: None when it is missing, a tuple for the aliases."""

_COMPARATORS: dict[str, Callable[[Any, Any], bool]] = {"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}


def evaluate(
    expression: Expression, value_of: Callable[[Field], Value], unknown: Container[Expression] = ()
) -> bool | None:
    """Whether ``expression`` holds, when its fields have the values that ``value_of`` gives.

    Of the predicates in ``unknown`` nothing is known, whatever the values are.
    """
    match expression:
        case And(parts):
            return _all([evaluate(part, value_of, unknown) for part in parts])
        case Or(parts):
            return _not(_all([_not(evaluate(part, value_of, unknown)) for part in parts]))
        case Not(negated):
            return _not(evaluate(negated, value_of, unknown))
        case predicate if predicate in unknown:
            return None
        case IsNull(operand):
            return _value(operand, value_of) in (None, ())
        case Comparison(comparator, left, right):
            return _compared(comparator, _value(left, value_of), _value(right, value_of))
        case In(operand, choices):
            return _any_of(_value(operand, value_of), lambda value: value in choices)
        case Like(operand, pattern, ignore_case):
            fits = _pattern(pattern, ignore_case).fullmatch
            return _any_of(_value(operand, value_of), lambda value: fits(value) is not None)


def _all(truths: list[bool | None]) -> bool | None:
    return False if False in truths else None if None in truths else True


def _not(truth: bool | None) -> bool | None:
    return None if truth is None else not truth


def _compared(comparator: str, left: Value, right: Value) -> bool | None:
    if left is None or right is None:
        return None
    if isinstance(left, tuple):  # aliases, of which '=' and '!=' ask whether one of them is it
        return (right in left) is (comparator == "=")
    return _COMPARATORS[comparator](left, right)


def _any_of(value: Value, fits: Callable[[Any], bool]) -> bool | None:
    if value is None:
        return None
    return any(map(fits, value)) if isinstance(value, tuple) else fits(value)


def _value(operand: Operand, value_of: Callable[[Field], Value]) -> Value:
    match operand:
        case Number(value) | Text(value):
            return value
        case Field():
            return value_of(operand)
        case NumberIn(field):
            text = value_of(field)
            return number_in(text) if isinstance(text, str) else None
        case ReleaseIn(field):
            text = value_of(field)
            return release_key(text) if isinstance(text, str) else None
        case Negative(negated):
            number = _value(negated, value_of)
            return -number if isinstance(number, float | int) else None
        case Arithmetic(operator, left, right):
            return _calculated(operator, _value(left, value_of), _value(right, value_of))


def _calculated(operator: str, left: Value, right: Value) -> float | None:
    if not isinstance(left, float | int) or not isinstance(right, float | int):
        return None
    one, other = float(left), float(right)
    match operator:
        case "+":
            result = one + other
        case "-":
            result = one - other
        case "*":
            result = one * other
        case _:
            result = one / other if other else math.nan
    return None if math.isnan(result) else result  # as SQLite, which has no NaN


def _pattern(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    """A regular expression whose time grows with the length of the text and no faster: each part is found once."""
    first, *rest = (re.escape(part).replace("_", ".") for part in pattern.split("%"))
    for part in rest[:-1]:
        first += f"(?>.*?{part})"
    if rest:
        first += f".*{rest[-1]}"
    return re.compile(first, re.DOTALL | re.ASCII | (re.IGNORECASE if ignore_case else 0))
