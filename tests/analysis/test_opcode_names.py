"""What Python imports for any bytes is among the names that are told, or it is told that there are more."""

from __future__ import annotations

import io
import pickle
import random
from contextlib import suppress

import pytest
from following import changed_pickle, little_memory, random_pickle, rearranged_pickle, woven_pickle

from modelreg.analysis.budget import Budget
from modelreg.analysis.pickle.opcode_names import find_opcode_names


class StandIn:
    """Anything that is imported: it can be called, filled and hashed."""

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


def imported(data: bytes, kind: type) -> set[tuple[str, str]]:
    """What an unpickler of Python asks for before it ends or gives up."""
    names = set()

    class Recorder(kind):
        def find_class(self, module, name):
            if not all(part.isidentifier() for part in module.split(".")):
                raise ModuleNotFoundError(module)
            names.add((module, name))
            return StandIn

    with suppress(Exception), little_memory():  # whatever it raises, it has imported before
        Recorder(io.BytesIO(data), fix_imports=False).load()
    return names


@pytest.mark.parametrize("kind", [pickle.Unpickler, pickle._Unpickler], ids=["C", "Python"])
@pytest.mark.parametrize("make", [random_pickle, changed_pickle, rearranged_pickle, woven_pickle])
def test_what_python_imports_is_told(make, kind):
    chooser = random.Random(20261127)
    told = 0
    for _ in range(1500):
        data = make(chooser)
        found = find_opcode_names(io.BytesIO(data), Budget(100_000))
        names = imported(data, kind)
        told += len(names)
        assert found.may_import_more or names <= set(found.names), data
    assert told > 100


@pytest.mark.parametrize("is_complete_file", [True, False])
def test_what_was_not_kept_may_import_more(is_complete_file):
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


def test_more_operations_than_are_looked_at_may_import_more():
    assert find_opcode_names(io.BytesIO(b"N0" * 100), Budget(100)).may_import_more


def test_names_of_what_was_there_before_are_not_known():
    assert find_opcode_names(io.BytesIO(b"h\0h\1\x93"), Budget(100), is_continuation=True).may_import_more
    assert find_opcode_names(io.BytesIO(b"\x93"), Budget(100), is_continuation=True).may_import_more
    assert not find_opcode_names(io.BytesIO(b"h\0h\1\x93"), Budget(100)).may_import_more
