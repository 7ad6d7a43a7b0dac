"""Models of scikit-learn are safe and load without trust: all names that they import are on the allow-list."""

from __future__ import annotations

import io
import pickle
from functools import partial

import joblib
import numpy as np
import pytest
from genuine_models import combined_estimators, fitted_estimators, parts_of_models
from sklearn.utils import all_estimators

from modelreg.analysis.scan import scan
from modelreg.domain.scans import Verdict
from modelreg.loading.trust import Trust
from modelreg.loading.unpickle import load_pickle

PICKLERS = {
    "pickle 0": lambda model: pickle.dumps(model, 0),
    "pickle 2": lambda model: pickle.dumps(model, 2),
    "pickle 5": lambda model: pickle.dumps(model, 5),
    "joblib": lambda model: dumped(model),
    "joblib, zlib": lambda model: dumped(model, compress=("zlib", 1)),
    "joblib, gzip": lambda model: dumped(model, compress=("gzip", 1)),
    "joblib, lz4": lambda model: dumped(model, compress=("lz4", 1)),
}

pytestmark = pytest.mark.slow  # to fit them takes minutes; test_earlier_releases.py has some of five releases


def dumped(model: object, **options: object) -> bytes:
    file = io.BytesIO()
    joblib.dump(model, file, **options)
    return file.getvalue()


SOURCES = {
    "every estimator": partial(fitted_estimators, stride=150),
    "combined": partial(combined_estimators, stride=3),
    "parts": parts_of_models,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("source", SOURCES)
def test_genuine_models_are_safe_and_load(tmp_path, source):
    path, failures, kinds = tmp_path / "model", {}, set()
    for number, model in enumerate(SOURCES[source]()):
        pickler = "pickle 5" if source == "parts" else list(PICKLERS)[number % len(PICKLERS)]
        path.write_bytes(PICKLERS[pickler](model))
        scanned = scan({"model": path}, False, "pickle")
        if scanned.verdict is not Verdict.SAFE:
            failures[type(model).__name__] = (scanned.verdict, pickler, scanned.findings)
            continue
        kinds.add(type(model).__name__)
        with path.open("rb") as file:
            loaded = load_pickle(file, Trust("churn/1"))
        assert type(loaded) is type(model) or isinstance(model, np.matrix)  # which joblib itself reads as an array
    assert failures == {}
    if source == "every estimator":
        assert len(kinds & {name for name, _ in all_estimators()}) > 0.95 * len(all_estimators())
        assert {"IterativeImputer", "HalvingGridSearchCV"} <= kinds


def test_bz2_xz_and_lzma_files_are_scanned(tmp_path):
    for compression in ("bz2", "xz", "lzma"):
        joblib.dump(next(iter(fitted_estimators())), tmp_path / "model", compress=(compression, 1))
        assert scan({"model": tmp_path / "model"}, False, "joblib").verdict is Verdict.SAFE
