"""Searching models and versions: filters and orders of MLflow and of modelreg, and pages."""

from __future__ import annotations

import pytest

import modelreg.mlflow as mlflow
from modelreg.mlflow.exceptions import MlflowException


@pytest.fixture
def client_with_models(client, model_file):
    """A client on a registry with churn (three versions and tags), fraud (one version) and empty."""
    client.create_registered_model("churn", tags={"team": "growth", "cost center": "7"})
    client.create_registered_model("fraud", tags={"team": "risk"})
    client.create_registered_model("empty")
    for number in (1, 2, 3):
        client.create_model_version(
            "churn", str(model_file(str(number).encode())), run_id=f"r{number}", tags={"number": number, "a.b": "x"}
        )
    client.create_model_version("fraud", str(model_file(b"f", "fraud.bin")))
    client.update_model_version("churn", "2", "changed last")
    return client


def references(versions):
    return [f"{version.name}/{version.version}" for version in versions]


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ("name = 'churn'", {"churn/1", "churn/2", "churn/3"}),
        ("name='churn' and version_number > 1", {"churn/2", "churn/3"}),
        ("name IN ('churn', 'fraud') AND version_number <= 1", {"churn/1", "fraud/1"}),
        ("name NOT IN ('churn')", {"fraud/1"}),
        ("name != 'churn'", {"fraud/1"}),
        ("name LIKE 'ch%'", {"churn/1", "churn/2", "churn/3"}),
        ("name LIKE 'CH%'", set()),
        ("name ILIKE 'CH%' AND version_number != 2", {"churn/1", "churn/3"}),
        ("attribute.name = 'fraud'", {"fraud/1"}),
        ('`name` = "fraud"', {"fraud/1"}),
        ("run_id = 'r2'", {"churn/2"}),
        ("run_id IN ('r1', 'r3')", {"churn/1", "churn/3"}),
        ("source_path LIKE '%fraud.bin'", {"fraud/1"}),
        ("tags.number = '3'", {"churn/3"}),
        ("tag.`number` != '3'", {"churn/1", "churn/2"}),
        ("tags.\"number\" LIKE '1%'", {"churn/1"}),
        ("tags.a.b = 'x' AND tags.`a.b` = 'x'", {"churn/1", "churn/2", "churn/3"}),
        ("source_path = 'name = version_number'", set()),
        ("current_stage = 'None' AND (version_number = 3 OR description = 'changed last')", {"churn/2", "churn/3"}),
        ("", {"churn/1", "churn/2", "churn/3", "fraud/1"}),
        (None, {"churn/1", "churn/2", "churn/3", "fraud/1"}),
    ],
)
def test_search_versions_by_filter(client_with_models, filter, expected):
    matches = references(client_with_models.search_model_versions(filter))
    assert (set(matches), len(matches)) == (expected, len(expected))


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ("name = 'churn'", ["churn"]),
        ("name LIKE '%u%'", ["churn", "fraud"]),
        ("tags.team = 'growth'", ["churn"]),
        ("tags.`cost center` = '7'", ["churn"]),
        ("tags.team != 'growth'", ["fraud"]),
        ("name != 'fraud'", ["churn", "empty"]),
        (None, ["churn", "empty", "fraud"]),
    ],
)
def test_search_models_by_name_and_tags(client_with_models, filter, expected):
    assert [model.name for model in client_with_models.search_registered_models(filter)] == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (None, ["churn/2", "fraud/1", "churn/3", "churn/1"]),
        (["name"], ["churn/3", "churn/2", "churn/1", "fraud/1"]),
        (["version_number DESC", "name DESC"], ["churn/3", "churn/2", "fraud/1", "churn/1"]),
        (["name DESC", "version_number ASC"], ["fraud/1", "churn/1", "churn/2", "churn/3"]),
        (["creation_timestamp"], ["churn/1", "churn/2", "churn/3", "fraud/1"]),
        (["attribute.last_updated_timestamp DESC"], ["churn/2", "fraud/1", "churn/3", "churn/1"]),
    ],
)
def test_search_versions_in_an_order(client_with_models, order, expected):
    assert references(client_with_models.search_model_versions(order_by=order)) == expected


def test_search_models_in_an_order(client_with_models):
    names = [model.name for model in client_with_models.search_registered_models(order_by=["creation_timestamp DESC"])]
    assert names == ["empty", "fraud", "churn"]
    for moment in ("last_updated_timestamp", "timestamp"):
        assert client_with_models.search_registered_models(order_by=[f"{moment} DESC"])[0].name == "churn"


def test_page_tokens_lead_through_all_pages(client_with_models):
    first = client_with_models.search_model_versions(max_results=3)
    second = client_with_models.search_model_versions(max_results=3, page_token=first.token)
    assert (len(first), len(second), second.token) == (3, 1, None)
    assert references([*first, *second]) == references(client_with_models.search_model_versions())
    assert client_with_models.search_model_versions(max_results=4).token is None
    models = client_with_models.search_registered_models(max_results=2)
    assert [model.name for model in models] == ["churn", "empty"]
    assert [model.name for model in client_with_models.search_registered_models(page_token=models.token)] == ["fraud"]


def test_module_functions_return_all_pages(client_with_models):
    assert [model.name for model in mlflow.search_registered_models()] == ["churn", "empty", "fraud"]
    assert [model.name for model in mlflow.search_registered_models(2, order_by=["name DESC"])] == ["fraud", "empty"]
    assert len(mlflow.search_model_versions()) == 4
    assert mlflow.search_model_versions(0) == mlflow.search_registered_models(0) == []
    assert references(mlflow.search_model_versions(1, "name = 'churn'", ["version_number"])) == ["churn/1"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"filter_string": "nothing = 'a'"},
        {"filter_string": "name = "},
        {"filter_string": "name = churn"},
        {"filter_string": "name = 'churn"},
        {"filter_string": "version_number = 'x'"},
        {"filter_string": "metrics.auc = 'x'"},
        {"order_by": ["nothing"]},
        {"order_by": ["name UPWARD"]},
        {"page_token": "xx"},
        {"page_token": "eyJvZmZzZXQiOiAtMX0="},
        {"page_token": b"\xff"},
        {"max_results": 0},
        {"max_results": 10**6},
        {"max_results": 2.5},
        {"max_results": "5"},
        {"max_results": None},
        {"filter_string": 5},
    ],
)
def test_an_invalid_search_is_refused(client_with_models, arguments):
    with pytest.raises(MlflowException) as refused:
        client_with_models.search_model_versions(**arguments)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
