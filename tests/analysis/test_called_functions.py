"""Functions that models call with data must not be able to change the model."""

from __future__ import annotations

import pickle
from functools import partial

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from modelreg.analysis.scan import scan
from modelreg.domain.scans import Verdict

ROWS = np.array([[0.0, 1.0], [1.0, 0.0], [0.2, 0.8], [0.9, 0.1]] * 3)
CLASSES = np.array([0, 1, 0, 1] * 3)
OBJECTS = np.array(["predict"], dtype=object)


def scan_model(data, tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(data if isinstance(data, bytes) else pickle.dumps(data, 4))
    return scan({"model.pkl": path}, False, "pickle")


def stacking_model(method):
    model = StackingClassifier([("t", DecisionTreeClassifier())], final_estimator=LogisticRegression(), cv=2)
    model.fit(ROWS, CLASSES)
    model.stack_method_ = method
    return model


HOSTILE_MODELS = {
    "method names in an array": lambda: stacking_model(OBJECTS),
    "output array": lambda: FunctionTransformer(np.take, kw_args={"indices": [0], "out": ROWS}),
    "array of objects as a keyword argument": lambda: FunctionTransformer(np.isin, kw_args={"test_elements": OBJECTS}),
    "array of objects as a positional argument": lambda: FunctionTransformer(partial(np.maximum, OBJECTS, OBJECTS)),
    "array of objects in a list": lambda: FunctionTransformer(partial(np.choose, [OBJECTS])),
    "output array of a partial": lambda: FunctionTransformer(partial(np.add, 1, out=ROWS)),
    "array of objects for a scorer": lambda: make_scorer(accuracy_score, sample_weight=OBJECTS),
    "array of objects for a metric": lambda: KNeighborsClassifier(metric_params={"w": OBJECTS}),
    "ndarray as a function": lambda: FunctionTransformer(np.ndarray, kw_args={"dtype": "O"}),
    "array as a buffer": lambda: FunctionTransformer(np.array, kw_args={"buffer": ROWS}),
    "void as a function": lambda: FunctionTransformer(np.void, kw_args={"dtype": "O"}),
    "generic as a function": lambda: FunctionTransformer(np.generic),
    "make_scorer as a function": lambda: FunctionTransformer(make_scorer),
}


@pytest.mark.parametrize("label", HOSTILE_MODELS)
def test_models_that_could_change_themselves_in_predict_are_not_safe(label, tmp_path):
    assert scan_model(HOSTILE_MODELS[label](), tmp_path).verdict is Verdict.UNKNOWN


def fitted_grid_search():
    search = GridSearchCV(GradientBoostingClassifier(n_estimators=2), {"max_features": [None, "sqrt"]}, cv=2)
    return search.fit(ROWS, CLASSES)


GENUINE_MODELS = {
    "trees in an array": lambda: GradientBoostingClassifier(n_estimators=2).fit(ROWS, CLASSES),
    "parameter values of a search in an array": fitted_grid_search,
    "method names in a list": lambda: stacking_model(["predict_proba"]),
    "labels in an array": lambda: DecisionTreeClassifier().fit(ROWS, np.array(["a", "b"] * 6, dtype=object)),
    "limits as keyword arguments": lambda: FunctionTransformer(np.clip, kw_args={"a_min": 0, "a_max": [1.0, 2.0]}),
    "dtype as a keyword argument": lambda: FunctionTransformer(np.asarray, kw_args={"dtype": np.float32}),
    "conversion to a dtype": lambda: FunctionTransformer(np.float32),
    "dtype in a partial": lambda: FunctionTransformer(partial(np.asarray, dtype=np.float64)),
    "weights of a metric": lambda: KNeighborsClassifier(metric="minkowski", metric_params={"w": np.array([1.0, 2.0])}),
    "arguments of a scorer": lambda: make_scorer(accuracy_score, normalize=True, sample_weight=None),
}


@pytest.mark.parametrize("label", GENUINE_MODELS)
def test_functions_and_values_in_genuine_models_are_safe(label, tmp_path):
    assert scan_model(GENUINE_MODELS[label](), tmp_path).verdict is Verdict.SAFE


def test_a_state_of_two_dictionaries_is_not_safe_for_a_class_without_slots(tmp_path):
    ops = pickle.dumps(DecisionTreeClassifier(), 4)
    plain = scan_model(ops, tmp_path)
    pair = scan_model(ops.replace(b"ub.", b"u}\x86b."), tmp_path)
    assert plain.verdict is Verdict.SAFE
    assert any("two dictionaries" in finding for finding in pair.findings)
