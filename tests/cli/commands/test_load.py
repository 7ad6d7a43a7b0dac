"""``modelreg load``."""

from __future__ import annotations

import json
import os

import pytest


@pytest.mark.parametrize(
    "reference",
    ["churn/1", "churn/Production", "churn/PRODUCTION", "models:/churn/1", "churn@one", "churn@DIGEST"],
)
def test_load_prints_the_path_of_the_exact_file_under_its_name(churn, files, reference):
    churn("register", files[0], "--name", "churn", "--metric", "auc=0.9", "--alias", "one")
    digest = json.loads(churn("show", "churn/1", "--json").stdout)["digest"]
    result = churn("load", reference.replace("DIGEST", digest[:19]))
    assert result.stderr == ""
    path = result.stdout.removesuffix("\n")
    assert os.path.basename(path) == files[0].name
    with open(path, "rb") as loaded:
        assert loaded.read() == files[0].read_bytes()


def test_load_copies_or_streams_and_overwrites_only_with_force(churn, files, tmp_path):
    target = tmp_path / "copy.bin"
    assert churn("load", "churn/2", "-o", target).stdout == f"{target}\n"
    assert target.read_bytes() == files[1].read_bytes()
    assert churn("load", "churn/3", "-o", target).returncode == 4
    assert target.read_bytes() == files[1].read_bytes()
    assert churn("load", "churn/3", "-o", target, "--force").returncode == 0
    assert target.read_bytes() == files[2].read_bytes()
    assert churn("load", "churn/1", "-o", "-").stdout.encode() == files[0].read_bytes()
