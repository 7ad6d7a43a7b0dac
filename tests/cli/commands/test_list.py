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
