"""Filters in SQL have the same results as `evaluate` in Python, and use indexes."""

from __future__ import annotations

import sqlite3
from functools import partial
from importlib import metadata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelreg import Registry
from modelreg.domain.signatures import Signature, SignatureField
from modelreg.errors import InvalidExpression, InvalidInput
from modelreg.expressions.evaluation import evaluate
from modelreg.expressions.parsing import parse_filter
from modelreg.lifecycle.rules.gates import value_of
from modelreg.store.catalog.queries import filters

NUMBERS = [0.0, -0.5, 0.7, 1.0, 3.0, 1e300, -1e300]
TEXTS = ["", "a", "A", "b%", "gini", "12", " 7 ", "1e3", "nan", "1_0", "ß", "[a]", "a*b?"]


def installed_releases():
    """The installed versions of two libraries, which are recorded with every version."""
    return [metadata.version("scikit-learn"), metadata.version("numpy")]


@pytest.fixture(scope="module")
def varied_registry(tmp_path_factory):
    """A registry with versions that differ in all fields of expressions."""
    folder = tmp_path_factory.mktemp("filtering")
    registry = Registry(folder / "registry")
    path = folder / "model.bin"
    for number in range(1, 15):
        path.write_bytes(b"x" * number)
        registry.register(
            path,
            "churn",
            metrics={"a": NUMBERS[number % 7]} | ({"b-c": NUMBERS[number // 2 % 7]} if number % 3 else {}),
            params={"p": TEXTS[number % 13]} if number % 4 else {},
            tags={"t": TEXTS[number * 5 % 13]} if number % 2 else {},
            aliases=["champion"] if number == 3 else ["Champion-2", "b%"[:1]] if number == 4 else [],
            signature=Signature((SignatureField("age", "int64"),)) if number % 5 == 0 else None,
            description=TEXTS[number % 13],
            new_version=True,
        )
        registry.record_evaluation(f"churn/{number}", "d", {"m": NUMBERS[number % 7]})
    for number, stage in {1: "Staging", 2: "Production", 3: "Archived", 5: "Staging"}.items():
        registry.transition("churn", number, stage)
    return registry


OPERANDS = st.sampled_from(
    ["version", "size", "approvals", "metrics.a", "metrics.`b-c`", "eval.d.m", "params.p", "tags.t", "metrics.zzz"]
)
LITERALS = st.sampled_from([str(number) for number in NUMBERS] + ["0", "2", "14", "1e-3"])
NUMERIC = st.recursive(
    OPERANDS | LITERALS,
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner) | inner.map("-({})".format),
    max_leaves=4,
)
QUOTED = st.sampled_from(TEXTS).map(lambda text: "'" + text.replace("'", "''") + "'")
TEXTUAL = st.sampled_from(["name", "flavor", "params.p", "tags.t", "description", "model_class", "alias"])
COMPARATORS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
PATTERNS = st.text("aAb%_*?[]1ß", max_size=4).map(lambda text: f"'{text}'")
LIBRARIES = st.sampled_from(["library.scikit-learn", "library.`scikit-learn`", "library.numpy", "library.none"])
RELEASES = st.sampled_from([*installed_releases(), "1.9", "1.10", "1.9.0", "2", "0", "1.9rc1", "v1.9"])
PREDICATES = st.one_of(
    st.builds("{} {} {}".format, NUMERIC, COMPARATORS, NUMERIC),
    st.builds("{} {} {}".format, TEXTUAL.filter(lambda field: field != "alias"), COMPARATORS, QUOTED),
    st.builds("alias {} {}".format, st.sampled_from(["=", "!="]), QUOTED | st.just("'CHAMPION'")),
    st.builds("{} {} {}".format, TEXTUAL, st.sampled_from(["LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE"]), PATTERNS),
    st.builds("{} {}IN ({}, {})".format, TEXTUAL, st.sampled_from(["", "NOT "]), QUOTED, QUOTED),
    st.builds("{} {}IN ({}, {})".format, OPERANDS, st.sampled_from(["", "NOT "]), LITERALS, LITERALS),
    st.builds(
        "{} IS {}NULL".format, TEXTUAL | OPERANDS | st.sampled_from(["signature"]), st.sampled_from(["", "NOT "])
    ),
    st.builds("stage {} '{}'".format, st.sampled_from(["=", "!="]), st.sampled_from(["None", "staging", "PRODUCTION"])),
    st.builds("scan {} '{}'".format, st.sampled_from(["=", "!="]), st.sampled_from(["safe", "UNKNOWN"])),
    st.builds("{} {} '{}'".format, LIBRARIES, COMPARATORS, RELEASES),
    st.builds("{} {}IN ('{}', '{}')".format, LIBRARIES, st.sampled_from(["", "NOT "]), RELEASES, RELEASES),
    st.builds("created_at {} '{}'".format, COMPARATORS, st.sampled_from(["2020-01-01", "2100-01-01T00:00:00Z"])),
)
EXPRESSIONS = st.recursive(
    PREDICATES,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["AND", "OR"]), inner),
        inner.map("NOT ({})".format),
    ),
    max_leaves=5,
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(text=EXPRESSIONS)
def test_sql_filters_have_the_same_results_as_evaluate(varied_registry, text):
    try:
        expression = parse_filter(text)
    except InvalidExpression:
        return  # for example a comparison of different kinds
    versions = varied_registry.versions("churn")
    expected = [version.version for version in versions if evaluate(expression, partial(value_of, version)) is True]
    assert [version.version for version in varied_registry.versions("churn", filter=text)] == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("version", [1, 2, 3, 4]),
        ("metrics.a DESC, version", [5, 12, 4, 11]),
        ("stage, version DESC", [3, 14, 13, 12]),
        ("metrics.`b-c` DESC, version", [10, 11, 8, 7]),
    ],
)
def test_versions_are_sorted_and_limited(varied_registry, order, expected):
    assert [version.version for version in varied_registry.versions("churn", sort=order, limit=4)] == expected


def test_numeric_parameters_are_sorted_as_numbers(registry, model_file):
    for number, depth in enumerate(["10", "9", "100", "deep", "1e2"]):
        registry.register(model_file(b"%d" % number), "churn", params={"depth": depth})
    versions = registry.versions("churn", sort="params.depth")
    assert [version.params["depth"] for version in versions] == ["9", "10", "100", "1e2", "deep"]


def test_versions_without_a_value_come_last_in_both_directions(varied_registry):
    for direction in ("ASC", "DESC"):
        versions = varied_registry.versions("churn", sort=f"metrics.`b-c` {direction}")
        missing = ["b-c" not in version.metrics for version in versions]
        assert missing == sorted(missing)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(varied_registry, limit):
    with pytest.raises(InvalidInput):
        varied_registry.versions("churn", limit=limit)


def test_models_are_filtered_by_a_version_and_by_their_name_and_tags(registry, model_file):
    for name, auc in (("churn", 0.9), ("fraud", 0.5), ("Spam", 0.7)):
        registry.register(model_file(name.encode()), name, metrics={"auc": auc}, tags={"team": "of a version"})
    registry.tag("fraud", {"team": "risk"})
    registry.transition("churn", 1, "Production")

    def names(**options):
        return [model.name for model in registry.models(**options)]

    assert names(filter="metrics.auc > 0.6") == ["churn", "Spam"]
    assert names(filter="stage = 'Production' AND metrics.auc > 0.6") == ["churn"]
    assert names(filter="tags.team = 'risk'") == ["fraud"]
    assert names(filter="name LIKE '%r%'") == ["churn", "fraud"]
    assert names(glob="c*", filter="metrics.auc > 0.6") == ["churn"]
    assert names(sort="updated_at DESC", limit=2) == ["churn", "fraud"]
    assert names(sort="production DESC, name DESC") == ["churn", "fraud", "Spam"]


def test_a_model_without_versions_only_matches_filters_on_its_name(registry, model_file):
    registry.register(model_file(), "churn")
    registry.delete("churn/1")
    assert [model.name for model in registry.models(filter="name = 'churn'")] == ["churn"]
    assert registry.models(filter="name = 'churn' AND approvals = 0") == []
    assert registry.models(filter="size IS NULL") == []


@pytest.mark.parametrize(
    ("filter", "index"),
    [
        ("metrics.auc > 0.9", "metrics_by_value"),
        ("stage = 'Production'", "versions_by_stage"),
        ("params.depth = '3'", "params_by_value"),
        ("eval.holdout.roc_auc >= 0.9", "evaluation_metrics_by_value"),
        ("git_commit = 'abc'", "versions_by_git_commit"),
        ("flavor = 'xgboost'", "versions_by_flavor"),
        ("created_at > '2026-10-01'", "versions_by_creation"),
        ("name = 'churn'", "sqlite_autoindex_models_1"),
    ],
)
def test_filters_of_models_use_an_index(registry, model_file, filter, index):
    registry.register(model_file(), "churn")
    condition = filters.condition(parse_filter(filter), of_models=True)
    versions = "versions v JOIN models m ON m.id = v.model" if condition.of_versions else "models m"
    connection = sqlite3.connect(registry.folder / "catalog.db")
    plan = connection.execute(
        f"EXPLAIN QUERY PLAN SELECT m.id FROM {versions} WHERE {condition.sql}", condition.values
    ).fetchall()
    connection.close()
    steps = [row[3] for row in plan]
    assert any(index in step for step in steps), steps
    assert not any(step.startswith("SCAN v") for step in steps), steps
