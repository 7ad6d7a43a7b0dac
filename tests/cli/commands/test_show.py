"""``modelreg show``."""

from __future__ import annotations

import json


def test_show_reports_when_and_by_whom_the_stage_was_set(churn):
    version = json.loads(churn("show", "churn/1", "--json").stdout)
    entry = json.loads(churn("history", "churn/1", "--action", "transition", "--json").stdout)[0]
    assert (version["stage_since"], version["stage_by"]) == (entry["at"], entry["user"])


def test_show_of_a_model_reports_the_time_in_production_as_an_age_in_a_table_and_exactly_elsewhere(churn):
    fields = dict(line.split("\t", 1) for line in churn("show", "churn").stdout.splitlines())
    (model,) = json.loads(churn("list", "--json").stdout)
    assert fields["production_since"] == model["production_since"]
    assert "production_since  just now" in churn("show", "churn", "--table").stdout
