"""Text -> expression, refused with the place of what is wrong in it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from modelreg.domain.references import is_utf8
from modelreg.errors import InvalidExpression, shown
from modelreg.expressions.building import ErrorAtPlace, FilterBuilder, GateBuilder, Key, ModelBuilder, RunBuilder
from modelreg.expressions.tree import Expression

if TYPE_CHECKING:
    from lark import Lark, UnexpectedInput

_LONGEST = 4096  # characters

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

_NAMES = {
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
"""What the grammar calls a terminal -> what people do."""
_MEANT = {
    "==": "write = once",
    "=>": "write >=",
    "=<": "write <=",
    "<>": "write !=",
    "&&": "write AND",
    "||": "write OR",
}
"""What other languages write -> what it is here."""
_STARTS = {
    "filter": (FilterBuilder, "filter"),
    "gate": (GateBuilder, "filter"),
    "order": (FilterBuilder, "order"),
    "order of models": (ModelBuilder, "order"),
    "filter of runs": (RunBuilder, "filter"),
    "order of runs": (RunBuilder, "order"),
}
"""What is parsed -> what builds it, and the rule of the grammar that it is."""


def parse_filter(text: str) -> Expression:
    """Read a filter of versions or models; raises `InvalidExpression`."""
    return cast("Expression", _parsed(text, "filter"))


def parse_gate(text: str) -> Expression:
    """Read a gate's expression, in which ``production.`` may stand in front of a field; raises `InvalidExpression`."""
    return cast("Expression", _parsed(text, "gate"))


def parse_order(text: str) -> tuple[Key, ...]:
    """Read ``metrics.auc DESC, version``, by which versions are sorted; raises `InvalidExpression`."""
    return cast("tuple[Key, ...]", _parsed(text, "order"))


def parse_order_of_models(text: str) -> tuple[Key, ...]:
    """Read ``updated_at DESC, name``, by which models are sorted; raises `InvalidExpression`."""
    return cast("tuple[Key, ...]", _parsed(text, "order of models"))


def parse_filter_of_runs(text: str) -> Expression:
    """Read a filter of runs; raises `InvalidExpression`."""
    return cast("Expression", _parsed(text, "filter of runs"))


def parse_order_of_runs(text: str) -> tuple[Key, ...]:
    """Read ``metrics.auc DESC, name``, by which runs are sorted; raises `InvalidExpression`."""
    return cast("tuple[Key, ...]", _parsed(text, "order of runs"))


def _parsed(text: str, what: str) -> object:
    from lark import UnexpectedInput

    if len(text) > _LONGEST:
        raise InvalidExpression(
            text, f"the expression has {len(text)} characters, and {_LONGEST} is the most", "split it"
        )
    if not is_utf8(text):
        raise InvalidExpression(text, "the expression is not UTF-8 without NUL", "write it in UTF-8")
    try:
        return _parser(what).parse(text)
    except ErrorAtPlace as misplaced:
        raise InvalidExpression(text, misplaced.message, misplaced.hint, misplaced.place) from None
    except UnexpectedInput as unexpected:
        raise _unexpected(unexpected, text) from None


@cache
def _parser(what: str) -> Lark:
    from lark import Lark  # 70 ms, and 20 ms for the grammar

    builder, start = _STARTS[what]
    return Lark(_GRAMMAR, parser="lalr", start=start, transformer=cast("Any", builder()))


def _unexpected(found: UnexpectedInput, text: str) -> InvalidExpression:
    start = found.pos_in_stream
    expected = sorted(
        {_said(name) for name in getattr(found, "expected", None) or getattr(found, "allowed", None) or ()}
    )
    hint = f"expected {', '.join(expected[:-1])}{' or ' if expected[:-1] else ''}{expected[-1]}" if expected else None
    token = getattr(found, "token", None)
    if start is None or (token is not None and token.type == "$END"):
        return InvalidExpression(text, "the expression ends too early", hint, (len(text), len(text) + 1))
    word = str(token) if token is not None else text[start]
    if word in ("'", '"', "`"):
        return InvalidExpression(text, f"this {word} has no end", f"write {word} behind it, too", (start, len(text)))
    hint = _MEANT.get(text[max(0, start - 1) : start + 1]) or _MEANT.get(text[start : start + 2]) or hint
    return InvalidExpression(text, f"{shown(word)} was not expected there", hint, (start, start + len(word)))


def _said(terminal: str) -> str:
    return _NAMES.get(terminal, terminal.strip("_"))
