"""Filters and orders as SQL: the same answers as `modelreg.expressions.evaluation`, through the catalog's indexes.

The SQL speaks of the tables ``models m`` and ``versions v``. What people write goes into parameters alone.
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

_OF_MODEL = {"name": "m.name", "tags": "(SELECT value FROM model_tags WHERE model = m.id AND name = {0})"}
"""What a filter of models may ask that is about the model, and not about one of its versions."""
_ALIASES = "SELECT 1 FROM aliases WHERE model = v.model AND version = v.version"
_APPROVALS = """
(SELECT count(*) FROM approvals a WHERE a.model = v.model AND a.digest = v.digest AND NOT EXISTS
 (SELECT 1 FROM versions r INDEXED BY versions_by_digest
  WHERE r.model = v.model AND r.digest = v.digest AND r.created_by = a.user))
"""
_KEYED = {
    "metrics": "(SELECT value FROM metrics WHERE model = v.model AND version = v.version AND name = {0})",
    "params": "(SELECT value FROM params WHERE model = v.model AND version = v.version AND name = {0})",
    "tags": "(SELECT value FROM version_tags WHERE model = v.model AND version = v.version AND name = {0})",
    "library": "(SELECT value FROM json_each(v.environment, '$.libraries') WHERE key = {0})",
    "eval": "(SELECT value FROM evaluation_metrics"
    " WHERE model = v.model AND digest = v.digest AND dataset = {0} AND metric = {1})",
}
_FOUND_BY_VALUE = {
    "metrics": "(v.model, v.version) IN (SELECT model, version FROM metrics WHERE name = {0} AND value {1} {2})",
    "params": "(v.model, v.version) IN (SELECT model, version FROM params WHERE name = {0} AND value {1} {2})",
    "tags": "(v.model, v.version) IN (SELECT model, version FROM version_tags WHERE name = {0} AND value {1} {2})",
    "eval": "(v.model, v.digest) IN (SELECT model, digest FROM evaluation_metrics"
    " WHERE dataset = {0} AND metric = {1} AND value {2} {3})",
}
"""How versions are found by a value, through an index, rather than looked at one by one."""


@dataclass(slots=True)
class Condition:
    """SQL that is true, false or NULL for a version, and the values of its parameters."""

    sql: str = ""
    values: dict[str, object] = field(default_factory=dict)
    of_versions: bool = True
    """Whether it speaks of versions, and not of models alone."""

    def parameter(self, value: object) -> str:
        """The placeholder of one more value."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f":{name}"


def condition(expression: Expression, *, of_models: bool) -> Condition:
    """``expression`` as SQL; in a filter ``of_models`` the name and tags are the model's."""
    built = Condition(of_versions=not of_models or any(each.name not in _OF_MODEL for each in fields_of(expression)))
    writer = _Writer(built, of_models)
    parts = expression.parts if isinstance(expression, And) else (expression,)
    few = any(map(_leaves_few, parts))
    found = [] if few else chain.from_iterable(writer.found_by_value(part) for part in parts)
    built.sql = " AND ".join([writer.truth(expression), *found])
    return built


def order(keys: Iterable[Key], into: Condition) -> str:
    """``keys`` as the terms of an ORDER BY over versions, each with a comma behind it."""
    writer = _Writer(into, of_models=False)
    return "".join(f"{term} {_direction(key)}, " for key in keys for term in writer.order_terms(key.field))


def order_of_models(keys: Iterable[Key]) -> str:
    """``keys`` as the terms of an ORDER BY over models, each with a comma behind it."""
    return "".join(f"{key.field.name} {_direction(key)}, " for key in keys)


def prepare(connection: sqlite3.Connection) -> None:
    """Give ``connection`` the functions that the SQL calls."""
    connection.create_function("number_in", 1, parse_number, deterministic=True)
    connection.create_function("release_key", 1, release_key, deterministic=True)


def _leaves_few(part: Expression) -> bool:
    """Whether so few versions are left by ``part`` that looking at each is faster than finding others by a value."""
    match part:
        case Comparison("=", Field("name" | "digest" | "git_commit" | "run_id"), Text()):
            return True
        case Comparison("=", Field("stage"), Text("Production" | "Staging")):
            return True
        case _:
            return False


def _direction(key: Key) -> str:
    return "DESC NULLS LAST" if key.descending else "ASC NULLS LAST"


class _Writer:
    """Writes one expression; its values go into the condition that it was made for."""

    def __init__(self, condition: Condition, of_models: bool) -> None:
        self._parameter = condition.parameter
        self._of_models = of_models

    def truth(self, expression: Expression) -> str:
        match expression:
            case And(parts):
                return f"({' AND '.join(map(self.truth, parts))})"
            case Or(parts):
                return f"({' OR '.join(map(self.truth, parts))})"
            case Not(negated):
                return f"(NOT {self.truth(negated)})"
            case _ if Field("alias") in get_children(expression):
                return self._truth_of_aliases(expression)
            case IsNull(operand):
                return f"({self.operand(operand)} IS NULL)"
            case Comparison(comparator, left, right):
                return f"({self.operand(left)} {comparator} {self.operand(right)})"
            case In(operand, choices):
                return f"({self.operand(operand)} {self._in(choices)})"
            case Like(operand, pattern, ignore_case):
                return f"({self.operand(operand)} {self._like(pattern, ignore_case)})"

    def _truth_of_aliases(self, expression: Expression) -> str:
        """Whether one of the aliases fits; for those of a version are a set, and not one value."""
        match expression:
            case Comparison(comparator, _, literal):
                found = f"EXISTS ({_ALIASES} AND alias = {self.operand(literal)})"
                return found if comparator == "=" else f"(NOT {found})"
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
        """What versions are sorted by for one field: the texts of parameters and tags first as numbers."""
        text = self.operand(field)
        match KEYED.get(field.name):
            case FieldKind.TEXT_OR_NUMBER:
                return [f"number_in({text})", text]
            case FieldKind.RELEASE:
                return [f"release_key({text})", text]
            case _:
                return [text]

    def found_by_value(self, part: Expression) -> list[str]:
        """What ``part`` implies, said in a way that an index answers."""
        match part:
            case Comparison(comparator, Field(name, keys), (Number() | Text()) as literal) if comparator != "!=":
                if name in _FOUND_BY_VALUE and not (self._of_models and name in _OF_MODEL):
                    placeholders = [*map(self._parameter, keys), comparator, self._parameter(literal.value)]
                    return [_FOUND_BY_VALUE[name].format(*placeholders)]
        return []

    def _field(self, field: Field) -> str:
        if self._of_models and field.name in _OF_MODEL:
            return _OF_MODEL[field.name].format(*map(self._parameter, field.keys))
        match field.name:
            case "name":
                return "m.name"
            case "approvals":
                return _APPROVALS
            case name if name in _KEYED:
                return _KEYED[name].format(*map(self._parameter, field.keys))
            case name:
                return f"v.{name}"

    def _real(self, operand: Operand) -> str:
        """``operand`` in SQLite's floating point, as Python calculates, and not in whole numbers."""
        return f"CAST({self.operand(operand)} AS REAL)"

    def _in(self, choices: Iterable[object]) -> str:
        return f"IN ({', '.join(map(self._parameter, choices))})"

    def _like(self, pattern: str, ignore_case: bool) -> str:
        if ignore_case:  # SQLite's LIKE, which ignores the case of ASCII
            return f"LIKE {self._parameter(pattern)}"
        escaped = "".join(f"[{character}]" if character in "*?[" else character for character in pattern)
        return f"GLOB {self._parameter(escaped.replace('%', '*').replace('_', '?'))}"
