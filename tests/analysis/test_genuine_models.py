"""What scikit-learn's own models import is on the allow-list, so that they are safe, and load without any trust."""

from __future__ import annotations

import io
import pickle

import joblib
import numpy as np
import pytest
from genuine_models import combined_estimators, fitted_estimators, parts_of_models
from sklearn.utils import all_estimators

from modelreg.analysis.scan import scan
from modelreg.domain.scans import Verdict
from modelreg.loading.trust import Trust
from modelreg.loading.unpickle import load_pickle

WAYS = {
    "pickle 0": lambda model: pickle.dumps(model, 0),
    "pickle 2": lambda model: pickle.dumps(model, 2),
    "pickle 5": lambda model: pickle.dumps(model, 5),
    "joblib": lambda model: dumped(model),
    "joblib, zlib": lambda model: dumped(model, compress=("zlib", 1)),
    "joblib, gzip": lambda model: dumped(model, compress=("gzip", 1)),
    "joblib, lz4": lambda model: dumped(model, compress=("lz4", 1)),
}

pytestmark = pytest.mark.slow  # to fit them takes minutes; test_earlier_releases.py has some of five releases


def dumped(model: object, **how: object) -> bytes:
    file = io.BytesIO()
    joblib.dump(model, file, **how)
    return file.getvalue()


SOURCES = {"every estimator": fitted_estimators, "combined": combined_estimators, "parts": parts_of_models}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("source", SOURCES)
def test_what_was_fitted_is_safe_and_loads(tmp_path, source):
    path, found, kinds = tmp_path / "model", {}, set()
    for number, model in enumerate(SOURCES[source]()):
        way = "pickle 5" if source == "parts" else list(WAYS)[number % len(WAYS)]
        path.write_bytes(WAYS[way](model))
        scanned = scan({"model": path}, False, "pickle")
        if scanned.verdict is not Verdict.SAFE:
            found[type(model).__name__] = (scanned.verdict, way, scanned.findings)
            continue
        kinds.add(type(model).__name__)
        with path.open("rb") as file:
            loaded = load_pickle(file, Trust("churn/1"))
        assert type(loaded) is type(model) or isinstance(model, np.matrix)  # which joblib itself reads as an array
    assert found == {}
    if source == "every estimator":
        assert len(kinds & {name for name, _ in all_estimators()}) > 0.95 * len(all_estimators())
        assert {"IterativeImputer", "HalvingGridSearchCV"} <= kinds


def test_lzma_bz2_and_xz_are_looked_into(tmp_path):
    for compression in ("bz2", "xz", "lzma"):
        joblib.dump(next(iter(fitted_estimators())), tmp_path / "model", compress=(compression, 1))
        assert scan({"model": tmp_path / "model"}, False, "joblib").verdict is Verdict.SAFE
