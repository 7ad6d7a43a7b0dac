"""Parse expressions; errors state the position of the wrong part."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from modelreg.domain.references import is_utf8
from modelreg.errors import InvalidExpression, shown
from modelreg.expressions.building import FilterBuilder, GateBuilder, Key, LocatedError, ModelBuilder, RunBuilder
from modelreg.expressions.tree import Expression

if TYPE_CHECKING:
    from lark import Lark, UnexpectedInput

_MAX_LENGTH = 4096  # characters

_GRAMMAR = r"""
filter: disjunction
order: term ("," term)*
term: FIELD (ASC | DESC)?

?disjunction: conjunction (_OR conjunction)*
?conjunction: negation (_AND negation)*
?negation: _NOT negation -> negated
    | predicate
?predicate: sum COMPARATOR sum -> comparison
    | sum _LIKE text -> like
    | sum _NOT _LIKE text -> not_like
    | sum _ILIKE text -> ilike
    | sum _NOT _ILIKE text -> not_ilike
    | sum _IN "(" literal ("," literal)* ")" -> in_
    | sum _NOT _IN "(" literal ("," literal)* ")" -> not_in
    | sum _IS _NULL -> is_null
    | sum _IS _NOT _NULL -> is_not_null
    | "(" disjunction ")"
?sum: product
    | sum SIGN product -> arithmetic
?product: factor
    | product FACTOR factor -> arithmetic
?factor: SIGN factor -> signed
    | FIELD -> field
    | NUMBER -> number
    | text
    | "(" sum ")"
?literal: SIGN NUMBER -> signed_number
    | NUMBER -> number
    | text
?text: STRING -> string

_AND.2: /and\b/i
_OR.2: /or\b/i
_NOT.2: /not\b/i
_LIKE.2: /like\b/i
_ILIKE.2: /ilike\b/i
_IN.2: /in\b/i
_IS.2: /is\b/i
_NULL.2: /null\b/i
ASC.2: /asc\b/i
DESC.2: /desc\b/i
COMPARATOR: "!=" | "<=" | ">=" | "=" | "<" | ">"
SIGN: "+" | "-"
FACTOR: "*" | "/"
FIELD: /(production\.)?library\.[a-z0-9]+([-.][a-z0-9]+)*|[a-z_]\w*(\.(\w+|`([^`]|``)+`))*/i
NUMBER: /(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?/i
STRING: /'([^']|'')*'|"([^"]|"")*"/
%ignore /\s+/
"""

_TERMINAL_NAMES = {
    "COMPARATOR": "a comparison such as '>='",
    "SIGN": "'+' or '-'",
    "FACTOR": "'*' or '/'",
    "FIELD": "a field",
    "NUMBER": "a number",
    "STRING": "a text in quotes",
    "LPAR": "'('",
    "RPAR": "')'",
    "COMMA": "','",
    "$END": "the end",
}
"""Terminal of the grammar -> its name in messages."""
_CORRECTIONS = {
    "==": "write = once",
    "=>": "write >=",
    "=<": "write <=",
    "<>": "write !=",
    "&&": "write AND",
    "||": "write OR",
}
"""Operator of another language -> hint."""
_KINDS = {
    "filter": (FilterBuilder, "filter"),
    "gate": (GateBuilder, "filter"),
    "order": (FilterBuilder, "order"),
    "order of models": (ModelBuilder, "order"),
    "filter of runs": (RunBuilder, "filter"),
    "order of runs": (RunBuilder, "order"),
}
"""Kind of expression -> the class that builds its nodes, and its rule in the grammar."""


def parse_filter(text: str) -> Expression:
    """Parse a filter of versions or models; raises `InvalidExpression`."""
    return cast("Expression", _parse(text, "filter"))


def parse_gate(text: str) -> Expression:
    """Parse a gate, whose fields may have the prefix ``production.``; raises `InvalidExpression`."""
    return cast("Expression", _parse(text, "gate"))


def parse_order(text: str) -> tuple[Key, ...]:
    """Parse an order of versions, such as ``metrics.auc DESC, version``; raises `InvalidExpression`."""
    return cast("tuple[Key, ...]", _parse(text, "order"))


def parse_order_of_models(text: str) -> tuple[Key, ...]:
    """Parse an order of models, such as ``updated_at DESC, name``; raises `InvalidExpression`."""
    return cast("tuple[Key, ...]", _parse(text, "order of models"))


def parse_filter_of_runs(text: str) -> Expression:
    """Parse a filter of runs; raises `InvalidExpression`."""
    return cast("Expression", _parse(text, "filter of runs"))


def parse_order_of_runs(text: str) -> tuple[Key, ...]:
    """Parse an order of runs, such as ``metrics.auc DESC, name``; raises `InvalidExpression`."""
    return cast("tuple[Key, ...]", _parse(text, "order of runs"))


def _parse(text: str, kind: str) -> object:
    from lark import UnexpectedInput

    if len(text) > _MAX_LENGTH:
        message = f"the expression has {len(text)} characters; the limit is {_MAX_LENGTH}"
        raise InvalidExpression(text, message, "split it")
    if not is_utf8(text):
        raise InvalidExpression(text, "the expression has a NUL character or is not UTF-8", "remove such characters")
    try:
        return _build_parser(kind).parse(text)
    except LocatedError as error:
        raise InvalidExpression(text, error.message, error.hint, error.span) from None
    except UnexpectedInput as error:
        raise _build_syntax_error(error, text) from None


@cache
def _build_parser(kind: str) -> Lark:
    from lark import Lark  # 70 ms, and 20 ms for the grammar

    builder, start = _KINDS[kind]
    return Lark(_GRAMMAR, parser="lalr", start=start, transformer=cast("Any", builder()))


def _build_syntax_error(error: UnexpectedInput, text: str) -> InvalidExpression:
    start, token = error.pos_in_stream, getattr(error, "token", None)
    terminals = getattr(error, "expected", None) or getattr(error, "allowed", None) or ()
    expected = sorted({_TERMINAL_NAMES.get(terminal, terminal.strip("_")) for terminal in terminals})
    hint = f"expected {', '.join(expected[:-1])}{' or ' if expected[:-1] else ''}{expected[-1]}" if expected else None
    if start is None or (token is not None and token.type == "$END"):
        return InvalidExpression(text, "the expression is incomplete", hint, (len(text), len(text) + 1))
    word = str(token) if token is not None else text[start]
    if word in ("'", '"', "`"):
        return InvalidExpression(text, f"missing closing {word}", f"add {word} at the end", (start, len(text)))
    hint = _CORRECTIONS.get(text[max(0, start - 1) : start + 1]) or _CORRECTIONS.get(text[start : start + 2]) or hint
    return InvalidExpression(text, f"unexpected {shown(word)}", hint, (start, start + len(word)))
