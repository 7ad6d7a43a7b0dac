"""Metrics that are asked for: of a class, of every class, of scorers, weighted, and by the values of a column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from in_process import evaluate
from sklearn import metrics

from modelreg.errors import InvalidData, InvalidInput

FEATURES = ["age", "income", "city"]


@pytest.fixture
def weighted(tmp_path, people):
    """The holdout with a column of weights."""
    frame = people.assign(exposure=np.arange(400) % 5 / 2)
    frame[[*FEATURES, "churned", "exposure"]].to_csv(tmp_path / "weighted.csv", index=False)
    return tmp_path / "weighted.csv", frame


def test_the_positive_class_has_metrics_of_its_own(classifier, signature, people, holdout):
    true, predicted = people["churned"], classifier.predict(people[FEATURES])
    likely = classifier.predict_proba(people[FEATURES])
    for place, label in enumerate(["no", "yes"]):
        found = evaluate(classifier, signature, holdout, "churned", positive=label).metrics
        assert found["precision"] == pytest.approx(metrics.precision_score(true, predicted, pos_label=label))
        assert found["recall"] == pytest.approx(metrics.recall_score(true, predicted, pos_label=label))
        assert found["f1"] == pytest.approx(metrics.f1_score(true, predicted, pos_label=label))
        of_label = metrics.average_precision_score(true, likely[:, place], pos_label=label)
        assert found["average_precision"] == pytest.approx(of_label)
    with pytest.raises(InvalidInput, match="the model has no class 'Yes'") as refused:
        evaluate(classifier, signature, holdout, "churned", positive="Yes")
    assert refused.value.hint == "did you mean yes?"


def test_every_class_has_a_row(classifier, signature, people, holdout):
    found = evaluate(classifier, signature, holdout, "churned", per_class=True).metrics
    report = metrics.classification_report(people["churned"], classifier.predict(people[FEATURES]), output_dict=True)
    for label in ("no", "yes"):
        assert found[f"recall:{label}"] == pytest.approx(report[label]["recall"])
        assert found[f"support:{label}"] == report[label]["support"]


@pytest.mark.parametrize("name", ["neg_brier_score", "f1", "roc_auc", "matthews_corrcoef", "neg_log_loss", "jaccard"])
def test_a_scorer_of_scikit_learn_gives_its_own_number(classifier, signature, people, holdout, name):
    found = evaluate(classifier, signature, holdout, "churned", scorers=(name,)).metrics[name]
    target = (people["churned"] == "yes").astype(int)
    likely = classifier.predict_proba(people[FEATURES])
    predicted = (classifier.predict(people[FEATURES]) == "yes").astype(int)
    expected = {
        "neg_brier_score": lambda: -metrics.brier_score_loss(target, likely[:, 1]),
        "f1": lambda: metrics.f1_score(target, predicted),
        "roc_auc": lambda: metrics.roc_auc_score(target, likely[:, 1]),
        "matthews_corrcoef": lambda: metrics.matthews_corrcoef(target, predicted),
        "neg_log_loss": lambda: -metrics.log_loss(target, likely),
        "jaccard": lambda: metrics.jaccard_score(target, predicted),
    }
    assert found == pytest.approx(expected[name]())


def test_scorers_of_a_regression_and_names_that_are_none(regressor, signature, people, tmp_path):
    people[[*FEATURES, "spent"]].to_csv(tmp_path / "data.csv", index=False)
    found = evaluate(
        regressor, signature, tmp_path / "data.csv", "spent", scorers=("neg_median_absolute_error",)
    ).metrics
    predicted = regressor.predict(people[FEATURES])
    expected = -metrics.median_absolute_error(people["spent"], predicted)
    assert found["neg_median_absolute_error"] == pytest.approx(expected)
    with pytest.raises(InvalidInput, match="no scorer 'neg_brier'") as refused:
        evaluate(regressor, signature, tmp_path / "data.csv", "spent", scorers=("neg_brier",))
    assert refused.value.hint == "did you mean neg_brier_score?"


def test_weights_count(classifier, signature, weighted):
    path, frame = weighted
    found = evaluate(classifier, signature, path, "churned", weight="exposure").metrics
    true, predicted = frame["churned"], classifier.predict(frame[FEATURES])
    likely, weights = classifier.predict_proba(frame[FEATURES]), frame["exposure"]
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(true, predicted, sample_weight=weights))
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(true, likely[:, 1], sample_weight=weights))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(true, likely, sample_weight=weights))


@pytest.mark.parametrize("weight", ["-1", "nan", "heavy", ""])
def test_weights_that_are_none_are_refused(classifier, signature, tmp_path, weight):
    (tmp_path / "data.csv").write_text(f"age,income,city,churned,w\n1,2.0,Bern,yes,1\n1,2.0,Bern,no,{weight}\n")
    with pytest.raises(InvalidData, match=f"the weight 'w' is '{weight}' in line 3"):
        evaluate(classifier, signature, tmp_path / "data.csv", "churned", weight="w")


@pytest.mark.parametrize("column", ["city", "region"])
def test_slices_are_measured_as_their_rows_by_themselves(classifier, signature, people, tmp_path, column):
    frame = people.assign(region=np.where(people["age"] > 50, "01", "1"))
    used = [*FEATURES, "churned", *([] if column == "city" else ["region"])]
    frame[used].to_csv(tmp_path / "data.csv", index=False)
    found = evaluate(classifier, signature, tmp_path / "data.csv", "churned", by=column).metrics
    for value, rows in frame.groupby(column):
        rows[[*FEATURES, "churned"]].to_csv(tmp_path / "some.csv", index=False)
        alone = evaluate(classifier, signature, tmp_path / "some.csv", "churned").metrics
        assert {name: found[f"{name}[{column}={value}]"] for name in alone} == pytest.approx(alone)
        assert found[f"rows[{column}={value}]"] == len(rows)


def test_a_column_of_too_many_values_makes_no_slices(classifier, signature, holdout):
    with pytest.raises(InvalidData, match="'income' has 400 different values, and --by takes 50"):
        evaluate(classifier, signature, holdout, "churned", by="income")


def test_ids_and_other_columns_are_left_out_when_that_is_said(classifier, signature, people, tmp_path):
    people[[*FEATURES, "churned"]].assign(id=range(400), more="x").to_csv(tmp_path / "data.csv")
    with pytest.raises(InvalidData, match="has 'Unnamed: 0', 'id', 'more', which the model does not take") as refused:
        evaluate(classifier, signature, tmp_path / "data.csv", "churned")
    assert "index that pandas writes" in refused.value.hint
    with pytest.raises(InvalidData, match="has 'more', which"):
        evaluate(classifier, signature, tmp_path / "data.csv", "churned", id_columns=("id", "Unnamed: 0"))
    assert evaluate(classifier, signature, tmp_path / "data.csv", "churned", ignore_extra=True).data_rows == 400


def test_a_frame_scores_as_its_file_does(classifier, signature, people, holdout):
    frame = people[[*FEATURES, "churned"]]
    from_file = evaluate(classifier, signature, holdout, "churned")
    assert evaluate(classifier, signature, frame, "churned") == from_file


def test_the_class_of_a_frame_with_categories_is_found(classifier, signature, people, holdout):
    frame = people[[*FEATURES, "churned"]].astype({"churned": "category", "city": "category"})
    assert evaluate(classifier, signature, frame, "churned").metrics == pytest.approx(
        evaluate(classifier, signature, holdout, "churned").metrics
    )
    assert isinstance(frame["city"].dtype, pd.CategoricalDtype)
