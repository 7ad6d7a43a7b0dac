"""Small files that need very much time or memory to load, or to predict with. They do no other harm."""

from __future__ import annotations

import bz2
import pickle
from collections.abc import Iterator

import numpy as np

from hostile.assembler import a_list, call, instance, name, number, pickled, several, table, text
from hostile.file import HostileFile, Trigger

LARGEST = 2**31 - 1


def exhausting_files() -> Iterator[HostileFile]:
    """Yield all files; none is larger than 4 KiB."""
    for label, operations in {**_sizes(), **_numbers(), "a dtype in itself": _nested_dtype()}.items():
        yield HostileFile(label, pickled(operations), Trigger.OTHER)
    yield HostileFile("a key that hashes for ever", pickled(b"}", _shared_tuple(60), b"K\x01s"), Trigger.OTHER)
    yield HostileFile("a shared tuple as many keys", pickled(*_keys_of_a_shared_tuple(21, 20)), Trigger.OTHER)
    yield HostileFile("arrays of operations", bz2.compress(_arrays_of_operations(300)), Trigger.OTHER)
    yield HostileFile("a tree with a cycle", pickle.dumps(_tree_with_a_cycle()), Trigger.OTHER)
    yield HostileFile("a pattern of exponential time", pickle.dumps(_slow_pattern()), Trigger.OTHER)


def _sizes() -> dict[str, bytes]:
    numbers = call(name("builtins", "range"), number(LARGEST))
    size = number(LARGEST)
    return {
        "a set of a range": call(name("builtins", "set"), numbers),
        "a list of a range": call(name("builtins", "list"), numbers),
        "a queue of a range": call(name("collections", "deque"), numbers),
        "a counter of a range": call(name("collections", "Counter"), numbers),
        "bytes of a size": call(name("builtins", "bytes"), size),
        "a bytearray of a size": call(name("builtins", "bytearray"), size),
    }


def _numbers() -> dict[str, bytes]:
    decimal = call(name("decimal", "Decimal"), text("1e99999999"))
    ranges = "|".join(f"[{chr(200 + start)}-\U0010ffff]" for start in range(300))
    return {
        "an integer of a decimal": call(name("builtins", "int"), decimal),
        "a fraction": call(name("fractions", "Fraction"), text("1e99999999")),
        "a pattern that is compiled for ever": call(name("re", "_compile"), text(ranges), number(2)),
    }


def _shared_tuple(depth: int) -> bytes:
    """Nested tuples: on every level, a tuple contains the next one twice."""
    levels = (b"q" + bytes([level]) + b"0" + 2 * (b"h" + bytes([level])) + b"\x86" for level in range(depth))
    return b"K\x00" + b"".join(levels)


def _keys_of_a_shared_tuple(depth: int, count: int) -> list[bytes]:
    """Dictionaries with a shared tuple as their only key."""
    key = b"h" + bytes([depth - 1])
    return [_shared_tuple(depth), b"0", *(b"}" + key + b"Ns" for _ in range(count))]


def _arrays_of_operations(count: int) -> bytes:
    """joblib arrays without a padding, whose bytes are pickle opcodes."""
    dtype = call(name("numpy", "dtype"), text("u1"), b"\x89", b"\x88") + several(
        *(number(3), text("|"), b"N", b"N", b"N", number(-1), number(-1), number(0))
    )
    shape = several(number(65_535))
    state = {"subclass": name("numpy", "ndarray"), "shape": shape, "order": text("C"), "dtype": dtype + b"b"}
    wrapper = instance("joblib.numpy_pickle", "NumpyArrayWrapper", **state, allow_mmap=b"\x88")
    return pickled(a_list(*[wrapper + b"\x94" * 65_535] * count))


def _nested_dtype() -> bytes:
    """Nested record dtypes: on every level, a dtype has two fields of the next one."""
    plain = [b"N", b"N", b"N", number(-1), number(-1), number(0)]
    dtype = call(name("numpy", "dtype"), text("f8"), b"\x89", b"\x88") + several(number(3), text("<"), *plain) + b"b"
    for level in range(22):
        half, memo = 8 << level, bytes([level])
        recalled = b"h" + memo
        fields = table(a=several(recalled, number(0)), b=several(recalled, number(half)))
        state = [text("|"), b"N", several(text("a"), text("b")), fields, number(2 * half), number(1), number(0)]
        record = call(name("numpy", "dtype"), text(f"V{2 * half}"), b"\x89", b"\x88")
        dtype = dtype + b"q" + memo + b"0" + record + several(number(3), *state) + b"b"
    return dtype


def _tree_with_a_cycle() -> object:
    from sklearn.tree import DecisionTreeClassifier

    model = DecisionTreeClassifier(max_depth=1).fit(np.array([[0.0], [1.0]]), [0, 1])
    state = model.tree_.__getstate__()
    nodes = state["nodes"].copy()
    nodes["left_child"][0] = nodes["right_child"][0] = 0
    model.tree_.__setstate__({**state, "nodes": nodes})
    return model


def _slow_pattern() -> object:
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(token_pattern=r"(a+)+$").fit(["a"])
