"""Exploits made of allowed classes change nothing when they are loaded, or predict, in a confined process.

They are loaded with full trust, as if the analysis had missed them.
"""

from __future__ import annotations

import os
import pathlib
import pickle
from functools import partial
from operator import itemgetter

import numpy as np
import pandas as pd
import pytest
import skops.io
from scipy.interpolate import NearestNDInterpolator
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomTreesEmbedding, StackingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import ExtraTreeRegressor
from sklearn.utils import Bunch

pytestmark = pytest.mark.slow  # all start the command; test_attempts.py covers the essentials


class Calls:
    """Pickles to a function call."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def a_call(marker):
    return Calls(os.mkdir, str(marker) + "-made")


def a_program(marker):
    return Calls(os.system, f"touch {marker}-made")


def a_path_among_estimators(marker):
    """``predict`` calls a method, named by a text, on a path in the place of an estimator."""
    stack = StackingClassifier([], DummyRegressor())
    stack.estimators_, stack.stack_method_ = [marker], ["unlink"]
    stack.final_estimator_ = DummyRegressor()
    return stack


def an_attribute_that_hides_a_method(marker):
    """An interpolator with a replaced method passes an expression to pandas, which evaluates it."""
    text = f'@np.ctypeslib._ctypeslib.os.mkdir("{marker}-made")'
    points = Bunch(shape=(0,), reshape=partial(np.take, np.array([text])))
    near = NearestNDInterpolator.__new__(NearestNDInterpolator)
    near.__dict__.update(points=np.zeros((1, 1)), scale=None, tree=pd.DataFrame({"a": [1.0]}), values=np.zeros(1))
    near._check_call_shape = itemgetter((0, 0))
    cell = np.empty(1, object)
    cell[0] = points
    steps = [FunctionTransformer(partial(np.append, cell)), FunctionTransformer(near), DummyRegressor().fit([[0]], [0])]
    return Pipeline(list(zip("abc", steps, strict=True)))


def an_object_of_another_kind(marker):
    """A forest calls a block manager of pandas, which calls a method, named by a text, on a path."""
    from pandas.core.internals.managers import BlockManager

    tree = ExtraTreeRegressor().fit([[0], [1]], [0, 1])
    del tree.n_features_in_
    tree.tree_ = Calls(BlockManager, (marker,), [pd.RangeIndex(1)], False)
    forest = RandomTreesEmbedding(1).fit([[0], [1]])
    forest.estimators_ = [tree]
    forest._validate_X_predict = itemgetter(0)
    naming = FunctionTransformer(partial(np.append, np.array(["unlink"], object)))
    return Pipeline([("name", naming), ("forest", forest), ("end", DummyRegressor().fit([[0]], [0]))])


EXPLOITS = [
    (a_call, "pickle"),
    (a_path_among_estimators, "pickle"),
    *(
        pytest.param(*exploit, marks=pytest.mark.slow)
        for exploit in (
            (a_program, "pickle"),
            (a_path_among_estimators, "skops"),
            (an_attribute_that_hides_a_method, "pickle"),
            (an_object_of_another_kind, "pickle"),
        )
    ),
]


@pytest.mark.parametrize(("build", "form"), EXPLOITS, ids=lambda value: getattr(value, "__name__", value))
def test_an_exploit_changes_no_file(world, build, form):
    marker = pathlib.PosixPath(world.home / "secret")
    path, model = world.folder / "model", build(marker)
    if form == "skops":
        skops.io.dump(model, path)
    else:
        path.write_bytes(pickle.dumps(model, 4))
    reference = world.registry.register(path, "shape", allow_unsafe="a test").reference
    result = world.predict(reference)
    assert "PermissionError" in result.stderr or build is a_program
    assert result.returncode == 2
    assert marker.read_text() == "the secret"
    assert sorted(path.name for path in world.home.iterdir()) == ["folder", "secret"]
