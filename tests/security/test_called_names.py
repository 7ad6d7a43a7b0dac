"""What a pickle may call while it is loaded: less than it may name, since most functions call what they are given."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import FunctionTransformer

from modelreg.errors import UntrustedModel
from modelreg.records.scan import Verdict
from modelreg.security.policy import allowed, only_mentioned
from modelreg.security.scan import scan
from modelreg.security.trust import Trust
from modelreg.security.unpickle import load_pickle

FUNCTIONS = (np.ravel, np.clip, np.log, accuracy_score, pd.to_numeric)


class Call:
    """Pickled as a call, which runs while it is loaded."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def refused(data: bytes, path) -> str:
    path.write_bytes(data)
    found = scan({"model": path}, False, "pickle")
    assert found.verdict is not Verdict.SAFE
    with path.open("rb") as file, pytest.raises(UntrustedModel):
        load_pickle(file, Trust("churn/1"))
    return " ".join(found.reasons)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_function_that_models_mention_is_not_called(function, protocol, tmp_path):
    assert "which models only mention" in refused(pickle.dumps(Call(function, [1]), protocol), tmp_path / "model")


@pytest.mark.parametrize("code", [b"(I1\ninumpy\nravel\n.", b"(cnumpy\nravel\nI1\no."], ids=["INST", "OBJ"])
def test_nor_by_the_operations_of_old(code, tmp_path):
    assert "as Python 3 does not write it" in refused(code, tmp_path / "model")


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda each: each.__name__)
def test_the_same_function_may_be_mentioned(function, tmp_path):
    (tmp_path / "model").write_bytes(pickle.dumps(FunctionTransformer(function)))
    assert scan({"model": tmp_path / "model"}, False, "pickle").verdict is Verdict.SAFE


def test_functions_are_not_among_what_is_called():
    called = allowed() - only_mentioned()
    assert not {("numpy", "ravel"), ("numpy", "log"), ("pandas", "DataFrame"), ("pandas", "to_numeric")} & called
    assert {("functools", "partial"), ("numpy", "dtype"), ("sklearn.tree._tree", "Tree")} <= called
