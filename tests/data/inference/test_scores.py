"""Optional metrics: of the positive class, per class, of scorers, weighted, and by the values of a column."""

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


def test_the_positive_class_has_its_own_metrics(classifier, signature, people, holdout):
    true, predicted = people["churned"], classifier.predict(people[FEATURES])
    probabilities = classifier.predict_proba(people[FEATURES])
    for index, label in enumerate(["no", "yes"]):
        scores = evaluate(classifier, signature, holdout, "churned", positive=label).metrics
        assert scores["precision"] == pytest.approx(metrics.precision_score(true, predicted, pos_label=label))
        assert scores["recall"] == pytest.approx(metrics.recall_score(true, predicted, pos_label=label))
        assert scores["f1"] == pytest.approx(metrics.f1_score(true, predicted, pos_label=label))
        of_label = metrics.average_precision_score(true, probabilities[:, index], pos_label=label)
        assert scores["average_precision"] == pytest.approx(of_label)
    with pytest.raises(InvalidInput, match="no class 'Yes'") as caught:
        evaluate(classifier, signature, holdout, "churned", positive="Yes")
    assert caught.value.hint == "did you mean yes?"


def test_per_class_adds_metrics_of_every_class(classifier, signature, people, holdout):
    scores = evaluate(classifier, signature, holdout, "churned", per_class=True).metrics
    report = metrics.classification_report(people["churned"], classifier.predict(people[FEATURES]), output_dict=True)
    for label in ("no", "yes"):
        assert scores[f"recall:{label}"] == pytest.approx(report[label]["recall"])
        assert scores[f"support:{label}"] == report[label]["support"]


@pytest.mark.parametrize("name", ["neg_brier_score", "f1", "roc_auc", "matthews_corrcoef", "neg_log_loss", "jaccard"])
def test_a_scorer_returns_the_value_of_scikit_learn(classifier, signature, people, holdout, name):
    scores = evaluate(classifier, signature, holdout, "churned", scorers=(name,)).metrics[name]
    target = (people["churned"] == "yes").astype(int)
    probabilities = classifier.predict_proba(people[FEATURES])
    predicted = (classifier.predict(people[FEATURES]) == "yes").astype(int)
    expected = {
        "neg_brier_score": lambda: -metrics.brier_score_loss(target, probabilities[:, 1]),
        "f1": lambda: metrics.f1_score(target, predicted),
        "roc_auc": lambda: metrics.roc_auc_score(target, probabilities[:, 1]),
        "matthews_corrcoef": lambda: metrics.matthews_corrcoef(target, predicted),
        "neg_log_loss": lambda: -metrics.log_loss(target, probabilities),
        "jaccard": lambda: metrics.jaccard_score(target, predicted),
    }
    assert scores == pytest.approx(expected[name]())


def test_regression_scorers_work_and_unknown_scorers_are_refused(regressor, signature, people, tmp_path):
    people[[*FEATURES, "spent"]].to_csv(tmp_path / "data.csv", index=False)
    scores = evaluate(
        regressor, signature, tmp_path / "data.csv", "spent", scorers=("neg_median_absolute_error",)
    ).metrics
    predicted = regressor.predict(people[FEATURES])
    expected = -metrics.median_absolute_error(people["spent"], predicted)
    assert scores["neg_median_absolute_error"] == pytest.approx(expected)
    with pytest.raises(InvalidInput, match="no scorer 'neg_brier'") as caught:
        evaluate(regressor, signature, tmp_path / "data.csv", "spent", scorers=("neg_brier",))
    assert caught.value.hint == "did you mean neg_brier_score?"


def test_weights_are_used(classifier, signature, weighted):
    path, frame = weighted
    scores = evaluate(classifier, signature, path, "churned", weight="exposure").metrics
    true, predicted = frame["churned"], classifier.predict(frame[FEATURES])
    probabilities, weights = classifier.predict_proba(frame[FEATURES]), frame["exposure"]
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(true, predicted, sample_weight=weights))
    assert scores["roc_auc"] == pytest.approx(metrics.roc_auc_score(true, probabilities[:, 1], sample_weight=weights))
    assert scores["log_loss"] == pytest.approx(metrics.log_loss(true, probabilities, sample_weight=weights))


@pytest.mark.parametrize("weight", ["-1", "nan", "heavy", ""])
def test_invalid_weights_are_refused(classifier, signature, tmp_path, weight):
    (tmp_path / "data.csv").write_text(f"age,income,city,churned,w\n1,2.0,Bern,yes,1\n1,2.0,Bern,no,{weight}\n")
    with pytest.raises(InvalidData, match=f"the weight 'w' is '{weight}' in line 3"):
        evaluate(classifier, signature, tmp_path / "data.csv", "churned", weight="w")


@pytest.mark.parametrize("column", ["city", "region"])
def test_a_slice_has_the_scores_of_its_rows_alone(classifier, signature, people, tmp_path, column):
    frame = people.assign(region=np.where(people["age"] > 50, "01", "1"))
    used = [*FEATURES, "churned", *([] if column == "city" else ["region"])]
    frame[used].to_csv(tmp_path / "data.csv", index=False)
    scores = evaluate(classifier, signature, tmp_path / "data.csv", "churned", by=column).metrics
    for value, rows in frame.groupby(column):
        rows[[*FEATURES, "churned"]].to_csv(tmp_path / "some.csv", index=False)
        slice_scores = evaluate(classifier, signature, tmp_path / "some.csv", "churned").metrics
        assert {name: scores[f"{name}[{column}={value}]"] for name in slice_scores} == pytest.approx(slice_scores)
        assert scores[f"rows[{column}={value}]"] == len(rows)


def test_a_column_with_too_many_values_for_slices_is_refused(classifier, signature, holdout):
    with pytest.raises(InvalidData, match=r"'income' has 400 .*--by .* 50"):
        evaluate(classifier, signature, holdout, "churned", by="income")


def test_id_and_extra_columns_can_be_excluded(classifier, signature, people, tmp_path):
    people[[*FEATURES, "churned"]].assign(id=range(400), more="x").to_csv(tmp_path / "data.csv")
    with pytest.raises(InvalidData, match="has 'Unnamed: 0', 'id', 'more', which the model does not take") as caught:
        evaluate(classifier, signature, tmp_path / "data.csv", "churned")
    assert "index that pandas writes" in caught.value.hint
    with pytest.raises(InvalidData, match="has 'more', which"):
        evaluate(classifier, signature, tmp_path / "data.csv", "churned", id_columns=("id", "Unnamed: 0"))
    assert evaluate(classifier, signature, tmp_path / "data.csv", "churned", ignore_extra=True).data_rows == 400


def test_a_frame_has_the_scores_of_its_file(classifier, signature, people, holdout):
    frame = people[[*FEATURES, "churned"]]
    from_file = evaluate(classifier, signature, holdout, "churned")
    assert evaluate(classifier, signature, frame, "churned") == from_file


def test_a_frame_with_categorical_columns_is_scored(classifier, signature, people, holdout):
    frame = people[[*FEATURES, "churned"]].astype({"churned": "category", "city": "category"})
    assert evaluate(classifier, signature, frame, "churned").metrics == pytest.approx(
        evaluate(classifier, signature, holdout, "churned").metrics
    )
    assert isinstance(frame["city"].dtype, pd.CategoricalDtype)
