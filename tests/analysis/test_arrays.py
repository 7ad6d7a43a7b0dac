"""Arrays in every form: joblib's elements are passed over to the byte, and types that contradict themselves refused."""

from __future__ import annotations

import io
import itertools
import pickle
import random

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from modelreg.analysis.formats.arrays import dtype_of
from modelreg.analysis.pickle.object_graph import class_of
from modelreg.analysis.pickle.reader import End, read_pickle
from modelreg.analysis.scan import scan
from modelreg.domain.scans import Verdict

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
    reading = read([array, random.Random], protocol=protocol)
    assert (reading.end, reading.whole, class_of(reading.top)) == (End.STOP, True, "builtins.list")
    assert "random.Random" in [name.dotted for name in reading.globals]


def test_many_arrays_in_one_model_are_passed_over():
    model = {f"{name} {again}": array for again, (name, array) in itertools.product(range(3), ARRAYS.items())}
    reading = read(model)
    assert (reading.end, reading.whole, class_of(reading.top)) == (End.STOP, True, "builtins.dict")


def test_an_array_alone_is_one():
    assert class_of(read(np.zeros(3)).top) == "numpy.ndarray"


def test_an_array_longer_than_its_file_is_unreadable():
    file = io.BytesIO()
    joblib.dump(np.zeros(1000), file)
    cut = file.getvalue()[:-3]
    assert read_pickle(io.BytesIO(cut), len(cut)).end is End.UNREADABLE


def test_a_class_that_is_built_after_the_arrays_is_found():
    from sklearn.neighbors import KDTree  # made by a function, from a state that is full of arrays

    reading = read(KDTree(np.random.default_rng(0).random((30, 3))))
    assert (reading.end, class_of(reading.top)) == (End.STOP, "sklearn.neighbors._kd_tree.KDTree")


def state_of(dtype: np.dtype, **changed: object) -> bytes:
    """The pickle of a type, with parts of its state changed."""
    names = ("version", "order", "subtype", "names", "fields", "size", "alignment", "flags")
    _, arguments, state = dtype.__reduce__()
    state = tuple({**dict(zip(names, state, strict=False)), **changed}.values())

    class Changed:
        def __reduce__(self):
            return (np.dtype, arguments, state)

    return pickle.dumps(Changed())


F8, OBJECT = np.dtype("f8"), np.dtype("O")
CONTRADICTORY = {
    "objects without their flag": (state_of(OBJECT, flags=0), "a wrong flag for objects"),
    "a flag of objects without objects": (state_of(np.dtype("V8"), flags=63), "a wrong flag for objects"),
    "objects over raw bytes": (
        state_of(np.dtype([("a", "V8")]), fields={"a": (OBJECT, 0)}, flags=16),
        "a wrong flag for objects",
    ),
    "another type by a title": (
        state_of(np.dtype([(("t", "a"), "f8")]), fields={"a": (F8, 0, "t"), "t": (OBJECT, 0, "t")}),
        "fields that NumPy does not write",
    ),
    "a list for the name of a field": (
        state_of(np.dtype([("a", "f8")]), names=(["a"],)),
        "fields that NumPy does not write",
    ),
    "a list for the title of a field": (
        state_of(np.dtype([(("t", "a"), "f8")]), fields={"a": (F8, 0, ["t"]), "t": (F8, 0, ["t"])}),
        "fields that NumPy does not write",
    ),
    "another size than its code": (state_of(np.dtype("V8"), size=16), "two sizes"),
    "the size of a text that is left open": (state_of(np.dtype("U3"), size=-1), "two sizes"),
    "a field beyond its type": (
        state_of(np.dtype([("a", "f8")]), fields={"a": (F8, 800)}),
        "a field outside of its bytes",
    ),
    "a field before its type": (
        state_of(np.dtype([("a", "f8")]), fields={"a": (F8, -8)}),
        "a field outside of its bytes",
    ),
    "elements that are more than the type": (
        state_of(np.dtype(("f8", (2,))), subtype=(F8, (200,))),
        "fields that NumPy does not write",
    ),
    "a state of another form": (state_of(F8, version=4)[:-1] + b"", "ends too early"),
}


@pytest.mark.parametrize(("data", "problem"), CONTRADICTORY.values(), ids=CONTRADICTORY)
def test_a_contradictory_dtype_is_unreadable(data, problem):
    reading = read_pickle(io.BytesIO(data), len(data))
    assert reading.end is End.UNREADABLE
    assert problem in reading.problem


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_a_parsed_dtype_has_the_size_of_numpys_dtype(array):
    data = pickle.dumps(array.dtype)
    dtype = dtype_of(read_pickle(io.BytesIO(data), len(data)).top)
    assert dtype.size == array.dtype.itemsize
    assert (dtype.kind == "O") is array.dtype.hasobject


def joblib_file(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    joblib.dump(array, file)
    return file.getvalue()


def test_a_padding_that_joblib_does_not_write_is_unreadable():
    data = joblib_file(np.zeros(3))
    before, elements = data[:-25], data[-25:]
    length = len(before) - len(before.rstrip(b"\xff"))
    assert before[-length - 1] == length
    longer = before[: -length - 1] + b"\x20" + b"\xff" * 0x20 + elements
    assert "which joblib never writes" in read_pickle(io.BytesIO(longer), len(longer)).problem


def test_another_class_by_the_name_of_joblibs_wrapper_is_unreadable():
    data = b"\x80\x04\x8c\x05other\x8c\x11NumpyArrayWrapper\x93)\x81."
    assert "joblib's wrapper of arrays as other" in read_pickle(io.BytesIO(data), len(data)).problem


def test_a_wrapper_that_is_recalled_is_unreadable():
    data = b"\x80\x04\x8c\x13joblib.numpy_pickle\x8c\x11NumpyArrayWrapper\x93)\x81\x94h\x00\x86."
    assert "as joblib never does" in read_pickle(io.BytesIO(data), len(data)).problem


def test_the_fill_value_of_a_masked_array_of_numbers_may_not_be_an_object(tmp_path):
    class Masked:
        def __reduce__(self):
            rebuild, arguments, state = np.ma.masked_array([1.0, 2.0], [True, False]).__reduce__()
            return rebuild, arguments, (*state[:-1], LogisticRegression())

    path = tmp_path / "model"
    path.write_bytes(pickle.dumps(Masked()))
    reading = scan({"model": path}, False, "pickle")
    assert reading.verdict is Verdict.UNKNOWN
    assert "LogisticRegression" in reading.reasons[0]


class Changed:
    """Bytes as numbers, and then given another state."""

    def __reduce__(self):
        function, arguments = np.zeros(3).__reduce_ex__(5)
        assert function.__name__ == "_frombuffer"
        return function, (bytes(24), *arguments[1:]), (1, (3,), OBJECT, False, ["text", None, []])


def test_an_array_that_is_made_of_bytes_has_no_other_state(tmp_path):
    (tmp_path / "m").write_bytes(pickle.dumps(Changed()))
    reading = scan({"m": tmp_path / "m"}, False, "pickle")
    assert (reading.verdict, "created from bytes and then changed" in reading.reasons[0]) == (Verdict.UNREADABLE, True)
