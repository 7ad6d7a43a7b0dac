"""Estimators of XGBoost and CatBoost refuse a string as data, because they would open it as a file."""

from __future__ import annotations

import operator
import pickle
from functools import partial

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from modelreg.loading.trust import Trust
from modelreg.loading.unpickle import load_pickle

ROWS = np.array([[0.0, 1.0], [1.0, 0.0], [0.2, 0.8], [0.9, 0.1]])
CLASSES = np.array([0, 1, 0, 1])


def test_a_loaded_xgboost_model_refuses_a_string_as_data(tmp_path):
    """An earlier step of a pipeline may return one, which XGBoost would read as a file or write a cache beside."""
    xgboost = pytest.importorskip("xgboost")
    steps = [partial(np.where, True, str(tmp_path / "rows.libsvm?format=libsvm")), operator.itemgetter((0, 0))]
    model = xgboost.XGBRegressor(n_estimators=2).fit(ROWS, CLASSES)
    (tmp_path / "rows.libsvm").write_text("1 0:1 1:2\n")
    pipeline = make_pipeline(*map(FunctionTransformer, steps), model)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(pipeline))
    with (tmp_path / "model.pkl").open("rb") as file:
        loaded = load_pickle(file, Trust("model/1"))
    with pytest.raises(TypeError, match="XGBRegressor got a string"):
        loaded.predict(ROWS)
    assert loaded[-1].predict(ROWS).shape == (len(ROWS),)


def test_a_loaded_catboost_model_refuses_a_string_as_data(tmp_path):
    catboost = pytest.importorskip("catboost")
    model = catboost.CatBoostRegressor(iterations=2, verbose=False, allow_writing_files=False).fit(ROWS, CLASSES)
    (tmp_path / "rows.tsv").write_text("1\t2\t3\n")
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    with (tmp_path / "model.pkl").open("rb") as file:
        loaded = load_pickle(file, Trust("model/1"))
    with pytest.raises(TypeError, match="CatBoostRegressor got a string"):
        loaded.fit(str(tmp_path / "rows.tsv"))
    assert loaded.fit(ROWS, CLASSES).predict(ROWS).shape == (len(ROWS),)
