"""Signatures that are written by hand, and their text form."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import modelreg.mlflow as mlflow
from modelreg.mlflow.exceptions import MlflowException
from modelreg.mlflow.models import ModelSignature, infer_signature
from modelreg.mlflow.types import ColSpec, Schema, TensorSpec


def test_a_hand_written_signature_equals_the_inferred_one(data, model):
    columns = [ColSpec("long", "age"), ColSpec("double", "income"), ColSpec("boolean", "member")]
    signature = ModelSignature(Schema(columns), Schema([TensorSpec(np.dtype("bool"), (-1,))]))
    assert signature == infer_signature(data, model.predict(data))
    info = mlflow.sklearn.log_model(model, name="model", signature=signature)
    loaded = mlflow.pyfunc.load_model(info.model_uri)
    assert loaded.metadata.signature == signature
    assert (loaded.predict(data) == model.predict(data)).all()


def test_a_tensor_spec_checks_type_and_shape():
    rows = np.arange(6, dtype="float64").reshape(3, 2)
    signature = ModelSignature(inputs=Schema([TensorSpec(np.dtype("float64"), (-1, 2))]))
    assert signature.inputs == infer_signature(rows).inputs
    info = mlflow.sklearn.log_model(LinearRegression().fit(rows, rows[:, 0]), name="model", signature=signature)
    with pytest.raises(MlflowException, match="shape"):
        mlflow.pyfunc.load_model(info.model_uri).predict(rows[:, :1])


def test_an_optional_column_is_nullable_and_an_unknown_type_is_refused():
    assert ColSpec("double", "income", required=False).nullable
    with pytest.raises(MlflowException, match=r"'number' .*: use one of boolean, integer"):
        ColSpec("number", "income")


def test_repr_of_a_signature(data, model):
    signature = infer_signature(data.assign(income=data["income"].where(data["age"] > 3)), np.zeros((40, 2)))
    assert repr(signature.inputs) == "['age': int64, 'income': float64 (optional), 'member': boolean]"
    assert repr(signature) == f"ModelSignature(inputs={signature.inputs}, outputs=[float64 (any, 2)], params=None)"
