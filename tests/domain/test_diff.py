"""Differences between two versions, and which value of a metric is better."""

from __future__ import annotations

import pytest

from modelreg.domain.comparison import compare_values, less_is_better
from modelreg.domain.signatures import Signature, SignatureField
from modelreg.errors import VersionNotFound


def by_name(differences):
    return {difference.name: (difference.before, difference.after) for difference in differences}


def test_diff_has_files_metrics_params_scores_and_signature(registry, model_folder):
    one = model_folder({"model.bin": b"one", "same.txt": b"same", "old.txt": b"old"}, "one")
    two = model_folder({"model.bin": b"three", "same.txt": b"same", "new.txt": b"new"}, "two")
    registry.register(
        one,
        "churn",
        metrics={"auc": 0.8, "loss": 0.5, "same": 1.0},
        params={"depth": 3, "trees": 10},
        signature=Signature((SignatureField("age", "int64"), SignatureField("city", "string"))),
    )
    registry.register(
        two,
        "churn",
        metrics={"auc": 0.9, "loss": 0.6, "same": 1.0, "strange": 7},
        params={"depth": 5, "trees": 10},
        signature=Signature((SignatureField("age", "float64"), SignatureField("town", "string"))),
    )
    registry.record_evaluation("churn/1", "holdout", {"roc_auc": 0.7}, data=one / "model.bin")
    registry.record_evaluation("churn/2", "holdout", {"roc_auc": 0.65}, data=one / "model.bin")
    diff = registry.diff("churn/1", "churn/latest")
    assert (diff.before, diff.after, diff.is_empty) == ("churn/1", "churn/2", False)
    sizes = {file.path: (file.before and file.before.size, file.after and file.after.size) for file in diff.files}
    assert sizes == {"model.bin": (3, 5), "new.txt": (None, 3), "old.txt": (3, None)}
    assert by_name(diff.metrics) == {"auc": (0.8, 0.9), "loss": (0.5, 0.6), "strange": (None, 7.0)}
    assert {metric.name: metric.better for metric in diff.metrics} == {
        "auc": "after",
        "loss": "before",
        "strange": None,
    }
    (score,) = diff.evaluations
    assert (score.name, score.better) == ("holdout.roc_auc", "before")
    assert score.delta == pytest.approx(-0.05)
    assert by_name(diff.params) == {"depth": ("3", "5")}
    assert set(by_name(diff.signature)) == {"inputs.age", "inputs.city", "inputs.town"}
    assert (diff.environment, diff.model) == ((), ())


def test_scores_on_different_data_have_no_delta_but_a_reason(registry, model_file, tmp_path):
    for number in (1, 2):
        registry.register(model_file(b"%d" % number), "churn")
        (data := tmp_path / f"holdout-{number}.csv").write_text(f"age\n{number}\n")
        registry.record_evaluation(f"churn/{number}", "holdout", {"roc_auc": 0.7, "f1": number / 4}, data=data)
    f1, auc = registry.diff("churn/1", "churn/2").evaluations
    assert (f1.name, f1.before, f1.after, f1.delta, f1.better) == ("holdout.f1", 0.25, 0.5, None, None)
    assert (auc.name, auc.before, auc.after) == ("holdout.roc_auc", 0.7, 0.7)
    for fact in ("sha256:", "churn/1", "churn/2"):
        assert fact in f1.reason
    assert auc.reason == f1.reason


def test_diff_of_a_version_with_itself_is_empty(registry, model_file):
    registry.register(model_file(), "churn", metrics={"auc": 0.8})
    assert registry.diff("churn/1", "churn/latest").is_empty


def test_diff_compares_versions_of_two_models(registry, model_file):
    registry.register(model_file(b"1"), "churn")
    registry.register(model_file(b"1"), "fraud", params={"depth": 2})
    diff = registry.diff("churn/1", "fraud/1")
    assert by_name(diff.params) == {"depth": (None, "2")}
    assert diff.files == ()
    with pytest.raises(VersionNotFound):
        registry.diff("churn/1", "fraud/2")


@pytest.mark.parametrize("metric", ["log_loss", "val_loss", "rmse", "test.mae", "max_error", "MAPE"])
def test_lower_losses_and_errors_are_better(metric):
    assert less_is_better(metric) is True
    assert compare_values(metric, 0.5, 0.4).better == "after"
    assert compare_values(metric, 0.4, 0.5).better == "before"


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc", "f1_macro", "r2", "precision@10", "val.recall"])
def test_higher_scores_are_better(metric):
    assert less_is_better(metric) is False
    assert compare_values(metric, 0.5, 0.4).better == "before"


def test_no_value_is_better_for_unknown_equal_or_missing_metrics():
    assert less_is_better("latency_budget") is None
    assert compare_values("latency_budget", 1, 2).better is None
    assert compare_values("accuracy", 0.5, 0.5).better is None
    assert compare_values("accuracy", None, 0.5).better is None
