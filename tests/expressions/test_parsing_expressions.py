"""Expressions are parsed as documented; errors state the position of the wrong part."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelreg.errors import InvalidExpression
from modelreg.expressions.fields import release_key
from modelreg.expressions.parsing import parse_filter, parse_gate, parse_order, parse_order_of_models
from modelreg.expressions.tree import (
    And,
    AsNumber,
    AsRelease,
    Comparison,
    Field,
    In,
    IsNull,
    Like,
    Not,
    Number,
    Or,
    Text,
)

DOCUMENT = (Path(__file__).parents[2] / "docs" / "expressions.md").read_text()
EXAMPLES = [line for block in re.findall(r"```text\n(.*?)```", DOCUMENT, re.DOTALL) for line in block.splitlines()]
TABLE_EXAMPLES = re.findall(r"^\| .*\| `([^`]+)` \|$", DOCUMENT, re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES + TABLE_EXAMPLES)
def test_documented_examples_are_parsed(example):
    parse_gate(example)
    if "production." not in example:
        assert parse_filter(example) == parse_gate(example)


def test_the_documentation_has_examples():
    assert len(EXAMPLES) >= 15
    assert len(TABLE_EXAMPLES) >= 6


def test_precedence_is_not_then_and_then_or():
    one, two, three = (Comparison("=", Field("version"), Number(number)) for number in (1, 2, 3))
    assert parse_filter("version = 1 OR version = 2 AND NOT version = 3") == Or((one, And((two, Not(three)))))
    assert parse_filter("(version = 1 or version = 2) and version = 3") == And((Or((one, two)), three))


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("metrics.auc IS NULL", ("auc",)),
        ("metrics.train.auc IS NULL", ("train.auc",)),
        ("metrics.`log-loss` IS NULL", ("log-loss",)),
        ("metrics.`a``b` IS NULL", ("a`b",)),
        ("metrics.5 IS NULL", ("5",)),
        ("eval.holdout.roc_auc IS NULL", ("holdout", "roc_auc")),
        ("eval.`my data.csv`.top.5 IS NULL", ("my data.csv", "top.5")),
    ],
)
def test_the_key_follows_the_first_dot(text, keys):
    expression = parse_filter(text)
    assert isinstance(expression, IsNull)
    assert isinstance(expression.operand, Field)
    assert expression.operand.keys == keys


def test_a_parameter_is_compared_as_number_or_text():
    depth = Field("params", ("depth",))
    assert parse_filter("params.depth > 5") == Comparison(">", AsNumber(depth), Number(5))
    assert parse_filter("params.depth = '5'") == Comparison("=", depth, Text("5"))
    assert parse_filter("params.depth IN (1, -2)") == In(AsNumber(depth), (1, -2))


def test_texts_have_single_or_double_quotes_which_are_doubled_inside():
    assert parse_filter("""name = 'it''s "x"'""") == Comparison("=", Field("name"), Text('it\'s "x"'))
    assert parse_filter('''name = "it's ""x"""''') == Comparison("=", Field("name"), Text('it\'s "x"'))


def test_a_literal_may_be_the_left_operand():
    assert parse_filter("0.9 < metrics.auc") == Comparison("<", Number(0.9), Field("metrics", ("auc",)))
    assert parse_filter("'staging' = stage") == Comparison("=", Field("stage"), Text("Staging"))
    assert parse_filter("'2026-10-01' < created_at") == parse_filter("created_at > '2026-10-01'")


def test_verdicts_are_case_insensitive_and_checked():
    assert parse_filter("scan = 'SAFE'") == Comparison("=", Field("scan"), Text("safe"))
    with pytest.raises(InvalidExpression) as caught:
        parse_gate("scan = 'sage'")
    assert caught.value.hint == "did you mean safe?"
    with pytest.raises(InvalidExpression) as caught:
        parse_filter("scan != 'bad'")
    assert caught.value.hint == "the verdicts are safe, unknown, unreadable, dangerous"


def test_a_date_means_the_whole_day_in_utc():
    first, last = Text("2026-10-01T00:00:00.000000Z"), Text("2026-10-01T23:59:59.999999Z")
    created = Field("created_at")
    assert parse_filter("created_at >= '2026-10-01'") == Comparison(">=", created, first)
    assert parse_filter("created_at < '2026-10-01'") == Comparison("<", created, first)
    assert parse_filter("created_at > '2026-10-01'") == Comparison(">", created, last)
    assert parse_filter("created_at <= '2026-10-01'") == Comparison("<=", created, last)
    within = And((Comparison(">=", created, first), Comparison("<=", created, last)))
    assert parse_filter("created_at = '2026-10-01'") == within
    assert parse_filter("created_at != '2026-10-01'") == Not(within)
    noon = parse_filter("created_at > '2026-10-01T14:00:00+02:00'")
    assert noon == Comparison(">", created, Text("2026-10-01T12:00:00.000000Z"))


def test_like_is_case_sensitive_and_ilike_is_not():
    assert parse_filter("name LIKE 'a%'") == Like(Field("name"), "a%", ignore_case=False)
    assert parse_filter("name ILIKE 'a%'") == Like(Field("name"), "a%", ignore_case=True)
    assert parse_filter("name NOT LIKE 'a%'") == Not(Like(Field("name"), "a%", ignore_case=False))


@pytest.mark.parametrize(
    ("text", "message", "caret"),
    [
        ("nonsense >= 1", "unknown field 'nonsense'", "nonsense"),
        ("version = 1 AND metrcs.auc > 1", "unknown field 'metrcs.auc'", "metrcs.auc"),
        ("metrics > 1", "metrics needs a key", "metrics"),
        ("eval.holdout > 1", "a data set and a metric", "eval.holdout"),
        ("stage.x = 'a'", "stage has no keys", "stage.x"),
        ("size > 'big'", "'big' is a text, but size is a number", "'big'"),
        ("name = 3", "name is a text", "name"),
        ("name + 1 > 2", "arithmetic needs numbers", "name"),
        ("flavor = 'sklearn' AND stage = 'prodction'", "'prodction' is not a stage", "'prodction'"),
        ("stage < 'Staging'", "has no order", "<"),
        ("scan = 'sage'", "'sage' is not a verdict", "'sage'"),
        ("NOT scan IN ('unknown', 'dangerus')", "'dangerus' is not a verdict", "'dangerus'"),
        ("scan < 'unknown'", "has no order", "<"),
        ("created_at > 'soon'", "'soon' is not a time", "'soon'"),
        ("created_at > '2026-13-01'", "is not a time", "'2026-13-01'"),
        ("version IN (1, 'a')", "'a' is a text", "'a'"),
        ("params.a IN ('x', 2)", "compared with a number", "2"),
        ("size LIKE 'a'", "LIKE needs a text", "size"),
        ("metrics.auc == 1", "unexpected '='", "="),
        ("metrics.auc > 1 ?", "unexpected '?'", "?"),
        ("metrics.auc > 1e999", "too large", "1e999"),
        ("name = 'x", "missing closing", "'x"),
        ("version = 1 version", "unexpected 'version'", "version"),
        ("alias < 'a'", "has no order", "<"),
    ],
)
def test_errors_have_the_span_of_the_wrong_part(text, message, caret):
    with pytest.raises(InvalidExpression, match=re.escape(message)) as caught:
        parse_gate(text)
    start, end = caught.value.place
    assert text[start:end] == caret


@pytest.mark.parametrize("text", ["", "   ", "version =", "(version = 1", "NOT", "version = 1 AND"])
def test_an_incomplete_expression_has_a_hint_with_the_expected_tokens(text):
    with pytest.raises(InvalidExpression, match="is incomplete") as caught:
        parse_filter(text)
    assert caught.value.hint.startswith("expected ")


def test_the_prefix_production_is_only_allowed_in_gates():
    parse_gate("size < production.size")
    with pytest.raises(InvalidExpression, match="only allowed in gates"):
        parse_filter("size < production.size")
    with pytest.raises(InvalidExpression, match="only allowed in gates"):
        parse_order("production.size")


def test_an_unknown_field_has_a_hint_with_a_similar_field():
    with pytest.raises(InvalidExpression) as caught:
        parse_filter("flavour = 'sklearn'")
    assert caught.value.hint == "did you mean flavor?"


def test_an_order_has_fields_with_a_direction():
    auc, version = parse_order("metrics.auc desc, version")
    assert (auc.field, auc.descending) == (Field("metrics", ("auc",)), True)
    assert (version.field, version.descending) == (Field("version"), False)
    assert parse_order_of_models("production")[0].field == Field("production")


@pytest.mark.parametrize("text", ["alias", "nonsense", "version,", "version DESC ASC", "version > 1", ""])
def test_invalid_orders_are_refused(text):
    with pytest.raises(InvalidExpression):
        parse_order(text)


@pytest.mark.parametrize("text", ["metrics.auc", "stage", "name = 'x'"])
def test_orders_of_models_only_have_fields_of_models(text):
    with pytest.raises(InvalidExpression):
        parse_order_of_models(text)


@pytest.mark.parametrize(
    "text",
    [
        "NOT " * 1000 + "version = 1",
        "version = " + "-" * 3000 + "1",
        "version = " + "1+" * 2000 + "1",
        "version = 1 OR " * 5000 + "version = 1",
        "version = '\udcff'",
        "name = '\0'",
    ],
)
def test_too_long_too_deep_and_invalid_texts_are_refused(text):
    with pytest.raises(InvalidExpression):
        parse_filter(text)


def test_parentheses_do_not_add_depth():
    assert parse_filter("(" * 1500 + "version = 1" + ")" * 1500) == parse_filter("version = 1")


def parse_errors(text):
    for parse in (parse_gate, parse_filter, parse_order, parse_order_of_models):
        try:
            parse(text)
        except InvalidExpression as error:
            yield error


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text):
    for caught in parse_errors(text):
        assert caught.message
        assert caught.place is None or 0 <= caught.place[0] <= len(text)


LANGUAGE = """
name stage version metrics.auc params.`a b` eval.d.m production. alias created_at AND OR NOT IN LIKE IS NULL
( ) , + - * / = != < >= 'text' 'Staging' '2026-10-01' 0.5 1e3 ` ' DESC
"""
WORDS = st.sampled_from(LANGUAGE.split())


@given(st.lists(WORDS, max_size=12).map(" ".join))
def test_any_sequence_of_tokens_is_parsed_or_refused(text):
    assert all(caught.message for caught in parse_errors(text))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("stage = Staging", "put a text in quotes: 'Staging'"),
        ("scan = safe", "put a text in quotes: 'safe'"),
        ("flavour = 'sklearn'", "did you mean flavor?"),
        ("auc > 0.9", "write metrics.auc, params.auc, tags.auc or eval.DATASET.auc; put a text in quotes: 'auc'"),
        ("metrics.auc => 0.9", "write >="),
        ("metrics.auc =< 0.9", "write <="),
        ("stage <> 'Staging'", "write !="),
        ("stage == 'Staging'", "write = once"),
        ("version > 1 && version < 3", "write AND"),
        ("version > 1 || version < 3", "write OR"),
    ],
)
def test_common_mistakes_have_a_hint(text, hint):
    with pytest.raises(InvalidExpression) as caught:
        parse_filter(text)
    assert caught.value.hint == hint


def test_releases_are_ordered_by_version_number():
    ordered = ["0", "0.9", "1.0rc1", "1", "1.0.post1", "1.0.1", "1.9.dev0", "1.9", "1.9.2", "1.10", "2.0", "10"]
    assert sorted(ordered[1::2] + ordered[::2], key=release_key) == ordered
    assert release_key("1") == release_key("1.0.0") == release_key(" v1.0 ")
    assert release_key("nightly") is release_key(None) is release_key("") is None


@pytest.mark.parametrize(
    "text", ["library.numpy < 2", "library.numpy < 'new'", "library.numpy LIKE '1%'", "library < '1'"]
)
def test_a_library_is_only_compared_with_a_release(text):
    with pytest.raises(InvalidExpression):
        parse_filter(text)


def test_library_names_may_have_hyphens():
    expected = Comparison("<", AsRelease(Field("library", ("scikit-learn",))), Text(release_key("1.5")))
    assert parse_filter("library.scikit-learn < '1.5'") == parse_filter("'1.5' > library.`scikit-learn`") == expected
    of_production = AsRelease(Field("library", ("scikit-learn",), True))
    gate = parse_gate("library.scikit-learn >= production.library.scikit-learn")
    assert gate == Comparison(">=", AsRelease(Field("library", ("scikit-learn",))), of_production)
