"""``modelreg list``."""

from __future__ import annotations

import json


def test_list_in_a_pipe_is_tab_separated_with_a_header(churn):
    header, row = churn("list", COLUMNS="20").stdout.splitlines()
    model = dict(zip(header.split("\t"), row.split("\t"), strict=True))
    assert model["name"] == "churn"
    assert (model["versions"], model["latest"], model["production"], model["archived"]) == ("3", "3", "1", "0")


def test_list_json_of_an_empty_registry_is_an_empty_array(run):
    assert run("init").returncode == 0
    assert json.loads(run("list", "--json").stdout) == []


def test_list_pattern_selects_models_by_name(churn, files):
    churn("register", files[0], "--name", "other")
    assert churn("list", "ch*", "-q").stdout == "churn\n"
    assert churn("ls", "-q").stdout.split() == ["churn", "other"]


def test_list_reports_when_and_by_whom_a_version_was_moved_into_production(churn):
    (model,) = json.loads(churn("list", "--json").stdout)
    entry = json.loads(churn("history", "churn/1", "--action", "transition", "--json").stdout)[0]
    assert (model["production_since"], model["production_by"]) == (entry["at"], entry["user"])


def test_list_reports_no_time_in_production_after_the_version_left_it(churn):
    assert churn("transition", "churn", "1", "Archived").returncode == 0
    (model,) = json.loads(churn("list", "--json").stdout)
    assert (model["production"], model["production_since"], model["production_by"]) == (None, None, None)


def test_list_counts_time_in_production_from_the_promotion_not_from_a_refused_attempt(churn):
    (before,) = json.loads(churn("list", "--json").stdout)
    assert churn("gate", "add", "churn", "Production", "size > 10000000").returncode == 0
    assert churn("transition", "churn", "2", "Production", "--archive-existing").returncode != 0
    (after,) = json.loads(churn("list", "--json").stdout)
    assert after["production_since"] == before["production_since"]
