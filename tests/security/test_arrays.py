"""joblib's raw arrays are passed over to the byte, so that what follows them is understood."""

from __future__ import annotations

import io
import itertools
import random

import joblib
import numpy as np
import pytest
from modelreg.security.pickle_reader import End, read_pickle
from modelreg.security.object_graph import class_of

RECORD = np.dtype([("a", "i4"), ("b", "f8", (2,))])
RECORD_WITH_OBJECT = np.dtype([("a", "i4"), ("b", "O")])
ARRAYS = {
    **{code: np.zeros(5, code) for code in ("?", "i1", "u2", "<i8", ">i4", "f2", "f8", "c16", "S5", "U7", "V3")},
    "longdouble": np.zeros(3, np.longdouble),
    "datetime64": np.array(["2020-01-01", "NaT"], "M8[ns]"),
    "timedelta64": np.zeros(2, "m8[s]"),
    "objects": np.array(["a", None, [1, np.zeros(3)]], object),
    "no objects": np.array([], object),
    "record": np.zeros(3, RECORD),
    "record with object": np.zeros(3, RECORD_WITH_OBJECT),
    "empty": np.zeros((0, 4)),
    "of no dimension": np.array(1.5),
    "one object": np.array({"a": 1}, object),
    "Fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "every second": np.arange(10)[::2],
    "large": np.zeros(300_000),
    "operations": np.frombuffer(b"." * 64, "u1"),
}


def read(model: object, **how: object):
    file = io.BytesIO()
    joblib.dump(model, file, **how)
    file.seek(0)
    return read_pickle(file, len(file.getvalue()))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_an_array_of_every_type_is_passed_over(array, protocol):
    found = read([array, random.Random], protocol=protocol)
    assert (found.end, found.whole, class_of(found.top)) == (End.STOP, True, "builtins.list")
    assert "random.Random" in [name.dotted for name in found.globals]


def test_many_arrays_in_one_model_are_passed_over():
    model = {f"{name} {again}": array for again, (name, array) in itertools.product(range(3), ARRAYS.items())}
    found = read(model)
    assert (found.end, found.whole, class_of(found.top)) == (End.STOP, True, "builtins.dict")


def test_an_array_alone_is_one():
    assert class_of(read(np.zeros(3)).top) == "numpy.ndarray"


def test_an_array_longer_than_its_file_is_unreadable():
    file = io.BytesIO()
    joblib.dump(np.zeros(1000), file)
    cut = file.getvalue()[:-3]
    assert read_pickle(io.BytesIO(cut), len(cut)).end is End.UNREADABLE


def test_a_class_that_is_built_after_the_arrays_is_found():
    from sklearn.neighbors import KDTree  # made by a function, from a state that is full of arrays

    found = read(KDTree(np.random.default_rng(0).random((30, 3))))
    assert (found.end, class_of(found.top)) == (End.STOP, "sklearn.neighbors._kd_tree.KDTree")
