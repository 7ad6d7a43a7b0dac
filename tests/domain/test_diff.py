"""What differs between two versions, and which is better where that is known."""

from __future__ import annotations

import pytest

from modelreg.domain.comparison import difference, less_is_better
from modelreg.domain.signatures import Signature, SignatureField
from modelreg.errors import VersionNotFound


def named(differences):
    return {each.name: (each.before, each.after) for each in differences}


def test_everything_that_differs_is_named(registry, model_folder):
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
    found = registry.diff("churn/1", "churn/latest")
    assert (found.before, found.after, found.nothing) == ("churn/1", "churn/2", False)
    files = {each.path: (each.before and each.before.size, each.after and each.after.size) for each in found.files}
    assert files == {"model.bin": (3, 5), "new.txt": (None, 3), "old.txt": (3, None)}
    assert named(found.metrics) == {"auc": (0.8, 0.9), "loss": (0.5, 0.6), "strange": (None, 7.0)}
    assert {each.name: each.better for each in found.metrics} == {"auc": "after", "loss": "before", "strange": None}
    (score,) = found.evaluations
    assert (score.name, score.better) == ("holdout.roc_auc", "before")
    assert score.delta == pytest.approx(-0.05)
    assert named(found.params) == {"depth": ("3", "5")}
    assert set(named(found.signature)) == {"inputs.age", "inputs.city", "inputs.town"}
    assert (found.environment, found.model) == ((), ())


def test_scores_on_different_data_are_shown_and_not_compared(registry, model_file, tmp_path):
    for number in (1, 2):
        registry.register(model_file(b"%d" % number), "churn")
        (data := tmp_path / f"holdout-{number}.csv").write_text(f"age\n{number}\n")
        registry.record_evaluation(f"churn/{number}", "holdout", {"roc_auc": 0.7, "f1": number / 4}, data=data)
    same, other = registry.diff("churn/1", "churn/2").evaluations
    assert (same.name, same.before, same.after, same.delta, same.better) == ("holdout.f1", 0.25, 0.5, None, None)
    assert (other.name, other.before, other.after) == ("holdout.roc_auc", 0.7, 0.7)
    assert "measured on different data: sha256:" in same.reason
    assert "for churn/1" in same.reason
    assert other.reason == same.reason


def test_a_version_does_not_differ_from_itself(registry, model_file):
    registry.register(model_file(), "churn", metrics={"auc": 0.8})
    assert registry.diff("churn/1", "churn/latest").nothing


def test_versions_of_two_models_are_compared_too(registry, model_file):
    registry.register(model_file(b"1"), "churn")
    registry.register(model_file(b"1"), "fraud", params={"depth": 2})
    found = registry.diff("churn/1", "fraud/1")
    assert named(found.params) == {"depth": (None, "2")}
    assert found.files == ()
    with pytest.raises(VersionNotFound):
        registry.diff("churn/1", "fraud/2")


@pytest.mark.parametrize("metric", ["log_loss", "val_loss", "rmse", "test.mae", "max_error", "MAPE"])
def test_less_of_a_loss_or_an_error_is_better(metric):
    assert less_is_better(metric) is True
    assert difference(metric, 0.5, 0.4).better == "after"
    assert difference(metric, 0.4, 0.5).better == "before"


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc", "f1_macro", "r2", "precision@10", "val.recall"])
def test_more_of_a_score_is_better(metric):
    assert less_is_better(metric) is False
    assert difference(metric, 0.5, 0.4).better == "before"


def test_of_an_unknown_metric_nobody_says_what_is_better():
    assert less_is_better("latency_budget") is None
    assert difference("latency_budget", 1, 2).better is None
    assert difference("accuracy", 0.5, 0.5).better is None
    assert difference("accuracy", None, 0.5).better is None
