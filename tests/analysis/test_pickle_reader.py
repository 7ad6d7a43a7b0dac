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
from hypothesis import example, given
from hypothesis import strategies as st
from passive_unpicklers import find_difference
from unpickler_comparison import find_divergence

from modelreg.analysis.pickle.object_graph import class_of
from modelreg.analysis.pickle.reader import Budget, End, read_pickle, read_pickles

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def read_bytes(data: bytes):
    return read_pickle(io.BytesIO(data), len(data))


def class_name(value: object) -> str:
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
    """An instance that is pickled with ``NEWOBJ_EX``."""

    def __new__(cls, *, items=()):
        return super().__new__(cls, items)

    def __getnewargs_ex__(self):
        return (), {"items": tuple(self)}


class RegisteredInCopyreg:
    """An instance that is pickled as a call of a function registered in copyreg."""


def create_registered(cls, number):
    return cls()


copyreg.pickle(RegisteredInCopyreg, lambda _: (create_registered, (RegisteredInCopyreg, 1)))

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
    reading = read_bytes(data)
    assert (reading.end, class_of(reading.top)) == (End.STOP, class_name(value))
    assert (reading.whole, reading.position) == (True, len(data))


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_class_of_returns_the_class_of_an_object_without_a_dictionary(protocol):
    assert class_of(read_bytes(pickle.dumps(Slotted(), protocol)).top) == class_name(Slotted())


@pytest.mark.parametrize("protocol", range(4, pickle.HIGHEST_PROTOCOL + 1))
def test_class_of_returns_the_class_of_an_object_created_with_keywords(protocol):
    assert class_of(read_bytes(pickle.dumps(Keywords(items=(1,)), protocol)).top) == class_name(Keywords())


def test_class_of_returns_none_for_the_result_of_a_function():
    assert class_of(read_bytes(pickle.dumps(RegisteredInCopyreg())).top) is None


ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
PLAIN = st.recursive(
    ATOMS | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner) | st.lists(inner).map(tuple)
    ),
)


def pickle_with_c(value: object, protocol: int) -> bytes:
    return pickle.dumps(value, protocol)


def pickle_with_python(value: object, protocol: int) -> bytes:
    file = io.BytesIO()
    pickle._Pickler(file, protocol).dump(value)
    return file.getvalue()


def dump_with_joblib(value: object, protocol: int) -> bytes:
    file = io.BytesIO()
    joblib.dump(value, file, protocol=protocol)
    return file.getvalue()


PICKLERS = [pickle_with_c, pickle_with_python, dump_with_joblib, cloudpickle.dumps]


@given(PLAIN, st.sampled_from(PROTOCOLS), st.sampled_from(PICKLERS))
@example("ünï\\u1234\n", 0, pickle_with_c)
@example(("x" * 300, b"\x00" * 300), 0, pickle_with_c)
@example([2**500, -(2**500), [1.0] * 2000, {number: (number,) for number in range(2000)}], 1, pickle_with_python)
@example({frozenset({1, (2, "a")}): {3}, (4, 5): frozenset()}, 4, pickle_with_python)
def test_plain_values_are_read_to_the_last_byte(value, protocol, pickler):
    data = pickler(value, protocol)
    reading = read_bytes(data)
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
    """A class of instances with attributes."""


@given(shared_and_cyclic(), st.sampled_from(PROTOCOLS), st.sampled_from(PICKLERS))
def test_the_graph_equals_the_pickled_value_if_it_is_shared_or_cyclic(value, protocol, pickler):
    data = pickler(value, protocol)
    reading = read_bytes(data)
    assert (reading.end, reading.position) == (End.STOP, len(data))
    assert find_difference(reading.top, value) is None


@given(st.lists(st.sampled_from([np.arange(5.0), np.array([[1], [2]]), np.array(["a", "b"]), 1, "text", [], {}])))
def test_the_graph_equals_the_value_with_arrays_that_joblib_wrote(values):
    data = dump_with_joblib(values, 5)
    reading = read_bytes(data)
    assert (reading.end, reading.position) == (End.STOP, len(data))
    assert find_difference(reading.top, values) is None


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda rest: b"\x80\x04" + rest))
def test_the_reader_never_raises_for_any_bytes(data):
    read_bytes(data)


@given(st.lists(st.sampled_from([op.code.encode("latin-1") for op in pickletools.opcodes]), max_size=60), st.binary())
def test_the_reader_never_raises_for_any_opcodes(operations, arguments):
    read_bytes(arguments.join(operations))


OBJECT = b"\x80\x04\x8c\x01a\x8c\x01b\x93)\x81\x94"
NUMPY_SCALAR = pickle.dumps(np.int64(1), 4).split(b"\x95", 1)[1][8:-1]
LONG_TEXT = b"X" + (6000).to_bytes(4, "little") + b"x" * 6000
DUPLICATE = "has a key or an item of a set twice"
NOT_CANONICAL = {
    "SETITEM on a list": (b"\x80\x04](K\x01eK\x00K\x02s.", "sets items of a value of type list"),
    "SETITEM on a string": (b"\x80\x04\x8c\x01aK\x00K\x02s.", "sets items of"),
    "APPENDS on a memoised list": (
        b"\x80\x04]\x94h\x00(K\x01e\x86.",
        "appends to an object",
    ),
    "APPEND on a memoised list": (
        b"\x80\x04]\x94h\x00K\x01a\x86.",
        "appends to an object",
    ),
    "SETITEM on a memoised dictionary": (
        b"\x80\x04}\x94h\x00K\x01K\x02s\x86.",
        "sets items of an object",
    ),
    "ADDITEMS on a memoised set": (b"\x80\x04\x8f\x94h\x00(K\x01\x90\x86.", "adds to an object"),
    "ADDITEMS on a frozen set": (b"\x80\x04(K\x01\x91(K\x02\x90.", "adds to a set"),
    "APPEND on a class": (b"\x80\x02ca\nb\nK\x01a.", "appends to a.b"),
    "BUILD on a class": (b"\x80\x02ca\nb\n}b.", "sets the state of a.b"),
    "BUILD on a dictionary": (b"\x80\x02}}b.", "sets the state of a value of type dict"),
    "two states": (b"\x80\x02ca\nb\n)\x81}b}b.", "sets the state of an object twice"),
    "BUILD on a memoised object": (
        b"\x80\x02ca\nb\n)\x81q\x00h\x00}b\x86.",
        "state of an object that was already complete",
    ),
    "items after the state": (b"\x80\x02ca\nb\n)\x81}bK\x01a.", "appends to an object that was already"),
    "items after the entries": (
        b"\x80\x02ca\nb\n)RK\x01K\x02sK\x01a.",
        "appends to an object that was already",
    ),
    "entries after the state": (
        b"\x80\x02ca\nb\n)\x81}bK\x01K\x02s.",
        "sets items of an object that was already",
    ),
    "duplicate key": (b"\x80\x04}(K\x01K\x02K\x01K\x03u.", "has a key twice"),
    "duplicate key in two batches": (b"\x80\x04}(K\x01K\x02u(K\x01K\x03u.", "has a key twice"),
    "equal keys of two types": (b"\x80\x04}(K\x01K\x02\x88K\x03u.", "has a key twice"),
    "duplicate object as key": (OBJECT + b"}(h\x00Nh\x00Nu\x86.", DUPLICATE),
    "duplicate object as key in two batches": (OBJECT + b"}(h\x00Nu(h\x00Nu\x86.", DUPLICATE),
    "object as key at its creation and from the memo": (b"\x80\x04}(" + OBJECT[2:] + b"Nh\x00Nu.", DUPLICATE),
    "equal keys beside an object as key": (OBJECT + b"}(K\x01Nh\x00Nu(\x88Nu\x86.", DUPLICATE),
    "duplicate tuple as key": (OBJECT + b"}(h\x00\x85Nh\x00\x85Nu\x86.", DUPLICATE),
    "duplicate frozen set as key": (b"\x80\x04}((K\x01K\x02\x91N(K\x02K\x01\x91Nu.", DUPLICATE),
    "NumPy scalar equal to another key": (b"\x80\x04}(K\x01N" + NUMPY_SCALAR + b"Nu.", DUPLICATE),
    "duplicate long string as key": (b"\x80\x04}(" + 2 * (LONG_TEXT + b"N") + b"u.", DUPLICATE),
    "key that is nested too deeply": (b"\x80\x04})" + b"\x85" * 5000 + b"Ns.", "nested too deeply"),
    "duplicate item of a set": (b"\x80\x04\x8f(K\x01\x88\x90.", DUPLICATE),
    "duplicate item of a set in two batches": (b"\x80\x04\x8f(K\x01\x90(K\x01\x90.", DUPLICATE),
    "duplicate item of a frozen set": (b"\x80\x04(K\x01K\x01\x91.", DUPLICATE),
    "duplicate item of a set in protocol 2": (b"\x80\x02c__builtin__\nset\n](K\x01K\x01e\x85R.", DUPLICATE),
    "key without a value": (b"\x80\x04}(K\x01u.", "a key without a value"),
    "list as key": (b"\x80\x04}]K\x01s.", "cannot be hashed"),
    "tuple with a list as key": (b"\x80\x04}](K\x02e\x85K\x01s.", "cannot be hashed"),
    "tuple with a memoised list as key": (b"\x80\x04]\x94}h\x00\x85K\x01s\x86.", "cannot be hashed"),
    "set of dictionaries": (b"\x80\x04\x8f(}\x90.", "cannot be hashed"),
    "frozen set of byte arrays": (b"\x80\x05(\x96\x01\0\0\0\0\0\0\0x\x91.", "cannot be hashed"),
    "first memo index 1": (b"\x80\x02]q\x01.", "numbers its memo"),
    "gap in the memo indices": (b"\x80\x02]q\x00]q\x02\x86.", "numbers its memo"),
    "duplicate memo index": (b"\x80\x02]q\x00]q\x00\x86.", "numbers its memo"),
    "memo index with leading zeros": (b"]p00\n.", "numbers its memo"),
    "object memoised twice": (b"\x80\x04]\x94\x94.", "memoises an object twice"),
    "object from the memo memoised again": (b"\x80\x04]\x94h\x00\x94\x86.", "memoises an object twice"),
    "list memoised after its items": (b"\x80\x04](K\x01e\x94.", "memoises an object after it was filled"),
    "object memoised after its state": (b"\x80\x02ca\nb\n)\x81}bq\x00.", "memoises an object after it was"),
    "MEMOIZE on an empty stack": (b"\x80\x04\x94N.", "memoises the top of an empty stack"),
    "BINGET of an unset index": (b"\x80\x04h\x00.", "uses memo index 0, which was never set"),
    "LIST with items from the stack": (b"(I1\nl.", "has a list that no pickler writes"),
    "DICT with items from the stack": (b"(I1\nI2\nd.", "has a dictionary that no pickler writes"),
    "POP of an object": (b"\x80\x04K\x01K\x020.", "creates an object and drops it"),
    "POP of the result of a call": (b"\x80\x02Nca\nb\n)R0.", "creates an object and drops it"),
    "DUP": (b"\x80\x04K\x012\x86.", "has opcode 0x32,"),
    "POP_MARK": (b"\x80\x04N(K\x011.", "has opcode 0x31,"),
    "INST of Python 2": (b"(ios\nsystem\n.", "has opcode 0x69,"),
    "OBJ of Python 2": (b"(cos\nsystem\nK\x01o.", "has opcode 0x6f,"),
    "STRING of Python 2": (b"S'a'\n.", "has opcode 0x53,"),
    "SHORT_BINSTRING of Python 2": (b"\x80\x02U\x01a.", "has opcode 0x55,"),
    "string opcode of protocol 4 in protocol 2": (b"\x80\x02\x8c\x01a.", "has opcode 0x8c,"),
    "memo opcode of protocol 4 in protocol 0": (b"N\x94.", "has opcode 0x94,"),
    "memo opcode of protocol 2 in protocol 4": (b"\x80\x04Nq\x00.", "has opcode 0x71,"),
    "import opcode of protocol 0 in protocol 4": (b"\x80\x04cos\nsystem\n.", "has opcode 0x63,"),
    "bytes opcode of protocol 3 in protocol 2": (b"\x80\x02C\x01a.", "has opcode 0x43,"),
    "byte array opcode of protocol 5 in protocol 4": (b"\x80\x04\x96\0\0\0\0\0\0\0\0.", "has opcode 0x96,"),
    "boolean opcode of protocol 2 in protocol 1": (b"\x88.", "has opcode 0x88,"),
    "class by its extension code": (b"\x80\x02\x82\x01.", "has opcode 0x82,"),
    "out-of-band buffer": (b"\x80\x05\x97.", "has opcode 0x97,"),
    "protocol that does not exist": (b"\x80\x06N.", "protocol 6"),
    "protocol whose number is never written": (b"\x80\x01N.", "protocol 1"),
    "second protocol opcode": (b"\x80\x04\x80\x02N.", "has opcode 0x80,"),
    "persistent id": (b"Pid\n.", "a persistent id"),
    "integer in base 16": (b"I0x10\n.", "an integer that no pickler writes"),
    "integer in base 8": (b"I010\n.", "an integer that no pickler writes"),
    "integer after a space": (b"I 7\n.", "an integer that no pickler writes"),
    "integer with a plus sign": (b"I+7\n.", "an integer that no pickler writes"),
    "long integer with an underscore": (b"L1_0L\n.", "an integer that no pickler writes"),
    "long integer without the suffix L": (b"L10\n.", "an integer that no pickler writes"),
    "float without a decimal point": (b"F1\n.", "a number that no pickler writes"),
    "float with an underscore": (b"F1_0.0\n.", "a number that no pickler writes"),
    "string with an incomplete escape": (b"V\\u12\n.", "a text with invalid escapes"),
    "string that is not UTF-8": (b"\x80\x04\x8c\x01\xff.", "a text that is not UTF-8"),
    "integer of negative length": (b"\x80\x02\x8b\xff\xff\xff\xff.", "a negative length"),
    "call of an integer": (b"\x80\x02K\x01)R.", "calls a value of type int"),
    "call of a list": (b"\x80\x04]\x94h\x00)R\x86.", "calls a value of type list"),
    "call with a list of arguments": (b"\x80\x02ca\nb\n]R.", "arguments that are not a tuple"),
    "keyword arguments that are not a dictionary": (
        b"\x80\x04\x8c\x01a\x8c\x01b\x93))\x92.",
        "keyword arguments without names",
    ),
    "import from an object instead of a module": (
        b"\x80\x04\x8c\x01a\x8c\x01b\x93\x8c\x01c\x93.",
        "name that is not a text",
    ),
    "import without a module": (b"c\nset\n.", "imports a module or name that is empty"),
    "import without a name": (b"ccollections\n\n.", "imports a module or name that is empty"),
    "two objects at the end": (b"\x80\x02NN.", "does not leave exactly one object"),
    "no object at the end": (b"\x80\x02.", "does not leave exactly one object"),
    "mark at the end": (b"\x80\x02N(N.", "does not leave exactly one object"),
    "tuple of more objects than the stack has": (b"\x80\x02N\x86.", "pops from an empty stack"),
    "missing mark": (b"\x80\x02t.", "pops a mark that was never pushed"),
    "pop across a mark": (b"\x80\x02K\x01(\x85.", "pops from an empty stack"),
    "no STOP": (b"\x80\x02N", "ends too early"),
    "empty": (b"", "ends too early"),
}


@pytest.mark.parametrize(("data", "problem"), NOT_CANONICAL.values(), ids=NOT_CANONICAL)
def test_opcodes_that_no_pickler_writes_are_unreadable(data, problem):
    reading = read_bytes(data)
    assert (reading.end, reading.top) == (End.UNREADABLE, None)
    assert problem in reading.problem


def test_an_object_may_refer_to_itself_before_it_is_complete():
    assert read_bytes(b"\x80\x04]\x94(h\x00h\x00e.").end is End.STOP


TUPLES = b"N\x85\x94" + b"".join(b"h%ch%c\x86\x94" % (number, number) for number in range(40))
SETS = b"(\x91\x94" + b"".join(b"(h%ch%c\x85\x91\x94" % (2 * n, 2 * n) for n in range(40)).replace(b"\x85", b"\x85\x94")


@pytest.mark.parametrize("suffix", [b"t.", b"}(h\x28Nut.", b"\x8f(h\x28\x90t.", b"(h\x28\x91t.", b"h\x28\x85t."])
@pytest.mark.parametrize("shared", [TUPLES, SETS], ids=["tuples", "frozen sets"])
def test_values_with_too_many_shared_parts_reach_the_limit(shared, suffix):
    assert read_bytes(b"\x80\x04(" + shared + suffix).end is End.LIMIT


def test_long_and_nested_tuples_can_be_keys():
    nested_tuple = functools.reduce(lambda inner, _: (inner, 1), range(50), ())
    value = {tuple(range(1000)): 1, nested_tuple: 2, frozenset(range(100)): 3, (frozenset({nested_tuple}), "a"): 4}
    reading = read_bytes(pickle.dumps(value))
    assert (reading.end, find_difference(reading.top, value)) == (End.STOP, None)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_similar_but_unequal_keys_are_accepted(protocol):
    numbers = [np.int64(1), np.int64(2), np.float32(0.1), 0.1, np.float64("nan"), np.float64("nan"), float("nan")]
    times = [np.datetime64(1, "s"), np.datetime64(1, "D"), datetime.date(2026, 1, 1), datetime.datetime(2026, 1, 1)]
    texts = ["x" * 6000, "x" * 5999 + "y", "x" * 6001, b"x" * 6000, np.str_("a"), "b", b"a"]
    nested = [(1, (2,)), (1, 2), ((1,), 2), frozenset([1, 2]), frozenset([1, 3]), frozenset(), (frozenset(),), ()]
    keys = [*numbers, *times, *texts, *nested, int, len, (int,)]
    for values in (dict.fromkeys(keys), set(keys), frozenset(keys)):
        assert read_bytes(pickle.dumps([values, values], protocol)).end is End.STOP


def test_persistent_ids_are_only_accepted_if_the_loader_resolves_them():
    data = b"\x80\x02X\x01\0\0\0aQ."
    assert read_bytes(data).end is End.UNREADABLE
    budget = Budget.of_model(len(data))
    assert next(read_pickles(io.BytesIO(data), len(data), budget, persistent=True)).end is End.STOP
    other = "Pé\n.".encode()  # only one of Python's unpicklers accepts it
    assert next(read_pickles(io.BytesIO(other), len(other), budget, persistent=True)).end is End.UNREADABLE


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_truncated_pickle_is_unreadable(protocol):
    data = pickle.dumps(VALUES[:6], protocol)
    for length in range(len(data)):
        assert read_bytes(data[:length]).end is End.UNREADABLE


def test_the_reader_imports_and_calls_nothing(tmp_path):
    marker = tmp_path / "marker"

    class PickledOpen:
        def __reduce__(self):
            return (open, (str(marker), "w"))

    for protocol in PROTOCOLS:
        assert read_bytes(pickle.dumps(PickledOpen(), protocol)).end is End.STOP
    reading = read_bytes(b"\x80\x04\x8c\x10no_such_module_x\x8c\x01C\x93)\x81.")
    assert class_of(reading.top) == "no_such_module_x.C"
    assert not marker.exists()
    assert "no_such_module_x" not in sys.modules


def test_globals_has_every_import_once_with_its_python_3_name():
    reading = read_bytes(pickle.dumps([Plain(), Plain(), {1}], 2))
    assert {name.dotted for name in reading.globals} == {class_name(Plain()), "builtins.set"} | (
        {"copyreg._reconstructor", "builtins.object"} & {name.dotted for name in reading.globals}
    )
    assert [name.dotted for name in read_bytes(pickle.dumps(Plain(), 0)).globals] == [
        "copyreg._reconstructor",
        class_name(Plain()),
        "builtins.object",
    ]


def frame(length: int, data: bytes) -> bytes:
    return b"\x80\x04\x95" + struct.pack("<Q", length) + data


def test_a_frame_may_end_between_opcodes():
    assert read_bytes(frame(2, b"]N\x86.")).end is End.STOP


@pytest.mark.parametrize(
    "data",
    {
        "an argument continues after the frame": frame(3, b"C\x04abcd."),
        "another frame starts inside the frame": frame(30, frame(1, b"N.")[2:]),
        "the frame ends inside an opcode": frame(1, b"K\x01."),
        "the frame is longer than the pickle": frame(9, b"N."),
    }.values(),
)
def test_a_frame_that_does_not_end_between_opcodes_is_unreadable(data):
    reading = read_bytes(data)
    assert reading.end is End.UNREADABLE
    assert "frame" in reading.problem


SHARED_TUPLES = "b'\\x80\\x04(N\\x85\\x94' + b''.join(b'h%ch%c\\x86\\x94' % (n, n) for n in range(40))"
SETS = "b'\\x80\\x04((\\x91\\x94' + b''.join(b'(h%ch%c\\x85\\x91\\x94' % (n, n) for n in range(60))"
BOMBS = {
    "marks": "b'(' * (20 << 20)",
    "tuples": "b'\\x80\\x04)' + b'\\x85' * (20 << 20)",
    "DUP": "b'\\x80\\x04)' + b'2\\x86' * (10 << 20)",
    "shared tuples": SHARED_TUPLES + " + b'h\\x28t.'",
    "key of shared tuples": SHARED_TUPLES + " + b'}(h\\x28Nut.'",
    "set of shared tuples": SHARED_TUPLES + " + b'\\x8f(h\\x28\\x90t.'",
    "frozen set of shared tuples": SHARED_TUPLES + " + b'(h\\x28\\x91t.'",
    "nested shared frozen sets": SETS + " + b't.'",
    "one long tuple in many tuples": "b'\\x80\\x04((' + b'N' * 100000 + b't\\x94' + b'h\\x00\\x85' * 100000 + b't.'",
    "lists": "b'\\x80\\x04' + b']' * (20 << 20)",
    "dictionaries": "b'\\x80\\x04' + b'}' * (20 << 20)",
    "memo": "b'\\x80\\x04N' + b'\\x94' * (20 << 20)",
    "high memo": "b'\\x80\\x04N' + b'r\\xff\\xff\\xff\\xff' * (4 << 20) + b'.'",
    "calls": "b'\\x80\\x04cos\\nsystem\\n' + b')R' * (10 << 20)",
    "states": "b'\\x80\\x04cos\\nsystem\\n)R' + b'2b' * (10 << 20)",
    "strings": "b'\\x80\\x04' + (b'X\\xff\\0\\0\\0' + b'x' * 255) * 100000",
    "one long line": "b'V' + b'x' * (50 << 20)",
    "very large length": "b'\\x80\\x04\\x8e' + b'\\xff' * 8",
    "long integer": "b'\\x80\\x04\\x8b\\xff\\xff\\xff\\x7f' + b'1' * 1000",
    "integer with many digits": "b'I' + b'9' * (10 << 20) + b'\\n.'",
    "imports": "b'\\x80\\x04' + b''.join(b'c%d\\nx\\n0' % n for n in range(10**6))",
    "protocols": "b'\\x80\\x04' * (10 << 20)",
}


def make_pairs_with_equal_hash(count: int) -> list[tuple[int, int]]:
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
    keys = make_pairs_with_equal_hash(6000)
    assert len({hash(key) for key in keys}) == 1
    for value in (dict.fromkeys(keys), dict.fromkeys(n * ((1 << 61) - 1) for n in range(1, 6000))):
        data = pickle.dumps(value, protocol=4)
        assert read_pickle(io.BytesIO(data), len(data)).end is End.LIMIT
    many = pickle.dumps({(n, str(n)): n for n in range(6000)})
    assert read_pickle(io.BytesIO(many), len(many)).end is End.STOP


FAST_BOMBS = [name for name in BOMBS if "tuple" in name or "frozen" in name]
FAST_BOMBS += ["DUP", "states", "strings", "very large length", "long integer", "imports"]


@pytest.mark.parametrize(
    "name", [*FAST_BOMBS, *(pytest.param(name, marks=pytest.mark.slow) for name in BOMBS if name not in FAST_BOMBS)]
)
def test_reading_a_bomb_takes_at_most_10_seconds_and_300_megabytes(name):
    program = f"""
        import io, resource, time
        from modelreg.analysis.pickle.reader import read_pickle
        data = {BOMBS[name]}
        memory_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.process_time()
        reading = read_pickle(io.BytesIO(data), len(data))
        del reading
        growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_before
        print(time.process_time() - start, growth // 1024)
    """
    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True, timeout=60
    )
    seconds, megabytes = map(float, process.stdout.split())
    assert seconds < 10
    assert megabytes < 300


def test_a_dictionary_over_the_limit_has_the_class_dict():
    start = time.process_time()
    reading = read_bytes(pickle.dumps({str(number): number for number in range(600_000)}))
    assert (reading.end, class_of(reading.top)) == (End.LIMIT, "builtins.dict")
    assert time.process_time() - start < 10
