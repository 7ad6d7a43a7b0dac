"""The nodes of an expression, made while it is parsed; what has the wrong type is refused at its place."""

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
    NumberIn,
    Operand,
    Or,
    ReleaseIn,
    Text,
    depth_of,
)
from modelreg.system.clock import as_text, span

if TYPE_CHECKING:
    from lark import Token

_DEEPEST = 60  # nodes below each other
_FLIPPED: dict[Comparator, Comparator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
_UNORDERED = {FieldKind.STAGE, FieldKind.VERDICT, FieldKind.ALIAS}
_PRODUCTION = "production"
_WORDS = {word.value.lower() for word in (*Stage, *Verdict)}
"""Texts that are not mistaken for fields."""


class Key(NamedTuple):
    """One thing by which an answer is sorted; what has no such value comes last."""

    field: Field
    descending: bool


class ErrorAtPlace(Exception):
    """Something is wrong at one place; which text it is in is known further out."""

    def __init__(self, place: tuple[int, int], message: str, hint: str | None) -> None:
        super().__init__(message)
        self.place, self.message, self.hint = place, message, hint


class _Typed(NamedTuple):
    """An operand, what it holds, and where it stands."""

    operand: Operand
    kind: FieldKind | None
    """None for a literal text, which becomes what it is compared with."""
    start: int
    end: int

    @property
    def place(self) -> tuple[int, int]:
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
    """What lark calls for each rule of the grammar, with the parts of it; settles the types on the way."""

    allows_production = True
    plain: Mapping[str, FieldKind] = PLAIN
    keyed: Mapping[str, FieldKind] = KEYED

    # Operands

    def field(self, children: list[Token]) -> _Typed:
        (token,) = children
        start, end = _place(token)
        words = re.findall(r"`(?:[^`]|``)+`|[^.`]+", token)
        of_production = words[0].lower() == _PRODUCTION and len(words) > 1
        if of_production:
            if not self.allows_production:
                raise ErrorAtPlace(
                    (start, end), "'production.' has a meaning in gates alone", "modelreg gate add --help"
                )
            start, words = start + len(words[0]) + 1, words[1:]
        name, keys = words[0], tuple(map(_unquoted, words[1:]))
        if name in self.plain and not keys:
            return _Typed(Field(name, (), of_production), self.plain[name], *_place(token))
        if name in self.keyed and keys:
            return _Typed(
                Field(name, _grouped(name, keys, (start, end)), of_production), self.keyed[name], *_place(token)
            )
        raise ErrorAtPlace((start, end), *self._why_unknown(name, keys, token))

    def number(self, children: list[Token]) -> _Typed:
        (token,) = children
        if not math.isfinite(value := float(token)):
            raise ErrorAtPlace(
                _place(token), f"{shown(str(token))} is too large for a number", "use a number below 1e308"
            )
        return _Typed(Number(value), FieldKind.NUMBER, *_place(token))

    def string(self, children: list[Token]) -> _Typed:
        (token,) = children
        quote = token[0]
        return _Typed(Text(token[1:-1].replace(quote * 2, quote)), None, *_place(token))

    def signed_number(self, children: list[Token]) -> _Typed:
        sign, token = children
        number = self.number([token])
        assert isinstance(number.operand, Number)
        value = -number.operand.value if sign == "-" else number.operand.value
        return number._replace(operand=Number(value), start=_place(sign)[0])

    def signed(self, children: list[Any]) -> _Typed:
        sign, factor = children
        operand = _as_number(factor)
        return _Typed(Negative(operand) if sign == "-" else operand, FieldKind.NUMBER, _place(sign)[0], factor.end)

    def arithmetic(self, children: list[Any]) -> _Typed:
        left, operator, right = children
        calculation = Arithmetic(cast("ArithmeticOperator", str(operator)), _as_number(left), _as_number(right))
        return _Typed(calculation, FieldKind.NUMBER, left.start, right.end)

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
        if (kinds - {FieldKind.TEXT, FieldKind.LOOSE} and len(kinds) > 1) or left.kind is right.kind is FieldKind.ALIAS:
            raise _mismatch(right, left)
        if comparator not in ("=", "!=") and left.kind in _UNORDERED:
            raise ErrorAtPlace(_place(token), f"{left} is {left.kind.value}, which has no order", "use =, != or IN")
        if left.kind is FieldKind.MOMENT and right.kind is None:
            return _compared_with_time(left.operand, comparator, right)
        return Comparison(comparator, left.operand, _literal(right, left.kind))

    def in_(self, children: list[_Typed]) -> Expression:
        operand, *choices = children
        if operand.kind is FieldKind.RELEASE:
            return In(_as_release(operand), tuple([_text_of_release(choice) for choice in choices]))
        if operand.kind is FieldKind.MOMENT:
            return Or(tuple(_compared_with_time(operand.operand, "=", choice) for choice in choices))
        numeric = operand.kind is FieldKind.NUMBER or (
            operand.kind is FieldKind.LOOSE and choices[0].kind is FieldKind.NUMBER
        )
        if numeric:
            wanted = _as_numbers(operand, choices[0])[0]
            return In(wanted, tuple([_value(_as_numbers(operand, choice)[1]) for choice in choices]))  # type: ignore[arg-type]
        return In(operand.operand, tuple([_value(_literal(choice, operand.kind)) for choice in choices]))  # type: ignore[arg-type]

    def like(self, children: list[_Typed], ignore_case: bool = False) -> Expression:
        operand, pattern = children
        if operand.kind not in (FieldKind.TEXT, FieldKind.LOOSE, FieldKind.ALIAS, None):
            raise ErrorAtPlace(
                operand.place,
                f"{operand} is {_called(operand.kind)}, and LIKE is for texts",
                "compare it with =, < or >",
            )
        return Like(operand.operand, _text_of(pattern), ignore_case or operand.kind is FieldKind.ALIAS)

    def ilike(self, children: list[_Typed]) -> Expression:
        return self.like(children, ignore_case=True)

    def is_null(self, children: list[_Typed]) -> Expression:
        (operand,) = children
        return IsNull(operand.operand)

    def not_in(self, children: list[_Typed]) -> Expression:
        return Not(self.in_(children))

    def not_like(self, children: list[_Typed]) -> Expression:
        return Not(self.like(children))

    def not_ilike(self, children: list[_Typed]) -> Expression:
        return Not(self.ilike(children))

    def is_not_null(self, children: list[_Typed]) -> Expression:
        return Not(self.is_null(children))

    # What joins them

    def negated(self, children: list[Expression]) -> Expression:
        (expression,) = children
        return Not(expression)

    def conjunction(self, children: list[Expression]) -> Expression:
        return And(tuple(children))

    def disjunction(self, children: list[Expression]) -> Expression:
        return Or(tuple(children))

    def filter(self, children: list[Expression]) -> Expression:
        (expression,) = children
        if depth_of(expression) > _DEEPEST:
            raise ErrorAtPlace((0, 1), "the expression is nested too deeply", "split it")
        return expression

    def term(self, children: list[Token]) -> Key:
        field = self.field(children[:1])
        if field.kind is FieldKind.ALIAS:
            raise ErrorAtPlace(
                field.place, "a version may have any number of aliases: they give no order", "order by version DESC"
            )
        assert isinstance(field.operand, Field)
        return Key(field.operand, children[-1].type == "DESC")

    def order(self, children: list[Key]) -> tuple[Key, ...]:
        return tuple(children)

    def _why_unknown(self, name: str, keys: tuple[str, ...], whole: str) -> tuple[str, str]:
        if name in self.keyed:
            return f"{name} needs a key", f"write {name}.{'DATASET.METRIC' if name == 'eval' else 'KEY'}"
        if name in self.plain:
            return f"{name} has no keys", f"write {name}"
        return f"there is no field {shown(str(whole))}", self._instead(name, keys)

    def _instead(self, name: str, keys: tuple[str, ...]) -> str:
        """What may have been meant by a field that there is not: another one, one with a key, or a text."""
        as_text = f"a text stands in quotes: '{name}'"
        if name.lower() in _WORDS:
            return as_text
        known = [*self.plain, *(f"{each}.KEY" for each in self.keyed)]
        if near := did_you_mean(name, known):
            return near
        if keys or not self.keyed:
            return f"fields are {', '.join(known)}"
        keyed = [f"{each}.{'DATASET.' if each == 'eval' else ''}{name}" for each in self.keyed if each != "library"]
        return f"write {', '.join(keyed[:-1])} or {keyed[-1]}; {as_text}"


class FilterBuilder(GateBuilder):
    """The same without ``production.``."""

    allows_production = False


class ModelBuilder(FilterBuilder):
    """The fields of models, for their order."""

    plain = OF_MODEL
    keyed: Mapping[str, FieldKind] = {}


class RunBuilder(FilterBuilder):
    """The fields of runs."""

    plain = OF_RUN
    keyed = KEYED_OF_RUN


def _place(token: Token) -> tuple[int, int]:
    assert token.start_pos is not None
    return token.start_pos, token.start_pos + len(token)


def _unquoted(key: str) -> str:
    return key[1:-1].replace("``", "`") if key.startswith("`") else key


def _grouped(name: str, keys: tuple[str, ...], place: tuple[int, int]) -> tuple[str, ...]:
    """The keys with the dots that belong to a metric's own name: ``metrics.train.auc`` has one key."""
    if name != "eval":
        return (".".join(keys),)
    if len(keys) == 1:
        raise ErrorAtPlace(place, "eval needs a data set and a metric", "write eval.DATASET.METRIC")
    return keys[0], ".".join(keys[1:])


def _called(kind: FieldKind | None) -> str:
    return "a text" if kind is None else kind.value


def _as_number(typed: _Typed) -> Operand:
    if typed.kind is FieldKind.LOOSE:
        assert isinstance(typed.operand, Field)
        return NumberIn(typed.operand)
    if typed.kind is not FieldKind.NUMBER:
        message = f"{typed} is {_called(typed.kind)}, and only numbers can be calculated with"
        raise ErrorAtPlace(typed.place, message, "calculate with numbers, as in metrics.auc - 0.1")
    return typed.operand


def _as_numbers(left: _Typed, right: _Typed) -> tuple[Operand, Operand]:
    for one, other in ((left, right), (right, left)):
        if one.kind not in (FieldKind.NUMBER, FieldKind.LOOSE):
            raise _mismatch(one, other)
    return _as_number(left), _as_number(right)


def _as_release(typed: _Typed) -> Operand:
    if isinstance(typed.operand, Field):
        return ReleaseIn(typed.operand)
    return Text(_text_of_release(typed))


def _text_of_release(typed: _Typed) -> str:
    text = typed.operand.value if isinstance(typed.operand, Text) else None
    key = release_key(text)
    if key is None:
        found = "this" if text is None else shown(text)
        raise ErrorAtPlace(typed.place, f"{found} is not a release", "write it in quotes: library.numpy < '2.1'")
    return key


def _mismatch(one: _Typed, other: _Typed) -> ErrorAtPlace:
    message = f"{one} is {_called(one.kind)}, and {other} is {_called(other.kind)}"
    return ErrorAtPlace(one.place, message, "compare values of one kind")


def _value(operand: Operand) -> float | str:
    assert isinstance(operand, Number | Text)
    return operand.value


def _text_of(typed: _Typed) -> str:
    return str(_value(typed.operand))


def _literal(typed: _Typed, kind: FieldKind | None) -> Operand:
    """``typed`` as what is compared with something of ``kind``."""
    if typed.kind is FieldKind.NUMBER:
        raise ErrorAtPlace(typed.place, "a number is compared with a text", "put it in quotes")
    if typed.kind is not None:
        return typed.operand
    text = _text_of(typed)
    if kind is FieldKind.ALIAS:
        return Text(text.lower() if text.isascii() else text)
    if kind is FieldKind.STAGE:
        try:
            return Text(Stage.parse(text).value)
        except UnknownStage as unknown:
            raise ErrorAtPlace(typed.place, unknown.message, unknown.hint) from None
    if kind is FieldKind.VERDICT:
        return Text(_verdict(text, typed.place))
    return Text(text)


def _verdict(text: str, place: tuple[int, int]) -> str:
    try:
        return Verdict(text.lower()).value
    except ValueError:
        hint = did_you_mean(text, Verdict) or f"the verdicts are {', '.join(Verdict)}"
        raise ErrorAtPlace(place, f"{shown(text)} is not a verdict", hint) from None


def _compared_with_time(operand: Operand, comparator: Comparator, literal: _Typed) -> Expression:
    """A time compared with a moment, or with a whole day when only a date is given."""
    if literal.kind is not None:
        raise ErrorAtPlace(literal.place, f"{operand} is a time", "write it as '2026-10-01' or '2026-10-01T12:00:00Z'")
    try:
        first, last = (Text(as_text(moment)) for moment in span(_text_of(literal)))
    except ValueError:
        hint = "write '2026-10-01' or '2026-10-01T12:00:00Z'"
        raise ErrorAtPlace(literal.place, f"{shown(_text_of(literal))} is not a time", hint) from None
    match comparator:
        case "=":
            return And((Comparison(">=", operand, first), Comparison("<=", operand, last)))
        case "!=":
            return Not(_compared_with_time(operand, "=", literal))
        case "<" | ">=":
            return Comparison(comparator, operand, first)
        case _:
            return Comparison(comparator, operand, last)
