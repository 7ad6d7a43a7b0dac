"""Inputs and outputs other than plain tables: a column of texts, arrays, multi_output outputs, sparse predictions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from in_process import evaluate, predict
from scipy.sparse import csr_matrix
from sklearn import metrics
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from modelreg.data.inference.enforcement import convert_inputs
from modelreg.data.signatures import infer_signature
from modelreg.data.tables.table_file import TextLayout
from modelreg.domain.signatures import Signature, SignatureField
from modelreg.errors import CannotPredict, InvalidData

TEXTS = pd.Series(["good film", "bad film", "NA", "good, good", 'so "bad"', "01"], name="text")
LABELS = np.array(["up", "down", "up", "up", "down", "down"])


def predict_file(model, signature, source, folder, **options):
    predict(model, signature, source, folder / "out.csv", **options)
    return pd.read_csv(folder / "out.csv")


def save_csv(frame, folder, name="data.csv"):
    frame.to_csv(folder / name, index=False)
    return folder / name


# one column


def build_text_models():
    pipeline = make_pipeline(TfidfVectorizer(token_pattern=r"\w+"), LogisticRegression())
    yield "pipeline", pipeline
    yield "search", GridSearchCV(pipeline, {"logisticregression__C": [1.0]}, cv=2)


@pytest.mark.parametrize(
    ("name", "model"), list(build_text_models()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_model_of_texts_receives_a_column(name, model, tmp_path):
    model.fit(TEXTS, LABELS)
    path = save_csv(TEXTS.to_frame(), tmp_path)
    table = Signature((SignatureField("text", "string"),))
    for signature in (infer_signature(TEXTS), infer_signature(list(TEXTS)), table, None):
        for source in (path, TEXTS.to_frame()):
            assert (
                predict_file(model, signature, source, tmp_path)["prediction"].tolist() == model.predict(TEXTS).tolist()
            )
    one = save_csv(TEXTS[:1].to_frame(), tmp_path, "one.csv")
    assert len(predict_file(model, None, one, tmp_path)) == 1
    scores = evaluate(model, None, save_csv(TEXTS.to_frame().assign(y=LABELS), tmp_path, "holdout.csv"), "y")
    assert scores.metrics["accuracy"] == metrics.accuracy_score(LABELS, model.predict(TEXTS))


@pytest.mark.parametrize("data", [TEXTS, TEXTS.to_frame(), list(TEXTS), TEXTS.to_frame().assign(more=1)], ids=range(4))
def test_data_in_memory_becomes_a_column_for_a_model_of_texts(data):
    output = convert_inputs(data, infer_signature(TEXTS))
    assert isinstance(output, pd.Series)
    assert output.tolist() == TEXTS.tolist()


def test_several_columns_for_a_model_of_texts_are_refused(tmp_path):
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, LABELS)
    path = save_csv(TEXTS.to_frame().assign(id=range(6)), tmp_path)
    with pytest.raises(InvalidData, match=r"one column, .* has 'text', 'id'"):
        predict(model, None, path, tmp_path / "out.csv")
    assert len(predict_file(model, infer_signature(TEXTS), path, tmp_path, ignore_extra=True)) == 6


@pytest.mark.parametrize("cell", ["", "\n"])
def test_blank_lines_of_a_file_with_one_column_are_values(cell, tmp_path):
    model = make_pipeline(TfidfVectorizer(token_pattern=r"\w+"), LogisticRegression()).fit(TEXTS, LABELS)
    (tmp_path / "data.csv").write_text(f"text\ngood\n{cell}\nbad\n")
    with pytest.raises(InvalidData, match="'text' is missing in line 3"):
        predict(model, infer_signature(TEXTS), tmp_path / "data.csv", tmp_path / "out.csv")
    with_empty = infer_signature(pd.Series([*TEXTS, ""], name="text"))
    assert len(predict_file(model, with_empty, tmp_path / "data.csv", tmp_path)) == 3 + len(cell)


# no header


@pytest.mark.parametrize("first", ["5.1,3.5", "7,x", "1e3,2"])
def test_a_header_of_numbers_is_refused_without_no_header(first, tmp_path):
    (tmp_path / "data.csv").write_text(f"{first}\n1,2\n")
    model = LinearRegression().fit([[1.0, 2.0], [2.0, 1.0]], [1, 2])
    with pytest.raises(InvalidData, match="column name") as caught:
        predict(model, None, tmp_path / "data.csv", tmp_path / "out.csv")
    assert "--no-header" in caught.value.hint
    (tmp_path / "data.csv").write_text("5.1,3.5\n1,2\n")
    for signature in (None, infer_signature(np.zeros((2, 2))), infer_signature(pd.DataFrame({"a": [0.5], "b": [0.5]}))):
        output = predict_file(model, signature, tmp_path / "data.csv", tmp_path, layout=TextLayout(header=False))
        assert np.allclose(output["prediction"], model.predict([[5.1, 3.5], [1, 2]]))


def test_column_names_may_be_numbers(tmp_path):
    frame = pd.DataFrame({2019: [1.0, 2.0], 2020: [3.0, 5.0]})
    model = LinearRegression().fit(frame, [1, 2])
    path = save_csv(frame, tmp_path)
    assert np.allclose(predict_file(model, infer_signature(frame), path, tmp_path)["prediction"], model.predict(frame))
    array = save_csv(pd.DataFrame(np.eye(2)), tmp_path, "array.csv")
    assert len(predict_file(model, None, array, tmp_path)) == 2
    assert len(predict_file(model, None, path, tmp_path, layout=TextLayout(header=True))) == 2


# multi_output outputs


@pytest.fixture(scope="module")
def multi_output():
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(80, 3)), columns=list("abc"))
    targets = pd.DataFrame(
        {"rain": np.where(frame["a"] > 0, "yes", "no"), "wind": (frame["b"] * 2).round().astype(int)}
    )
    return frame, targets


def test_probabilities_of_several_outputs_have_one_column_each(multi_output, tmp_path):
    frame, targets = multi_output
    model = RandomForestClassifier(5, random_state=0).fit(frame, targets.astype(str))
    output = predict_file(model, None, save_csv(frame, tmp_path), tmp_path, proba=True)
    assert list(output)[:4] == ["prediction_0", "prediction_1", "probability_0_no", "probability_0_yes"]
    assert np.allclose(output["probability_0_yes"], model.predict_proba(frame)[0][:, 1])


def test_a_model_with_several_outputs_has_scores_per_output_and_overall(multi_output, tmp_path):
    frame, targets = multi_output
    model = MultiOutputClassifier(DecisionTreeClassifier(max_depth=2)).fit(frame, targets.astype(str))
    path = save_csv(frame.join(targets), tmp_path)
    scores = evaluate(model, None, path, ["rain", "wind"])
    predicted = model.predict(frame)
    assert scores.metrics["accuracy"] == pytest.approx((predicted == targets.astype(str)).all(axis=1).mean())
    assert scores.metrics["accuracy:wind"] == metrics.accuracy_score(targets["wind"].astype(str), predicted[:, 1])
    probabilities = model.predict_proba(frame)[0][:, 1]
    assert scores.metrics["roc_auc:rain"] == pytest.approx(metrics.roc_auc_score(targets["rain"], probabilities))
    with pytest.raises(InvalidData, match=r"2 values per row, .* one target"):
        evaluate(model, None, path, "rain", id_columns=("wind",))


def test_a_multioutput_regression_has_the_scores_of_scikit_learn(multi_output, tmp_path):
    frame, _ = multi_output
    targets = pd.DataFrame({"x": frame["a"] * 2 + frame["c"], "y": frame["b"] ** 2})
    model = LinearRegression().fit(frame, targets)
    scores = evaluate(model, None, save_csv(frame.join(targets), tmp_path), ["x", "y"])
    assert scores.metrics["r2"] == pytest.approx(metrics.r2_score(targets, model.predict(frame)))
    assert scores.metrics["r2:y"] == pytest.approx(metrics.r2_score(targets["y"], model.predict(frame)[:, 1]))


@pytest.mark.parametrize("sparse", [True, False])
def test_a_multilabel_classifier_has_the_scores_of_scikit_learn(multi_output, sparse, tmp_path):
    frame, _ = multi_output
    labels = np.column_stack([frame["a"] > 0, frame["b"] > 0.5]).astype(int)
    model = OneVsRestClassifier(LogisticRegression()).fit(frame, csr_matrix(labels) if sparse else labels)
    path = save_csv(frame.assign(hot=labels[:, 0], wet=labels[:, 1]), tmp_path)
    scores = evaluate(model, None, path, ["hot", "wet"])
    predicted = np.asarray(csr_matrix(model.predict(frame)).todense())
    assert scores.metrics["accuracy"] == metrics.accuracy_score(labels, predicted)
    assert scores.metrics["f1_macro"] == pytest.approx(metrics.f1_score(labels, predicted, average="macro"))
    assert scores.metrics["roc_auc"] == pytest.approx(metrics.roc_auc_score(labels, model.predict_proba(frame)))
    assert scores.metrics["hamming_loss"] == metrics.hamming_loss(labels, predicted)


# predictions


class ConstantModel:
    def __init__(self, prediction):
        self.prediction = prediction

    def predict(self, frame):
        return self.prediction


@pytest.mark.parametrize(
    ("prediction", "message"),
    [
        ({"a": [1, 2]}, "dictionaries"),
        ([{"a": 1}, {"a": 2}], "dictionaries"),
        (np.zeros((2, 2, 2)), "2-dimensional"),
        (np.array([{"a": 1}, None], dtype=object), "a dict for a row"),
        (np.array(["\ud800", "x"], dtype=object), "UTF-8"),
        (np.array(["\ud800", "x"]), "UTF-8"),
    ],
    ids=range(6),
)
def test_predictions_that_a_table_cannot_hold_are_refused(prediction, message, tmp_path):
    path = save_csv(pd.DataFrame({"a": [1, 2]}), tmp_path)
    with pytest.raises(InvalidData, match=message):
        predict(ConstantModel(prediction), None, path, tmp_path / "out.csv")


@pytest.mark.parametrize(
    ("prediction", "text"),
    [
        (csr_matrix([[1.0, 0.0], [0.0, 2.0]]), "prediction_0,prediction_1\n1.0,0.0\n0.0,2.0\n"),
        (np.ma.MaskedArray([1, 2], [False, True]), "prediction\n1\n\n"),
        (np.array([2**70, 1], dtype=object), f"prediction\n{2**70}\n1\n"),
    ],
    ids=range(3),
)
def test_sparse_masked_and_huge_predictions_are_written(prediction, text, tmp_path):
    predict(ConstantModel(prediction), None, save_csv(pd.DataFrame({"a": [1, 2]}), tmp_path), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().replace('""', "") == text


@pytest.mark.parametrize(
    "model", [IsolationForest(n_estimators=5, random_state=0), KMeans(2, n_init=1)], ids=["outliers", "clusters"]
)
def test_clusterings_and_anomaly_detectors_are_not_scored_without_a_task(model, multi_output, tmp_path):
    frame, _ = multi_output
    path = save_csv(frame.assign(y=1), tmp_path)
    with pytest.raises(CannotPredict, match="no metric applies"):
        evaluate(model.fit(frame), None, path, "y")
    assert evaluate(model, None, path, "y", task="classification").task == "classification"


def test_integer_labels_beyond_float64_stay_distinct(tmp_path):
    labels = np.array([2**53, 2**53 + 1] * 10)
    frame = pd.DataFrame({"a": np.arange(20.0)})
    model = DecisionTreeClassifier(max_depth=1).fit(frame, np.roll(labels, 3))
    scores = evaluate(model, None, save_csv(frame.assign(y=labels), tmp_path), "y")
    assert scores.metrics["accuracy"] == metrics.accuracy_score(labels, model.predict(frame))
