"""Models of all supported libraries predict the rows of a file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from in_process import evaluate, predict

from modelreg.analysis.containers.content import OpenModel
from modelreg.loading.flavors import load, recognise
from modelreg.loading.trust import Trust

FILES = Path(__file__).parents[2] / "loading" / "flavors" / "files"
ROWS = pd.DataFrame([[0.9, 0.9, 0.5], [0.1, 0.1, 0.5]], columns=["a", "b", "c"])


def load_model(name):
    path = FILES / name
    with path.open("rb") as file:
        return load(OpenModel(file, None), recognise({name: path}, is_folder=False).format, Trust(name))


@pytest.fixture
def rows(tmp_path):
    ROWS.to_csv(tmp_path / "rows.csv", index=False)
    return tmp_path / "rows.csv"


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("xgboost", "xgboost.json"),
        ("xgboost", "xgboost.ubj"),
        ("lightgbm", "lightgbm.txt"),
        ("catboost", "catboost.cbm"),
        ("onnxruntime", "logistic.onnx"),
        ("skops", "logistic.skops"),
        ("sklearn", "logistic.joblib"),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
def test_a_model_of_any_library_predicts_the_rows_of_a_file(package, name, rows, tmp_path):
    pytest.importorskip(package, reason=f"{package} is not installed")
    assert predict(load_model(name), None, rows, tmp_path / "out.csv").rows == 2
    high, low = pd.read_csv(tmp_path / "out.csv")["prediction"]
    assert high > low


def test_an_onnx_classifier_returns_probabilities_and_is_scored_by_its_labels(rows, tmp_path):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    prediction = predict(load_model("logistic.onnx"), None, rows, tmp_path / "out.csv", proba=True)
    assert prediction.columns[0] == "prediction"
    output = pd.read_csv(tmp_path / "out.csv")
    probabilities = [column for column in output if column.startswith("probability_")]
    assert output[probabilities].sum(axis=1).to_list() == pytest.approx([1, 1])
    ROWS.assign(y=[1, 0]).to_csv(tmp_path / "holdout.csv", index=False)
    scores = evaluate(load_model("logistic.onnx"), None, tmp_path / "holdout.csv", "y")
    assert scores.metrics["accuracy"] == 1
    assert scores.missing["roc_auc"] == "the model does not say to which class each probability belongs"
