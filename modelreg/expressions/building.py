"""Build and type-check the nodes of an expression while it is parsed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from modelreg.domain.scans import Verdict
from modelreg.domain.stages import Stage
from modelreg.errors import UnknownStage, did_you_mean, shown
from modelreg.expressions.fields import KEYED, KEYED_OF_RUN, OF_MODEL, OF_RUN, PLAIN, FieldKind, release_key
from modelreg.expressions.tree import (
    And,
    Arithmetic,
    ArithmeticOperator,
    AsNumber,
    AsRelease,
    Comparator,
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
    get_depth,
)
from modelreg.system.clock import as_text, span

if TYPE_CHECKING:
    from lark import Token

_MAX_DEPTH = 60  # nodes
_FLIPPED: dict[Comparator, Comparator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
_UNORDERED = {FieldKind.STAGE, FieldKind.VERDICT, FieldKind.ALIAS}
_PRODUCTION = "production"
_WORDS = {word.value.lower() for word in (*Stage, *Verdict)}
"""Names of stages and verdicts, for a hint if the quotes are missing."""


class Key(NamedTuple):
    """A sort key; records without a value come last."""

    field: Field
    descending: bool


class LocatedError(Exception):
    """An error at a span of the expression; the parser adds the text of the expression."""

    def __init__(self, span: tuple[int, int], message: str, hint: str | None) -> None:
        super().__init__(message)
        self.span, self.message, self.hint = span, message, hint


class _TypedOperand(NamedTuple):
    """An operand with its kind and its position in the text."""

    operand: Operand
    kind: FieldKind | None
    """None for a literal text, which takes the kind of the other operand."""
    start: int
    end: int

    @property
    def span(self) -> tuple[int, int]:
        return self.start, self.end

    def __str__(self) -> str:
        match self.operand:
            case Field():
                return str(self.operand)
            case Text(value):
                return shown(value)
            case _:
                return "this"


class GateBuilder:
    """The lark transformer for gates: one method per rule of the grammar. Checks the types."""

    allows_production = True
    plain: Mapping[str, FieldKind] = PLAIN
    keyed: Mapping[str, FieldKind] = KEYED

    # Operands

    def field(self, children: list[Token]) -> _TypedOperand:
        (token,) = children
        start, end = _span_of(token)
        words = re.findall(r"`(?:[^`]|``)+`|[^.`]+", token)
        of_production = words[0].lower() == _PRODUCTION and len(words) > 1
        if of_production:
            if not self.allows_production:
                raise LocatedError((start, end), "'production.' is only allowed in gates", "modelreg gate add --help")
            start, words = start + len(words[0]) + 1, words[1:]
        name, keys = words[0], tuple(map(_unquote_key, words[1:]))
        if name in self.plain and not keys:
            return _TypedOperand(Field(name, (), of_production), self.plain[name], *_span_of(token))
        if name in self.keyed and keys:
            return _TypedOperand(
                Field(name, _join_keys(name, keys, (start, end)), of_production), self.keyed[name], *_span_of(token)
            )
        raise LocatedError((start, end), *self._explain_unknown(name, keys, token))

    def number(self, children: list[Token]) -> _TypedOperand:
        (token,) = children
        if not math.isfinite(value := float(token)):
            raise LocatedError(
                _span_of(token), f"{shown(str(token))} is too large for a number", "use a number below 1e308"
            )
        return _TypedOperand(Number(value), FieldKind.NUMBER, *_span_of(token))

    def string(self, children: list[Token]) -> _TypedOperand:
        (token,) = children
        quote = token[0]
        return _TypedOperand(Text(token[1:-1].replace(quote * 2, quote)), None, *_span_of(token))

    def signed_number(self, children: list[Token]) -> _TypedOperand:
        sign, token = children
        number = self.number([token])
        assert isinstance(number.operand, Number)
        value = -number.operand.value if sign == "-" else number.operand.value
        return number._replace(operand=Number(value), start=_span_of(sign)[0])

    def signed(self, children: list[Any]) -> _TypedOperand:
        sign, factor = children
        operand = _as_number(factor)
        if sign == "-":
            operand = Negative(operand)
        return _TypedOperand(operand, FieldKind.NUMBER, _span_of(sign)[0], factor.end)

    def arithmetic(self, children: list[Any]) -> _TypedOperand:
        left, operator, right = children
        calculation = Arithmetic(cast("ArithmeticOperator", str(operator)), _as_number(left), _as_number(right))
        return _TypedOperand(calculation, FieldKind.NUMBER, left.start, right.end)

    # Predicates

    def comparison(self, children: list[Any]) -> Expression:
        left, token, right = children
        comparator = cast("Comparator", str(token))
        if FieldKind.NUMBER in (left.kind, right.kind):
            return Comparison(comparator, *_as_numbers(left, right))
        if left.kind is None:
            left, right, comparator = right, left, _FLIPPED[comparator]
        kinds = {left.kind, right.kind} - {None}
        if kinds == {FieldKind.RELEASE}:
            return Comparison(comparator, _as_release(left), _as_release(right))
        are_both_aliases = left.kind is right.kind is FieldKind.ALIAS
        if (kinds - {FieldKind.TEXT, FieldKind.TEXT_OR_NUMBER} and len(kinds) > 1) or are_both_aliases:
            raise _build_mismatch(right, left)
        if comparator not in ("=", "!=") and left.kind in _UNORDERED:
            raise LocatedError(_span_of(token), f"{left} is {left.kind.value}, which has no order", "use =, != or IN")
        if left.kind is FieldKind.TIME and right.kind is None:
            return _compare_with_time(left.operand, comparator, right)
        return Comparison(comparator, left.operand, _convert_literal(right, left.kind))

    def in_(self, children: list[_TypedOperand]) -> Expression:
        operand, *choices = children
        if operand.kind is FieldKind.RELEASE:
            return In(_as_release(operand), tuple([_parse_release(choice) for choice in choices]))
        if operand.kind is FieldKind.TIME:
            return Or(tuple(_compare_with_time(operand.operand, "=", choice) for choice in choices))
        is_numeric = operand.kind is FieldKind.NUMBER or (
            operand.kind is FieldKind.TEXT_OR_NUMBER and choices[0].kind is FieldKind.NUMBER
        )
        values: tuple[Any, ...]  # of one type
        if is_numeric:
            number = _as_numbers(operand, choices[0])[0]
            values = tuple([_literal_value(_as_numbers(operand, choice)[1]) for choice in choices])
            return In(number, values)
        values = tuple([_literal_value(_convert_literal(choice, operand.kind)) for choice in choices])
        return In(operand.operand, values)

    def like(self, children: list[_TypedOperand], ignore_case: bool = False) -> Expression:
        operand, pattern = children
        if operand.kind not in (FieldKind.TEXT, FieldKind.TEXT_OR_NUMBER, FieldKind.ALIAS, None):
            raise LocatedError(
                operand.span,
                f"{operand} is {_name_kind(operand.kind)}, but LIKE needs a text",
                "compare it with =, < or >",
            )
        return Like(operand.operand, _literal_text(pattern), ignore_case or operand.kind is FieldKind.ALIAS)

    def ilike(self, children: list[_TypedOperand]) -> Expression:
        return self.like(children, ignore_case=True)

    def is_null(self, children: list[_TypedOperand]) -> Expression:
        (operand,) = children
        return IsNull(operand.operand)

    def not_in(self, children: list[_TypedOperand]) -> Expression:
        return Not(self.in_(children))

    def not_like(self, children: list[_TypedOperand]) -> Expression:
        return Not(self.like(children))

    def not_ilike(self, children: list[_TypedOperand]) -> Expression:
        return Not(self.ilike(children))

    def is_not_null(self, children: list[_TypedOperand]) -> Expression:
        return Not(self.is_null(children))

    # Boolean operators

    def negated(self, children: list[Expression]) -> Expression:
        (expression,) = children
        return Not(expression)

    def conjunction(self, children: list[Expression]) -> Expression:
        return And(tuple(children))

    def disjunction(self, children: list[Expression]) -> Expression:
        return Or(tuple(children))

    def filter(self, children: list[Expression]) -> Expression:
        (expression,) = children
        if get_depth(expression) > _MAX_DEPTH:
            raise LocatedError((0, 1), f"the expression is nested more than {_MAX_DEPTH} levels deep", "split it")
        return expression

    def term(self, children: list[Token]) -> Key:
        field = self.field(children[:1])
        if field.kind is FieldKind.ALIAS:
            raise LocatedError(
                field.span, "alias cannot be a sort key: a version can have several aliases", "sort by version DESC"
            )
        assert isinstance(field.operand, Field)
        return Key(field.operand, children[-1].type == "DESC")

    def order(self, children: list[Key]) -> tuple[Key, ...]:
        return tuple(children)

    def _explain_unknown(self, name: str, keys: tuple[str, ...], whole: str) -> tuple[str, str]:
        if name in self.keyed:
            return f"{name} needs a key", f"write {name}.{'DATASET.METRIC' if name == 'eval' else 'KEY'}"
        if name in self.plain:
            return f"{name} has no keys", f"write {name}"
        return f"unknown field {shown(str(whole))}", self._suggest(name, keys)

    def _suggest(self, name: str, keys: tuple[str, ...]) -> str:
        """A hint for an unknown field: a similar one, one with a key, or a text in quotes."""
        quoted = f"put a text in quotes: '{name}'"
        if name.lower() in _WORDS:
            return quoted
        names = [*self.plain, *(f"{field}.KEY" for field in self.keyed)]
        if suggestion := did_you_mean(name, names):
            return suggestion
        if keys or not self.keyed:
            return f"fields are {', '.join(names)}"
        keyed = [f"{field}.{'DATASET.' if field == 'eval' else ''}{name}" for field in self.keyed if field != "library"]
        return f"write {', '.join(keyed[:-1])} or {keyed[-1]}; {quoted}"


class FilterBuilder(GateBuilder):
    """The transformer for filters, without ``production.``."""

    allows_production = False


class ModelBuilder(FilterBuilder):
    """The transformer for orders of models."""

    plain = OF_MODEL
    keyed: Mapping[str, FieldKind] = {}


class RunBuilder(FilterBuilder):
    """The transformer for filters and orders of runs."""

    plain = OF_RUN
    keyed = KEYED_OF_RUN


def _span_of(token: Token) -> tuple[int, int]:
    assert token.start_pos is not None
    return token.start_pos, token.start_pos + len(token)


def _unquote_key(key: str) -> str:
    return key[1:-1].replace("``", "`") if key.startswith("`") else key


def _join_keys(name: str, keys: tuple[str, ...], span: tuple[int, int]) -> tuple[str, ...]:
    """Join keys with dots, which are part of a name: ``metrics.train.auc`` has the key ``train.auc``."""
    if name != "eval":
        return (".".join(keys),)
    if len(keys) == 1:
        raise LocatedError(span, "eval needs a data set and a metric", "write eval.DATASET.METRIC")
    return keys[0], ".".join(keys[1:])


def _name_kind(kind: FieldKind | None) -> str:
    return "a text" if kind is None else kind.value


def _as_number(typed: _TypedOperand) -> Operand:
    if typed.kind is FieldKind.TEXT_OR_NUMBER:
        assert isinstance(typed.operand, Field)
        return AsNumber(typed.operand)
    if typed.kind is not FieldKind.NUMBER:
        message = f"{typed} is {_name_kind(typed.kind)}, but arithmetic needs numbers"
        raise LocatedError(typed.span, message, "use numbers, as in metrics.auc - 0.1")
    return typed.operand


def _as_numbers(left: _TypedOperand, right: _TypedOperand) -> tuple[Operand, Operand]:
    for one, other in ((left, right), (right, left)):
        if one.kind not in (FieldKind.NUMBER, FieldKind.TEXT_OR_NUMBER):
            raise _build_mismatch(one, other)
    return _as_number(left), _as_number(right)


def _as_release(typed: _TypedOperand) -> Operand:
    if isinstance(typed.operand, Field):
        return AsRelease(typed.operand)
    return Text(_parse_release(typed))


def _parse_release(typed: _TypedOperand) -> str:
    text = typed.operand.value if isinstance(typed.operand, Text) else None
    key = release_key(text)
    if key is None:
        name = "this" if text is None else shown(text)
        raise LocatedError(typed.span, f"{name} is not a release", "write it in quotes: library.numpy < '2.1'")
    return key


def _build_mismatch(one: _TypedOperand, other: _TypedOperand) -> LocatedError:
    message = f"{one} is {_name_kind(one.kind)}, but {other} is {_name_kind(other.kind)}"
    return LocatedError(one.span, message, "compare values of the same kind")


def _literal_value(operand: Operand) -> float | str:
    assert isinstance(operand, Number | Text)
    return operand.value


def _literal_text(typed: _TypedOperand) -> str:
    return str(_literal_value(typed.operand))


def _convert_literal(typed: _TypedOperand, kind: FieldKind | None) -> Operand:
    """Convert ``typed`` for a comparison with a field of ``kind``."""
    if typed.kind is FieldKind.NUMBER:
        raise LocatedError(typed.span, "a text cannot be compared with a number", "put the number in quotes")
    if typed.kind is not None:
        return typed.operand
    text = _literal_text(typed)
    if kind is FieldKind.ALIAS:
        return Text(text.lower() if text.isascii() else text)
    if kind is FieldKind.STAGE:
        try:
            return Text(Stage.parse(text).value)
        except UnknownStage as error:
            raise LocatedError(typed.span, error.message, error.hint) from None
    if kind is FieldKind.VERDICT:
        return Text(_parse_verdict(text, typed.span))
    return Text(text)


def _parse_verdict(text: str, span: tuple[int, int]) -> str:
    try:
        return Verdict(text.lower()).value
    except ValueError:
        hint = did_you_mean(text, Verdict) or f"the verdicts are {', '.join(Verdict)}"
        raise LocatedError(span, f"{shown(text)} is not a verdict", hint) from None


def _compare_with_time(operand: Operand, comparator: Comparator, literal: _TypedOperand) -> Expression:
    """Compare a time with a time, or with a whole day if the literal is a date."""
    if literal.kind is not None:
        hint = "compare it with a time, such as '2026-10-01' or '2026-10-01T12:00:00Z'"
        raise LocatedError(literal.span, f"{operand} is a time", hint)
    try:
        first, last = (Text(as_text(time)) for time in span(_literal_text(literal)))
    except ValueError:
        hint = "write '2026-10-01' or '2026-10-01T12:00:00Z'"
        raise LocatedError(literal.span, f"{shown(_literal_text(literal))} is not a time", hint) from None
    match comparator:
        case "=":
            return And((Comparison(">=", operand, first), Comparison("<=", operand, last)))
        case "!=":
            return Not(_compare_with_time(operand, "=", literal))
        case "<" | ">=":
            return Comparison(comparator, operand, first)
        case _:
            return Comparison(comparator, operand, last)
