"""Models of XGBoost, LightGBM and CatBoost, also from native files: categories, best iteration, probabilities."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from in_process import evaluate, predict
from sklearn import metrics

from modelreg.analysis.containers.content import OpenModel
from modelreg.data.signatures import infer_signature
from modelreg.domain.signatures import Signature, SignatureField
from modelreg.errors import InvalidData
from modelreg.loading.flavors import load, recognise
from modelreg.loading.trust import Trust


@pytest.fixture(scope="module")
def mixed():
    """Numbers, categories of texts that look like numbers, and categories of numbers; all with missing values."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "income": random.normal(size=300),
            "zip": pd.Categorical(random.choice(["01234", "1234", "NA", "9"], 300)),
            "kind": pd.Categorical(random.choice([7, 3, 5], 300)),
        }
    )
    frame.loc[::11, "income"] = np.nan
    frame.loc[::7, "zip"] = None
    frame.loc[::13, "kind"] = None
    return frame


@pytest.fixture(scope="module")
def target(mixed):
    score = (mixed["zip"] == "01234").astype(int) + (mixed["kind"].astype("object") == 7) + mixed["income"].fillna(0)
    return (score > 0.7).astype(int).to_numpy()


def train(package, frame, target):
    library = pytest.importorskip(package)
    if package == "xgboost":
        return library.XGBClassifier(n_estimators=20, max_depth=4, enable_categorical=True).fit(frame, target)
    return library.LGBMClassifier(n_estimators=20, min_child_samples=5, verbose=-1).fit(frame, target)


def save_and_load(model, folder):
    """Save the model in the format of its library, and load it."""
    path = folder / "native"
    if hasattr(model, "booster_"):
        path.write_text(model.booster_.model_to_string())
    elif hasattr(model, "get_booster"):
        path.write_bytes(model.get_booster().save_raw("ubj"))
    else:
        model.save_model(str(path), format="cbm")
    with path.open("rb") as file:
        return load(OpenModel(file, None), recognise({"native": path}, is_folder=False).format, Trust("m/1"))


def write_files(frame, folder):
    frame.to_csv(folder / "data.csv", index=False)
    frame.to_parquet(folder / "data.parquet")
    return folder / "data.csv", folder / "data.parquet", frame


def predict_file(model, signature, source, folder, **options):
    predict(model, signature, source, folder / "out.csv", **options)
    return pd.read_csv(folder / "out.csv")


def without_details(signature):
    """The signature as early versions of modelreg stored it, without categories."""
    return Signature(tuple(SignatureField(field.name, field.type, (), field.nullable) for field in signature.inputs))


@pytest.mark.parametrize("package", ["xgboost", "lightgbm"])
@pytest.mark.parametrize("stated", ["signature", "signature without details", "none"])
def test_categories_are_restored_from_files(package, stated, mixed, target, tmp_path):
    model = train(package, mixed, target)
    signature = {
        "signature": infer_signature(mixed),
        "signature without details": without_details(infer_signature(mixed)),
        "none": None,
    }[stated]
    expected = model.predict_proba(mixed)[:, 1]
    for source in write_files(mixed, tmp_path):
        for candidate in (model, save_and_load(model, tmp_path)):
            if candidate is model and package == "xgboost":
                candidate.get_booster().feature_names = list(mixed)
            output = predict_file(candidate, signature, source, tmp_path, proba=True)
            assert np.allclose(output["probability_1"], expected, rtol=1e-6)


@pytest.mark.parametrize("package", ["xgboost", "lightgbm"])
def test_a_category_that_was_not_in_the_training_data_is_refused(package, mixed, target, tmp_path):
    model = train(package, mixed, target)
    mixed.assign(zip="4321").to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(InvalidData, match=r"'zip' .* 4 categories .*: '4321' in line 2"):
        predict(model, infer_signature(mixed), tmp_path / "new.csv", tmp_path / "out.csv")


def test_a_catboost_model_receives_zip_codes_as_texts(tmp_path):
    catboost = pytest.importorskip("catboost")
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"zip": random.choice(["01234", "1234", "NA", ""], 300), "x": random.normal(size=300)})
    target = np.where(frame["zip"] == "01234", "yes", "no")
    model = catboost.CatBoostClassifier(iterations=20, verbose=0, cat_features=["zip"], allow_writing_files=False)
    expected = model.fit(frame, target).predict(frame).tolist()
    for source in write_files(frame, tmp_path):
        for signature in (infer_signature(frame), None):
            for candidate in (model, save_and_load(model, tmp_path)):
                assert predict_file(candidate, signature, source, tmp_path)["prediction"].tolist() == expected


def test_an_early_stopped_xgboost_file_predicts_like_the_classifier(tmp_path):
    xgboost = pytest.importorskip("xgboost")
    random = np.random.default_rng(1)
    frame, target = pd.DataFrame(random.normal(size=(300, 3)), columns=list("abc")), random.integers(0, 3, 300)
    model = xgboost.XGBClassifier(n_estimators=200, early_stopping_rounds=5)
    model.fit(frame[:200], target[:200], eval_set=[(frame[200:], target[200:])], verbose=False)
    assert model.best_iteration < 190
    frame.to_csv(tmp_path / "data.csv", index=False)
    output = predict_file(save_and_load(model, tmp_path), None, tmp_path / "data.csv", tmp_path)
    assert output.to_numpy().argmax(axis=1).tolist() == model.predict(frame).tolist()


@pytest.mark.parametrize("names", [True, False])
def test_a_linear_xgboost_model_predicts(names, tmp_path):
    xgboost = pytest.importorskip("xgboost")
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 2)), columns=["a", "b"])
    data = frame if names else frame.to_numpy()
    booster = xgboost.train({"booster": "gblinear", "verbosity": 0}, xgboost.DMatrix(data, frame["a"]), 5)
    frame.to_csv(tmp_path / "data.csv", index=False)
    output = predict_file(booster, None, tmp_path / "data.csv", tmp_path)
    assert np.allclose(output["prediction"], booster.predict(xgboost.DMatrix(data)))


@pytest.mark.parametrize("package", ["xgboost", "lightgbm"])
@pytest.mark.parametrize("classes", [2, 3])
def test_a_native_classifier_has_all_metrics(package, classes, tmp_path):
    random = np.random.default_rng(2)
    frame = pd.DataFrame(random.normal(size=(200, 2)), columns=["a", "b"])
    target = (frame["a"] * 1.5 + random.normal(size=200)).rank(pct=True).mul(classes).sub(1e-9).astype(int)
    model = train(package, frame, target)
    frame.assign(y=target).to_csv(tmp_path / "holdout.csv", index=False)
    scores = evaluate(save_and_load(model, tmp_path), None, tmp_path / "holdout.csv", "y")
    probabilities = model.predict_proba(frame)
    row_sums = probabilities.sum(axis=1, keepdims=True)
    probabilities = probabilities[:, 1] if classes == 2 else probabilities / row_sums
    assert scores.metrics["accuracy"] == metrics.accuracy_score(target, model.predict(frame))
    assert scores.metrics["roc_auc"] == pytest.approx(metrics.roc_auc_score(target, probabilities, multi_class="ovr"))
    assert not scores.missing


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("\n", "\r\n"), None),
        (lambda text: text[: len(text) // 2], "cut off"),
        (lambda text: text[:-500], "cut off"),
        (lambda text: text.replace("leaf_value=", "leaf_value=0"), "cut off"),
    ],
)
def test_a_lightgbm_file_with_crlf_is_read_and_a_truncated_one_is_refused(change, message, tmp_path):
    from modelreg.errors import UnloadableModel

    pytest.importorskip("lightgbm")
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=["a", "b"])
    text = train("lightgbm", frame, frame["a"] > 0).booster_.model_to_string()
    (tmp_path / "model.txt").write_bytes(change(text).encode())
    is_complete = recognise({"model.txt": tmp_path / "model.txt"}, is_folder=False).flavor == "lightgbm"
    assert is_complete or message is not None
    with (tmp_path / "model.txt").open("rb") as file:
        if message is not None:
            with pytest.raises(UnloadableModel, match=message):
                load(OpenModel(file, None), "lightgbm-text", Trust("m/1"))
            return
        booster = load(OpenModel(file, None), "lightgbm-text", Trust("m/1"))
    assert json.loads(json.dumps(booster.feature_name())) == ["a", "b"]
