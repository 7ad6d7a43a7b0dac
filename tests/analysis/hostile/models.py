"""Models of allowed classes that run code in ``predict`` or while they are loaded."""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Iterator
from functools import partial
from operator import itemgetter
from pathlib import PosixPath
from typing import Any

import numpy as np
import pandas as pd
from scipy.interpolate import NearestNDInterpolator
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomTreesEmbedding, StackingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import ExtraTreeRegressor
from sklearn.utils import Bunch

from hostile.assembler import call, instance, name, number, pickled, several, table, text
from hostile.file import Effect, HostileFile, Trigger

HUGE = number(1 << 30)
ONES = name("numpy", "ones")
LATER = call(name("functools", "partial"), ONES) + several(ONES, several(number(8)), table(), b"N") + b"b"
"""A partial call of ``numpy.ones``; it could be any other allowed function."""


def model_files(marker: str) -> Iterator[HostileFile]:
    """Yield files that only contain allowed classes and functions."""
    expression = f"@np.ctypeslib._ctypeslib.os.mkdir({marker!r})"
    yield _predicting("an attribute hides a method", pickle.dumps(_hidden_method(expression), 4))
    yield _predicting("a list is changed after its use", _list_changed_after_use(expression))
    yield _predicting("an object of another class", pickle.dumps(_path_as_tree(marker), 4), Effect.DELETES)
    yield _predicting("a path as an estimator", pickle.dumps(_path_as_estimator(marker), 4), Effect.DELETES)
    yield _with_skops(_path_as_estimator(marker))
    yield HostileFile("values are added to a mapping with attributes", _append_to_mapping(expression))
    for label, operations in _calls_while_loading().items():
        yield HostileFile(f"while loading: {label}", pickled(operations), Trigger.OTHER)
    yield HostileFile("a dtype is changed after its use", _dtype_changed_after_use(), Trigger.OTHER)


def _predicting(label: str, content: bytes, effect: Effect = Effect.MAKES) -> HostileFile:
    return HostileFile(label, content, Trigger.PREDICT, effect)


def _end() -> Any:
    return DummyRegressor().fit([[0]], [0])


def _text_with_a_shape(expression: str) -> Any:
    """An object with a ``shape`` whose ``reshape(...)`` returns the expression."""
    return Bunch(shape=(0,), reshape=partial(np.take, np.array([expression])))


def _interpolator() -> Any:
    """An interpolator whose tree is a table, so that it calls ``query`` of the table with the input."""
    interpolator = NearestNDInterpolator.__new__(NearestNDInterpolator)
    frame = pd.DataFrame({"column": [1.0]})
    vars(interpolator).update(points=np.zeros((1, 1)), values=np.zeros(1), scale=None, tree=frame)
    interpolator._check_call_shape = itemgetter((0, 0))
    return interpolator


def _hidden_method(expression: str) -> Any:
    """A pipeline in which an attribute hides the interpolator's input check, and lets a text pass."""
    cell = np.empty(1, object)
    cell[0] = _text_with_a_shape(expression)
    give = FunctionTransformer(partial(np.append, cell))
    return Pipeline([("give", give), ("ask", FunctionTransformer(_interpolator())), ("end", _end())])


def _list_changed_after_use(expression: str) -> bytes:
    """A stacked model whose method is ``predict`` until a later opcode changes it to ``eval``."""
    from sklearn.frozen import FrozenEstimator

    stack = StackingClassifier([], DummyRegressor())
    stack.estimators_ = [FrozenEstimator(pd.DataFrame({"column": [1.0]}))]
    stack.final_estimator_, stack.stack_method_ = DummyRegressor(), ["predict"]
    give = FunctionTransformer(partial(np.append, np.array([expression, 0], object)))
    model = Pipeline([("give", give), ("first", FunctionTransformer(itemgetter(0))), ("ask", stack)])
    content = pickle.dumps(model, 4)
    before, change = text("predict") + b"\x94a", b"K\x00" + text("eval") + b"s"
    assert content.count(before) == 1
    (size,) = struct.unpack_from("<Q", content, 3)
    framed = content[:3] + struct.pack("<Q", size + len(change)) + content[11:]
    return framed.replace(before, before + change)


class _Blocks:
    """Pickled as a pandas ``BlockManager``, which has a method that calls methods by name."""

    def __init__(self, path: PosixPath) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        from pandas.core.internals.managers import BlockManager

        return BlockManager, ((self.path,), [pd.RangeIndex(1)], False)


def _path_as_tree(marker: str) -> Any:
    """A forest whose tree is a pandas ``BlockManager`` with a path as a block, so that ``apply`` calls its methods."""
    tree = ExtraTreeRegressor().fit([[0], [1]], [0, 1])
    del tree.n_features_in_
    tree.tree_ = _Blocks(PosixPath(marker))
    forest = RandomTreesEmbedding(1).fit([[0], [1]])
    forest.estimators_ = [tree]
    forest._validate_X_predict = itemgetter(0)
    give = FunctionTransformer(partial(np.append, np.array(["unlink"], object)))
    return Pipeline([("give", give), ("forest", forest), ("end", _end())])


def _path_as_estimator(marker: str) -> Any:
    """A stacked model with a path as an estimator, and the method ``unlink``."""
    stack = StackingClassifier([], DummyRegressor())
    stack.estimators_, stack.final_estimator_ = [PosixPath(marker)], DummyRegressor()
    stack.stack_method_ = ["unlink"]
    return stack


def _with_skops(model: Any) -> HostileFile:
    import skops.io

    return HostileFile(
        "a path as an estimator, by skops", skops.io.dumps(model), Trigger.SKOPS, Effect.DELETES, suffix=".skops"
    )


def _embedded(value: Any) -> bytes:
    """The opcodes of a pickle without memo, to embed them in another pickle."""
    file = io.BytesIO()
    pickler = pickle.Pickler(file, 4)
    pickler.fast = True
    pickler.dump(value)
    content = file.getvalue()[2:-1]
    return content[9:] if content.startswith(b"\x95") else content


def _append_to_mapping(expression: str) -> bytes:
    """A ``Bunch`` returns its items as attributes, so ``APPENDS`` calls its item ``extend``."""
    mapping, points = _embedded(Bunch(extend=_interpolator())), _embedded(_text_with_a_shape(expression))
    return pickled(mapping, b"(", points, points, b"e")


def _calls_while_loading() -> dict[str, bytes]:
    """Opcodes that make Python or a library call a value of the pickle; here, a call that creates eight numbers."""
    model = instance("sklearn.linear_model._base", "LinearRegression", keys=LATER)
    bunch = name("sklearn.utils._bunch", "Bunch") + b")\x81"
    result = name("scipy.optimize._optimize", "OptimizeResult") + b")\x81"
    array = name("numpy", "ndarray")
    distance = name("sklearn.metrics._dist_metrics", "PyFuncDistance64")
    return {
        "keys of an object": call(name("builtins", "dict"), model),
        "keys of an object, in order": call(name("collections", "OrderedDict"), model),
        "extend of a mapping": bunch + text("extend") + LATER + b"s(" + number(1) + number(2) + b"e",
        "append of a mapping": bunch + text("append") + LATER + b"s" + number(1) + b"a",
        "add of a mapping": bunch + text("add") + LATER + b"s(" + number(1) + b"\x90",
        "append of a result": result + text("append") + LATER + b"s" + number(1) + b"a",
        "append of a state": name("collections", "Counter") + b")\x81" + table(append=LATER) + b"b" + number(1) + b"a",
        "maker of a generator": call(name("numpy.random._pickle", "__generator_ctor"), HUGE, ONES),
        "maker of a random state": call(name("numpy.random._pickle", "__randomstate_ctor"), HUGE, ONES),
        "class that is rebuilt": call(name("copyreg", "_reconstructor"), array, array, HUGE),
        "class that is rebuilt and initialised": call(name("copyreg", "_reconstructor"), distance, distance, LATER),
        "conversion to an array": several(
            name("pandas.core.indexes.base", "Index"), bunch + text("__array__") + LATER + b"s"
        )[1:-1]
        + b"\x85\x81",
    }


def _dtype(code: str, *state: bytes) -> bytes:
    return call(name("numpy", "dtype"), text(code), b"\x89", b"\x88") + several(number(3), *state) + b"b"


def _dtype_changed_after_use() -> bytes:
    """A dtype whose fields are changed to objects after its creation, so that bytes are read as pointers."""
    plain = [b"N", b"N", b"N", number(-1), number(-1)]
    numbers = _dtype("f8", text("<"), *plain, number(0))
    objects = _dtype("O8", text("|"), *plain, number(63))
    fields = b"}q\x05" + text("a") + several(numbers, number(0)) + b"s"
    record = [text("|"), b"N", several(text("a")), fields, number(8), number(1), number(0)]
    dtype = call(name("numpy", "dtype"), text("V8"), b"\x89", b"\x88") + b"q\x06" + several(number(3), *record) + b"b0"
    change = b"h\x05" + text("a") + several(objects, number(0)) + b"s0"
    array = call(
        name("numpy._core.multiarray", "_reconstruct"), name("numpy", "ndarray"), several(number(0)), b"C\x01b"
    )
    pointer = b"C\x08" + (0xDEADBEE0).to_bytes(8, "little")
    return pickled(dtype, change, array, several(number(1), several(number(1)), b"h\x06", b"\x89", pointer), b"b")
