"""Python's unpicklers build the same objects as in the graph, for every pickle that the reader accepts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passive_unpicklers import find_difference, load_in_c, load_in_python
from unpickler_comparison import (
    GENUINE,
    MAKERS,
    changed_pickle,
    find_divergence,
    read,
    rearranged_pickle,
    written_pickle,
)

from modelreg.analysis.pickle.reader import End


@pytest.mark.filterwarnings("ignore")
@given(st.integers(0), st.sampled_from(MAKERS))
@settings(max_examples=500, deadline=None)
def test_unpicklers_build_the_same_object_as_the_graph(seed, make):
    assert find_divergence(make(random.Random(seed))) is None


def test_genuine_pickles_are_accepted_and_built_as_in_the_graph():
    for data in GENUINE:
        assert read(data).end is End.STOP
        assert find_divergence(data) is None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [changed_pickle, rearranged_pickle, written_pickle])
def test_the_reader_accepts_some_random_pickles(make):
    accepted = [read(make(random.Random(seed))).end is End.STOP for seed in range(300)]
    assert sum(accepted) > 15


PICKLE = (
    b"\x80\x04]\x94(K\x01]\x94\x8c\x01a\x8c\x01b\x93)\x81\x94}\x94(\x8c\x01xh\x00\x8c\x01yh\x01ub}\x94K\x01h\x01se."
)
"""A list of 1, a list, an instance of ``a.b`` that refers to both lists, and a dictionary that refers to the second."""


@pytest.mark.parametrize("load", [load_in_c, load_in_python])
@pytest.mark.parametrize(
    ("other", "expected"),
    {
        "other number": (PICKLE.replace(b"(K\x01", b"(K\x02"), "top[0]: "),
        "boolean in place of a number": (PICKLE.replace(b"(K\x01", b"(\x88"), "top[0]: "),
        "class of another module": (PICKLE.replace(b"\x01a", b"\x01c"), "constructor: "),
        "call in place of an instance": (PICKLE.replace(b")\x81", b")R"), "top[2]: "),
        "additional argument": (PICKLE.replace(b")\x81", b"N\x85\x81"), "arguments: "),
        "other attribute name": (PICKLE.replace(b"\x01x", b"\x01z"), "key: "),
        "missing state": (PICKLE.replace(b"ub}\x94K", b"u0}\x94K"), "top[2]: "),
        "additional items": (PICKLE.replace(b"}\x94(\x8c", b"Na}\x94(\x8c"), "top[2]: "),
        "separate list in place of a shared one": (PICKLE.replace(b"yh\x01", b"y]"), "is a different object in Python"),
        "other shared list": (PICKLE.replace(b"yh\x01", b"yh\x00"), "is a different object in Python"),
    }.values(),
)
def test_a_difference_is_reported_with_its_path(load, other, expected):
    top = read(PICKLE).top
    assert find_difference(top, load(PICKLE)[0]) is None
    assert expected in find_difference(top, load(other)[0])


def test_an_object_that_only_python_shares_is_a_difference():
    assert find_difference(read(b"\x80\x04]\x94]\x86.").top, load_in_c(b"\x80\x04]\x94h\x00\x86.")[0]) is not None
