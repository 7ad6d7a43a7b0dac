"""``modelreg show``."""

from __future__ import annotations

import json


def test_show_reports_when_and_by_whom_the_stage_was_set(churn):
    version = json.loads(churn("show", "churn/1", "--json").stdout)
    entry = json.loads(churn("history", "churn/1", "--action", "transition", "--json").stdout)[0]
    assert (version["stage_since"], version["stage_by"]) == (entry["at"], entry["user"])
