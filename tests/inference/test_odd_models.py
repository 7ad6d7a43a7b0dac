"""Models that answer in unusual ways are understood or refused, and never measured wrongly."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from modelreg.errors import InvalidData
from modelreg.flavors import catboost as catboost_files
from modelreg.inference.evaluation import evaluate
from modelreg.inference.prediction import predict


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


class Classifying:
    classes_ = np.array([0, 1, 2])

    def __init__(self, likely, classes=3, dtype=int):
        self.likely, self.classes_, self.dtype = likely, np.arange(classes), dtype

    def predict(self, frame):
        return np.array([0] * len(frame), dtype=self.dtype)

    def predict_proba(self, frame):
        return np.full((len(frame), len(self.classes_)), self.likely)


@pytest.mark.parametrize(("likely", "classes"), [(np.nan, 2), (np.inf, 2), (np.nan, 3), (0.0, 3)])
def test_probabilities_that_are_no_numbers_leave_a_metric_out(tmp_path, likely, classes):
    (tmp_path / "data.csv").write_text("a,y\n" + "".join(f"1,{label}\n" for label in range(classes)))
    scores = evaluate(Classifying(likely, classes), None, tmp_path / "data.csv", "y")
    assert scores.metrics["roc_auc"] is None
    assert scores.missing["roc_auc"] == "the model gives probabilities that are missing or infinite"


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
    loaded = catboost_files.load(tmp_path / "model.cbm", "cbm")
    predict(loaded, None, tmp_path / "data.csv", tmp_path / "out.csv", proba=True)
    found = pd.read_csv(tmp_path / "out.csv")
    assert found["prediction"].tolist() == model.predict(features).tolist()
    assert np.array_equal(found[["probability_no", "probability_yes"]], model.predict_proba(features))
