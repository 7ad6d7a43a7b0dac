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


def scanned(data, tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(data if isinstance(data, bytes) else pickle.dumps(data, 4))
    return scan({"model.pkl": path}, False, "pickle")


def stack(method):
    model = StackingClassifier([("t", DecisionTreeClassifier())], final_estimator=LogisticRegression(), cv=2)
    model.fit(ROWS, CLASSES)
    model.stack_method_ = method
    return model


HOSTILE = {
    "the names of methods in an array": lambda: stack(OBJECTS),
    "an array to write into": lambda: FunctionTransformer(np.take, kw_args={"indices": [0], "out": ROWS}),
    "an array of objects by name": lambda: FunctionTransformer(np.isin, kw_args={"test_elements": OBJECTS}),
    "an array of objects by position": lambda: FunctionTransformer(partial(np.maximum, OBJECTS, OBJECTS)),
    "an array of objects in a list": lambda: FunctionTransformer(partial(np.choose, [OBJECTS])),
    "an array to write into, of a partial": lambda: FunctionTransformer(partial(np.add, 1, out=ROWS)),
    "an array of objects for a scorer": lambda: make_scorer(accuracy_score, sample_weight=OBJECTS),
    "an array of objects for a metric": lambda: KNeighborsClassifier(metric_params={"w": OBJECTS}),
    "the type of arrays": lambda: FunctionTransformer(np.ndarray, kw_args={"dtype": "O"}),
    "numbers as memory": lambda: FunctionTransformer(np.array, kw_args={"buffer": ROWS}),
    "the type of records": lambda: FunctionTransformer(np.void, kw_args={"dtype": "O"}),
    "a type of no numbers": lambda: FunctionTransformer(np.generic),
    "what makes a caller of any method": lambda: FunctionTransformer(make_scorer),
}


@pytest.mark.parametrize("label", HOSTILE)
def test_models_that_could_change_themselves_in_predict_are_not_safe(label, tmp_path):
    assert scanned(HOSTILE[label](), tmp_path).verdict is Verdict.UNKNOWN


def searched():
    search = GridSearchCV(GradientBoostingClassifier(n_estimators=2), {"max_features": [None, "sqrt"]}, cv=2)
    return search.fit(ROWS, CLASSES)


GENUINE = {
    "trees in an array": lambda: GradientBoostingClassifier(n_estimators=2).fit(ROWS, CLASSES),
    "tried values in an array": searched,
    "the names of methods in a list": lambda: stack(["predict_proba"]),
    "labels in an array": lambda: DecisionTreeClassifier().fit(ROWS, np.array(["a", "b"] * 6, dtype=object)),
    "limits": lambda: FunctionTransformer(np.clip, kw_args={"a_min": 0, "a_max": [1.0, 2.0]}),
    "a type": lambda: FunctionTransformer(np.asarray, kw_args={"dtype": np.float32}),
    "a conversion": lambda: FunctionTransformer(np.float32),
    "types in a list": lambda: FunctionTransformer(partial(np.asarray, dtype=np.float64)),
    "weights": lambda: KNeighborsClassifier(metric="minkowski", metric_params={"w": np.array([1.0, 2.0])}),
    "labels of a scorer": lambda: make_scorer(accuracy_score, normalize=True, sample_weight=None),
}


@pytest.mark.parametrize("label", GENUINE)
def test_functions_and_values_in_genuine_models_are_safe(label, tmp_path):
    assert scanned(GENUINE[label](), tmp_path).verdict is Verdict.SAFE


def test_a_state_of_two_dictionaries_is_not_safe_for_a_class_without_slots(tmp_path):
    ops = pickle.dumps(DecisionTreeClassifier(), 4)
    plain = scanned(ops, tmp_path)
    pair = scanned(ops.replace(b"ub.", b"u}\x86b."), tmp_path)
    assert plain.verdict is Verdict.SAFE
    assert any("two dictionaries" in finding for finding in pair.findings)
