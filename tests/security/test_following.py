"""The machine follows Python's own unpickler wherever that goes."""

from __future__ import annotations

import random

import pytest
from following import changed_pickle, names_that_python_asks_for, random_pickle, unlisted
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.filterwarnings("ignore")
@given(st.integers(0), st.sampled_from([random_pickle, changed_pickle]))
@settings(max_examples=200, deadline=None)
def test_no_name_that_python_asks_for_is_missing(seed, make):
    assert unlisted(make(random.Random(seed))) == set()


@pytest.mark.filterwarnings("ignore")
def test_random_pickles_get_as_far_as_asking_for_names():
    asked = [bool(names_that_python_asks_for(changed_pickle(random.Random(seed)))) for seed in range(200)]
    assert sum(asked) > 50


@pytest.mark.parametrize(
    "data",
    [
        b"cos\nsystem\n.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        b"(ios\nsystem\n.",
        b"(cos\nsystem\nK\x01o.",
        b"S'o\\x73'\nS'system'\n\x93.",
        b"Vo\\u0073\nVsystem\n\x93.",
        b"I0x10\n0cos\nsystem\n.",
        b"I 7\n0L1_0L\n0cos\nsystem\n.",
        b"\x80\x04\x95\x02\0\0\0\0\0\0\0N0cos\nsystem\n.",
        b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94h\x00h\x01\x93.",
        b"\x80\x02c__builtin__\neval\n.",
        b"\x80\x04\x8c\x01xq\x05\x8c\x02os\x94\x8c\x06systemh\x01\x8c\x06system\x93.",
        b"Nr\xff\xff\0\x000cos\nsystem\n.",
        b"\x80\x04\x95\x03\0\0\0\0\0\0\0cxxos\nsystem\n.",
        b"\x80\x04\x95\x06\0\0\0\0\0\0\0cos\nxxsystem\n.",
        b"\x80\x02}\x95\x03\0\0\0\0\0\0\0\x8c\x06systemccopy_reg\ncopy_reg\n.",
        b"Np1\x00junk\n0g1\n0cos\nsystem\n.",
        b"cos\nsystem\n",
        b"cos\nsystem\n(tR" + b"\xff" * 20,
    ],
)
def test_names_are_listed_however_they_are_written(data):
    assert names_that_python_asks_for(data) != set()
    assert unlisted(data) == set()
