"""The pickle reader: which bytes it accepts, and that the graph equals the pickled object."""

from __future__ import annotations

import collections
import copyreg
import datetime
import fractions
import functools
import io
import pickle
import pickletools
import struct
import subprocess
import sys
import textwrap
import time

import cloudpickle
import joblib
import numpy as np
import pytest
from following import find_divergence
from hypothesis import example, given
from hypothesis import strategies as st
from stand_ins import find_difference

from modelreg.analysis.pickle.object_graph import class_of
from modelreg.analysis.pickle.reader import Budget, End, read_pickle, read_pickles

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def read(data: bytes):
    return read_pickle(io.BytesIO(data), len(data))


def name_of(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


class Plain:
    """An instance with a state."""

    def __init__(self):
        self.text, self.number = "x" * 1000, 2**200


class Slotted:
    """An instance without a dictionary, for protocols from 2 on."""

    __slots__ = ("value",)

    def __init__(self):
        self.value = [1.5, (None, True)]


class Keywords(tuple):
    """Made by ``NEWOBJ_EX``."""

    def __new__(cls, *, items=()):
        return super().__new__(cls, items)

    def __getnewargs_ex__(self):
        return (), {"items": tuple(self)}


class OfFactory:
    """Made by a function that copyreg knows."""


def make_of_factory(cls, number):
    return cls()


copyreg.pickle(OfFactory, lambda it: (make_of_factory, (OfFactory, 1)))

Point = collections.namedtuple("Point", "x y")

VALUES = [
    Plain(),
    Point(1, 2),
    collections.OrderedDict(a=1),
    collections.Counter("aab"),
    fractions.Fraction(1, 3),
    datetime.datetime(2026, 1, 2, 3, 4, 5),
    {"model": Plain(), "again": [Plain()]},
    (Plain(), Plain()),
    {1, 2, 3},
    frozenset("ab"),
    b"bytes",
    bytearray(b"bytes"),
    1j,
    -(2**70),
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_class_of_returns_the_class_of_the_top_object_in_every_protocol(value, protocol):
    data = pickle.dumps(value, protocol)
    reading = read(data)
    assert (reading.end, class_of(reading.top)) == (End.STOP, name_of(value))
    assert (reading.whole, reading.position) == (True, len(data))


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_class_of_returns_the_class_of_an_object_without_a_dictionary(protocol):
    assert class_of(read(pickle.dumps(Slotted(), protocol)).top) == name_of(Slotted())


@pytest.mark.parametrize("protocol", range(4, pickle.HIGHEST_PROTOCOL + 1))
def test_class_of_returns_the_class_of_an_object_created_with_keywords(protocol):
    assert class_of(read(pickle.dumps(Keywords(items=(1,)), protocol)).top) == name_of(Keywords())


def test_class_of_returns_none_for_the_result_of_a_function():
    assert class_of(read(pickle.dumps(OfFactory())).top) is None


ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
PLAIN = st.recursive(
    ATOMS | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner) | st.lists(inner).map(tuple)
    ),
)


def in_c(value: object, protocol: int) -> bytes:
    return pickle.dumps(value, protocol)


def in_python(value: object, protocol: int) -> bytes:
    file = io.BytesIO()
    pickle._Pickler(file, protocol).dump(value)
    return file.getvalue()


def by_joblib(value: object, protocol: int) -> bytes:
    file = io.BytesIO()
    joblib.dump(value, file, protocol=protocol)
    return file.getvalue()


PICKLERS = [in_c, in_python, by_joblib, cloudpickle.dumps]


@given(PLAIN, st.sampled_from(PROTOCOLS), st.sampled_from(PICKLERS))
@example("ünï\\u1234\n", 0, in_c)
@example(("x" * 300, b"\x00" * 300), 0, in_c)
@example([2**500, -(2**500), [1.0] * 2000, {number: (number,) for number in range(2000)}], 1, in_python)
@example({frozenset({1, (2, "a")}): {3}, (4, 5): frozenset()}, 4, in_python)
def test_plain_values_are_read_to_their_last_byte(value, protocol, pickler):
    data = pickler(value, protocol)
    reading = read(data)
    assert (reading.end, reading.whole, reading.position) == (End.STOP, True, len(data))
    assert find_divergence(data) is None


@st.composite
def shared_and_cyclic(draw):
    """Lists, dictionaries and instances that contain each other, themselves, tuples and plain values."""
    classes = draw(st.lists(st.sampled_from([list, dict, Empty]), min_size=1, max_size=6))
    containers = [cls() for cls in classes]
    part = ATOMS | st.sampled_from(containers)
    for container in containers:
        parts = draw(st.lists(part | st.tuples(part, part) | st.tuples(part), max_size=4))
        if isinstance(container, list):
            container += parts
        elif isinstance(container, dict):
            container.update(zip(map(str, range(9)), parts, strict=False))
        else:
            container.__dict__.update(zip("abcd", parts, strict=False))
    return containers[0] if draw(st.booleans()) else (containers, containers)


class Empty:
    """An instance that is given attributes."""


@given(shared_and_cyclic(), st.sampled_from(PROTOCOLS), st.sampled_from(PICKLERS))
def test_the_graph_equals_the_pickled_value_if_it_is_shared_or_cyclic(value, protocol, pickler):
    data = pickler(value, protocol)
    reading = read(data)
    assert (reading.end, reading.position) == (End.STOP, len(data))
    assert find_difference(reading.top, value) is None


@given(st.lists(st.sampled_from([np.arange(5.0), np.array([[1], [2]]), np.array(["a", "b"]), 1, "text", [], {}])))
def test_the_graph_equals_the_value_with_arrays_that_joblib_wrote(values):
    data = by_joblib(values, 5)
    reading = read(data)
    assert (reading.end, reading.position) == (End.STOP, len(data))
    assert find_difference(reading.top, values) is None


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda rest: b"\x80\x04" + rest))
def test_the_reader_never_raises_for_any_bytes(data):
    read(data)


@given(st.lists(st.sampled_from([op.code.encode("latin-1") for op in pickletools.opcodes]), max_size=60), st.binary())
def test_the_reader_never_raises_for_any_opcodes(operations, arguments):
    read(arguments.join(operations))


OBJECT = b"\x80\x04\x8c\x01a\x8c\x01b\x93)\x81\x94"
NUMBER_OF_NUMPY = pickle.dumps(np.int64(1), 4).split(b"\x95", 1)[1][8:-1]
LONG_TEXT = b"X" + (6000).to_bytes(4, "little") + b"x" * 6000
TWICE = "has a key or an item of a set twice"
NOT_CANONICAL = {
    "an item that is set in a list": (b"\x80\x04](K\x01eK\x00K\x02s.", "sets items of a value of type list"),
    "a key that is set in a text": (b"\x80\x04\x8c\x01aK\x00K\x02s.", "sets items of"),
    "a list that is extended when it is recalled": (
        b"\x80\x04]\x94h\x00(K\x01e\x86.",
        "appends to an object",
    ),
    "a list that is appended to when it is recalled": (
        b"\x80\x04]\x94h\x00K\x01a\x86.",
        "appends to an object",
    ),
    "a dictionary that is changed when it is recalled": (
        b"\x80\x04}\x94h\x00K\x01K\x02s\x86.",
        "sets items of an object",
    ),
    "a set that is changed when it is recalled": (b"\x80\x04\x8f\x94h\x00(K\x01\x90\x86.", "adds to an object"),
    "a frozen set that is added to": (b"\x80\x04(K\x01\x91(K\x02\x90.", "adds to a set"),
    "a class that is appended to": (b"\x80\x02ca\nb\nK\x01a.", "appends to a.b"),
    "a class that is given a state": (b"\x80\x02ca\nb\n}b.", "sets the state of a.b"),
    "a dictionary that is given a state": (b"\x80\x02}}b.", "sets the state of a value of type dict"),
    "two states": (b"\x80\x02ca\nb\n)\x81}b}b.", "sets the state of an object twice"),
    "a state for what is recalled": (
        b"\x80\x02ca\nb\n)\x81q\x00h\x00}b\x86.",
        "state of an object that was already complete",
    ),
    "items behind the state": (b"\x80\x02ca\nb\n)\x81}bK\x01a.", "appends to an object that was already"),
    "items behind the entries": (
        b"\x80\x02ca\nb\n)RK\x01K\x02sK\x01a.",
        "appends to an object that was already",
    ),
    "entries behind the state": (
        b"\x80\x02ca\nb\n)\x81}bK\x01K\x02s.",
        "sets items of an object that was already",
    ),
    "a key that stands twice": (b"\x80\x04}(K\x01K\x02K\x01K\x03u.", "has a key twice"),
    "a key that stands in two batches": (b"\x80\x04}(K\x01K\x02u(K\x01K\x03u.", "has a key twice"),
    "a key that is equal to another": (b"\x80\x04}(K\x01K\x02\x88K\x03u.", "has a key twice"),
    "an object that is a key twice": (OBJECT + b"}(h\x00Nh\x00Nu\x86.", TWICE),
    "an object that is a key in two batches": (OBJECT + b"}(h\x00Nu(h\x00Nu\x86.", TWICE),
    "an object that is a key where it is made, and again": (b"\x80\x04}(" + OBJECT[2:] + b"Nh\x00Nu.", TWICE),
    "a key that is equal to one among objects": (OBJECT + b"}(K\x01Nh\x00Nu(\x88Nu\x86.", TWICE),
    "a tuple that is a key twice": (OBJECT + b"}(h\x00\x85Nh\x00\x85Nu\x86.", TWICE),
    "a frozen set that is a key twice": (b"\x80\x04}((K\x01K\x02\x91N(K\x02K\x01\x91Nu.", TWICE),
    "a scalar of NumPy that is equal to a key": (b"\x80\x04}(K\x01N" + NUMBER_OF_NUMPY + b"Nu.", TWICE),
    "a long text that is a key twice": (b"\x80\x04}(" + 2 * (LONG_TEXT + b"N") + b"u.", TWICE),
    "a key that is nested too deeply": (b"\x80\x04})" + b"\x85" * 5000 + b"Ns.", "nested too deeply"),
    "an item that is in a set twice": (b"\x80\x04\x8f(K\x01\x88\x90.", TWICE),
    "an item that is in a set in two batches": (b"\x80\x04\x8f(K\x01\x90(K\x01\x90.", TWICE),
    "an item that is in a frozen set twice": (b"\x80\x04(K\x01K\x01\x91.", TWICE),
    "an item that is in a set of protocol 2 twice": (b"\x80\x02c__builtin__\nset\n](K\x01K\x01e\x85R.", TWICE),
    "a key without a value": (b"\x80\x04}(K\x01u.", "a key without a value"),
    "a key that is a list": (b"\x80\x04}]K\x01s.", "cannot be hashed"),
    "a key that holds a list": (b"\x80\x04}](K\x02e\x85K\x01s.", "cannot be hashed"),
    "a key that holds a list that was memoised": (b"\x80\x04]\x94}h\x00\x85K\x01s\x86.", "cannot be hashed"),
    "a set of dictionaries": (b"\x80\x04\x8f(}\x90.", "cannot be hashed"),
    "a frozen set of byte arrays": (b"\x80\x05(\x96\x01\0\0\0\0\0\0\0x\x91.", "cannot be hashed"),
    "a memo that begins at 1": (b"\x80\x02]q\x01.", "numbers its memo"),
    "a memo in which a number is left out": (b"\x80\x02]q\x00]q\x02\x86.", "numbers its memo"),
    "a number of the memo that is given twice": (b"\x80\x02]q\x00]q\x00\x86.", "numbers its memo"),
    "a number of the memo with zeros": (b"]p00\n.", "numbers its memo"),
    "an object that is memoised twice": (b"\x80\x04]\x94\x94.", "memoises an object twice"),
    "a recalled object that is memoised": (b"\x80\x04]\x94h\x00\x94\x86.", "memoises an object twice"),
    "a list that is memoised when it is full": (b"\x80\x04](K\x01e\x94.", "memoises an object after it was filled"),
    "an object that is memoised with its state": (b"\x80\x02ca\nb\n)\x81}bq\x00.", "memoises an object after it was"),
    "nothing that is memoised": (b"\x80\x04\x94N.", "memoises the top of an empty stack"),
    "what was never memoised": (b"\x80\x04h\x00.", "uses memo index 0, which was never set"),
    "a list that is made of what stands before": (b"(I1\nl.", "has a list that no pickler writes"),
    "a dictionary that is made of what stands before": (b"(I1\nI2\nd.", "has a dictionary that no pickler writes"),
    "an object that is dropped": (b"\x80\x04K\x01K\x020.", "creates an object and drops it"),
    "a call whose result is dropped": (b"\x80\x02Nca\nb\n)R0.", "creates an object and drops it"),
    "what stands last, doubled": (b"\x80\x04K\x012\x86.", "has opcode 0x32,"),
    "everything since a mark, dropped": (b"\x80\x04N(K\x011.", "has opcode 0x31,"),
    "an import as Python 2 wrote instances": (b"(ios\nsystem\n.", "has opcode 0x69,"),
    "an instance as Python 2 wrote it": (b"(cos\nsystem\nK\x01o.", "has opcode 0x6f,"),
    "a text of Python 2": (b"S'a'\n.", "has opcode 0x53,"),
    "a short text of Python 2": (b"\x80\x02U\x01a.", "has opcode 0x55,"),
    "a text of protocol 4 in protocol 2": (b"\x80\x02\x8c\x01a.", "has opcode 0x8c,"),
    "a memo of protocol 4 in protocol 0": (b"N\x94.", "has opcode 0x94,"),
    "a memo of protocol 2 in protocol 4": (b"\x80\x04Nq\x00.", "has opcode 0x71,"),
    "an import of protocol 0 in protocol 4": (b"\x80\x04cos\nsystem\n.", "has opcode 0x63,"),
    "bytes of protocol 3 in protocol 2": (b"\x80\x02C\x01a.", "has opcode 0x43,"),
    "a byte array of protocol 5 in protocol 4": (b"\x80\x04\x96\0\0\0\0\0\0\0\0.", "has opcode 0x96,"),
    "truth of protocol 2 in protocol 1": (b"\x88.", "has opcode 0x88,"),
    "a class by its number": (b"\x80\x02\x82\x01.", "has opcode 0x82,"),
    "bytes that stand outside of the pickle": (b"\x80\x05\x97.", "has opcode 0x97,"),
    "a protocol that there is not": (b"\x80\x06N.", "protocol 6"),
    "a protocol that is not written": (b"\x80\x01N.", "protocol 1"),
    "a second protocol": (b"\x80\x04\x80\x02N.", "has opcode 0x80,"),
    "a persistent id": (b"Pid\n.", "a persistent id"),
    "a number of base 16": (b"I0x10\n.", "an integer that no pickler writes"),
    "a number of base 8": (b"I010\n.", "an integer that no pickler writes"),
    "a number behind a space": (b"I 7\n.", "an integer that no pickler writes"),
    "a number with a sign": (b"I+7\n.", "an integer that no pickler writes"),
    "a long number with a gap": (b"L1_0L\n.", "an integer that no pickler writes"),
    "a long number without its mark": (b"L10\n.", "an integer that no pickler writes"),
    "a fraction without a point": (b"F1\n.", "a number that no pickler writes"),
    "a fraction with a gap": (b"F1_0.0\n.", "a number that no pickler writes"),
    "a text with half an escape": (b"V\\u12\n.", "a text with invalid escapes"),
    "a text that is not UTF-8": (b"\x80\x04\x8c\x01\xff.", "a text that is not UTF-8"),
    "a number of negative length": (b"\x80\x02\x8b\xff\xff\xff\xff.", "a negative length"),
    "a call of a number": (b"\x80\x02K\x01)R.", "calls a value of type int"),
    "a call of a list": (b"\x80\x04]\x94h\x00)R\x86.", "calls a value of type list"),
    "a call with a list": (b"\x80\x02ca\nb\n]R.", "arguments that are not a tuple"),
    "arguments by name that are none": (b"\x80\x04\x8c\x01a\x8c\x01b\x93))\x92.", "keyword arguments without names"),
    "a name that is called for": (
        b"\x80\x04\x8c\x01a\x8c\x01b\x93\x8c\x01c\x93.",
        "name that is not a text",
    ),
    "an import without a module": (b"c\nset\n.", "imports a module or name that is empty"),
    "an import without a name": (b"ccollections\n\n.", "imports a module or name that is empty"),
    "two objects at the end": (b"\x80\x02NN.", "does not leave exactly one object"),
    "no object at the end": (b"\x80\x02.", "does not leave exactly one object"),
    "a mark at the end": (b"\x80\x02N(N.", "does not leave exactly one object"),
    "more than was put": (b"\x80\x02N\x86.", "pops from an empty stack"),
    "a mark that was not set": (b"\x80\x02t.", "pops a mark that was never pushed"),
    "a value across a mark": (b"\x80\x02K\x01(\x85.", "pops from an empty stack"),
    "no end": (b"\x80\x02N", "ends too early"),
    "nothing": (b"", "ends too early"),
}


@pytest.mark.parametrize(("data", "problem"), NOT_CANONICAL.values(), ids=NOT_CANONICAL)
def test_opcodes_that_no_pickler_writes_are_unreadable(data, problem):
    reading = read(data)
    assert (reading.end, reading.top) == (End.UNREADABLE, None)
    assert problem in reading.problem


def test_an_object_may_refer_to_itself_before_it_is_complete():
    assert read(b"\x80\x04]\x94(h\x00h\x00e.").end is End.STOP


TUPLES = b"N\x85\x94" + b"".join(b"h%ch%c\x86\x94" % (number, number) for number in range(40))
SETS = b"(\x91\x94" + b"".join(b"(h%ch%c\x85\x91\x94" % (2 * n, 2 * n) for n in range(40)).replace(b"\x85", b"\x85\x94")


@pytest.mark.parametrize("behind", [b"t.", b"}(h\x28Nut.", b"\x8f(h\x28\x90t.", b"(h\x28\x91t.", b"h\x28\x85t."])
@pytest.mark.parametrize("shared", [TUPLES, SETS], ids=["tuples", "frozen sets"])
def test_values_with_too_many_shared_parts_reach_the_limit(shared, behind):
    assert read(b"\x80\x04(" + shared + behind).end is End.LIMIT


def test_long_and_nested_tuples_can_be_keys():
    deep = functools.reduce(lambda inner, _: (inner, 1), range(50), ())
    value = {tuple(range(1000)): 1, deep: 2, frozenset(range(100)): 3, (frozenset({deep}), "a"): 4}
    reading = read(pickle.dumps(value))
    assert (reading.end, find_difference(reading.top, value)) == (End.STOP, None)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_similar_keys_count_as_different(protocol):
    numbers = [np.int64(1), np.int64(2), np.float32(0.1), 0.1, np.float64("nan"), np.float64("nan"), float("nan")]
    times = [np.datetime64(1, "s"), np.datetime64(1, "D"), datetime.date(2026, 1, 1), datetime.datetime(2026, 1, 1)]
    texts = ["x" * 6000, "x" * 5999 + "y", "x" * 6001, b"x" * 6000, np.str_("a"), "b", b"a"]
    nested = [(1, (2,)), (1, 2), ((1,), 2), frozenset([1, 2]), frozenset([1, 3]), frozenset(), (frozenset(),), ()]
    keys = [*numbers, *times, *texts, *nested, int, len, (int,)]
    for values in (dict.fromkeys(keys), set(keys), frozenset(keys)):
        assert read(pickle.dumps([values, values], protocol)).end is End.STOP


def test_persistent_ids_are_only_accepted_if_the_loader_resolves_them():
    data = b"\x80\x02X\x01\0\0\0aQ."
    assert read(data).end is End.UNREADABLE
    budget = Budget.of_model(len(data))
    assert next(read_pickles(io.BytesIO(data), len(data), budget, persistent=True)).end is End.STOP
    other = "Pé\n.".encode()  # only one of Python's unpicklers accepts it
    assert next(read_pickles(io.BytesIO(other), len(other), budget, persistent=True)).end is End.UNREADABLE


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_truncated_pickle_is_unreadable(protocol):
    data = pickle.dumps(VALUES[:6], protocol)
    for length in range(len(data)):
        assert read(data[:length]).end is End.UNREADABLE


def test_the_reader_imports_and_calls_nothing(tmp_path):
    marker = tmp_path / "marker"

    class Hostile:
        def __reduce__(self):
            return (open, (str(marker), "w"))

    for protocol in PROTOCOLS:
        assert read(pickle.dumps(Hostile(), protocol)).end is End.STOP
    reading = read(b"\x80\x04\x8c\x10no_such_module_x\x8c\x01C\x93)\x81.")
    assert class_of(reading.top) == "no_such_module_x.C"
    assert not marker.exists()
    assert "no_such_module_x" not in sys.modules


def test_globals_has_every_import_once_with_its_python_3_name():
    reading = read(pickle.dumps([Plain(), Plain(), {1}], 2))
    assert {name.dotted for name in reading.globals} == {name_of(Plain()), "builtins.set"} | (
        {"copyreg._reconstructor", "builtins.object"} & {name.dotted for name in reading.globals}
    )
    assert [name.dotted for name in read(pickle.dumps(Plain(), 0)).globals] == [
        "copyreg._reconstructor",
        name_of(Plain()),
        "builtins.object",
    ]


def frame(length: int, data: bytes) -> bytes:
    return b"\x80\x04\x95" + struct.pack("<Q", length) + data


def test_a_frame_may_end_between_opcodes():
    assert read(frame(2, b"]N\x86.")).end is End.STOP


@pytest.mark.parametrize(
    "data",
    {
        "an argument goes beyond it": frame(3, b"C\x04abcd."),
        "another begins within it": frame(30, frame(1, b"N.")[2:]),
        "it ends within an operation": frame(1, b"K\x01."),
        "it goes on behind the end": frame(9, b"N."),
    }.values(),
)
def test_a_frame_that_does_not_end_between_opcodes_is_unreadable(data):
    reading = read(data)
    assert reading.end is End.UNREADABLE
    assert "frame" in reading.problem


DOUBLED = "b'\\x80\\x04(N\\x85\\x94' + b''.join(b'h%ch%c\\x86\\x94' % (n, n) for n in range(40))"
SETS = "b'\\x80\\x04((\\x91\\x94' + b''.join(b'(h%ch%c\\x85\\x91\\x94' % (n, n) for n in range(60))"
BOMBS = {
    "marks": "b'(' * (20 << 20)",
    "tuples": "b'\\x80\\x04)' + b'\\x85' * (20 << 20)",
    "doubling": "b'\\x80\\x04)' + b'2\\x86' * (10 << 20)",
    "shared tuples": DOUBLED + " + b'h\\x28t.'",
    "a key of shared tuples": DOUBLED + " + b'}(h\\x28Nut.'",
    "a set of shared tuples": DOUBLED + " + b'\\x8f(h\\x28\\x90t.'",
    "a frozen set of shared tuples": DOUBLED + " + b'(h\\x28\\x91t.'",
    "frozen sets of themselves": SETS + " + b't.'",
    "one long tuple in many": "b'\\x80\\x04((' + b'N' * 100000 + b't\\x94' + b'h\\x00\\x85' * 100000 + b't.'",
    "lists": "b'\\x80\\x04' + b']' * (20 << 20)",
    "dictionaries": "b'\\x80\\x04' + b'}' * (20 << 20)",
    "memo": "b'\\x80\\x04N' + b'\\x94' * (20 << 20)",
    "high memo": "b'\\x80\\x04N' + b'r\\xff\\xff\\xff\\xff' * (4 << 20) + b'.'",
    "calls": "b'\\x80\\x04cos\\nsystem\\n' + b')R' * (10 << 20)",
    "states": "b'\\x80\\x04cos\\nsystem\\n)R' + b'2b' * (10 << 20)",
    "texts": "b'\\x80\\x04' + (b'X\\xff\\0\\0\\0' + b'x' * 255) * 100000",
    "one line": "b'V' + b'x' * (50 << 20)",
    "lengths": "b'\\x80\\x04\\x8e' + b'\\xff' * 8",
    "a long number": "b'\\x80\\x04\\x8b\\xff\\xff\\xff\\x7f' + b'1' * 1000",
    "digits": "b'I' + b'9' * (10 << 20) + b'\\n.'",
    "imports": "b'\\x80\\x04' + b''.join(b'c%d\\nx\\n0' % n for n in range(10**6))",
    "protocols": "b'\\x80\\x04' * (10 << 20)",
}


def _pairs_of_one_hash(count: int) -> list[tuple[int, int]]:
    """Pairs of integers with the same hash in Python (xxHash)."""
    last, first, second, fifth = (1 << 64) - 1, 11400714785074694791, 14029467366897019727, 2870177450012600261
    turned = (123456789 - (2 ^ fifth ^ 3527539)) * pow(first, -1, 1 << 64) & last
    before = (turned >> 31 | turned << 33) & last
    pairs = []
    for one in range(1, 100 * count):
        mixed = fifth + one * second & last
        other = (before - (mixed << 31 | mixed >> 33) * first) * pow(second, -1, 1 << 64) & last
        if other < 1 << 60:
            pairs.append((one, other))
        if len(pairs) == count:
            break
    return pairs


@pytest.mark.slow
def test_many_keys_with_the_same_hash_reach_the_limit():
    keys = _pairs_of_one_hash(6000)
    assert len({hash(key) for key in keys}) == 1
    for value in (dict.fromkeys(keys), dict.fromkeys(n * ((1 << 61) - 1) for n in range(1, 6000))):
        data = pickle.dumps(value, protocol=4)
        assert read_pickle(io.BytesIO(data), len(data)).end is End.LIMIT
    many = pickle.dumps({(n, str(n)): n for n in range(6000)})
    assert read_pickle(io.BytesIO(many), len(many)).end is End.STOP


FAST = [name for name in BOMBS if "tuple" in name or "frozen" in name]
FAST += ["doubling", "states", "texts", "lengths", "a long number", "imports"]


@pytest.mark.parametrize(
    "name", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in BOMBS if name not in FAST)]
)
def test_reading_a_bomb_takes_little_time_and_memory(name):
    program = f"""
        import io, resource, time
        from modelreg.analysis.pickle.reader import read_pickle
        data = {BOMBS[name]}
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begun = time.process_time()
        reading = read_pickle(io.BytesIO(data), len(data))
        del reading
        more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used
        print(time.process_time() - begun, more // 1024)
    """
    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True, timeout=60
    )
    seconds, megabytes = map(float, process.stdout.split())
    assert seconds < 10
    assert megabytes < 300


def test_the_class_of_a_large_dictionary_is_found_at_the_limit():
    start = time.process_time()
    reading = read(pickle.dumps({str(number): number for number in range(600_000)}))
    assert (reading.end, class_of(reading.top)) == (End.LIMIT, "builtins.dict")
    assert time.process_time() - start < 10
