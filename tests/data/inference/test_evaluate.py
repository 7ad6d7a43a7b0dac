"""Metrics equal those of scikit-learn; an undefined metric is None, with a reason."""

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


def save_csv(tmp_path, frame, name="data.csv"):
    frame.to_csv(tmp_path / name, index=False)
    return tmp_path / name


def test_classifier_metrics_equal_those_of_scikit_learn(classifier, signature, people, holdout):
    scores = evaluate(classifier, signature, holdout, "churned")
    true, predicted = people["churned"], classifier.predict(people[FEATURES])
    probabilities = classifier.predict_proba(people[FEATURES])
    assert scores.metrics == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(true, predicted),
            "balanced_accuracy": metrics.balanced_accuracy_score(true, predicted),
            "precision_macro": metrics.precision_score(true, predicted, average="macro"),
            "recall_macro": metrics.recall_score(true, predicted, average="macro"),
            "f1_macro": metrics.f1_score(true, predicted, average="macro"),
            "roc_auc": metrics.roc_auc_score(true, probabilities[:, 1]),
            "average_precision": metrics.average_precision_score(true, probabilities[:, 1], pos_label="yes"),
            "log_loss": metrics.log_loss(true, probabilities),
        }
    )
    assert (scores.task, scores.data_rows, scores.missing) == ("classification", 400, {})
    assert scores.data_digest == "sha256:" + hashlib.sha256(holdout.read_bytes()).hexdigest()
    assert scores.confusion_matrix.labels == ("no", "yes")
    assert np.array_equal(scores.confusion_matrix.counts, metrics.confusion_matrix(true, predicted))


def test_regressor_metrics_equal_those_of_scikit_learn(regressor, signature, people, tmp_path):
    scores = evaluate(regressor, signature, save_csv(tmp_path, people[[*FEATURES, "spent"]]), "spent")
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
def test_more_than_two_classes_of_any_type(people, tmp_path, classes):
    target = np.array(classes)[people["age"] // 30]
    model = RandomForestClassifier(n_estimators=5, random_state=0).fit(people[["income", "age"]], target)
    scores = evaluate(model, None, save_csv(tmp_path, people[["income", "age"]].assign(y=target)), "y")
    probabilities = model.predict_proba(people[["income", "age"]])
    assert scores.metrics["roc_auc"] == pytest.approx(metrics.roc_auc_score(target, probabilities, multi_class="ovr"))
    assert scores.confusion_matrix.labels == tuple(map(str, classes))
    assert sum(map(sum, scores.confusion_matrix.counts)) == 400


def test_booleans_are_classes(people, tmp_path):
    target = people["churned"] == "yes"
    model = LogisticRegression(max_iter=1000).fit(people[["age"]], target)
    scores = evaluate(model, None, save_csv(tmp_path, people[["age"]].assign(y=target)), "y")
    assert scores.metrics["accuracy"] == pytest.approx(model.score(people[["age"]], target))


def test_text_classes_that_look_like_numbers_are_matched(people, tmp_path):
    target = (people["churned"] == "yes").map({True: "1", False: "0"})
    model = LogisticRegression(max_iter=1000).fit(people[["age"]], target)
    scores = evaluate(model, None, save_csv(tmp_path, people[["age"]].assign(y=target)), "y")
    assert scores.metrics["accuracy"] == pytest.approx(model.score(people[["age"]], target))


def test_scores_do_not_depend_on_chunk_boundaries(classifier, signature, holdout, monkeypatch):
    scores = evaluate(classifier, signature, holdout, "churned")
    monkeypatch.setattr(csv_tables, "_VALUES_AT_ONCE", 28)
    assert evaluate(classifier, signature, holdout, "churned") == scores


def test_a_model_with_a_decision_function_has_a_roc_auc_and_no_log_loss(people, tmp_path):
    model = LinearSVC().fit(people[["age"]], people["churned"])
    scores = evaluate(model, None, save_csv(tmp_path, people[["age", "churned"]]), "churned")
    decision = model.decision_function(people[["age"]])
    assert scores.metrics["roc_auc"] == pytest.approx(metrics.roc_auc_score(people["churned"], decision))
    assert scores.metrics["log_loss"] is None
    assert scores.missing == {"log_loss": "the model gives no probabilities"}


# undefined metrics


def test_data_with_one_class_has_no_roc_auc(classifier, signature, people, tmp_path):
    one = people[people["churned"] == "yes"][[*FEATURES, "churned"]]
    scores = evaluate(classifier, signature, save_csv(tmp_path, one), "churned")
    assert scores.metrics["roc_auc"] is None
    assert scores.missing == {"roc_auc": "the data has only one class"}
    assert scores.metrics["accuracy"] == pytest.approx(
        metrics.accuracy_score(one["churned"], classifier.predict(one[FEATURES]))
    )


def test_data_without_one_of_three_classes_has_no_roc_auc(people, tmp_path):
    target = people["age"] // 30
    model = RandomForestClassifier(n_estimators=5, random_state=0).fit(people[["income"]], target)
    two = people[["income"]].assign(y=target)[target < 2]
    scores = evaluate(model, None, save_csv(tmp_path, two), "y")
    reason = "the data has only 2 of the 3 classes of the model"
    assert scores.missing == {"roc_auc": reason, "average_precision": reason}


@pytest.mark.parametrize(
    ("targets", "missing"),
    [
        ([5.0], {"r2": "the data has fewer than two rows"}),
        ([5.0, 5.0], {"r2": "the target has only one value"}),
        ([0.0, 2.0], {"mape": "the target has the value zero"}),
        ([1.0, 2.0], {}),
    ],
)
def test_undefined_regression_metrics_have_a_reason(people, tmp_path, targets, missing):
    model = LinearRegression().fit(people[["age"]], people["spent"])
    rows = people[["age"]].head(len(targets)).assign(y=targets)
    scores = evaluate(model, None, save_csv(tmp_path, rows), "y")
    assert scores.missing == missing
    assert {name for name, value in scores.metrics.items() if value is None} == set(missing)


def test_a_class_that_is_never_predicted_causes_no_warning(people, tmp_path):
    model = DummyClassifier().fit(people[["age"]], people["churned"])
    scores = evaluate(model, None, save_csv(tmp_path, people[["age", "churned"]]), "churned")
    assert scores.metrics["balanced_accuracy"] == 0.5


# the task


def test_the_task_is_that_of_the_model_unless_stated(people, tmp_path):
    path = save_csv(tmp_path, people[["age"]].assign(y=people["age"] // 30))
    classifier = RandomForestClassifier(n_estimators=3, random_state=0).fit(people[["age"]], people["age"] // 30)
    assert evaluate(classifier, None, path, "y").task == "classification"
    assert evaluate(classifier, None, path, "y", task="regression").task == "regression"
    with pytest.raises(InvalidInput, match="'regresion' is not a task") as caught:
        evaluate(classifier, None, path, "y", task="regresion")
    assert caught.value.hint == "did you mean regression?"


class ConstantModel:
    """A model that predicts a constant and belongs to no library."""

    def __init__(self, answer):
        self.answer = answer

    def predict(self, frame):
        return np.full(len(frame), self.answer)


def test_the_task_of_an_unknown_model_is_inferred_from_the_target(people, tmp_path):
    numbers = save_csv(tmp_path, people[["age", "spent"]], "numbers.csv")
    texts = save_csv(tmp_path, people[["age", "churned"]], "texts.csv")
    assert evaluate(ConstantModel(1.5), None, numbers, "spent").task == "regression"
    assert evaluate(ConstantModel("no"), None, texts, "churned").task == "classification"


# data that is not accepted


def test_data_without_the_target_is_refused(classifier, signature, holdout):
    with pytest.raises(InvalidData, match="no column 'churnd'") as caught:
        evaluate(classifier, signature, holdout, "churnd")
    assert caught.value.hint == "did you mean churned?"


def test_classes_that_are_unknown_to_the_model_are_refused(classifier, signature, people, tmp_path):
    rows = people[[*FEATURES, "churned"]].head(3).assign(churned=["yes", "perhaps", "never"])
    with pytest.raises(InvalidData, match="has 'never', 'perhaps'") as caught:
        evaluate(classifier, signature, save_csv(tmp_path, rows), "churned")
    assert caught.value.hint == "its classes are 'no', 'yes'"


@pytest.mark.parametrize("text", ["", "age,income,city,churned\n"])
def test_data_without_rows_is_refused(classifier, signature, tmp_path, text):
    (tmp_path / "data.csv").write_text(text)
    with pytest.raises(InvalidData):
        evaluate(classifier, signature, tmp_path / "data.csv", "churned")


def test_a_missing_target_value_is_refused(classifier, signature, people, tmp_path):
    rows = people[[*FEATURES, "churned"]].head(3).assign(churned=["yes", None, "no"])
    with pytest.raises(InvalidData, match="the target 'churned' is missing in line 3"):
        evaluate(classifier, signature, save_csv(tmp_path, rows), "churned")


def test_a_regression_of_texts_is_refused(regressor, signature, holdout):
    with pytest.raises(InvalidData, match="'churned' is text"):
        evaluate(regressor, signature, holdout, "churned")


def test_a_model_that_cannot_predict_is_refused(signature, holdout):
    with pytest.raises(CannotPredict, match="a builtins"):
        evaluate({"a": 1}, signature, holdout, "churned")


def test_a_surplus_column_is_refused(classifier, signature, people, tmp_path):
    with pytest.raises(InvalidData, match="has 'spent', which the model does not take"):
        evaluate(classifier, signature, save_csv(tmp_path, people), "churned")


def test_too_many_classes_have_no_confusion_matrix(tmp_path):
    rows = pd.DataFrame({"x": range(300), "y": range(300)})
    assert (
        evaluate(ConstantModel(0), None, save_csv(tmp_path, rows), "y", task="classification").confusion_matrix is None
    )
