"""The pickle machine against what Python itself does with the same bytes."""

from __future__ import annotations

import collections
import copyreg
import datetime
import fractions
import io
import pickle
import pickletools
import struct
import subprocess
import sys
import textwrap
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelreg.security.object_graph import class_of
from modelreg.security.pickle_reader import End, read_pickle

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
def test_the_class_of_the_top_object_is_told_in_every_protocol(value, protocol):
    data = pickle.dumps(value, protocol)
    found = read(data)
    assert (found.end, class_of(found.top)) == (End.STOP, name_of(value))
    assert (found.whole, found.position) == (True, len(data))


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_an_object_without_a_dictionary_is_told(protocol):
    assert class_of(read(pickle.dumps(Slotted(), protocol)).top) == name_of(Slotted())


@pytest.mark.parametrize("protocol", range(4, pickle.HIGHEST_PROTOCOL + 1))
def test_an_object_that_is_made_with_keywords_is_told(protocol):
    assert class_of(read(pickle.dumps(Keywords(items=(1,)), protocol)).top) == name_of(Keywords())


def test_what_a_function_returns_is_not_guessed():
    assert class_of(read(pickle.dumps(OfFactory())).top) is None


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner) | st.lists(inner).map(tuple)
    ),
)


@given(PLAIN, st.sampled_from(PROTOCOLS))
@example("ünï\\u1234\n", 0)
@example(("x" * 300, b"\x00" * 300), 0)
def test_every_plain_value_is_followed_to_its_last_byte(value, protocol):
    data = pickle.dumps(value, protocol)
    found = read(data)
    assert (found.end, class_of(found.top), found.position) == (End.STOP, name_of(value), len(data))


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda rest: b"\x80\x04" + rest))
def test_no_bytes_make_it_raise(data):
    read(data)


@given(st.lists(st.sampled_from([op.code.encode("latin-1") for op in pickletools.opcodes]), max_size=60), st.binary())
def test_no_mix_of_operations_makes_it_raise(operations, arguments):
    read(arguments.join(operations))


@given(
    st.lists(st.sampled_from([b"K\x01", b")", b"]", b"}", b"(", b"t", b"\x85", b"0", b"1", b"2", b"\x94", b"h\x00"]))
)
def test_it_accepts_what_python_accepts(operations):
    data = b"\x80\x04" + b"".join(operations) + b"."
    try:
        made = pickle.loads(data)
    except Exception:
        assert read(data).end is End.UNREADABLE
    else:
        found = read(data)
        assert (found.end, class_of(found.top)) == (End.STOP, name_of(made))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_pickle_cut_anywhere_is_unreadable(protocol):
    data = pickle.dumps(VALUES[:6], protocol)
    for length in range(len(data)):
        assert read(data[:length]).end is End.UNREADABLE


def test_nothing_is_imported_or_called(tmp_path):
    marker = tmp_path / "marker"

    class Hostile:
        def __reduce__(self):
            return (open, (str(marker), "w"))

    for protocol in PROTOCOLS:
        assert read(pickle.dumps(Hostile(), protocol)).end is End.STOP
    found = read(b"\x80\x04\x8c\x10no_such_module_x\x8c\x01C\x93)\x81.")
    assert class_of(found.top) == "no_such_module_x.C"
    assert not marker.exists()
    assert "no_such_module_x" not in sys.modules


def test_every_import_is_written_down_once_under_its_name_in_python_3():
    found = read(pickle.dumps([Plain(), Plain(), {1}], 2))
    assert {name.dotted for name in found.globals} == {name_of(Plain()), "builtins.set"} | (
        {"copyreg._reconstructor", "builtins.object"} & {name.dotted for name in found.globals}
    )
    assert [name.dotted for name in read(pickle.dumps(Plain(), 0)).globals] == [
        "copyreg._reconstructor",
        name_of(Plain()),
        "builtins.object",
    ]


def test_instances_of_python_2_are_told():
    assert class_of(read(b"(ccollections\nCounter\no.").top) == "collections.Counter"
    assert class_of(read(b"(i__builtin__\nset\n.").top) == "builtins.set"


def frame(length: int, data: bytes) -> bytes:
    return b"\x80\x04\x95" + struct.pack("<Q", length) + data


def test_frames_may_end_between_operations():
    assert read(frame(2, b"]N\x86.")).end is End.STOP


@pytest.mark.parametrize("data", [frame(3, b"C\x04abcd."), frame(30, frame(1, b"N.")[2:])])
def test_what_crosses_the_end_of_a_frame_is_doubted(data):
    assert "frame" in next(iter(read(data).remarks.doubts))


BOMBS = {
    "marks": "b'(' * (20 << 20)",
    "tuples": "b'\\x80\\x04)' + b'\\x85' * (20 << 20)",
    "doubling": "b'\\x80\\x04)' + b'2\\x86' * (10 << 20)",
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


USUAL = ["doubling", "states", "texts", "lengths", "a long number", "imports"]


@pytest.mark.parametrize(
    "name", [*USUAL, *(pytest.param(name, marks=pytest.mark.slow) for name in BOMBS if name not in USUAL)]
)
def test_a_bomb_takes_neither_long_nor_much_memory(name):
    program = f"""
        import io, resource, time
        from modelreg.security.pickle_reader import read_pickle
        data = {BOMBS[name]}
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begun = time.process_time()
        reading = read_pickle(io.BytesIO(data), len(data))
        del reading
        more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used
        print(time.process_time() - begun, more // 1024)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True, timeout=60
    )
    seconds, megabytes = map(float, done.stdout.split())
    assert seconds < 10
    assert megabytes < 300


def test_a_large_dictionary_is_told_by_its_beginning():
    begun = time.process_time()
    found = read(pickle.dumps({str(number): number for number in range(600_000)}))
    assert (found.end, class_of(found.top)) == (End.LIMIT, "builtins.dict")
    assert time.process_time() - begun < 10
