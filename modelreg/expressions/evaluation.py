"""Evaluate an expression for one record with SQL's three-valued logic: True, False or None for unknown."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Container
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from modelreg.expressions.fields import parse_number, release_key
from modelreg.expressions.tree import (
    And,
    Arithmetic,
    AsNumber,
    AsRelease,
    Comparison,
    Expression,
    Field,
    In,
    IsNull,
    Like,
    Negative,
    Not,
    Number,
    Operand,
    Or,
    Text,
)

Value = float | str | tuple[str, ...] | None
"""The value of a field: None if it is missing, a tuple for aliases."""

_COMPARATORS: dict[str, Callable[[Any, Any], bool]] = {"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}


def evaluate(
    expression: Expression, value_of: Callable[[Field], Value], unknown: Container[Expression] = ()
) -> bool | None:
    """Evaluate ``expression`` with the field values of ``value_of``; predicates in ``unknown`` evaluate to None."""
    match expression:
        case And(parts):
            return _and([evaluate(part, value_of, unknown) for part in parts])
        case Or(parts):
            return _not(_and([_not(evaluate(part, value_of, unknown)) for part in parts]))
        case Not(negated):
            return _not(evaluate(negated, value_of, unknown))
        case predicate if predicate in unknown:
            return None
        case IsNull(operand):
            return _evaluate_operand(operand, value_of) in (None, ())
        case Comparison(comparator, left, right):
            return _compare(comparator, _evaluate_operand(left, value_of), _evaluate_operand(right, value_of))
        case In(operand, choices):
            return _matches(_evaluate_operand(operand, value_of), lambda value: value in choices)
        case Like(operand, pattern, ignore_case):
            match_pattern = _compile_pattern(pattern, ignore_case).fullmatch
            return _matches(_evaluate_operand(operand, value_of), lambda value: match_pattern(value) is not None)


def _and(results: list[bool | None]) -> bool | None:
    return False if False in results else None if None in results else True


def _not(result: bool | None) -> bool | None:
    return None if result is None else not result


def _compare(comparator: str, left: Value, right: Value) -> bool | None:
    if left is None or right is None:
        return None
    if isinstance(left, tuple):  # aliases: '=' is true if one of them is equal, '!=' if none is
        return (right in left) is (comparator == "=")
    return _COMPARATORS[comparator](left, right)


def _matches(value: Value, is_match: Callable[[Any], bool]) -> bool | None:
    """Whether the value, or any of the aliases, matches."""
    if value is None:
        return None
    return any(map(is_match, value)) if isinstance(value, tuple) else is_match(value)


def _evaluate_operand(operand: Operand, value_of: Callable[[Field], Value]) -> Value:
    match operand:
        case Number(value) | Text(value):
            return value
        case Field():
            return value_of(operand)
        case AsNumber(field):
            text = value_of(field)
            return parse_number(text) if isinstance(text, str) else None
        case AsRelease(field):
            text = value_of(field)
            return release_key(text) if isinstance(text, str) else None
        case Negative(negated):
            number = _evaluate_operand(negated, value_of)
            return -number if isinstance(number, float | int) else None
        case Arithmetic(operator, left, right):
            return _calculate(operator, _evaluate_operand(left, value_of), _evaluate_operand(right, value_of))


def _calculate(operator: str, left: Value, right: Value) -> float | None:
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
    return None if math.isnan(result) else result  # SQLite stores NaN as NULL


def _compile_pattern(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    """Compile a LIKE pattern; atomic groups prevent backtracking, so matching takes linear time."""
    first, *rest = (re.escape(part).replace("_", ".") for part in pattern.split("%"))
    for part in rest[:-1]:
        first += f"(?>.*?{part})"
    if rest:
        first += f".*{rest[-1]}"
    return re.compile(first, re.DOTALL | re.ASCII | (re.IGNORECASE if ignore_case else 0))
