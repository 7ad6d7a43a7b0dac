"""Compiles filters and sort orders to SQL, with the same results as `modelreg.expressions.evaluation`, using indexes.

The SQL refers to the tables ``models m`` and ``versions v``. Values of users only ever become parameters.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain

from modelreg.expressions.building import Key
from modelreg.expressions.fields import KEYED, FieldKind, parse_number, release_key
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
    fields_of,
    get_children,
)

_MODEL_FIELDS = {"name": "m.name", "tags": "(SELECT value FROM model_tags WHERE model = m.id AND name = {0})"}
"""Fields of a filter of models that belong to the model, not to one of its versions."""
_ALIASES = "SELECT 1 FROM aliases WHERE model = v.model AND version = v.version"
_APPROVALS = """
(SELECT count(*) FROM approvals a WHERE a.model = v.model AND a.digest = v.digest AND NOT EXISTS
 (SELECT 1 FROM versions r INDEXED BY versions_by_digest
  WHERE r.model = v.model AND r.digest = v.digest AND r.created_by = a.user))
"""
_KEYED_FIELDS = {
    "metrics": "(SELECT value FROM metrics WHERE model = v.model AND version = v.version AND name = {0})",
    "params": "(SELECT value FROM params WHERE model = v.model AND version = v.version AND name = {0})",
    "tags": "(SELECT value FROM version_tags WHERE model = v.model AND version = v.version AND name = {0})",
    "library": "(SELECT value FROM json_each(v.environment, '$.libraries') WHERE key = {0})",
    "eval": "(SELECT value FROM evaluation_metrics"
    " WHERE model = v.model AND digest = v.digest AND dataset = {0} AND metric = {1})",
}
_INDEXED_CONDITIONS = {
    "metrics": "(v.model, v.version) IN (SELECT model, version FROM metrics WHERE name = {0} AND value {1} {2})",
    "params": "(v.model, v.version) IN (SELECT model, version FROM params WHERE name = {0} AND value {1} {2})",
    "tags": "(v.model, v.version) IN (SELECT model, version FROM version_tags WHERE name = {0} AND value {1} {2})",
    "eval": "(v.model, v.digest) IN (SELECT model, digest FROM evaluation_metrics"
    " WHERE dataset = {0} AND metric = {1} AND value {2} {3})",
}
"""Conditions that an index on the value answers, instead of a scan over all versions."""


@dataclass(slots=True)
class Condition:
    """An SQL condition on a version, and its parameters."""

    sql: str = ""
    values: dict[str, object] = field(default_factory=dict)
    of_versions: bool = True
    """Whether it refers to versions, and not only to models."""

    def parameter(self, value: object) -> str:
        """Add a value; returns its placeholder."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f":{name}"


def condition(expression: Expression, *, of_models: bool) -> Condition:
    """Compile ``expression``; ``of_models`` means that ``name`` and ``tags`` are those of the model."""
    built = Condition(
        of_versions=not of_models or any(field.name not in _MODEL_FIELDS for field in fields_of(expression))
    )
    writer = _Writer(built, of_models)
    parts = expression.parts if isinstance(expression, And) else (expression,)
    is_selective = any(map(_is_selective, parts))
    indexed = [] if is_selective else chain.from_iterable(writer.indexed_conditions(part) for part in parts)
    built.sql = " AND ".join([writer.condition(expression), *indexed])
    return built


def order(keys: Iterable[Key], into: Condition) -> str:
    """``keys`` as terms of an ORDER BY over versions, each followed by a comma; parameters are added to ``into``."""
    writer = _Writer(into, of_models=False)
    return "".join(f"{term} {_format_direction(key)}, " for key in keys for term in writer.order_terms(key.field))


def order_of_models(keys: Iterable[Key]) -> str:
    """``keys`` as terms of an ORDER BY over models, each followed by a comma."""
    return "".join(f"{key.field.name} {_format_direction(key)}, " for key in keys)


def prepare(connection: sqlite3.Connection) -> None:
    """Register the functions that the SQL calls."""
    connection.create_function("number_in", 1, parse_number, deterministic=True)
    connection.create_function("release_key", 1, release_key, deterministic=True)


def _is_selective(part: Expression) -> bool:
    """Whether so few versions match ``part`` that a scan of them is faster than another index."""
    match part:
        case Comparison("=", Field("name" | "digest" | "git_commit" | "run_id"), Text()):
            return True
        case Comparison("=", Field("stage"), Text("Production" | "Staging")):
            return True
        case _:
            return False


def _format_direction(key: Key) -> str:
    return "DESC NULLS LAST" if key.descending else "ASC NULLS LAST"


class _Writer:
    """Writes the SQL of one expression, and adds its values to the condition."""

    def __init__(self, condition: Condition, of_models: bool) -> None:
        self._parameter = condition.parameter
        self._of_models = of_models

    def condition(self, expression: Expression) -> str:
        match expression:
            case And(parts):
                return f"({' AND '.join(map(self.condition, parts))})"
            case Or(parts):
                return f"({' OR '.join(map(self.condition, parts))})"
            case Not(negated):
                return f"(NOT {self.condition(negated)})"
            case _ if Field("alias") in get_children(expression):
                return self._alias_condition(expression)
            case IsNull(operand):
                return f"({self.operand(operand)} IS NULL)"
            case Comparison(comparator, left, right):
                return f"({self.operand(left)} {comparator} {self.operand(right)})"
            case In(operand, choices):
                return f"({self.operand(operand)} {self._in(choices)})"
            case Like(operand, pattern, ignore_case):
                return f"({self.operand(operand)} {self._like(pattern, ignore_case)})"

    def _alias_condition(self, expression: Expression) -> str:
        """A condition on aliases: true if any alias of the version matches."""
        match expression:
            case Comparison(comparator, _, literal):
                exists = f"EXISTS ({_ALIASES} AND alias = {self.operand(literal)})"
                return exists if comparator == "=" else f"(NOT {exists})"
            case In(_, choices):
                return f"EXISTS ({_ALIASES} AND alias {self._in(choices)})"
            case Like(_, pattern, _):
                return f"EXISTS ({_ALIASES} AND alias {self._like(pattern, ignore_case=True)})"
            case _:
                return f"(NOT EXISTS ({_ALIASES}))"

    def operand(self, operand: Operand) -> str:
        match operand:
            case Number(value) | Text(value):
                return self._parameter(value)
            case Field():
                return self._field(operand)
            case AsNumber(field):
                return f"number_in({self._field(field)})"
            case AsRelease(field):
                return f"release_key({self._field(field)})"
            case Negative(negated):
                return f"(-{self._real(negated)})"
            case Arithmetic(operator, left, right):
                return f"({self._real(left)} {operator} {self._real(right)})"

    def order_terms(self, field: Field) -> list[str]:
        """Sort terms for one field: parameters and tags, which are texts, are sorted first as numbers."""
        text = self.operand(field)
        match KEYED.get(field.name):
            case FieldKind.TEXT_OR_NUMBER:
                return [f"number_in({text})", text]
            case FieldKind.RELEASE:
                return [f"release_key({text})", text]
            case _:
                return [text]

    def indexed_conditions(self, part: Expression) -> list[str]:
        """A condition that ``part`` implies and that an index answers."""
        match part:
            case Comparison(comparator, Field(name, keys), (Number() | Text()) as literal) if comparator != "!=":
                if name in _INDEXED_CONDITIONS and not (self._of_models and name in _MODEL_FIELDS):
                    placeholders = [*map(self._parameter, keys), comparator, self._parameter(literal.value)]
                    return [_INDEXED_CONDITIONS[name].format(*placeholders)]
        return []

    def _field(self, field: Field) -> str:
        if self._of_models and field.name in _MODEL_FIELDS:
            return _MODEL_FIELDS[field.name].format(*map(self._parameter, field.keys))
        match field.name:
            case "name":
                return "m.name"
            case "approvals":
                return _APPROVALS
            case name if name in _KEYED_FIELDS:
                return _KEYED_FIELDS[name].format(*map(self._parameter, field.keys))
            case name:
                return f"v.{name}"

    def _real(self, operand: Operand) -> str:
        """``operand`` as a floating point number: SQLite would divide integers as integers, unlike Python."""
        return f"CAST({self.operand(operand)} AS REAL)"

    def _in(self, choices: Iterable[object]) -> str:
        return f"IN ({', '.join(map(self._parameter, choices))})"

    def _like(self, pattern: str, ignore_case: bool) -> str:
        if ignore_case:  # SQLite's LIKE ignores the case of ASCII letters
            return f"LIKE {self._parameter(pattern)}"
        escaped = "".join(f"[{character}]" if character in "*?[" else character for character in pattern)
        return f"GLOB {self._parameter(escaped.replace('%', '*').replace('_', '?'))}"
