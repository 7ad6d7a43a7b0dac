"""Predictions for whole files: the model's own, whatever the order of columns and the size of chunks."""

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
from modelreg.errors import CannotPredict, DataChanged, InvalidData, InvalidInput, SourceNotFound

FEATURES = ["age", "income", "city"]


def predicted(model, signature, source, tmp_path, **options):
    predict(model, signature, source, tmp_path / "out.csv", **options)
    return pd.read_csv(tmp_path / "out.csv", dtype={"id": str})


def test_a_file_gets_the_predictions_of_the_model(classifier, signature, people, data, tmp_path):
    done = predict(classifier, signature, data, tmp_path / "out.csv")
    found = pd.read_csv(tmp_path / "out.csv")
    assert list(found["prediction"]) == list(classifier.predict(people[FEATURES]))
    assert (done.rows, done.columns, done.path) == (400, ("prediction",), str(tmp_path / "out.csv"))
    assert done.data_digest == "sha256:" + hashlib.sha256(data.read_bytes()).hexdigest()


def test_probabilities_come_beside_it_and_lose_no_digit(classifier, signature, people, data, tmp_path):
    found = predicted(classifier, signature, data, tmp_path, proba=True)
    assert list(found.columns) == ["prediction", "probability_no", "probability_yes"]
    assert (found[["probability_no", "probability_yes"]].to_numpy() == classifier.predict_proba(people[FEATURES])).all()


def test_columns_in_another_order_are_put_right(classifier, signature, people, tmp_path):
    people[["city", "income", "age"]].to_csv(tmp_path / "data.csv", index=False)
    found = predicted(classifier, signature, tmp_path / "data.csv", tmp_path)
    assert list(found["prediction"]) == list(classifier.predict(people[FEATURES]))


def test_an_id_is_copied_as_it_is_written_and_not_given_to_the_model(classifier, signature, people, tmp_path):
    ids = [f"{number:05d}" for number in range(399)] + ["NA"]
    people[FEATURES].assign(id=ids).to_csv(tmp_path / "data.csv", index=False)
    found = pd.read_csv(
        predict(classifier, signature, tmp_path / "data.csv", tmp_path / "out.csv", id_column="id").path,
        dtype=str,
        keep_default_na=False,
    )
    assert list(found.columns) == ["id", "prediction"]
    assert list(found["id"]) == ids


@pytest.mark.slow
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.integers(1, 500))
def test_predictions_do_not_depend_on_where_the_file_is_cut(classifier, signature, data, tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("cut")
    predict(classifier, signature, data, folder / "whole.csv", proba=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_tables, "_VALUES_AT_ONCE", rows * 3)
        predict(classifier, signature, data, folder / "cut.csv", proba=True)
    whole, cut = pd.read_csv(folder / "whole.csv"), pd.read_csv(folder / "cut.csv")
    assert (whole["prediction"] == cut["prediction"]).all()
    # a library adds up one row in another order than many, so that the last digit may differ
    assert np.allclose(
        whole[["probability_no", "probability_yes"]], cut[["probability_no", "probability_yes"]], rtol=1e-12
    )


def test_gzip_in_and_out_is_the_same(classifier, signature, data, tmp_path):
    packed = tmp_path / "people.csv.gz"
    packed.write_bytes(gzip.compress(data.read_bytes()))
    predict(classifier, signature, data, tmp_path / "plain.csv")
    predict(classifier, signature, packed, tmp_path / "packed.csv.gz")
    assert gzip.decompress((tmp_path / "packed.csv.gz").read_bytes()) == (tmp_path / "plain.csv").read_bytes()


def test_stdin_and_stdout_are_files_too(classifier, signature, data, tmp_path, monkeypatch, capfdbinary):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(data.read_bytes()))))
    with open(1, "w", closefd=False) as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert predict(classifier, signature, "-", "-").rows == 400
    predict(classifier, signature, data, tmp_path / "plain.csv")
    assert capfdbinary.readouterr().out == (tmp_path / "plain.csv").read_bytes()


def test_a_model_without_a_signature_takes_the_columns_it_was_fitted_on(classifier, people, tmp_path):
    people[["city", "income", "age"]].to_csv(tmp_path / "data.csv", index=False)
    found = predicted(classifier, None, tmp_path / "data.csv", tmp_path)
    assert list(found["prediction"]) == list(classifier.predict(people[FEATURES]))
    people[["city", "income"]].to_csv(tmp_path / "data.csv", index=False)
    with pytest.raises(InvalidData, match="no column 'age'"):
        predict(classifier, None, tmp_path / "data.csv", tmp_path / "other.csv")


def test_a_model_of_arrays_gets_an_array(people, tmp_path):
    array = people[["age", "income"]].to_numpy()
    model = LinearRegression().fit(array, people["spent"])
    people[["age", "income"]].to_csv(tmp_path / "data.csv", index=False)
    for signature in (infer_signature(array), None):
        found = predicted(model, signature, tmp_path / "data.csv", tmp_path)
        assert np.allclose(found["prediction"], model.predict(array))
    people[["age", "income", "spent"]].to_csv(tmp_path / "data.csv", index=False)
    with pytest.raises(InvalidData, match="3 columns for the model, which takes 2 in their order"):
        predict(model, infer_signature(array), tmp_path / "data.csv", tmp_path / "out.csv")


def test_several_predictions_a_row_have_a_column_each(people, data, tmp_path):
    model = RandomForestRegressor(n_estimators=3, random_state=0)
    model.fit(people[["age", "income"]], people[["spent", "income"]])
    people[["age", "income"]].to_csv(tmp_path / "data.csv", index=False)
    found = predicted(model, None, tmp_path / "data.csv", tmp_path)
    assert list(found.columns) == ["prediction_0", "prediction_1"]


def test_whole_numbers_stay_whole_and_missing_ones_are_as_pandas_reads_them(tmp_path):
    class Types:
        def predict(self, frame):
            return frame.apply(lambda row: f"{frame.dtypes['a']} {frame.dtypes['b']}", axis=1)

    signature = infer_signature(pd.DataFrame({"a": [1, 2], "b": pd.array([1, None], dtype="Int64")}))
    (tmp_path / "data.csv").write_text("a,b\n1,2\n3,\n")
    assert set(predicted(Types(), signature, tmp_path / "data.csv", tmp_path)["prediction"]) == {"int64 Int64"}
    learned = read_signature(tmp_path / "data.csv")
    assert set(predicted(Types(), learned, tmp_path / "data.csv", tmp_path)["prediction"]) == {"int64 float64"}


def test_times_reach_a_model_that_was_fitted_on_times(tmp_path):
    class Years:
        def predict(self, frame):
            return frame["at"].dt.year

    signature = infer_signature(pd.DataFrame({"at": pd.to_datetime(["2026-10-01"])}))
    (tmp_path / "data.csv").write_text("at\n2026-10-01\n1999-01-01\n")
    assert list(predicted(Years(), signature, tmp_path / "data.csv", tmp_path)["prediction"]) == [2026, 1999]


# What is refused, with everything named and nothing written


@pytest.mark.parametrize(
    ("text", "said"),
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
        ("age,income,city\n99999999999999999999,2,Bern\n", "'age' is beyond int64: '99999999999999999999' in line 2"),
        ("age,income,city\n", "has no rows"),
        ("", "is empty"),
        ("age,age,city\n1,2,3\n", "two columns are named 'age'"),
        ("age;income;city\n1;2;Bern\n", "--delimiter ';'"),
        ("age,income,city\n1,2,Bern,4,5\n", "more values"),
        ("age,income,city\n1,2,Atlantis\n", "the model cannot predict this data"),
    ],
)
def test_data_that_does_not_fit_is_refused_and_nothing_is_written(classifier, signature, tmp_path, text, said):
    (tmp_path / "people.csv").write_text(text)
    (tmp_path / "out.csv").write_text("as it was")
    with pytest.raises(InvalidData) as refused:
        predict(classifier, signature, tmp_path / "people.csv", tmp_path / "out.csv")
    assert said in f"{refused.value.message} {refused.value.hint}"
    assert refused.value.exit == 2
    assert "\n" not in refused.value.message
    assert (tmp_path / "out.csv").read_text() == "as it was"
    assert sorted(os.listdir(tmp_path)) == ["out.csv", "people.csv", "work"]


def test_whole_numbers_written_with_a_point_are_whole(classifier, signature, tmp_path):
    (tmp_path / "people.csv").write_text("age,income,city\n30.0,2,Bern\n1e1,3,Bern\n")
    assert len(predicted(classifier, signature, tmp_path / "people.csv", tmp_path)) == 2


def test_what_is_wrong_far_down_is_found(classifier, signature, people, tmp_path, monkeypatch):
    monkeypatch.setattr(csv_tables, "_VALUES_AT_ONCE", 30)
    people[FEATURES].to_csv(tmp_path / "data.csv", index=False)
    with (tmp_path / "data.csv").open("a") as file:
        file.write("ten,1,Bern\n")
    with pytest.raises(InvalidData, match="'age' is not int64"):
        predict(classifier, signature, tmp_path / "data.csv", tmp_path / "out.csv")


@pytest.mark.parametrize("model", [{"a": 1}, np.zeros(3), KMeans], ids=["dict", "array", "class"])
def test_what_cannot_predict_is_refused(model, signature, data, tmp_path):
    with pytest.raises((CannotPredict, InvalidData)):
        predict(model, signature, data, tmp_path / "out.csv")


def test_probabilities_of_a_model_that_has_none_are_refused(people, tmp_path):
    model = LinearSVC().fit(people[["age"]], people["churned"])
    people[["age"]].to_csv(tmp_path / "data.csv", index=False)
    with pytest.raises(CannotPredict, match="gives no probabilities"):
        predict(model, None, tmp_path / "data.csv", tmp_path / "out.csv", proba=True)


def test_an_id_column_that_is_not_there_is_refused(classifier, signature, data, tmp_path):
    with pytest.raises(InvalidData, match="no column 'citty'") as refused:
        predict(classifier, signature, data, tmp_path / "out.csv", id_column="citty")
    assert refused.value.hint == "did you mean city?"


def test_a_file_that_is_replaced_keeps_who_may_read_it(classifier, signature, data, tmp_path):
    (tmp_path / "out.csv").write_text("private")
    (tmp_path / "out.csv").chmod(0o600)
    predict(classifier, signature, data, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").stat().st_mode & 0o777 == 0o600


def test_a_column_that_the_model_takes_is_no_id(classifier, signature, data, tmp_path):
    with pytest.raises(InvalidData, match="the model takes the column 'age'"):
        predict(classifier, signature, data, tmp_path / "out.csv", id_column="age")


def test_files_that_are_missing_or_have_no_format_are_refused(classifier, signature, data, tmp_path):
    with pytest.raises(SourceNotFound):
        predict(classifier, signature, tmp_path / "no.csv", tmp_path / "out.csv")
    with pytest.raises(InvalidInput, match="which format"):
        predict(classifier, signature, data, tmp_path / "out")
    with pytest.raises(InvalidInput, match="no folder"):
        predict(classifier, signature, data, tmp_path / "no" / "out.csv")
    with pytest.raises(InvalidData, match="not a file"):
        predict(classifier, signature, tmp_path, tmp_path / "out.csv")


def test_data_that_changes_while_it_is_read_is_refused(signature, data, tmp_path):
    class Meddler:
        def predict(self, frame):
            data.write_text("other")
            return np.zeros(len(frame))

    with pytest.raises(DataChanged):
        predict(Meddler(), signature, data, tmp_path / "out.csv")


def test_progress_is_told_in_rows(classifier, signature, data, tmp_path, monkeypatch):
    monkeypatch.setattr(csv_tables, "_VALUES_AT_ONCE", 450)
    told = []
    predict(classifier, signature, data, tmp_path / "out.csv", progress=lambda *done: told.append(done))
    assert told == [(150, None), (300, None), (400, None)]


@pytest.mark.parametrize("ending", [".parquet", ".pq"])
def test_parquet_in_and_out(classifier, signature, people, tmp_path, ending):
    pytest.importorskip("pyarrow")
    people[FEATURES].to_parquet(tmp_path / f"data{ending}")
    done = predict(classifier, signature, tmp_path / f"data{ending}", tmp_path / f"out{ending}", proba=True)
    found = pd.read_parquet(tmp_path / f"out{ending}")
    assert done.rows == 400
    assert list(found["prediction"]) == list(classifier.predict(people[FEATURES]))


def test_parquet_of_another_type_is_refused(classifier, signature, people, tmp_path):
    pytest.importorskip("pyarrow")
    people[FEATURES].assign(age="old").to_parquet(tmp_path / "data.parquet")
    with pytest.raises(InvalidData, match="'age' is not int64"):
        predict(classifier, signature, tmp_path / "data.parquet", tmp_path / "out.csv")
