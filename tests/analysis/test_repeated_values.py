"""Values that are stored once and used many times count for every use, since loading takes time for each."""

from __future__ import annotations

import json
import pickle
import pickletools
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from sklearn.ensemble import BaggingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.neighbors import KNeighborsClassifier

import modelreg.analysis
from modelreg.analysis.scan import scan
from modelreg.domain.scans import Verdict

POLICY = json.loads((Path(modelreg.analysis.__file__).parent / "policy.json").read_text())
LONG = 1 << 20


def text(value: str) -> bytes:
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


def name(module: str, qualified: str) -> bytes:
    return text(module) + text(qualified) + b"\x93"


def number(value: int) -> bytes:
    return b"\x8a\x0a" + value.to_bytes(10, "little", signed=True)


def get_from_memo(index: int) -> bytes:
    return b"j" + index.to_bytes(4, "little")


def one_byte_dtype() -> bytes:
    flags = b"J" + (-1).to_bytes(4, "little", signed=True)
    constructor = name("numpy", "dtype") + text("i1") + b"\x89\x88\x87R"
    return constructor + b"(K\x03" + text("|") + b"NNN" + flags * 2 + b"K\0tb"


def repeat_with_shared_value(first: bytes, repeated: bytes, times: int) -> bytes:
    """A list with a first value, memoised at index 0, and repeated values that refer to it."""
    return b"\x80\x04](" + first + b"\x94" + repeated * times + b"e."


def bytes_from_the_same_string() -> bytes:
    call = name("_codecs", "encode") + get_from_memo(0) + text("latin1") + b"\x86R"
    return repeat_with_shared_value(text("a" * LONG), call, 100)


def byte_arrays_from_the_same_bytes() -> bytes:
    raw = b"B" + LONG.to_bytes(4, "little") + b"a" * LONG
    return repeat_with_shared_value(raw, name("builtins", "bytearray") + get_from_memo(0) + b"\x85R", 100)


def arrays_from_the_same_bytes() -> bytes:
    raw = b"B" + LONG.to_bytes(4, "little") + b"a" * LONG
    constructor = name("numpy._core.multiarray", "_reconstruct") + name("numpy", "ndarray") + b"K\0\x85C\x01b\x87R"
    state = b"(K\1J" + LONG.to_bytes(4, "little") + b"\x85" + one_byte_dtype() + b"\x89" + get_from_memo(0) + b"tb"
    return repeat_with_shared_value(raw, constructor + state, 100)


def sets_from_the_same_list() -> bytes:
    items = b"](" + b"".join(b"M" + value.to_bytes(2, "little") for value in range(10_000)) + b"e"
    shared = b"]\x94(" + items[2:-1] + b"e"
    return b"\x80\x04](" + shared + (name("builtins", "set") + get_from_memo(0) + b"\x85R") * 200 + b"e."


def distributions_with_the_same_state() -> bytes:
    state = pickle.dumps([stats.norm.__getstate__()], 4)
    body = state[:2] + state[11:-1]  # without a frame and the end
    count = sum(op.name == "MEMOIZE" for op, _, _ in pickletools.genops(body + b"."))
    cls = type(stats.norm)
    first = name(cls.__module__, cls.__qualname__) + b"\x94)\x81" + get_from_memo(1) + b"b"
    return body + b"(" + first + (get_from_memo(count) + b")\x81" + get_from_memo(1) + b"b") * 3000 + b"e."


def dtypes_with_the_same_fields() -> bytes:
    names = [text(str(number)) for number in range(1000)]
    fields = b"}\x94(" + b"".join(field + get_from_memo(0) + b"K\0\x86" for field in names) + b"u"
    field_names = b"(" + b"".join(names) + b"t\x94"
    dtype = name("numpy", "dtype") + text("V1") + b"\x89\x88\x87R(K\x03" + text("|") + b"N"
    dtype += get_from_memo(2) + get_from_memo(1) + b"K\x01K\x01K\x10tb"
    constructor = name("numpy", "dtype") + text("i1") + b"\x89\x88\x87R\x94(K\x03" + text("|") + b"NNN"
    constructor += (b"J" + (-1).to_bytes(4, "little", signed=True)) * 2 + b"K\0tb"
    return b"\x80\x04](" + constructor + fields + field_names + dtype * 1000 + b"e."


def dictionaries_with_the_same_key() -> bytes:
    return b"\x80\x04](" + b"(" + b"K\x01" * 20_000 + b"t\x94" + (b"}" + get_from_memo(0) + b"Ns") * 2000 + b"e."


def dictionaries_with_the_same_frozen_set() -> bytes:
    items = b"".join(map(number, range(20_000)))
    return b"\x80\x04]((" + items + b"\x91\x94" + (b"}" + get_from_memo(0) + b"Ns") * 2000 + b"e."


def objects_with_equal_hashes_as_keys() -> bytes:
    constructor = name("builtins", "complex")
    keys = (constructor + number(-1000003 * i) + number(i) + b"\x86RN" for i in range(1, 3000))
    return b"\x80\x04}(" + b"".join(keys) + b"u."


def set_call_with_equal_hashes() -> bytes:
    modulus = (1 << 61) - 1
    return (
        b"\x80\x04"
        + name("builtins", "set")
        + b"]("
        + b"".join(number(modulus * i) for i in range(1, 3000))
        + b"e\x85R."
    )


def frozen_set_with_equal_hashes() -> bytes:
    modulus = (1 << 61) - 1
    return b"\x80\x04(" + b"".join(number(modulus * i) for i in range(1, 3000)) + b"\x91."


def large_range_index() -> bytes:
    range_index = name("pandas.core.indexes.base", "_new_Index") + name("pandas", "RangeIndex") + b"}("
    range_index += (
        text("name") + b"N" + text("start") + b"K\0" + text("stop") + number(10**9) + text("step") + b"K\1u\x86R"
    )
    constructor = name("pandas.core.indexes.interval", "_new_IntervalIndex") + name("pandas", "IntervalIndex")
    return (
        b"\x80\x04"
        + constructor
        + b"}("
        + text("left")
        + range_index
        + text("right")
        + range_index
        + text("closed")
        + text("left")
        + b"u\x86R."
    )


def one_list_in_many_attributes() -> bytes:
    """The same list in every attribute that may hold a list."""
    data = b"\x80\x04]\x94(]\x94(" + b")" * 5000 + b"e"
    for key, described in list(POLICY["classes"].items())[::3]:
        kinds = described.get("attributes", {})
        list_attributes = [attribute for attribute, words in kinds.items() if "labels" in words or "numbers" in words]
        if described.get("category") == "estimator" and "new" in described and list_attributes:
            state = b"".join(text(attribute) + get_from_memo(1) for attribute in list_attributes)
            data += name(*key.rpartition(".")[::2]) + b")\x81}(" + state + b"ub"
    return data + b"e."


REPEATED_WORK = {
    function.__name__: function
    for function in (
        *(
            bytes_from_the_same_string,
            byte_arrays_from_the_same_bytes,
            arrays_from_the_same_bytes,
            sets_from_the_same_list,
        ),
        *(distributions_with_the_same_state, dtypes_with_the_same_fields),
        *(dictionaries_with_the_same_key, dictionaries_with_the_same_frozen_set),
        *(objects_with_equal_hashes_as_keys, set_call_with_equal_hashes, frozen_set_with_equal_hashes),
        *(large_range_index, one_list_in_many_attributes),
    )
}


@pytest.mark.parametrize("label", REPEATED_WORK)
def test_repeated_work_reaches_the_limit_quickly(label, tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(REPEATED_WORK[label]())
    start = time.process_time()
    result = scan({"model.pkl": path}, False, "pickle")
    assert time.process_time() - start < 20  # without the limit: hours
    assert result.verdict is Verdict.UNREADABLE


def test_a_long_text_for_a_parsing_constructor_is_not_safe(tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(b"\x80\x04" + name("pandas", "PeriodDtype") + text(f"period[{'1' * 20_000}]") + b"\x85R.")
    result = scan({"model.pkl": path}, False, "pickle")
    assert result.verdict is Verdict.UNKNOWN
    assert "slow to parse" in result.findings[0]


ROWS = np.random.default_rng(0).normal(size=(200, 20))
CLASSES = [0, 1] * 100
GENUINE = {
    "models that share their data": lambda: BaggingClassifier(KNeighborsClassifier(), 100).fit(ROWS, CLASSES),
    "NumPy strings": lambda: CountVectorizer(vocabulary=np.array([f"w{i}" for i in range(5000)])),
    "dictionary with NumPy strings as keys": lambda: {np.str_(f"w{i}"): np.int64(i) for i in range(3000)},
    "a dictionary by days": lambda: dict.fromkeys(pd.date_range("2020-01-01", periods=3000), 1),
    "a dictionary by pairs": lambda: {(str(i), i): i for i in range(20_000)},
    "a dictionary by pairs of pairs": lambda: {((str(i), i), (i, "a")): i for i in range(5000)},
    "a sparse matrix that is a dictionary": lambda: sparse.dok_matrix(ROWS),
    "a table with many rows": lambda: pd.DataFrame({"a": np.zeros(1_000_000, "i1")}),
    "distributions": lambda: [stats.uniform(0, i) for i in range(1, 50)],
}


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("label", GENUINE)
def test_genuine_models_with_shared_values_are_safe(label, protocol, tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(GENUINE[label](), protocol))
    assert scan({"model.pkl": path}, False, "pickle").verdict is Verdict.SAFE
