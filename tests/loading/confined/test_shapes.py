"""Shapes by which files of admitted classes do something when they are loaded or asked: confined, none leaves a trace.

Each is made with full trust, as if the analysis had passed it over.
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

pytestmark = pytest.mark.slow  # each starts the command; test_attempts.py has the essentials


class Calls:
    """Pickles to a call."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def a_call(marker):
    return Calls(os.mkdir, str(marker) + "-made")


def a_program(marker):
    return Calls(os.system, f"touch {marker}-made")


def a_path_among_estimators(marker):
    """``predict`` calls the method that a text names on what should be an estimator."""
    stack = StackingClassifier([], DummyRegressor())
    stack.estimators_, stack.stack_method_ = [marker], ["unlink"]
    stack.final_estimator_ = DummyRegressor()
    return stack


def an_attribute_that_hides_a_method(marker):
    """pandas evaluates an expression that an interpolator is made to hand to it."""
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
    """A forest asks a block manager of pandas', which calls the method of a path that a text names."""
    from pandas.core.internals.managers import BlockManager

    tree = ExtraTreeRegressor().fit([[0], [1]], [0, 1])
    del tree.n_features_in_
    tree.tree_ = Calls(BlockManager, (marker,), [pd.RangeIndex(1)], False)
    forest = RandomTreesEmbedding(1).fit([[0], [1]])
    forest.estimators_ = [tree]
    forest._validate_X_predict = itemgetter(0)
    naming = FunctionTransformer(partial(np.append, np.array(["unlink"], object)))
    return Pipeline([("name", naming), ("forest", forest), ("end", DummyRegressor().fit([[0]], [0]))])


SHAPES = [
    (a_call, "pickle"),
    (a_path_among_estimators, "pickle"),
    *(
        pytest.param(*shape, marks=pytest.mark.slow)
        for shape in (
            (a_program, "pickle"),
            (a_path_among_estimators, "skops"),
            (an_attribute_that_hides_a_method, "pickle"),
            (an_object_of_another_kind, "pickle"),
        )
    ),
]


@pytest.mark.parametrize(("shape", "form"), SHAPES, ids=lambda each: getattr(each, "__name__", each))
def test_no_trace_is_left(world, shape, form):
    marker = pathlib.PosixPath(world.home / "secret")
    path, model = world.folder / "model", shape(marker)
    if form == "skops":
        skops.io.dump(model, path)
    else:
        path.write_bytes(pickle.dumps(model, 4))
    reference = world.registry.register(path, "shape", allow_unsafe="a test").reference
    done = world.predict(reference)
    assert "PermissionError" in done.stderr or shape is a_program
    assert done.returncode == 2
    assert marker.read_text() == "the secret"
    assert sorted(each.name for each in world.home.iterdir()) == ["folder", "secret"]
