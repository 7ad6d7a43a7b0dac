"""Models that answer in unusual ways are understood or refused, and never measured wrongly."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from in_process import evaluate, predict
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from modelreg.analysis.containers.content import OpenModel
from modelreg.data.tables import csv as csv_tables
from modelreg.errors import InvalidData
from modelreg.loading.flavors import catboost as catboost_files
from modelreg.loading.trust import Trust


@pytest.fixture
def rows(tmp_path):
    (tmp_path / "data.csv").write_text("a,y\n1,0\n2,1\n3,1\n")
    return tmp_path / "data.csv"


class Scoring:
    """As a Booster of XGBoost or LightGBM: a probability, and no word about classes."""

    def predict(self, frame):
        return np.linspace(0.1, 0.9, len(frame))


def test_probabilities_are_not_measured_as_classes(rows):
    with pytest.raises(InvalidData, match="numbers between its classes") as refused:
        evaluate(Scoring(), None, rows, "y")
    assert "--task regression" in refused.value.hint
    assert evaluate(Scoring(), None, rows, "y", task="regression").task == "regression"


class Exiting:
    def predict(self, frame):
        raise SystemExit


def test_a_model_that_exits_while_it_predicts_is_an_error(rows, tmp_path):
    with pytest.raises(InvalidData, match="cannot predict this data: SystemExit"):
        predict(Exiting(), None, rows, tmp_path / "predictions.csv")
    assert not (tmp_path / "predictions.csv").exists()


class Classifying:
    classes_ = np.array([0, 1, 2])

    def __init__(self, likely, classes=3, dtype=int):
        self.likely, self.classes_, self.dtype = likely, np.arange(classes), dtype

    def predict(self, frame):
        return np.array([0] * len(frame), dtype=self.dtype)

    def predict_proba(self, frame):
        return np.full((len(frame), len(self.classes_)), self.likely)


_INFINITE = "the model gives probabilities that are missing or infinite"
_SUM = "the model's probabilities do not add up to 1 in every row"


@pytest.mark.parametrize(
    ("likely", "classes", "reason"),
    [(np.nan, 2, _INFINITE), (np.inf, 2, _INFINITE), (np.nan, 3, _INFINITE), (0.0, 3, _SUM), (2.0, 3, _SUM)],
)
def test_probabilities_that_are_none_leave_a_metric_out(tmp_path, likely, classes, reason):
    (tmp_path / "data.csv").write_text("a,y\n" + "".join(f"1,{label}\n" for label in range(classes)))
    scores = evaluate(Classifying(likely, classes), None, tmp_path / "data.csv", "y")
    assert scores.metrics["roc_auc"] is None
    assert scores.missing["roc_auc"] == reason
    assert scores.metrics["log_loss"] is None


def test_probabilities_that_are_rounded_are_made_whole(tmp_path):
    (tmp_path / "data.csv").write_text("a,y\n1,0\n2,1\n3,2\n")
    scores = evaluate(Classifying(np.float32(1 / 3) + np.float32(1e-7), 3), None, tmp_path / "data.csv", "y")
    assert scores.metrics["log_loss"] == pytest.approx(np.log(3), rel=1e-6)


class Answering:
    """A model that names no classes, and gives these answers."""

    def __init__(self, *answers):
        self.answers = answers

    def predict(self, frame):
        return np.array([self.answers[int(place) % len(self.answers)] for place in frame["a"]], dtype=object)


@pytest.mark.parametrize(
    ("target", "answers"),
    [
        (["0", "1"], ["0", "1"]),
        (["0", "1"], [0, 1]),
        (["01", "A1"], ["01", "A1"]),
        (["true", "false"], [True, False]),
        (["1.0", "2.0"], [1, 2]),
    ],
    ids=str,
)
@pytest.mark.parametrize("at_once", [1, 1000])
def test_a_target_is_read_as_the_model_answers_wherever_the_file_is_cut(
    tmp_path, monkeypatch, target, answers, at_once
):
    monkeypatch.setattr(csv_tables, "_VALUES_AT_ONCE", 2 * at_once)
    (tmp_path / "data.csv").write_text("a,y\n" + "".join(f"{place},{target[place % 2]}\n" for place in range(10)))
    model = Answering(*answers)
    assert evaluate(model, None, tmp_path / "data.csv", "y", task="classification").metrics["accuracy"] == 1


@pytest.mark.parametrize("missing", [None, float("nan")])
@pytest.mark.parametrize("classes", [None, np.array(["no", "yes"])])
def test_a_prediction_that_is_missing_is_counted_as_no_class(tmp_path, missing, classes):
    (tmp_path / "data.csv").write_text("a,y\n0,yes\n1,no\n2,yes\n3,no\n")
    model = Answering("yes", missing)
    if classes is not None:
        model.classes_ = classes
    with pytest.raises(InvalidData, match="the prediction is missing in 2 rows"):
        evaluate(model, None, tmp_path / "data.csv", "y")


def test_answers_of_another_kind_than_the_target_are_refused_and_not_counted_as_wrong(rows):
    with pytest.raises(InvalidData, match="no prediction is a value of the target"):
        evaluate(Answering("low", "high"), None, rows, "y", task="classification")


class Unnamed(Answering):
    def predict_proba(self, frame):
        return np.full((len(frame), 2), 0.5)


def test_probabilities_of_classes_that_are_not_named_are_not_guessed_at(rows):
    scores = evaluate(Unnamed(0, 1), None, rows, "y", task="classification")
    assert scores.metrics["accuracy"] is not None
    assert set(scores.missing.values()) == {"the model does not say which class each probability is of"}


def test_more_or_fewer_probabilities_than_classes_are_refused(tmp_path, rows):
    model = Unnamed(0, 1)
    model.classes_ = np.array([0, 1, 2])
    (tmp_path / "new.csv").write_text("a\n1\n")
    with pytest.raises(InvalidData, match="gives 2 probabilities a row, and has 3 classes"):
        predict(model, None, tmp_path / "new.csv", tmp_path / "out.csv", proba=True)


def test_whole_numbers_kept_as_objects_are_classes(rows):
    scores = evaluate(Classifying(0.5, 2, object), None, rows, "y")
    assert scores.metrics["accuracy"] == pytest.approx(1 / 3)


def test_a_model_of_one_class_is_sure_of_it(tmp_path):
    (tmp_path / "data.csv").write_text("a,y\n1,x\n")
    model = DummyClassifier().fit([[1]], ["x"])
    scores = evaluate(model, None, tmp_path / "data.csv", "y")
    assert scores.missing["log_loss"] == "the model knows one class only"
    assert scores.confusion_matrix.counts == ((1,),)
    (tmp_path / "new.csv").write_text("a\n1\n")
    predict(model, None, tmp_path / "new.csv", tmp_path / "out.csv", proba=True)
    assert (tmp_path / "out.csv").read_text() == "prediction,probability_x\nx,1.0\n"


@pytest.mark.parametrize("spelled", [("True", "False"), ("true", "false"), ("TRUE", "FALSE")])
def test_truth_values_are_classes_however_they_are_spelled(tmp_path, spelled):
    yes, no = spelled
    (tmp_path / "data.csv").write_text(f"a,y\n1,{yes}\n2,{no}\n")
    model = LogisticRegression().fit(pd.DataFrame({"a": [1, 2]}), [True, False])
    assert evaluate(model, None, tmp_path / "data.csv", "y").metrics["accuracy"] == 1


def test_a_catboost_classifier_from_a_file_predicts_classes_as_it_did_before(tmp_path, rows):
    catboost = pytest.importorskip("catboost")
    features, target = pd.DataFrame({"a": [1, 2, 3] * 20}), np.array(["no", "yes", "yes"] * 20)
    model = catboost.CatBoostClassifier(iterations=5, verbose=0, allow_writing_files=False).fit(features, target)
    model.save_model(str(tmp_path / "model.cbm"))
    features.to_csv(tmp_path / "data.csv", index=False)
    with (tmp_path / "model.cbm").open("rb") as file:
        loaded = catboost_files.load(OpenModel(file, None), "catboost-cbm", Trust("churn/1"))
    predict(loaded, None, tmp_path / "data.csv", tmp_path / "out.csv", proba=True)
    found = pd.read_csv(tmp_path / "out.csv")
    assert found["prediction"].tolist() == model.predict(features).tolist()
    assert np.array_equal(found[["probability_no", "probability_yes"]], model.predict_proba(features))
