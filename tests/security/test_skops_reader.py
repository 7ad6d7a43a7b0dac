"""What a skops schema makes and drops again is judged, too."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
import skops.io

from modelreg.records.scan import Verdict
from modelreg.security.scan import scan


def node(loader: str, dotted: str, **parts: object) -> dict:
    module, _, name = dotted.rpartition(".")
    return {"__class__": name, "__module__": module, "__loader__": loader, **parts}


def plain(value: object) -> dict:
    return node("JsonNode", "builtins.str", content=json.dumps(value), is_json=True)


def several(loader: str, dotted: str, *parts: dict) -> dict:
    return node(loader, dotted, content=list(parts))


CALL = node(
    "ConstructorFromReduceNode",
    "numpy.memmap",
    content=several("TupleNode", "builtins.tuple", plain("/nonexistent/marker"), plain("u1"), plain("w+")),
)
ARRAY = node("NdArrayNode", "numpy.ndarray", type="numpy", file="array.npy")
EMPTY = node("NdArrayNode", "numpy.ndarray", type="json", content=[])
REBUILT = node(
    "LossNode",
    "numpy._core.multiarray._reconstruct",
    content=several("TupleNode", "builtins.tuple", CALL),
    __reduce__={"args": several("TupleNode", "builtins.tuple", plain(0))},
)
EXAMPLES = {
    "a call as the shape": {**EMPTY, "shape": CALL},
    "a call within the shape": {**EMPTY, "shape": several("TupleNode", "builtins.tuple", CALL)},
    "a call as the array": CALL,
    "a loss function that is none": REBUILT,
    "a masked array": node("MaskedArrayNode", "numpy.ma.MaskedArray", content={"data": CALL, "mask": ARRAY}),
}


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_the_example_of_a_type_makes_nothing_else(tmp_path, example):
    array, path = io.BytesIO(), tmp_path / "model.skops"
    np.save(array, np.zeros(3))
    schema = several("ListNode", "builtins.list", node("DTypeNode", "numpy.dtype", content=example))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("array.npy", array.getvalue())
        archive.writestr("schema.json", json.dumps({**schema, "protocol": 2, "_skops_version": "0.16.0"}))
    assert scan({"m": path}, False, "skops").verdict is not Verdict.SAFE


@pytest.mark.parametrize("type", ["f8", "U5", "O", "M8[ns]", [("a", "f8")]], ids=str)
def test_a_type_that_skops_writes_is_safe(tmp_path, type):
    skops.io.dump([np.dtype(type), np.dtype(type)], tmp_path / "model.skops")
    assert scan({"m": tmp_path / "model.skops"}, False, "skops").verdict is Verdict.SAFE
