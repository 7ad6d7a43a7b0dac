"""`pyfunc`: data is checked by the signature, and only trusted code is loaded."""

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
    """The classifier with its signature, logged and loaded again."""
    signature = mlflow.models.infer_signature(data, model.predict(data))
    return mlflow.pyfunc.load_model(mlflow.sklearn.log_model(model, name="model", signature=signature).model_uri)


def test_predict_reorders_columns_and_drops_extra_ones(loaded, model, data):
    shuffled = data[["member", "income", "age"]].assign(more="x")
    assert (loaded.predict(shuffled) == model.predict(data)).all()
    assert list(shuffled.columns) == ["member", "income", "age", "more"]


def test_metadata_has_the_signature_and_the_run(registry, model, data):
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
def test_predict_converts_types_without_loss(loaded, model, data, change):
    changed = change(data)
    plain = pd.DataFrame(changed).astype(data.dtypes)
    assert (loaded.predict(changed) == model.predict(plain)).all()


@pytest.mark.parametrize(
    ("change", "message"),
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
def test_predict_refuses_data_that_does_not_match_the_signature(loaded, data, change, message):
    with pytest.raises(MlflowException, match=message) as raised:
        loaded.predict(change(data))
    assert raised.value.error_code == "INVALID_PARAMETER_VALUE"


def test_predict_accepts_one_row_as_a_mapping(loaded, model, data):
    assert loaded.predict({"age": 3, "income": 4.5, "member": True}) == model.predict(data[3:4])


def test_a_model_without_signature_gets_the_data_unchanged(model, data):
    info = mlflow.sklearn.log_model(model, name="model")
    loaded = mlflow.pyfunc.load_model(info.model_uri)
    assert loaded.metadata.signature is None
    assert (loaded.predict(data) == model.predict(data)).all()
    with pytest.raises(ValueError, match="feature names"):  # of scikit-learn, as it is
        loaded.predict(data.rename(columns={"age": "other"}))


def test_predict_checks_the_shape_and_type_of_an_array():
    rows = np.arange(8, dtype="float64").reshape(4, 2)
    regression = LinearRegression().fit(rows, rows.sum(axis=1))
    info = mlflow.sklearn.log_model(regression, name="model", input_example=rows)
    loaded = mlflow.pyfunc.load_model(info.model_uri)
    expected = regression.predict(rows)
    for data in (rows, rows.astype("int64"), rows.tolist(), pd.DataFrame(rows)):
        assert np.allclose(loaded.predict(data), expected)
    for data, message in ((rows[:, :1], "shape"), (rows[0], "shape"), (rows.astype(str), "takes float64")):
        with pytest.raises(MlflowException, match=message):
            loaded.predict(data)


def test_predict_checks_a_sparse_array_and_keeps_it_sparse():
    rows = csr_matrix(np.eye(4, 3))
    info = mlflow.sklearn.log_model(LinearRegression().fit(rows, range(4)), name="model", input_example=rows)
    loaded = mlflow.pyfunc.load_model(info.model_uri)
    expected = loaded.unwrap_python_model().predict(rows)
    for data in (rows, rows.tocoo(), rows.astype("int8"), rows.toarray()):
        assert np.allclose(loaded.predict(data), expected)
    with pytest.raises(MlflowException, match="shape"):
        loaded.predict(rows[:, :2])
    whole = mlflow.models.infer_signature(rows.astype("int64"))
    info = mlflow.sklearn.log_model(LinearRegression().fit(rows, range(4)), name="whole", signature=whole)
    with pytest.raises(MlflowException, match="cannot hold"):
        mlflow.pyfunc.load_model(info.model_uri).predict(rows * 0.5)


def test_predict_refuses_a_value_outside_the_type_of_an_array():
    rows = np.arange(8, dtype="int32").reshape(4, 2)
    info = mlflow.sklearn.log_model(LinearRegression().fit(rows, rows.sum(axis=1)), name="model", input_example=rows)
    loaded = mlflow.pyfunc.load_model(info.model_uri)
    assert len(loaded.predict(rows.astype("float64"))) == 4
    with pytest.raises(MlflowException, match="cannot hold"):
        loaded.predict(rows + 0.5)


def test_a_signature_of_outputs_only_checks_no_data(model, data):
    signature = mlflow.models.infer_signature(model_output=model.predict(data))
    assert signature.inputs is None
    info = mlflow.sklearn.log_model(model, name="model", signature=signature)
    assert (mlflow.pyfunc.load_model(info.model_uri).predict(data) == model.predict(data)).all()


def test_params_of_a_signature_are_not_stored_and_a_warning_says_so(model, data):
    signature = mlflow.models.infer_signature(data, params={"threshold": 0.5})
    with pytest.warns(UserWarning, match="not stored"):
        info = mlflow.sklearn.log_model(model, name="model", signature=signature)
    with pytest.raises(MlflowException, match="takes no params"):
        mlflow.pyfunc.load_model(info.model_uri).predict(data, params={"threshold": 0.5})


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """A pickle of an object of a module, as another process could have written it."""
    (tmp_path / "ours_here.py").write_text("class Model:\n    def predict(self, data):\n        return data\n")
    monkeypatch.syspath_prepend(tmp_path)
    import ours_here

    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(ours_here.Model()))
    return path


@pytest.mark.parametrize("uri", ["models:/churn/1", "runs:/RUN/model.pkl"])
def test_a_model_that_imports_an_untrusted_name_is_not_loaded(registry, foreign, uri):
    with mlflow.start_run() as run:
        mlflow.log_artifact(foreign)
    uri = uri.replace("RUN", run.info.run_id)
    mlflow.register_model(f"runs:/{run.info.run_id}/model.pkl", "churn")
    for load in (mlflow.pyfunc.load_model, mlflow.sklearn.load_model):
        with pytest.raises(MlflowException, match=r"ours_here\.Model.*Registry\(\)\.trust") as raised:
            load(uri)
        assert "--" not in str(raised.value)
        assert (raised.value.error_code, raised.value.get_http_status_code()) == ("PERMISSION_DENIED", 403)
    registry.trust("ours_here.Model")
    assert mlflow.pyfunc.load_model(uri).predict([1]) == [1]


def test_only_the_process_that_wrote_an_untrusted_model_loads_it(registry, foreign):
    import ours_here

    with mlflow.start_run() as run, pytest.warns(UserWarning, match=r"Registry\(\)\.trust\('ours_here\.Model'\)"):
        mlflow.sklearn.log_model(ours_here.Model(), name="model", registered_model_name="churn")
    for uri in (f"runs:/{run.info.run_id}/model", "models:/churn/1"):
        assert mlflow.pyfunc.load_model(uri).predict([1]) == [1]
        script = (
            f"import modelreg.mlflow as m; m.set_tracking_uri({str(registry.folder)!r}); m.pyfunc.load_model({uri!r})"
        )
        result = subprocess.run([sys.executable, "-c", script], cwd=foreign.parent, capture_output=True, text=True)
        assert "PERMISSION_DENIED" in result.stderr or "was not loaded" in result.stderr
    assert [entry.action for entry in registry.history("churn/1")][-1] == "load"


def test_another_process_loads_a_python_model_only_with_full_trust(registry, tmp_path):
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
    with pytest.raises(MlflowException, match="its own code") as raised:
        mlflow.pyfunc.load_model("models:/twice/1")
    assert raised.value.error_code == "PERMISSION_DENIED"
    assert registry.version("twice/1").scan == "unknown"
    assert registry.load("twice/1", trust="full", message="read").predict([1, 2]) == [2, 4]
    assert list(registry.verify()) == []


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"code_paths": ["src"]}, "code_paths"),
        ({"pyfunc_predict_fn": "decide"}, "'decide'"),
        ({"extra_files": ["a.txt"]}, "extra_files"),
    ],
)
def test_log_model_refuses_an_unsupported_argument(model, argument, message):
    with pytest.raises(MlflowException, match=message) as raised:
        mlflow.sklearn.log_model(model, name="model", **argument)
    assert raised.value.error_code == "INVALID_PARAMETER_VALUE"


def test_log_model_warns_of_a_replaced_argument(model):
    with pytest.warns(UserWarning, match="pip_requirements"):
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
def test_loading_from_a_wrong_uri_has_the_right_code(churn, uri, code):
    with pytest.raises(MlflowException) as raised:
        mlflow.pyfunc.load_model(uri)
    assert raised.value.error_code == code


def test_damaged_bytes_are_not_loaded(registry, model, blob_path):
    info = mlflow.sklearn.log_model(model, name="model")
    path = blob_path(registry.runs.model(info.model_uri).file.digest)
    path.chmod(0o644)
    path.write_bytes(b"x" + path.read_bytes()[1:])
    with pytest.raises(MlflowException) as raised:
        mlflow.pyfunc.load_model(info.model_uri)
    assert raised.value.error_code == "DATA_LOSS"
