"""``modelreg diff``."""

from __future__ import annotations

import json


def test_diff_lists_differences_and_exits_like_git(scored):
    result = scored("diff", "churn/1", "churn/2")
    assert result.returncode == 0
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert lines[0] == ["section", "name", "before", "after", "delta", "better"]
    assert [line[0] for line in lines[1:]] == ["file", "file", "evaluation", "model"]
    assert lines[3][1:4] == ["holdout.roc_auc", "0.9", "0.95"]
    assert lines[3][5] == "after"
    assert scored("diff", "churn/1", "churn/2", "--exit-code").returncode == 1
    assert scored("diff", "churn/1", "churn/1", "--exit-code").returncode == 0
    assert scored("diff", "churn/1", "churn/9", "--exit-code").returncode == 3
    difference = json.loads(scored("diff", "churn/1", "churn/2", "--json").stdout)
    assert list(difference) == [
        *("before", "after", "files", "metrics", "evaluations", "params", "signature", "environment", "model")
    ]
