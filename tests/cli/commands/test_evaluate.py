"""``modelreg evaluate`` with a real model."""

from __future__ import annotations

import json

import pytest


@pytest.mark.slow
def test_evaluate_prints_the_metrics_and_those_of_production(run, trained):
    first = run("evaluate", "iris/1", "--data", trained / "holdout.csv", "--target", "target")
    assert first.returncode == 0, first.stderr
    lines = [line.split("\t") for line in first.stdout.splitlines()]
    assert lines[0] == ["metric", "value", "production", "delta", "better"]
    assert [line[0] for line in lines[1:]] == [
        *("accuracy", "balanced_accuracy", "precision_macro", "recall_macro", "f1_macro"),
        *("roc_auc", "average_precision", "log_loss"),
    ]
    assert all(fact in first.stderr for fact in ("iris/1", "150 rows", "eval.holdout"))
    evaluation = json.loads(
        run("evaluate", "iris/1", "--data", trained / "holdout.csv", "--target", "target", "--as", "b", "--json").stdout
    )
    assert list(evaluation) == [
        *("name", "version", "dataset", "task", "metrics", "missing", "confusion_matrix", "data_digest", "data_rows"),
        *("terms", "created_by", "created_at", "production", "incumbent", "deltas"),
    ]
    assert evaluation["confusion_matrix"]["labels"] == ["0", "1", "2"]


def test_metric_name_with_surrounding_spaces_is_refused(churn, files):
    result = churn("evaluate", "churn/1", "--as", "d", "--metric", "auc = 0.9")
    assert result.returncode == 2
    assert "write --metric auc=0.9" in result.stderr


@pytest.mark.slow
def test_file_and_metric_options_reach_the_model(run, trained):
    text = (trained / "holdout.csv").read_text()
    (trained / "holdout.txt").write_text(text.replace(",", ";"))
    arguments = ("--target", "target", "--delimiter", ";", "--positive", "1", "--scorer", "f1_weighted", "--per-class")
    result = run("evaluate", "iris/1", "--data", trained / "holdout.txt", *arguments, "--json")
    assert result.returncode == 0, result.stderr
    assert {"precision", "recall:2", "f1_weighted"} <= json.loads(result.stdout)["metrics"].keys()
    (trained / "rows.csv").write_text((trained / "rows.csv").read_text().partition("\n")[2])
    refused = run("predict", "iris/1", "-i", trained / "rows.csv", "-o", "-")
    assert (refused.returncode, "--no-header" in refused.stderr) == (2, True)
    result = run("predict", "iris/1", "-i", trained / "rows.csv", "-o", "-", "--no-header")
    assert (result.returncode, len(result.stdout.splitlines())) == (0, 151)
