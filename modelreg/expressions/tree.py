"""The nodes of a parsed and type-checked expression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Comparator = Literal["=", "!=", "<", "<=", ">", ">="]
ArithmeticOperator = Literal["+", "-", "*", "/"]


@dataclass(frozen=True, slots=True)
class Field:
    """A value of a version, such as ``metrics.auc``."""

    name: str
    """``stage``, ``metrics``, ``eval``, …"""
    keys: tuple[str, ...] = ()
    """``("auc",)`` of a metric, ``("holdout", "auc")`` of an evaluation."""
    of_production: bool = False
    """Whether it belongs to the version in Production."""

    def __str__(self) -> str:
        prefix = "production." if self.of_production else ""
        return prefix + ".".join((self.name, *map(_quote_key, self.keys)))


@dataclass(frozen=True, slots=True)
class Number:
    """A literal number."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A literal text, or a time in the format of the catalog."""

    value: str


@dataclass(frozen=True, slots=True)
class AsNumber:
    """The value of a text field as a number; NULL if it is not one."""

    field: Field


@dataclass(frozen=True, slots=True)
class AsRelease:
    """The value of a text field as the sort key of a release, see `release_key`; NULL if it is not one."""

    field: Field


@dataclass(frozen=True, slots=True)
class Negative:
    """``-operand``."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``left + right`` and other arithmetic; division by zero gives NULL."""

    operator: ArithmeticOperator
    left: Operand
    right: Operand


Operand = Field | Number | Text | AsNumber | AsRelease | Negative | Arithmetic


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left = right`` and other comparisons, of two numbers or two texts."""

    comparator: Comparator
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class In:
    """``operand IN ('a', 'b')``."""

    operand: Operand
    choices: tuple[float, ...] | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Like:
    """``operand LIKE 'a%'``: ``%`` matches any characters, ``_`` matches one."""

    operand: Operand
    pattern: str
    ignore_case: bool
    """Applies to ASCII letters only."""


@dataclass(frozen=True, slots=True)
class IsNull:
    """``operand IS NULL``."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class Not:
    """``NOT expression``."""

    expression: Expression


@dataclass(frozen=True, slots=True)
class And:
    """True if all parts are true."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True if at least one part is true."""

    parts: tuple[Expression, ...]


Predicate = Comparison | In | Like | IsNull
Expression = Predicate | Not | And | Or
Node = Expression | Operand


def get_children(node: Node) -> tuple[Node, ...]:
    """The direct children of ``node``."""
    match node:
        case And(parts) | Or(parts):
            return parts
        case Comparison(_, left, right) | Arithmetic(_, left, right):
            return left, right
        case Not(part) | Negative(part) | AsNumber(part) | AsRelease(part) | IsNull(part):
            return (part,)
        case In(operand, _) | Like(operand, _, _):
            return (operand,)
        case _:
            return ()


def fields_of(node: Node) -> Iterator[Field]:
    """Yield every field below ``node`` in order, with repetitions."""
    if isinstance(node, Field):
        yield node
    for part in get_children(node):
        yield from fields_of(part)


def predicates_of(expression: Expression) -> Iterator[Predicate]:
    """Yield the predicates of ``expression`` in order, without AND, OR and NOT."""
    match expression:
        case And(parts) | Or(parts):
            for part in parts:
                yield from predicates_of(part)
        case Not(negated):
            yield from predicates_of(negated)
        case predicate:
            yield predicate


def get_depth(root: Node) -> int:
    """The depth of the tree, computed without recursion."""
    depth, level = 0, [root]
    while level:
        depth += 1
        level = [part for node in level for part in get_children(node)]
    return depth


def _quote_key(key: str) -> str:
    is_plain = key.isascii() and key.replace("_", "a").isalnum()
    return key if is_plain else "`" + key.replace("`", "``") + "`"
