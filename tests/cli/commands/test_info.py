"""``modelreg info``."""

from __future__ import annotations

import json


def test_info_reports_the_size_of_all_stored_files(churn):
    files = {
        file["digest"]: file["size"]
        for version in json.loads(churn("versions", "--json").stdout)
        for file in version["files"]
    }
    assert json.loads(churn("info", "--json").stdout)["size"] == sum(files.values()) > 0
