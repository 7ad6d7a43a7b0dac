"""Searching through MLflow's store: filters, orders, pages and errors. Prompts match only if asked for."""

from __future__ import annotations

import re

import pytest
from mlflow.entities.model_registry import ModelVersion, ModelVersionTag, RegisteredModelTag
from mlflow.exceptions import MlflowException
from mlflow.prompt.constants import IS_PROMPT_TAG_KEY, PROMPT_TEXT_TAG_KEY

PROMPT = "tags.`mlflow.prompt.is_prompt`"
only_mlflow = pytest.mark.parametrize("rules", ["mlflow"], indirect=True)


def invalid(message):
    """Expect an invalid parameter; ``message`` is a part of the error message."""
    return pytest.raises(
        MlflowException, match=re.escape(message), check=lambda error: error.error_code == "INVALID_PARAMETER_VALUE"
    )


def models(store, text=None, **more):
    return [model.name for model in store.search_registered_models(text, **more)]


def versions(store, text=None, **more):
    return [version.version for version in store.search_model_versions(text, **more)]


@pytest.fixture
def six_models(store):
    """Six models."""
    for name in ("RM1", "RM2", "RM3", "RM4", "RM4A", "RM4ab"):
        store.create_registered_model(name)
    return store


@pytest.fixture
def four_versions(store):
    """Four versions of one model."""
    store.create_registered_model("churn")
    for source, run, tags in (
        ("A/B", "run-one", {"t1": "abc", "t2": "xyz"}),
        ("A/C", "run-two", {"t1": "abc", "t2": "x123"}),
        ("A/D", "run-two", {}),
        ("A/D", "run-three", {}),
    ):
        store.create_model_version("churn", source, run, [ModelVersionTag(*pair) for pair in tags.items()])
    return store


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ["RM1", "RM2", "RM3", "RM4", "RM4A", "RM4ab"]),
        ("name = 'RM1'", ["RM1"]),
        ("name != 'RM1' AND name LIKE 'RM_'", ["RM2", "RM3", "RM4"]),
        ("name = 'cats'", []),
        ("name LIKE 'RM4A%'", ["RM4A"]),
        ("name lIkE 'rm%'", []),
        ("name ILIKE 'rm4A%'", ["RM4A", "RM4ab"]),
        ("name iLike '%%'", ["RM1", "RM2", "RM3", "RM4", "RM4A", "RM4ab"]),
        ("name IN ('RM1', 'RM3')", ["RM1", "RM3"]),
    ],
)
def test_search_models_by_name(six_models, text, expected):
    assert models(six_models, text) == expected


def test_search_does_not_find_a_deleted_model(six_models):
    six_models.delete_registered_model("RM4ab")
    assert models(six_models, "name ILIKE 'rm4A%'") == ["RM4A"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name!=something", "Parameter value is either not quoted or unidentified quote types used for string value"),
        ("run_id='r'", "Invalid attribute key 'run_id' specified"),
        ("source_path = 'A'", "Invalid attribute key 'source_path' specified"),
        ("evilhax = true", "Invalid clause(s) in filter string"),
        ("name > 'a'", "Invalid comparator for attribute: >"),
        ("tags.a > 'a'", "Invalid comparator for tag: >"),
    ],
)
def test_an_invalid_filter_of_models_is_refused(six_models, text, message):
    with invalid(message):
        models(six_models, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tag.t3 = 'XYZ'", ["two"]),
        ("tags.t3 = 'XYz'", []),
        ("tag.T3 = 'XYZ'", []),
        ("name = 'one' and tag.t1 = 'abc'", ["one"]),
        ("tag.t1 LIKE 'ab%' AND tag.t2 ILIKE 'XY%'", ["one", "two"]),
        ("tag.t1 != 'abc'", ["two"]),
        ("tag.t1 != 'abcd' and tag.`t1` LIKE 'ab%'", ["one"]),
        ("tag.`a b` = 'it''s'", ["two"]),
    ],
)
def test_search_models_by_tags(store, text, expected):
    for name, tags in (("one", {"t1": "abc", "t2": "xyz"}), ("two", {"t1": "abcd", "t2": "xyz1", "t3": "XYZ"})):
        store.create_registered_model(name, [RegisteredModelTag(*pair) for pair in tags.items()])
    store.set_registered_model_tag("two", RegisteredModelTag("a b", "it''s"))
    assert models(store, text) == expected


def test_page_tokens_lead_through_all_models(store):
    names = [f"RM{number:03}" for number in range(12)]
    for name in names:
        store.create_registered_model(name)
    expected, token = [], None
    while True:
        page = store.search_registered_models("name LIKE 'RM%'", 5, ["name DESC"], token)
        expected += [model.name for model in page]
        token = page.token
        if token is None:
            break
    assert expected == names[::-1]
    assert store.search_registered_models(None, 12).token is None


@only_mlflow
def test_search_models_in_an_order(six_models):
    from unittest import mock

    for moment, names in ((1, ("MR1", "MR2")), (2, ("MR3", "MR4"))):
        with mock.patch("time.time", return_value=moment):
            for name in names:
                six_models.create_registered_model(name)
    for order, expected in (
        ([], ["MR1", "MR2", "MR3", "MR4"]),
        (["last_updated_timestamp ASC", "name DESC"], ["MR2", "MR1", "MR4", "MR3"]),
        (["timestamp asc", "name   DESC"], ["MR2", "MR1", "MR4", "MR3"]),
        (["last_updated_timestamp DESC"], ["MR3", "MR4", "MR1", "MR2"]),
        (["timestamp\tASC"], ["MR1", "MR2", "MR3", "MR4"]),
        (["timestamp  deSc", "name deSc"], ["MR4", "MR3", "MR2", "MR1"]),
    ):
        assert models(six_models, "name LIKE 'MR%'", order_by=order) == expected


def test_an_invalid_order_of_models_is_refused(six_models):
    with invalid("Invalid order by key 'creation_timestamp' specified"):
        models(six_models, order_by=["name ASC", "creation_timestamp DESC"])
    with invalid("Invalid order_by clause 'last_updated_timestamp DESC blah'"):
        models(six_models, order_by=["name ASC", "last_updated_timestamp DESC blah"])
    with invalid("`order_by` contains duplicate fields"):
        models(six_models, order_by=["timestamp", "last_updated_timestamp"])


@pytest.mark.parametrize("search", ["search_registered_models", "search_model_versions"])
def test_an_invalid_page_is_refused(four_versions, search):
    with invalid("Invalid page token, could not base64-decode"):
        getattr(four_versions, search)(None, page_token="evilhax")
    for size in (1e15, 0, 10**9):
        with pytest.raises(MlflowException, match=r"Invalid value for (request parameter )?max_results\."):
            getattr(four_versions, search)(None, size)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, {1, 2, 3, 4}),
        ("", {1, 2, 3, 4}),
        ("name = 'churn'", {1, 2, 3, 4}),
        ("version_number = 2", {2}),
        ("version_number <= 3", {1, 2, 3}),
        ("run_id = 'run-two'", {2, 3}),
        ("run_id IN ('run-one', 'RUN-TWO')", {1}),
        ("version_number=2 AND run_id IN ('run-one','run-two')", {2}),
        ("run_id NOT IN ('run-one')", {2, 3, 4}),
        ("run_id LIKE 'run-t%'", {2, 3, 4}),
        ("run_id ILIKE 'RUN-TW%'", {2, 3}),
        ("source_path = 'A/D'", {3, 4}),
        ("source_path = 'A/'", set()),
        ("source_path = ''", set()),
        ("tag.t2 = 'xyz'", {1}),
        ("tag.t2 != 'xy'", {1, 2}),
        ("tag.t2 LIKE 'xY%'", set()),
        ("tag.t2 ILIKE 'xY%'", {1}),
        ("tag.t1 = 'abc' and tag.t2 LIKE 'x%' and tag.t2 != 'xyz'", {2}),
        ("name = 'other' and tag.t2 = 'xyz'", set()),
    ],
)
def test_search_versions_by_filter(four_versions, text, expected):
    assert set(versions(four_versions, text)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run_id IN (1,2)", "While parsing a list in the query, expected string value, punctuation, or whitespace"),
        ("run_id IN ()", "expected a non-empty list of string values, but got empty list"),
        ("run_id IN (,)", "expected a non-empty list of string values, but got ill-formed list"),
        ("run_id IN (", "Invalid clause(s) in filter string"),
        ("name LIKE", "Invalid clause(s) in filter string"),
        ("version_number = 'two'", "Invalid value for numeric attribute 'version_number': 'two'"),
        ("version_number LIKE 2", "Invalid comparator for attribute version_number: LIKE"),
        ("source_path IN ('a')", "Only"),
    ],
)
def test_an_invalid_filter_of_versions_is_refused(four_versions, text, message):
    with invalid(message):
        versions(four_versions, text)


def test_search_returns_the_current_versions(four_versions):
    four_versions.delete_model_version("churn", 4)
    four_versions.transition_model_version_stage("churn", 1, "production", False)
    (version,) = four_versions.search_model_versions("run_id = 'run-one'")
    assert isinstance(version, ModelVersion)
    assert version == four_versions.get_model_version("churn", 1)
    assert versions(four_versions, "source_path = 'A/D'") == [3]


def test_versions_are_sorted_by_last_change_by_default(four_versions):
    four_versions.create_registered_model("fraud")
    four_versions.create_model_version("fraud", "A")
    four_versions.update_model_version("churn", 1, "changed last")
    expected = [(version.name, version.version) for version in four_versions.search_model_versions(None)]
    assert expected == [("churn", 1), ("fraud", 1), ("churn", 4), ("churn", 3), ("churn", 2)]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (["name DESC"], [("fraud", 1), ("churn", 4), ("churn", 3), ("churn", 2), ("churn", 1)]),
        (["version_number DESC"], [("churn", 4), ("churn", 3), ("churn", 2), ("churn", 1), ("fraud", 1)]),
        (["creation_timestamp ASC"], [("churn", 1), ("churn", 2), ("churn", 3), ("churn", 4), ("fraud", 1)]),
    ],
)
def test_search_versions_in_an_order(four_versions, order, expected):
    four_versions.create_registered_model("fraud")
    four_versions.create_model_version("fraud", "A")
    four_versions.update_model_version("churn", 1, "changed last")
    assert [
        (version.name, version.version) for version in four_versions.search_model_versions(None, order_by=order)
    ] == expected


def test_an_invalid_order_of_versions_is_refused(four_versions):
    with invalid("Invalid attribute key 'run_id' specified"):
        versions(four_versions, order_by=["name ASC", "run_id DESC"])
    with invalid("Invalid order_by clause 'last_updated_timestamp DESC blah'"):
        versions(four_versions, order_by=["last_updated_timestamp DESC blah"])


def test_page_tokens_lead_through_all_versions(four_versions):
    expected, token = [], None
    while True:
        page = four_versions.search_model_versions("name = 'churn'", 3, page_token=token)
        expected += page
        token = page.token
        if token is None:
            break
    assert expected == four_versions.search_model_versions("name = 'churn'")
    assert [version.version for version in expected] == [4, 3, 2, 1]


@pytest.fixture
def prompts(store):
    """A model and two prompts, which MLflow keeps as models."""
    is_prompt = {IS_PROMPT_TAG_KEY: "true"}
    for name, tags in (("model", {"fruit": "apple"}), ("hello", is_prompt), ("bye", is_prompt | {"fruit": "apple"})):
        store.create_registered_model(name, [RegisteredModelTag(*pair) for pair in tags.items()])
    store.create_model_version("model", "1", tags=[ModelVersionTag("fruit", "apple")])
    for number, fruit in ((1, "apple"), (2, "pear")):
        tags = is_prompt | {PROMPT_TEXT_TAG_KEY: f"Hello {{{{name}}}} {number}", "fruit": fruit}
        store.create_model_version("hello", "dummy", tags=[ModelVersionTag(*pair) for pair in tags.items()])
    return store


@pytest.mark.parametrize(
    ("text", "expected", "numbers"),
    [
        (None, ["model"], 1),
        ("tags.fruit = 'apple'", ["model"], 1),
        ("name = 'hello'", [], 0),
        (f"{PROMPT} = 'false'", ["model"], 1),
        (f"{PROMPT} != 'true'", ["model"], 1),
        (f"{PROMPT} = 'true'", ["bye", "hello"], 2),
        (f"{PROMPT} != 'false'", ["bye", "hello"], 2),
        (f"{PROMPT} = 'true' and name = 'hello'", ["hello"], 2),
        (f"{PROMPT} = 'true' and tags.fruit = 'apple'", ["bye"], 1),
    ],
)
def test_search_finds_prompts_only_on_request(prompts, text, expected, numbers):
    assert models(prompts, text) == expected
    assert len(versions(prompts, text)) == numbers


def test_search_prompt_versions(prompts):
    expected = prompts.search_prompt_versions("hello", max_results=1)
    assert [(prompt.version, prompt.template) for prompt in expected] == [(2, "Hello {{name}} 2")]
    rest = prompts.search_prompt_versions("hello", max_results=1, page_token=expected.token)
    assert ([prompt.version for prompt in rest], rest.token) == ([1], None)


def test_a_model_and_a_prompt_cannot_share_a_name(prompts):
    tags = [RegisteredModelTag(IS_PROMPT_TAG_KEY, "true")]
    for name, more, message in (
        ("model", None, "Registered Model (name=model) already exists"),
        ("hello", tags, "Prompt (name=hello) already exists"),
        (
            "model",
            tags,
            "Tried to create a prompt with name 'model', but the name is already taken by a registered model",
        ),
        (
            "hello",
            None,
            "Tried to create a registered model with name 'hello', but the name is already taken by a prompt",
        ),
    ):
        with pytest.raises(MlflowException, match=re.escape(message)):
            prompts.create_registered_model(name, more)
