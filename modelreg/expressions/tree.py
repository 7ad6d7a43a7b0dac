"""What an expression consists of, with every operand's type settled."""

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
    """Whether it is that of the version now in Production."""

    def __str__(self) -> str:
        start = "production." if self.of_production else ""
        return start + ".".join((self.name, *map(_quoted, self.keys)))


@dataclass(frozen=True, slots=True)
class Number:
    """A literal number."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A literal text; a moment is one too, as the catalog writes it."""

    value: str


@dataclass(frozen=True, slots=True)
class NumberIn:
    """The number that a text holds, as of a parameter; NULL when it holds none."""

    field: Field


@dataclass(frozen=True, slots=True)
class ReleaseIn:
    """The release that a text holds, as a text that sorts so; NULL when it holds none."""

    field: Field


@dataclass(frozen=True, slots=True)
class Negative:
    """``-operand``."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``left + right`` and the like; a division by zero is NULL."""

    operator: ArithmeticOperator
    left: Operand
    right: Operand


Operand = Field | Number | Text | NumberIn | ReleaseIn | Negative | Arithmetic


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left = right`` and the like, of two numbers or of two texts."""

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
    """``operand LIKE 'a%'``: ``%`` stands for any characters, ``_`` for one."""

    operand: Operand
    pattern: str
    ignore_case: bool
    """Of the letters of ASCII."""


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
    """True when all parts are."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True when one part is."""

    parts: tuple[Expression, ...]


Predicate = Comparison | In | Like | IsNull
Expression = Predicate | Not | And | Or
Node = Expression | Operand


def parts_of(node: Node) -> tuple[Node, ...]:
    """The nodes right below ``node``."""
    match node:
        case And(parts) | Or(parts):
            return parts
        case Comparison(_, left, right) | Arithmetic(_, left, right):
            return left, right
        case Not(part) | Negative(part) | NumberIn(part) | ReleaseIn(part) | IsNull(part):
            return (part,)
        case In(operand, _) | Like(operand, _, _):
            return (operand,)
        case _:
            return ()


def fields_of(node: Node) -> Iterator[Field]:
    """Every field that ``node`` mentions, in order, as often as it does."""
    if isinstance(node, Field):
        yield node
    for part in parts_of(node):
        yield from fields_of(part)


def predicates_of(expression: Expression) -> Iterator[Predicate]:
    """The conditions that AND, OR and NOT join in ``expression``, in order."""
    match expression:
        case And(parts) | Or(parts):
            for part in parts:
                yield from predicates_of(part)
        case Not(negated):
            yield from predicates_of(negated)
        case predicate:
            yield predicate


def depth_of(root: Node) -> int:
    """How many nodes stand below each other at most; found without recursion, however deep it is."""
    depth, level = 0, [root]
    while level:
        depth += 1
        level = [part for node in level for part in parts_of(node)]
    return depth


def _quoted(key: str) -> str:
    plain = key.isascii() and key.replace("_", "a").isalnum()
    return key if plain else "`" + key.replace("`", "``") + "`"
