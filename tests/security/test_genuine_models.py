"""What scikit-learn's own models import is on the allow-list, so that they are safe, and load without any trust."""

from __future__ import annotations

import io
import pickle
import warnings

import joblib
import numpy as np
import pytest
from genuine_models import combined_estimators, fitted_estimators, parts_of_models
from sklearn.utils import all_estimators

from modelreg.records.scan import Verdict
from modelreg.security.scan import scan
from modelreg.security.trust import Trust
from modelreg.security.unpickle import load_pickle

WAYS = {
    "pickle 0": lambda model: pickle.dumps(model, 0),
    "pickle 2": lambda model: pickle.dumps(model, 2),
    "pickle 5": lambda model: pickle.dumps(model, 5),
    "joblib": lambda model: dumped(model),
    "joblib, zlib": lambda model: dumped(model, compress=("zlib", 1)),
    "joblib, gzip": lambda model: dumped(model, compress=("gzip", 1)),
    "joblib, lz4": lambda model: dumped(model, compress=("lz4", 1)),
}

USUAL = ("pickle 5", "joblib", "joblib, zlib")
pytestmark = pytest.mark.slow  # to fit them takes minutes; test_earlier_releases.py has some of five releases


def dumped(model: object, **how: object) -> bytes:
    file = io.BytesIO()
    joblib.dump(model, file, **how)
    return file.getvalue()


@pytest.fixture(scope="module")
def models():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [*fitted_estimators(), *combined_estimators()]


@pytest.fixture(scope="module")
def parts():
    return list(parts_of_models())


def test_nearly_all_estimators_of_scikit_learn_are_among_them(models):
    kinds, estimators = {type(model).__name__ for model in models}, {name for name, _ in all_estimators()}
    assert len(kinds & estimators) > 0.95 * len(estimators)
    assert {"IterativeImputer", "HalvingGridSearchCV"} <= kinds


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.filterwarnings("ignore")
def test_every_fitted_estimator_is_safe_and_loads(models, parts, way, tmp_path):
    path, found = tmp_path / "model", {}
    for model in [*models, *(parts if way in USUAL else ())]:  # protocol 0 does not take all of these
        path.write_bytes(WAYS[way](model))
        scanned = scan({"model": path}, False, "pickle")
        if scanned.verdict is not Verdict.SAFE:
            unknown = [each.dotted for each in scanned.imports if each.verdict is Verdict.UNKNOWN]
            found[type(model).__name__] = (scanned.verdict, unknown, scanned.reasons)
            continue
        with path.open("rb") as file:
            loaded = load_pickle(file, Trust("churn/1"))
        assert type(loaded) is type(model) or isinstance(model, np.matrix)  # which joblib itself reads as an array
    assert found == {}


def test_lzma_bz2_and_xz_are_looked_into(models, tmp_path):
    for compression in ("bz2", "xz", "lzma"):
        joblib.dump(models[0], tmp_path / "model", compress=(compression, 1))
        assert scan({"model": tmp_path / "model"}, False, "joblib").verdict is Verdict.SAFE
