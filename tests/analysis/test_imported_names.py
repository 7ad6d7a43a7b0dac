"""Every name that Python imports for any bytes is reported, or the result says that there may be more."""

from __future__ import annotations

import io
import pickle
import random
from contextlib import suppress

import pytest
from unpickler_comparison import changed_pickle, limited_memory, random_pickle, rearranged_pickle, written_pickle

from modelreg.analysis.budget import Budget
from modelreg.analysis.pickle.imported_names import find_opcode_names


class StandIn:
    """Stands for every imported name: it can be called, filled and hashed."""

    def __init__(self, *_, **__):
        pass

    def __call__(self, *_, **__):
        return StandIn()

    def append(self, item):
        pass

    def extend(self, items):
        pass

    def add(self, item):
        pass

    def __setitem__(self, key, value):
        pass


def imported(data: bytes, unpickler: type) -> set[tuple[str, str]]:
    """The names that a Python unpickler imports before it ends or fails."""
    names = set()

    class Recorder(unpickler):
        def find_class(self, module, name):
            if not all(part.isidentifier() for part in module.split(".")):
                raise ModuleNotFoundError(module)
            names.add((module, name))
            return StandIn

    with suppress(Exception), limited_memory():  # it imports before it raises
        Recorder(io.BytesIO(data), fix_imports=False).load()
    return names


@pytest.mark.parametrize("unpickler", [pickle.Unpickler, pickle._Unpickler], ids=["C", "Python"])
@pytest.mark.parametrize("make", [random_pickle, changed_pickle, rearranged_pickle, written_pickle])
def test_find_opcode_names_has_every_name_that_python_imports(make, unpickler):
    chooser = random.Random(20261127)
    count = 0
    for _ in range(1500):
        data = make(chooser)
        mentioned = find_opcode_names(io.BytesIO(data), Budget(100_000))
        names = imported(data, unpickler)
        count += len(names)
        assert mentioned.may_import_more or names <= set(mentioned.names), data
    assert count > 100


@pytest.mark.parametrize("is_complete_file", [True, False])
def test_an_incomplete_file_may_import_more(is_complete_file):
    assert (
        find_opcode_names(io.BytesIO(b"(N0"), Budget(100), is_complete_file=is_complete_file).may_import_more
        is not is_complete_file
    )
    assert (
        find_opcode_names(
            io.BytesIO(b"(X\x09\0\0\0abc"), Budget(100), is_complete_file=is_complete_file
        ).may_import_more
        is not is_complete_file
    )
    assert (
        find_opcode_names(io.BytesIO(b"hello"), Budget(100), is_complete_file=is_complete_file).may_import_more is False
    )


def test_more_opcodes_than_the_limit_may_import_more():
    assert find_opcode_names(io.BytesIO(b"N0" * 100), Budget(100)).may_import_more


def test_a_continuation_may_import_unknown_names():
    assert find_opcode_names(io.BytesIO(b"h\0h\1\x93"), Budget(100), is_continuation=True).may_import_more
    assert find_opcode_names(io.BytesIO(b"\x93"), Budget(100), is_continuation=True).may_import_more
    assert not find_opcode_names(io.BytesIO(b"h\0h\1\x93"), Budget(100)).may_import_more
