"""Arrays of any dtype: the reader skips exactly the elements that joblib writes, and refuses contradictory dtypes."""

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
    "empty array of objects": np.array([], object),
    "record": np.zeros(3, RECORD),
    "record with object": np.zeros(3, RECORD_WITH_OBJECT),
    "empty": np.zeros((0, 4)),
    "scalar": np.array(1.5),
    "one object": np.array({"a": 1}, object),
    "Fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "strided": np.arange(10)[::2],
    "large": np.zeros(300_000),
    "bytes that are opcodes": np.frombuffer(b"." * 64, "u1"),
}


def dump_and_read(model: object, **options: object):
    file = io.BytesIO()
    joblib.dump(model, file, **options)
    file.seek(0)
    return read_pickle(file, len(file.getvalue()))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_the_reader_skips_the_elements_of_an_array_of_any_type(array, protocol):
    reading = dump_and_read([array, random.Random], protocol=protocol)
    assert (reading.end, reading.whole, class_of(reading.top)) == (End.STOP, True, "builtins.list")
    assert "random.Random" in [name.dotted for name in reading.globals]


def test_the_reader_skips_the_elements_of_many_arrays_in_one_model():
    model = {f"{name} {number}": array for number, (name, array) in itertools.product(range(3), ARRAYS.items())}
    reading = dump_and_read(model)
    assert (reading.end, reading.whole, class_of(reading.top)) == (End.STOP, True, "builtins.dict")


def test_the_class_of_a_single_array_is_ndarray():
    assert class_of(dump_and_read(np.zeros(3)).top) == "numpy.ndarray"


def test_an_array_in_a_truncated_file_is_unreadable():
    file = io.BytesIO()
    joblib.dump(np.zeros(1000), file)
    truncated = file.getvalue()[:-3]
    assert read_pickle(io.BytesIO(truncated), len(truncated)).end is End.UNREADABLE


def test_the_class_of_an_object_that_is_built_after_its_arrays_is_found():
    from sklearn.neighbors import KDTree  # created by a function, with a state that contains many arrays

    reading = dump_and_read(KDTree(np.random.default_rng(0).random((30, 3))))
    assert (reading.end, class_of(reading.top)) == (End.STOP, "sklearn.neighbors._kd_tree.KDTree")


def pickle_dtype(dtype: np.dtype, **changes: object) -> bytes:
    """Pickle a dtype with changed parts of its state."""
    names = ("version", "order", "subtype", "names", "fields", "size", "alignment", "flags")
    _, arguments, state = dtype.__reduce__()
    state = tuple({**dict(zip(names, state, strict=False)), **changes}.values())

    class ChangedDtype:
        def __reduce__(self):
            return (np.dtype, arguments, state)

    return pickle.dumps(ChangedDtype())


F8, OBJECT = np.dtype("f8"), np.dtype("O")
CONTRADICTORY = {
    "objects without the flag for objects": (pickle_dtype(OBJECT, flags=0), "a wrong flag for objects"),
    "flag for objects without objects": (pickle_dtype(np.dtype("V8"), flags=63), "a wrong flag for objects"),
    "field of objects over raw bytes": (
        pickle_dtype(np.dtype([("a", "V8")]), fields={"a": (OBJECT, 0)}, flags=16),
        "a wrong flag for objects",
    ),
    "title with another type than its field": (
        pickle_dtype(np.dtype([(("t", "a"), "f8")]), fields={"a": (F8, 0, "t"), "t": (OBJECT, 0, "t")}),
        "fields that NumPy does not write",
    ),
    "list as a field name": (
        pickle_dtype(np.dtype([("a", "f8")]), names=(["a"],)),
        "fields that NumPy does not write",
    ),
    "list as a field title": (
        pickle_dtype(np.dtype([(("t", "a"), "f8")]), fields={"a": (F8, 0, ["t"]), "t": (F8, 0, ["t"])}),
        "fields that NumPy does not write",
    ),
    "size that contradicts the type code": (pickle_dtype(np.dtype("V8"), size=16), "two sizes"),
    "string of unspecified size": (pickle_dtype(np.dtype("U3"), size=-1), "two sizes"),
    "field after the end of the dtype": (
        pickle_dtype(np.dtype([("a", "f8")]), fields={"a": (F8, 800)}),
        "a field outside of its bytes",
    ),
    "field with a negative offset": (
        pickle_dtype(np.dtype([("a", "f8")]), fields={"a": (F8, -8)}),
        "a field outside of its bytes",
    ),
    "subarray larger than the dtype": (
        pickle_dtype(np.dtype(("f8", (2,))), subtype=(F8, (200,))),
        "fields that NumPy does not write",
    ),
    "truncated state": (pickle_dtype(F8, version=4)[:-1] + b"", "ends too early"),
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


def test_a_padding_of_a_length_that_joblib_never_writes_is_unreadable():
    data = joblib_file(np.zeros(3))
    header, elements = data[:-25], data[-25:]
    length = len(header) - len(header.rstrip(b"\xff"))
    assert header[-length - 1] == length
    longer = header[: -length - 1] + b"\x20" + b"\xff" * 0x20 + elements
    assert "which joblib never writes" in read_pickle(io.BytesIO(longer), len(longer)).problem


def test_a_class_named_like_the_wrapper_of_joblib_in_another_module_is_unreadable():
    data = b"\x80\x04\x8c\x05other\x8c\x11NumpyArrayWrapper\x93)\x81."
    assert "joblib's wrapper of arrays as other" in read_pickle(io.BytesIO(data), len(data)).problem


def test_a_wrapper_that_is_read_from_the_memo_is_unreadable():
    data = b"\x80\x04\x8c\x13joblib.numpy_pickle\x8c\x11NumpyArrayWrapper\x93)\x81\x94h\x00\x86."
    assert "as joblib never does" in read_pickle(io.BytesIO(data), len(data)).problem


def test_the_fill_value_of_a_masked_array_of_numbers_may_not_be_an_object(tmp_path):
    class MaskedArrayWithObject:
        def __reduce__(self):
            rebuild, arguments, state = np.ma.masked_array([1.0, 2.0], [True, False]).__reduce__()
            return rebuild, arguments, (*state[:-1], LogisticRegression())

    path = tmp_path / "model"
    path.write_bytes(pickle.dumps(MaskedArrayWithObject()))
    reading = scan({"model": path}, False, "pickle")
    assert reading.verdict is Verdict.UNKNOWN
    assert "LogisticRegression" in reading.reasons[0]


class ArrayFromBytesWithState:
    """Pickled as an array that is created from bytes and then given another state."""

    def __reduce__(self):
        function, arguments = np.zeros(3).__reduce_ex__(5)
        assert function.__name__ == "_frombuffer"
        return function, (bytes(24), *arguments[1:]), (1, (3,), OBJECT, False, ["text", None, []])


def test_an_array_that_is_created_from_bytes_and_then_changed_is_unreadable(tmp_path):
    (tmp_path / "m").write_bytes(pickle.dumps(ArrayFromBytesWithState()))
    reading = scan({"m": tmp_path / "m"}, False, "pickle")
    assert (reading.verdict, "created from bytes and then changed" in reading.reasons[0]) == (Verdict.UNREADABLE, True)
