"""Predictions by address: the data is held to the signature, and nothing runs that nobody vouched for."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LinearRegression

import modelreg.mlflow as mlflow
from modelreg.mlflow.exceptions import MlflowException


@pytest.fixture
def loaded(model, data):
    """The classifier with its signature, loaded again."""
    signature = mlflow.models.infer_signature(data, model.predict(data))
    return mlflow.pyfunc.load_model(mlflow.sklearn.log_model(model, name="model", signature=signature).model_uri)


def test_columns_are_put_in_order_and_others_left_out(loaded, model, data):
    shuffled = data[["member", "income", "age"]].assign(more="x")
    assert (loaded.predict(shuffled) == model.predict(data)).all()
    assert list(shuffled.columns) == ["member", "income", "age", "more"]


def test_what_is_known_of_a_loaded_model_is_its_metadata(registry, model, data):
    signature = mlflow.models.infer_signature(data, model.predict(data))
    info = mlflow.sklearn.log_model(model, name="model", signature=signature)
    loaded = mlflow.pyfunc.load_model(info.model_uri)
    assert loaded.metadata.signature.inputs.input_names() == ["age", "income", "member"]
    assert loaded.metadata.get_input_schema().input_types() == ["int64", "float64", "boolean"]
    assert loaded.metadata.run_id == info.run_id
    assert type(loaded.unwrap_python_model()) is type(model)
    assert repr(loaded) == f"<PyFuncModel of LogisticRegression, run {info.run_id}>"


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.astype({"age": "int8", "income": "float32"}),
        lambda data: data.astype({"age": "float64"}),
        lambda data: data.astype({"age": object, "income": object, "member": object}),
        lambda data: data.assign(income=data["age"] * 2).astype({"income": "int64"}),
        lambda data: data.to_dict("list"),
        lambda data: data.to_dict("records"),
    ],
    ids=["smaller types", "whole floats", "objects", "whole numbers", "lists", "rows"],
)
def test_types_are_converted_where_no_value_changes(loaded, model, data, change):
    changed = change(data)
    plain = pd.DataFrame(changed).astype(data.dtypes)
    assert (loaded.predict(changed) == model.predict(plain)).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data.drop(columns=["income"]), "no column 'income'"),
        (lambda data: data.rename(columns={"age": "Age"}), "no column 'age'.*did you mean Age"),
        (lambda data: data.assign(age=data["age"] + 0.5), "'age' is not int64"),
        (lambda data: data.assign(age=data["age"].where(data["age"] > 3)), "'age' is missing in row 0"),
        (lambda data: data.assign(income="high"), "'income' is not float64: '"),
        (lambda data: data.assign(income="1.5"), "'income' is not float64: '"),
        (
            lambda data: data.assign(age=data["member"]),
            "'age' is not int64: False in row 1|'age' is not int64: True in row 0",
        ),
        (lambda data: data.assign(member=1), "'member' is not boolean: 1 in row 0"),
        (lambda data: data.to_numpy(), "no column 'age', 'income', 'member'"),
        (lambda data: 7, "cannot be read as a table"),
    ],
)
def test_data_that_does_not_fit_is_an_invalid_value(loaded, data, change, words):
    with pytest.raises(MlflowException, match=words) as refused:
        loaded.predict(change(data))
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def test_one_row_is_a_mapping_from_columns_to_values(loaded, model, data):
    assert loaded.predict({"age": 3, "income": 4.5, "member": True}) == model.predict(data[3:4])


def test_a_model_without_signature_is_given_what_there_is(model, data):
    info = mlflow.sklearn.log_model(model, name="model")
    loaded = mlflow.pyfunc.load_model(info.model_uri)
    assert loaded.metadata.signature is None
    assert (loaded.predict(data) == model.predict(data)).all()
    with pytest.raises(ValueError, match="feature names"):  # of scikit-learn, as it is
        loaded.predict(data.rename(columns={"age": "other"}))


def test_an_array_has_the_shape_and_the_type_of_the_signature():
    rows = np.arange(8, dtype="float64").reshape(4, 2)
    regression = LinearRegression().fit(rows, rows.sum(axis=1))
    info = mlflow.sklearn.log_model(regression, name="model", input_example=rows)
    loaded = mlflow.pyfunc.load_model(info.model_uri)
    expected = regression.predict(rows)
    for given in (rows, rows.astype("int64"), rows.tolist(), pd.DataFrame(rows)):
        assert np.allclose(loaded.predict(given), expected)
    for given, words in ((rows[:, :1], "shape"), (rows[0], "shape"), (rows.astype(str), "takes float64")):
        with pytest.raises(MlflowException, match=words):
            loaded.predict(given)


def test_a_sparse_array_is_held_to_the_signature_and_stays_sparse():
    rows = csr_matrix(np.eye(4, 3))
    info = mlflow.sklearn.log_model(LinearRegression().fit(rows, range(4)), name="model", input_example=rows)
    loaded = mlflow.pyfunc.load_model(info.model_uri)
    expected = loaded.unwrap_python_model().predict(rows)
    for given in (rows, rows.tocoo(), rows.astype("int8"), rows.toarray()):
        assert np.allclose(loaded.predict(given), expected)
    with pytest.raises(MlflowException, match="shape"):
        loaded.predict(rows[:, :2])
    whole = mlflow.models.infer_signature(rows.astype("int64"))
    info = mlflow.sklearn.log_model(LinearRegression().fit(rows, range(4)), name="whole", signature=whole)
    with pytest.raises(MlflowException, match="cannot hold"):
        mlflow.pyfunc.load_model(info.model_uri).predict(rows * 0.5)


def test_a_value_that_the_type_of_an_array_cannot_hold_is_refused():
    rows = np.arange(8, dtype="int32").reshape(4, 2)
    info = mlflow.sklearn.log_model(LinearRegression().fit(rows, rows.sum(axis=1)), name="model", input_example=rows)
    loaded = mlflow.pyfunc.load_model(info.model_uri)
    assert len(loaded.predict(rows.astype("float64"))) == 4
    with pytest.raises(MlflowException, match="cannot hold"):
        loaded.predict(rows + 0.5)


def test_outputs_alone_hold_no_data_to_anything(model, data):
    signature = mlflow.models.infer_signature(model_output=model.predict(data))
    assert signature.inputs is None
    info = mlflow.sklearn.log_model(model, name="model", signature=signature)
    assert (mlflow.pyfunc.load_model(info.model_uri).predict(data) == model.predict(data)).all()


def test_parameters_of_predict_are_said_not_to_be_stored(model, data):
    signature = mlflow.models.infer_signature(data, params={"threshold": 0.5})
    with pytest.warns(UserWarning, match="not stored"):
        info = mlflow.sklearn.log_model(model, name="model", signature=signature)
    with pytest.raises(MlflowException, match="takes no params"):
        mlflow.pyfunc.load_model(info.model_uri).predict(data, params={"threshold": 0.5})


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """A class of a module, and a file that holds an object of it, which another process could have written."""
    (tmp_path / "ours_here.py").write_text("class Model:\n    def predict(self, data):\n        return data\n")
    monkeypatch.syspath_prepend(tmp_path)
    import ours_here

    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(ours_here.Model()))
    return path


@pytest.mark.parametrize("uri", ["models:/churn/1", "runs:/RUN/model.pkl"])
def test_a_model_that_imports_what_nobody_vouches_for_is_not_loaded(registry, foreign, uri):
    with mlflow.start_run() as run:
        mlflow.log_artifact(foreign)
    uri = uri.replace("RUN", run.info.run_id)
    mlflow.register_model(f"runs:/{run.info.run_id}/model.pkl", "churn")
    for load in (mlflow.pyfunc.load_model, mlflow.sklearn.load_model):
        with pytest.raises(MlflowException, match=r"ours_here\.Model.*Registry\(\)\.trust") as refused:
            load(uri)
        assert "--" not in str(refused.value)
        assert (refused.value.error_code, refused.value.get_http_status_code()) == ("PERMISSION_DENIED", 403)
    registry.trust("ours_here.Model")
    assert mlflow.pyfunc.load_model(uri).predict([1]) == [1]


def test_a_process_loads_what_it_wrote_itself_and_no_other_process_does(registry, foreign):
    import ours_here

    with mlflow.start_run() as run, pytest.warns(UserWarning, match=r"Registry\(\)\.trust\('ours_here\.Model'\)"):
        mlflow.sklearn.log_model(ours_here.Model(), name="model", registered_model_name="churn")
    for uri in (f"runs:/{run.info.run_id}/model", "models:/churn/1"):
        assert mlflow.pyfunc.load_model(uri).predict([1]) == [1]
        script = (
            f"import modelreg.mlflow as m; m.set_tracking_uri({str(registry.folder)!r}); m.pyfunc.load_model({uri!r})"
        )
        done = subprocess.run([sys.executable, "-c", script], cwd=foreign.parent, capture_output=True, text=True)
        assert "PERMISSION_DENIED" in done.stderr or "was not loaded" in done.stderr
    assert [entry.action for entry in registry.history("churn/1")][-1] == "load"


def test_a_python_model_is_loaded_by_another_process_with_full_trust_alone(registry, tmp_path):
    script = tmp_path / "logging.py"
    script.write_text(
        "import sys, modelreg.mlflow as mlflow\n"
        "mlflow.set_tracking_uri(sys.argv[1])\n"
        "class Twice(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input, params=None):\n"
        "        return [2 * value for value in model_input]\n"
        "mlflow.pyfunc.log_model(name='twice', python_model=Twice(), registered_model_name='twice')\n"
    )
    subprocess.run([sys.executable, "-P", script, registry.folder], check=True)
    with pytest.raises(MlflowException, match="its own code") as refused:
        mlflow.pyfunc.load_model("models:/twice/1")
    assert refused.value.error_code == "PERMISSION_DENIED"
    assert registry.version("twice/1").scan == "unknown"
    assert registry.load("twice/1", trust="full", message="read").predict([1, 2]) == [2, 4]
    assert list(registry.verify()) == []


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ({"code_paths": ["src"]}, "code_paths is not kept"),
        ({"pyfunc_predict_fn": "decide"}, "no method 'decide'"),
        ({"extra_files": ["a.txt"]}, "extra_files is not kept"),
    ],
)
def test_an_argument_whose_effect_would_be_lost_is_refused(model, argument, words):
    with pytest.raises(MlflowException, match=words):
        mlflow.sklearn.log_model(model, name="model", **argument)


def test_an_argument_that_is_replaced_is_warned_of(model):
    with pytest.warns(UserWarning, match="pip_requirements is not kept: each version records the libraries"):
        mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"])


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("models:/nothing/1", "RESOURCE_DOES_NOT_EXIST"),
        ("models:/churn/Staging", "RESOURCE_DOES_NOT_EXIST"),
        ("models:/churn@nobody", "RESOURCE_DOES_NOT_EXIST"),
        ("runs:/nothing/model", "RESOURCE_DOES_NOT_EXIST"),
        ("runs:/nothing", "INVALID_PARAMETER_VALUE"),
        ("models:/churn/", "INVALID_PARAMETER_VALUE"),
        ("model.pkl", "INVALID_PARAMETER_VALUE"),
    ],
)
def test_an_address_that_leads_nowhere_has_the_code_that_says_so(churn, uri, code):
    with pytest.raises(MlflowException) as refused:
        mlflow.pyfunc.load_model(uri)
    assert refused.value.error_code == code


def test_damaged_bytes_are_not_loaded(registry, model, blob_path):
    info = mlflow.sklearn.log_model(model, name="model")
    path = blob_path(registry.runs.model(info.model_uri).file.digest)
    path.chmod(0o644)
    path.write_bytes(b"x" + path.read_bytes()[1:])
    with pytest.raises(MlflowException) as refused:
        mlflow.pyfunc.load_model(info.model_uri)
    assert refused.value.error_code == "DATA_LOSS"
