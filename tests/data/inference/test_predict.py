"""Predictions for files equal those of the model, for any order of columns and any size of chunks."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from in_process import predict
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.svm import LinearSVC

from modelreg.data.signatures import infer_signature, read_signature
from modelreg.data.tables import csv as csv_tables
from modelreg.errors import CannotPredict, InvalidData, InvalidInput, SourceNotFound

FEATURES = ["age", "income", "city"]


def predict_file(model, signature, source, tmp_path, **options):
    predict(model, signature, source, tmp_path / "out.csv", **options)
    return pd.read_csv(tmp_path / "out.csv", dtype={"id": str})


def test_a_file_is_predicted_by_the_model(classifier, signature, people, data, tmp_path):
    prediction = predict(classifier, signature, data, tmp_path / "out.csv")
    output = pd.read_csv(tmp_path / "out.csv")
    assert list(output["prediction"]) == list(classifier.predict(people[FEATURES]))
    assert (prediction.rows, prediction.columns, prediction.path) == (400, ("prediction",), str(tmp_path / "out.csv"))
    assert prediction.data_digest == "sha256:" + hashlib.sha256(data.read_bytes()).hexdigest()


def test_probabilities_are_written_without_loss_of_digits(classifier, signature, people, data, tmp_path):
    output = predict_file(classifier, signature, data, tmp_path, proba=True)
    assert list(output.columns) == ["prediction", "probability_no", "probability_yes"]
    assert (
        output[["probability_no", "probability_yes"]].to_numpy() == classifier.predict_proba(people[FEATURES])
    ).all()


def test_columns_in_another_order_are_reordered(classifier, signature, people, tmp_path):
    people[["city", "income", "age"]].to_csv(tmp_path / "data.csv", index=False)
    output = predict_file(classifier, signature, tmp_path / "data.csv", tmp_path)
    assert list(output["prediction"]) == list(classifier.predict(people[FEATURES]))


def test_an_id_is_copied_unchanged_and_not_passed_to_the_model(classifier, signature, people, tmp_path):
    ids = [f"{number:05d}" for number in range(399)] + ["NA"]
    people[FEATURES].assign(id=ids).to_csv(tmp_path / "data.csv", index=False)
    output = pd.read_csv(
        predict(classifier, signature, tmp_path / "data.csv", tmp_path / "out.csv", id_column="id").path,
        dtype=str,
        keep_default_na=False,
    )
    assert list(output.columns) == ["id", "prediction"]
    assert list(output["id"]) == ids


@pytest.mark.slow
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.integers(1, 500))
def test_predictions_do_not_depend_on_chunk_boundaries(classifier, signature, data, tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("chunked")
    predict(classifier, signature, data, folder / "whole.csv", proba=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_tables, "_VALUES_AT_ONCE", rows * 3)
        predict(classifier, signature, data, folder / "chunked.csv", proba=True)
    all_at_once, chunked = pd.read_csv(folder / "whole.csv"), pd.read_csv(folder / "chunked.csv")
    assert (all_at_once["prediction"] == chunked["prediction"]).all()
    # libraries may sum one row in another order than several, so the last digit may differ
    assert np.allclose(
        all_at_once[["probability_no", "probability_yes"]], chunked[["probability_no", "probability_yes"]], rtol=1e-12
    )


def test_gzip_input_and_output_have_the_same_content(classifier, signature, data, tmp_path):
    compressed = tmp_path / "people.csv.gz"
    compressed.write_bytes(gzip.compress(data.read_bytes()))
    predict(classifier, signature, data, tmp_path / "plain.csv")
    predict(classifier, signature, compressed, tmp_path / "compressed.csv.gz")
    assert gzip.decompress((tmp_path / "compressed.csv.gz").read_bytes()) == (tmp_path / "plain.csv").read_bytes()


def test_stdin_and_stdout_are_supported(classifier, signature, data, tmp_path, monkeypatch, capfdbinary):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(data.read_bytes()))))
    with open(1, "w", closefd=False) as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert predict(classifier, signature, "-", "-").rows == 400
    predict(classifier, signature, data, tmp_path / "plain.csv")
    assert capfdbinary.readouterr().out == (tmp_path / "plain.csv").read_bytes()


def test_a_model_without_a_signature_takes_its_training_columns(classifier, people, tmp_path):
    people[["city", "income", "age"]].to_csv(tmp_path / "data.csv", index=False)
    output = predict_file(classifier, None, tmp_path / "data.csv", tmp_path)
    assert list(output["prediction"]) == list(classifier.predict(people[FEATURES]))
    people[["city", "income"]].to_csv(tmp_path / "data.csv", index=False)
    with pytest.raises(InvalidData, match="no column 'age'"):
        predict(classifier, None, tmp_path / "data.csv", tmp_path / "other.csv")


def test_a_model_trained_on_an_array_receives_an_array(people, tmp_path):
    array = people[["age", "income"]].to_numpy()
    model = LinearRegression().fit(array, people["spent"])
    people[["age", "income"]].to_csv(tmp_path / "data.csv", index=False)
    for signature in (infer_signature(array), None):
        output = predict_file(model, signature, tmp_path / "data.csv", tmp_path)
        assert np.allclose(output["prediction"], model.predict(array))
    people[["age", "income", "spent"]].to_csv(tmp_path / "data.csv", index=False)
    with pytest.raises(InvalidData, match=r"3 columns .* takes 2"):
        predict(model, infer_signature(array), tmp_path / "data.csv", tmp_path / "out.csv")


def test_several_predictions_per_row_have_one_column_each(people, data, tmp_path):
    model = RandomForestRegressor(n_estimators=3, random_state=0)
    model.fit(people[["age", "income"]], people[["spent", "income"]])
    people[["age", "income"]].to_csv(tmp_path / "data.csv", index=False)
    output = predict_file(model, None, tmp_path / "data.csv", tmp_path)
    assert list(output.columns) == ["prediction_0", "prediction_1"]


def test_integers_keep_their_type_and_missing_ones_follow_the_signature(tmp_path):
    class Types:
        def predict(self, frame):
            return frame.apply(lambda row: f"{frame.dtypes['a']} {frame.dtypes['b']}", axis=1)

    signature = infer_signature(pd.DataFrame({"a": [1, 2], "b": pd.array([1, None], dtype="Int64")}))
    (tmp_path / "data.csv").write_text("a,b\n1,2\n3,\n")
    assert set(predict_file(Types(), signature, tmp_path / "data.csv", tmp_path)["prediction"]) == {"int64 Int64"}
    inferred = read_signature(tmp_path / "data.csv")
    assert set(predict_file(Types(), inferred, tmp_path / "data.csv", tmp_path)["prediction"]) == {"int64 float64"}


def test_times_are_parsed_for_a_model_trained_on_times(tmp_path):
    class Years:
        def predict(self, frame):
            return frame["at"].dt.year

    signature = infer_signature(pd.DataFrame({"at": pd.to_datetime(["2026-10-01"])}))
    (tmp_path / "data.csv").write_text("at\n2026-10-01\n1999-01-01\n")
    assert list(predict_file(Years(), signature, tmp_path / "data.csv", tmp_path)["prediction"]) == [2026, 1999]


# data that is not accepted: nothing is written


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("age,income\n1,2\n", "has no column 'city'"),
        ("age\n1\n", "has no column 'income', 'city'"),
        ("age,income,city,zip\n1,2,Bern,3\n", "has 'zip', which the model does not take"),
        ("age,incme,city\n1,2,Bern\n", "has no column 'income', and has 'incme'"),
        ("age,income,city\nold,2,Bern\n", "'age' is not int64"),
        ("age,income,city\n1,much,Bern\n2,3,Rome\n", "'income' is not float64"),
        (
            "age,income,city\nold,much,Bern\n",
            "'age' is not int64: 'old' in line 2, 'income' is not float64: 'much' in line 2",
        ),
        ("age,income,city\n1.5,2,Bern\n", "'age' is not int64"),
        ("age,income,city\n,2,Bern\n", "'age' is missing in line 2"),
        ("age,income,city\n99999999999999999999,2,Bern\n", "int64: '99999999999999999999' in line 2"),
        ("age,income,city\n", "has no rows"),
        ("", "is empty"),
        ("age,age,city\n1,2,3\n", "two columns are named 'age'"),
        ("age;income;city\n1;2;Bern\n", "--delimiter ';'"),
        ("age,income,city\n1,2,Bern,4,5\n", "more values"),
        ("age,income,city\n1,2,Atlantis\n", "the model cannot predict this data"),
    ],
)
def test_invalid_data_is_refused_and_nothing_is_written(classifier, signature, tmp_path, text, message):
    (tmp_path / "people.csv").write_text(text)
    (tmp_path / "out.csv").write_text("as it was")
    with pytest.raises(InvalidData) as caught:
        predict(classifier, signature, tmp_path / "people.csv", tmp_path / "out.csv")
    assert message in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.exit == 2
    assert "\n" not in caught.value.message
    assert (tmp_path / "out.csv").read_text() == "as it was"
    assert sorted(os.listdir(tmp_path)) == ["out.csv", "people.csv", "work"]


def test_integers_with_a_decimal_point_are_accepted(classifier, signature, tmp_path):
    (tmp_path / "people.csv").write_text("age,income,city\n30.0,2,Bern\n1e1,3,Bern\n")
    assert len(predict_file(classifier, signature, tmp_path / "people.csv", tmp_path)) == 2


def test_a_wrong_value_in_a_later_chunk_is_refused(classifier, signature, people, tmp_path, monkeypatch):
    monkeypatch.setattr(csv_tables, "_VALUES_AT_ONCE", 30)
    people[FEATURES].to_csv(tmp_path / "data.csv", index=False)
    with (tmp_path / "data.csv").open("a") as file:
        file.write("ten,1,Bern\n")
    with pytest.raises(InvalidData, match="'age' is not int64"):
        predict(classifier, signature, tmp_path / "data.csv", tmp_path / "out.csv")


@pytest.mark.parametrize("model", [{"a": 1}, np.zeros(3), KMeans], ids=["dict", "array", "class"])
def test_an_object_without_predict_is_refused(model, signature, data, tmp_path):
    with pytest.raises((CannotPredict, InvalidData)):
        predict(model, signature, data, tmp_path / "out.csv")


def test_proba_is_refused_for_a_model_without_probabilities(people, tmp_path):
    model = LinearSVC().fit(people[["age"]], people["churned"])
    people[["age"]].to_csv(tmp_path / "data.csv", index=False)
    with pytest.raises(CannotPredict, match="gives no probabilities"):
        predict(model, None, tmp_path / "data.csv", tmp_path / "out.csv", proba=True)


def test_a_missing_id_column_is_refused(classifier, signature, data, tmp_path):
    with pytest.raises(InvalidData, match="no column 'citty'") as caught:
        predict(classifier, signature, data, tmp_path / "out.csv", id_column="citty")
    assert caught.value.hint == "did you mean city?"


def test_a_replaced_file_keeps_its_permissions(classifier, signature, data, tmp_path):
    (tmp_path / "out.csv").write_text("private")
    (tmp_path / "out.csv").chmod(0o600)
    predict(classifier, signature, data, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").stat().st_mode & 0o777 == 0o600


def test_an_input_of_the_model_is_refused_as_id_column(classifier, signature, data, tmp_path):
    with pytest.raises(InvalidData, match="'age'"):
        predict(classifier, signature, data, tmp_path / "out.csv", id_column="age")


def test_missing_files_and_unknown_formats_are_refused(classifier, signature, data, tmp_path):
    with pytest.raises(SourceNotFound):
        predict(classifier, signature, tmp_path / "no.csv", tmp_path / "out.csv")
    with pytest.raises(InvalidInput, match=r"out'.* format"):
        predict(classifier, signature, data, tmp_path / "out")
    with pytest.raises(InvalidInput, match="no folder"):
        predict(classifier, signature, data, tmp_path / "no" / "out.csv")
    with pytest.raises(InvalidData, match="not a file"):
        predict(classifier, signature, tmp_path, tmp_path / "out.csv")


def test_data_that_changes_during_prediction_is_refused(signature, data, tmp_path):
    class Modifying:
        def predict(self, frame):
            data.write_text("other")
            return np.zeros(len(frame))

    with pytest.raises(InvalidData) as refused:
        predict(Modifying(), signature, data, tmp_path / "out.csv")
    assert refused.value.code == "data_changed"


def test_progress_is_reported_in_rows(classifier, signature, data, tmp_path, monkeypatch):
    monkeypatch.setattr(csv_tables, "_VALUES_AT_ONCE", 450)
    calls = []
    predict(classifier, signature, data, tmp_path / "out.csv", progress=lambda *call: calls.append(call))
    assert calls == [(150, None), (300, None), (400, None)]


@pytest.mark.parametrize("ending", [".parquet", ".pq"])
def test_parquet_input_and_output(classifier, signature, people, tmp_path, ending):
    pytest.importorskip("pyarrow")
    people[FEATURES].to_parquet(tmp_path / f"data{ending}")
    prediction = predict(classifier, signature, tmp_path / f"data{ending}", tmp_path / f"out{ending}", proba=True)
    output = pd.read_parquet(tmp_path / f"out{ending}")
    assert prediction.rows == 400
    assert list(output["prediction"]) == list(classifier.predict(people[FEATURES]))


def test_a_parquet_column_of_another_type_is_refused(classifier, signature, people, tmp_path):
    pytest.importorskip("pyarrow")
    people[FEATURES].assign(age="old").to_parquet(tmp_path / "data.parquet")
    with pytest.raises(InvalidData, match="'age' is not int64"):
        predict(classifier, signature, tmp_path / "data.parquet", tmp_path / "out.csv")
