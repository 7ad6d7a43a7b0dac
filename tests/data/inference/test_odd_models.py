"""Models with unusual predictions are supported or refused, and never scored wrongly."""

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


class ProbabilitiesOnly:
    """Predicts probabilities without named classes, like a Booster of XGBoost or LightGBM."""

    def predict(self, frame):
        return np.linspace(0.1, 0.9, len(frame))


def test_fractional_predictions_are_not_scored_as_classes(rows):
    with pytest.raises(InvalidData, match="fractional numbers") as caught:
        evaluate(ProbabilitiesOnly(), None, rows, "y")
    assert "--task regression" in caught.value.hint
    assert evaluate(ProbabilitiesOnly(), None, rows, "y", task="regression").task == "regression"


class ExitingModel:
    def predict(self, frame):
        raise SystemExit


def test_a_model_that_exits_during_prediction_is_an_error(rows, tmp_path):
    with pytest.raises(InvalidData, match="cannot predict this data: SystemExit"):
        predict(ExitingModel(), None, rows, tmp_path / "predictions.csv")
    assert not (tmp_path / "predictions.csv").exists()


class ConstantClassifier:
    classes_ = np.array([0, 1, 2])

    def __init__(self, probability, classes=3, dtype=int):
        self.probability, self.classes_, self.dtype = probability, np.arange(classes), dtype

    def predict(self, frame):
        return np.array([0] * len(frame), dtype=self.dtype)

    def predict_proba(self, frame):
        return np.full((len(frame), len(self.classes_)), self.probability)


NOT_FINITE = "the model gives probabilities that are missing or infinite"
WRONG_SUM = "the model's probabilities do not add up to 1 in every row"


@pytest.mark.parametrize(
    ("probability", "classes", "reason"),
    [
        (np.nan, 2, NOT_FINITE),
        (np.inf, 2, NOT_FINITE),
        (np.nan, 3, NOT_FINITE),
        (0.0, 3, WRONG_SUM),
        (2.0, 3, WRONG_SUM),
    ],
)
def test_invalid_probabilities_leave_metrics_undefined(tmp_path, probability, classes, reason):
    (tmp_path / "data.csv").write_text("a,y\n" + "".join(f"1,{label}\n" for label in range(classes)))
    scores = evaluate(ConstantClassifier(probability, classes), None, tmp_path / "data.csv", "y")
    assert scores.metrics["roc_auc"] is None
    assert scores.missing["roc_auc"] == reason
    assert scores.metrics["log_loss"] is None


def test_rounded_probabilities_are_normalised(tmp_path):
    (tmp_path / "data.csv").write_text("a,y\n1,0\n2,1\n3,2\n")
    scores = evaluate(ConstantClassifier(np.float32(1 / 3) + np.float32(1e-7), 3), None, tmp_path / "data.csv", "y")
    assert scores.metrics["log_loss"] == pytest.approx(np.log(3), rel=1e-6)


class CyclingModel:
    """Predicts values in a cycle, without named classes."""

    def __init__(self, *predictions):
        self.predictions = predictions

    def predict(self, frame):
        return np.array([self.predictions[int(index) % len(self.predictions)] for index in frame["a"]], dtype=object)


@pytest.mark.parametrize(
    ("target", "predictions"),
    [
        (["0", "1"], ["0", "1"]),
        (["0", "1"], [0, 1]),
        (["01", "A1"], ["01", "A1"]),
        (["true", "false"], [True, False]),
        (["1.0", "2.0"], [1, 2]),
    ],
    ids=str,
)
@pytest.mark.parametrize("chunk_rows", [1, 1000])
def test_a_target_is_converted_to_the_type_of_the_predictions(tmp_path, monkeypatch, target, predictions, chunk_rows):
    monkeypatch.setattr(csv_tables, "_VALUES_AT_ONCE", 2 * chunk_rows)
    (tmp_path / "data.csv").write_text("a,y\n" + "".join(f"{index},{target[index % 2]}\n" for index in range(10)))
    model = CyclingModel(*predictions)
    assert evaluate(model, None, tmp_path / "data.csv", "y", task="classification").metrics["accuracy"] == 1


@pytest.mark.parametrize("missing", [None, float("nan")])
@pytest.mark.parametrize("classes", [None, np.array(["no", "yes"])])
def test_missing_predictions_are_refused(tmp_path, missing, classes):
    (tmp_path / "data.csv").write_text("a,y\n0,yes\n1,no\n2,yes\n3,no\n")
    model = CyclingModel("yes", missing)
    if classes is not None:
        model.classes_ = classes
    with pytest.raises(InvalidData, match="the prediction is missing in 2 rows"):
        evaluate(model, None, tmp_path / "data.csv", "y")


def test_predictions_that_never_equal_the_target_are_refused(rows):
    with pytest.raises(InvalidData, match="no prediction is a value of the target"):
        evaluate(CyclingModel("low", "high"), None, rows, "y", task="classification")


class CyclingModelWithProbabilities(CyclingModel):
    def predict_proba(self, frame):
        return np.full((len(frame), 2), 0.5)


def test_probabilities_without_named_classes_are_not_used(rows):
    scores = evaluate(CyclingModelWithProbabilities(0, 1), None, rows, "y", task="classification")
    assert scores.metrics["accuracy"] is not None
    assert set(scores.missing.values()) == {"the model does not say to which class each probability belongs"}


def test_a_different_number_of_probabilities_and_classes_is_refused(tmp_path, rows):
    model = CyclingModelWithProbabilities(0, 1)
    model.classes_ = np.array([0, 1, 2])
    (tmp_path / "new.csv").write_text("a\n1\n")
    with pytest.raises(InvalidData, match=r"2 probabilities .* 3 classes"):
        predict(model, None, tmp_path / "new.csv", tmp_path / "out.csv", proba=True)


def test_integers_of_dtype_object_are_classes(rows):
    scores = evaluate(ConstantClassifier(0.5, 2, object), None, rows, "y")
    assert scores.metrics["accuracy"] == pytest.approx(1 / 3)


def test_a_model_with_one_class_has_no_log_loss(tmp_path):
    (tmp_path / "data.csv").write_text("a,y\n1,x\n")
    model = DummyClassifier().fit([[1]], ["x"])
    scores = evaluate(model, None, tmp_path / "data.csv", "y")
    assert scores.missing["log_loss"] == "the model has only one class"
    assert scores.confusion_matrix.counts == ((1,),)
    (tmp_path / "new.csv").write_text("a\n1\n")
    predict(model, None, tmp_path / "new.csv", tmp_path / "out.csv", proba=True)
    assert (tmp_path / "out.csv").read_text() == "prediction,probability_x\nx,1.0\n"


@pytest.mark.parametrize("spelling", [("True", "False"), ("true", "false"), ("TRUE", "FALSE")])
def test_booleans_are_classes_in_any_spelling(tmp_path, spelling):
    yes, no = spelling
    (tmp_path / "data.csv").write_text(f"a,y\n1,{yes}\n2,{no}\n")
    model = LogisticRegression().fit(pd.DataFrame({"a": [1, 2]}), [True, False])
    assert evaluate(model, None, tmp_path / "data.csv", "y").metrics["accuracy"] == 1


def test_a_catboost_classifier_from_a_file_predicts_classes(tmp_path, rows):
    catboost = pytest.importorskip("catboost")
    features, target = pd.DataFrame({"a": [1, 2, 3] * 20}), np.array(["no", "yes", "yes"] * 20)
    model = catboost.CatBoostClassifier(iterations=5, verbose=0, allow_writing_files=False).fit(features, target)
    model.save_model(str(tmp_path / "model.cbm"))
    features.to_csv(tmp_path / "data.csv", index=False)
    with (tmp_path / "model.cbm").open("rb") as file:
        loaded = catboost_files.load(OpenModel(file, None), "catboost-cbm", Trust("churn/1"))
    predict(loaded, None, tmp_path / "data.csv", tmp_path / "out.csv", proba=True)
    output = pd.read_csv(tmp_path / "out.csv")
    assert output["prediction"].tolist() == model.predict(features).tolist()
    assert np.array_equal(output[["probability_no", "probability_yes"]], model.predict_proba(features))
