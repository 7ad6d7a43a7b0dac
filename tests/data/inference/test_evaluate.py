"""Metrics are scikit-learn's, of the very data that was given; what is undefined says why, and is never 0."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest
from in_process import evaluate
from sklearn import metrics
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC

from modelreg.data.tables import csv as csv_tables
from modelreg.errors import CannotPredict, InvalidData, InvalidInput

FEATURES = ["age", "income", "city"]


def saved(tmp_path, frame, name="data.csv"):
    frame.to_csv(tmp_path / name, index=False)
    return tmp_path / name


def test_a_classifier_is_measured_as_scikit_learn_does(classifier, signature, people, holdout):
    scores = evaluate(classifier, signature, holdout, "churned")
    true, predicted = people["churned"], classifier.predict(people[FEATURES])
    likely = classifier.predict_proba(people[FEATURES])
    assert scores.metrics == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(true, predicted),
            "balanced_accuracy": metrics.balanced_accuracy_score(true, predicted),
            "precision_macro": metrics.precision_score(true, predicted, average="macro"),
            "recall_macro": metrics.recall_score(true, predicted, average="macro"),
            "f1_macro": metrics.f1_score(true, predicted, average="macro"),
            "roc_auc": metrics.roc_auc_score(true, likely[:, 1]),
            "average_precision": metrics.average_precision_score(true, likely[:, 1], pos_label="yes"),
            "log_loss": metrics.log_loss(true, likely),
        }
    )
    assert (scores.task, scores.data_rows, scores.missing) == ("classification", 400, {})
    assert scores.data_digest == "sha256:" + hashlib.sha256(holdout.read_bytes()).hexdigest()
    assert scores.confusion_matrix.labels == ("no", "yes")
    assert np.array_equal(scores.confusion_matrix.counts, metrics.confusion_matrix(true, predicted))


def test_a_regressor_is_measured_as_scikit_learn_does(regressor, signature, people, tmp_path):
    scores = evaluate(regressor, signature, saved(tmp_path, people[[*FEATURES, "spent"]]), "spent")
    true, predicted = people["spent"], regressor.predict(people[FEATURES])
    assert scores.metrics == pytest.approx(
        {
            "r2": metrics.r2_score(true, predicted),
            "mae": metrics.mean_absolute_error(true, predicted),
            "rmse": metrics.root_mean_squared_error(true, predicted),
            "mape": metrics.mean_absolute_percentage_error(true, predicted),
            "max_error": metrics.max_error(true, predicted),
        }
    )
    assert (scores.task, scores.confusion_matrix) == ("regression", None)


@pytest.mark.parametrize("classes", [[0, 1, 2], ["a", "b", "c"], [-1, 5, 7]], ids=str)
def test_several_classes_of_any_kind(people, tmp_path, classes):
    target = np.array(classes)[people["age"] // 30]
    model = RandomForestClassifier(n_estimators=5, random_state=0).fit(people[["income", "age"]], target)
    scores = evaluate(model, None, saved(tmp_path, people[["income", "age"]].assign(y=target)), "y")
    likely = model.predict_proba(people[["income", "age"]])
    assert scores.metrics["roc_auc"] == pytest.approx(metrics.roc_auc_score(target, likely, multi_class="ovr"))
    assert scores.confusion_matrix.labels == tuple(map(str, classes))
    assert sum(map(sum, scores.confusion_matrix.counts)) == 400


def test_truth_values_are_classes(people, tmp_path):
    target = people["churned"] == "yes"
    model = LogisticRegression(max_iter=1000).fit(people[["age"]], target)
    scores = evaluate(model, None, saved(tmp_path, people[["age"]].assign(y=target)), "y")
    assert scores.metrics["accuracy"] == pytest.approx(model.score(people[["age"]], target))


def test_texts_that_look_like_numbers_are_the_classes_of_a_model_of_texts(people, tmp_path):
    target = (people["churned"] == "yes").map({True: "1", False: "0"})
    model = LogisticRegression(max_iter=1000).fit(people[["age"]], target)
    scores = evaluate(model, None, saved(tmp_path, people[["age"]].assign(y=target)), "y")
    assert scores.metrics["accuracy"] == pytest.approx(model.score(people[["age"]], target))


def test_scores_do_not_depend_on_where_the_file_is_cut(classifier, signature, holdout, monkeypatch):
    whole = evaluate(classifier, signature, holdout, "churned")
    monkeypatch.setattr(csv_tables, "_VALUES_AT_ONCE", 28)
    assert evaluate(classifier, signature, holdout, "churned") == whole


def test_a_model_that_decides_has_a_roc_auc_and_no_log_loss(people, tmp_path):
    model = LinearSVC().fit(people[["age"]], people["churned"])
    scores = evaluate(model, None, saved(tmp_path, people[["age", "churned"]]), "churned")
    decided = model.decision_function(people[["age"]])
    assert scores.metrics["roc_auc"] == pytest.approx(metrics.roc_auc_score(people["churned"], decided))
    assert scores.metrics["log_loss"] is None
    assert scores.missing == {"log_loss": "the model gives no probabilities"}


# What is undefined


def test_with_one_class_there_is_no_roc_auc(classifier, signature, people, tmp_path):
    one = people[people["churned"] == "yes"][[*FEATURES, "churned"]]
    scores = evaluate(classifier, signature, saved(tmp_path, one), "churned")
    assert scores.metrics["roc_auc"] is None
    assert scores.missing == {"roc_auc": "the data has one class only"}
    assert scores.metrics["accuracy"] == pytest.approx(
        metrics.accuracy_score(one["churned"], classifier.predict(one[FEATURES]))
    )


def test_with_a_class_missing_there_is_no_roc_auc_over_all(people, tmp_path):
    target = people["age"] // 30
    model = RandomForestClassifier(n_estimators=5, random_state=0).fit(people[["income"]], target)
    two = people[["income"]].assign(y=target)[target < 2]
    scores = evaluate(model, None, saved(tmp_path, two), "y")
    reason = "the data has 2 of the 3 classes that the model knows"
    assert scores.missing == {"roc_auc": reason, "average_precision": reason}


@pytest.mark.parametrize(
    ("targets", "missing"),
    [
        ([5.0], {"r2": "the data has fewer than two rows"}),
        ([5.0, 5.0], {"r2": "the target has one value only"}),
        ([0.0, 2.0], {"mape": "a value of the target is zero"}),
        ([1.0, 2.0], {}),
    ],
)
def test_what_a_regression_does_not_define_is_missing_with_the_reason(people, tmp_path, targets, missing):
    model = LinearRegression().fit(people[["age"]], people["spent"])
    rows = people[["age"]].head(len(targets)).assign(y=targets)
    scores = evaluate(model, None, saved(tmp_path, rows), "y")
    assert scores.missing == missing
    assert {name for name, value in scores.metrics.items() if value is None} == set(missing)


def test_a_class_that_is_never_predicted_warns_nobody(people, tmp_path):
    model = DummyClassifier().fit(people[["age"]], people["churned"])
    scores = evaluate(model, None, saved(tmp_path, people[["age", "churned"]]), "churned")
    assert scores.metrics["balanced_accuracy"] == 0.5


# The task


def test_the_task_is_that_of_the_model_or_what_is_said(people, tmp_path):
    path = saved(tmp_path, people[["age"]].assign(y=people["age"] // 30))
    classifier = RandomForestClassifier(n_estimators=3, random_state=0).fit(people[["age"]], people["age"] // 30)
    assert evaluate(classifier, None, path, "y").task == "classification"
    assert evaluate(classifier, None, path, "y", task="regression").task == "regression"
    with pytest.raises(InvalidInput, match="'regresion' is not a task") as refused:
        evaluate(classifier, None, path, "y", task="regresion")
    assert refused.value.hint == "did you mean regression?"


class Plain:
    """A model of nobody's library."""

    def __init__(self, answer):
        self.answer = answer

    def predict(self, frame):
        return np.full(len(frame), self.answer)


def test_a_model_that_does_not_say_is_told_by_the_target(people, tmp_path):
    numbers = saved(tmp_path, people[["age", "spent"]], "numbers.csv")
    texts = saved(tmp_path, people[["age", "churned"]], "texts.csv")
    assert evaluate(Plain(1.5), None, numbers, "spent").task == "regression"
    assert evaluate(Plain("no"), None, texts, "churned").task == "classification"


# What is refused


def test_data_without_the_target_is_refused(classifier, signature, holdout):
    with pytest.raises(InvalidData, match="no column 'churnd'") as refused:
        evaluate(classifier, signature, holdout, "churnd")
    assert refused.value.hint == "did you mean churned?"


def test_classes_that_the_model_never_saw_are_named(classifier, signature, people, tmp_path):
    strange = people[[*FEATURES, "churned"]].head(3).assign(churned=["yes", "perhaps", "never"])
    with pytest.raises(InvalidData, match="has 'never', 'perhaps', which the model never saw") as refused:
        evaluate(classifier, signature, saved(tmp_path, strange), "churned")
    assert refused.value.hint == "its classes are 'no', 'yes'"


@pytest.mark.parametrize("text", ["", "age,income,city,churned\n"])
def test_data_without_rows_is_refused(classifier, signature, tmp_path, text):
    (tmp_path / "data.csv").write_text(text)
    with pytest.raises(InvalidData):
        evaluate(classifier, signature, tmp_path / "data.csv", "churned")


def test_a_target_that_is_missing_somewhere_is_refused(classifier, signature, people, tmp_path):
    some = people[[*FEATURES, "churned"]].head(3).assign(churned=["yes", None, "no"])
    with pytest.raises(InvalidData, match="the target 'churned' is missing in line 3"):
        evaluate(classifier, signature, saved(tmp_path, some), "churned")


def test_a_regression_of_texts_is_refused(regressor, signature, holdout):
    with pytest.raises(InvalidData, match="is text, and a regression needs numbers"):
        evaluate(regressor, signature, holdout, "churned")


def test_a_model_that_cannot_predict_is_refused(signature, holdout):
    with pytest.raises(CannotPredict, match="a builtins"):
        evaluate({"a": 1}, signature, holdout, "churned")


def test_a_surplus_column_is_named(classifier, signature, people, tmp_path):
    with pytest.raises(InvalidData, match="has 'spent', which the model does not take"):
        evaluate(classifier, signature, saved(tmp_path, people), "churned")


def test_more_classes_than_a_person_reads_have_no_matrix(tmp_path):
    rows = pd.DataFrame({"x": range(300), "y": range(300)})
    assert evaluate(Plain(0), None, saved(tmp_path, rows), "y", task="classification").confusion_matrix is None
