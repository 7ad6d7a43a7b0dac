"""``modelreg versions``."""

from __future__ import annotations


def test_versions_are_filtered_sorted_and_limited(scored):
    arguments = ("versions", "churn", "-q", "--sort", "eval.holdout.roc_auc DESC")
    assert scored(*arguments).stdout.split() == ["churn/2", "churn/1", "churn/3"]
    assert scored(*arguments, "--limit", "1").stdout.split() == ["churn/2"]
    assert scored(*arguments, "--filter", "eval.holdout.roc_auc < 0.95").stdout.split() == ["churn/1", "churn/3"]
    assert scored("list", "-q", "--filter", "stage = 'Production'").stdout == "churn\n"
    assert scored("list", "--json", "--filter", "stage = 'Archived'").stdout == "[]\n"
    assert scored("versions", "churn", "--limit", "0").returncode == 2


def test_versions_without_a_name_lists_all_models(churn, files):
    churn("register", files[0], "--name", "fraud")
    references = churn("versions", "--filter", "version = 1", "-q").stdout.split()
    assert references == ["churn/1", "fraud/1"]
    header, *rows = churn("versions", "--limit", "1").stdout.splitlines()
    assert header.split("\t")[:2] == ["name", "version"]
    assert rows[0].split("\t")[:2] == ["churn", "3"]
