"""skops loads exactly the scanned part of a schema, and nothing else in the file."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from modelreg.analysis.scan import scan
from modelreg.domain.scans import Verdict
from modelreg.errors import UnloadableModel, UntrustedModel
from modelreg.loading.flavors import recognise
from modelreg.loading.flavors.skops import load_file
from modelreg.loading.trust import Trust


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
def test_the_example_array_of_a_dtype_may_not_be_another_object(tmp_path, example):
    array, path = io.BytesIO(), tmp_path / "model.skops"
    np.save(array, np.zeros(3))
    schema = several("ListNode", "builtins.list", node("DTypeNode", "numpy.dtype", content=example))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("array.npy", array.getvalue())
        archive.writestr("schema.json", json.dumps({**schema, "protocol": 2, "_skops_version": "0.16.0"}))
    assert scan({"m": path}, False, "skops").verdict is not Verdict.SAFE


@pytest.mark.parametrize("type", ["f8", "U5", "O", "M8[ns]", [("a", "f8")]], ids=str)
def test_a_dtype_that_skops_writes_is_safe(tmp_path, type):
    skops.io.dump([np.dtype(type), np.dtype(type)], tmp_path / "model.skops")
    assert scan({"m": tmp_path / "model.skops"}, False, "skops").verdict is Verdict.SAFE


DATA = np.arange(12.0).reshape(6, 2)


@pytest.fixture
def archive(tmp_path):
    """A function that writes a skops archive with a schema and members, and returns its path."""

    def write(schema: dict, protocol: int = 2, *, name: str = "schema.json", **members: bytes):
        path = tmp_path / "model.skops"
        with zipfile.ZipFile(path, "w") as written:
            for member, content in members.items():
                written.writestr(f"{member}.npy", content)
            written.writestr(name, json.dumps({**schema, "protocol": protocol, "_skops_version": "0.16.0"}))
        return path

    return write


def npy(value: object) -> bytes:
    file = io.BytesIO()
    np.save(file, value)
    return file.getvalue()


def verdict(path) -> Verdict:
    return scan({"m": path}, False, "skops").verdict


def loaded(path) -> object:
    with path.open("rb") as file:
        return load_file(file, Trust("m"))


def table(**parts: dict) -> dict:
    types = several("ListNode", "builtins.list", *[node("TypeNode", "builtins.str")] * len(parts))
    return node("DictNode", "builtins.dict", content=parts, key_types=types)


def every_state(value: object):
    """All nodes in a schema."""
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from every_state(inner)
    if isinstance(value, dict) and "__loader__" in value:
        yield value


def test_keys_that_the_reader_ignores_are_not_loaded(tmp_path, archive):
    """The rewritten schema has no keys that only one of the two readers reads."""
    generator, pipeline = np.random.default_rng(3), make_pipeline(StandardScaler(), KMeans(2, random_state=0)).fit(DATA)
    skops.io.dump({"a": pipeline, "b": [generator, generator]}, tmp_path / "genuine.skops")
    with zipfile.ZipFile(tmp_path / "genuine.skops") as genuine:
        schema = json.loads(genuine.read("schema.json"))
        members = {name.removesuffix(".npy"): genuine.read(name) for name in genuine.namelist() if "schema" not in name}
    for state in list(every_state(schema)):
        state |= {key: CALL for key in ("other", "attrs", "reduce", "shape", "args") if key not in state}
    path = archive(schema, **members)
    assert verdict(path) is Verdict.SAFE
    model = loaded(path)
    assert model["a"].predict(DATA).tolist() == pipeline.predict(DATA).tolist()
    assert model["b"][0] is model["b"][1]
    assert model["b"][0].random() == np.random.default_rng(3).random()


def test_a_random_generator_of_protocol_1_is_read_like_in_skops(tmp_path, archive):
    skops.io.dump(np.random.default_rng(3), tmp_path / "genuine.skops")
    with zipfile.ZipFile(tmp_path / "genuine.skops") as genuine:
        schema = json.loads(genuine.read("schema.json"))
    state = schema["content"].pop("bit_generator")
    path = archive({**schema, "content": {"bit_generator": state}}, protocol=1)
    assert verdict(path) is Verdict.SAFE
    assert loaded(path).random() == np.random.default_rng(3).random()
    assert verdict(archive({**schema, "content": {**state, "bit_generator": CALL}}, protocol=1)) is not Verdict.SAFE
    assert verdict(archive({**schema, "content": {"bit_generator": state}}, protocol=0)) is Verdict.UNREADABLE


@pytest.mark.parametrize("name", ["schema.json\0x", "x/schema.json"])
def test_only_the_scanned_schema_is_loaded(archive, name):
    path = archive(several("ListNode", "builtins.list", CALL), name=name)
    with zipfile.ZipFile(path, "a") as written:
        written.writestr("harmless.pkl", pickle.dumps([1]))
    with pytest.raises((UntrustedModel, UnloadableModel)):
        loaded(path)


def test_a_member_with_two_names_is_unreadable(archive):
    path = archive(several("ListNode", "builtins.list"))
    other, extra = b"schema.json", zipfile.ZipInfo("harmless")
    extra.extra = struct.pack("<HHBL", 0x7075, 5 + len(other), 1, 0) + other
    with zipfile.ZipFile(path, "a") as written:
        written.writestr(extra, "{}")
    assert verdict(path) is Verdict.UNREADABLE


def test_of_two_objects_with_the_same_id_the_first_is_loaded(archive):
    one = node("ListNode", "builtins.list", content=[plain(1)], __id__=7)
    other = node("ListNode", "builtins.list", content=[CALL], __id__=7)
    path = archive(several("ListNode", "builtins.list", one, other))
    assert (verdict(path), loaded(path)) == (Verdict.SAFE, [[1], [1]])
    texts = [node("JsonNode", "builtins.str", content=json.dumps(text), __id__=7) for text in "ab"]
    assert verdict(archive(several("ListNode", "builtins.list", *texts))) is Verdict.UNREADABLE


@pytest.mark.parametrize(
    ("cls", "value", "is_safe"),
    [
        ("numpy.bytes_", np.array(b"ab"), True),
        ("numpy.str_", np.array("ab"), True),
        ("numpy.int64", np.array(3), True),
        ("numpy.bytes_", np.array(1 << 30), False),
        ("numpy.void", np.array(1 << 30), False),
        ("numpy.str_", np.array(3), False),
        ("numpy.datetime64", np.array("2026"), False),
    ],
)
def test_a_scalar_must_have_an_array_of_its_kind(archive, cls, value, is_safe):
    scalar = node("NdArrayNode", cls, type="numpy", file="a.npy")
    assert (verdict(archive(scalar, a=npy(value))) is Verdict.SAFE) is is_safe


def test_long_texts_are_scanned_for_time_zone_files(archive):
    where = "datetime64[ns, dateutil//nonexistent/zone]" + 6000 * " "
    assert verdict(archive(table(dtype=plain(where)))) is Verdict.UNKNOWN
    assert verdict(archive(table(dtype=plain(where.replace("dateutil", ""))))) is Verdict.SAFE


def test_an_ambiguous_array_header_is_unreadable(archive):
    header = b"{'descr': ('<U99', ()), 'fortran_order': False, 'shape': ()}\n"
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + "zone".ljust(99).encode("utf-32-le")
    scalar = node("NdArrayNode", "numpy.str_", type="numpy", file="a.npy")
    assert verdict(archive(scalar, a=content)) is Verdict.UNREADABLE


@pytest.mark.parametrize(
    "state",
    [
        several("ListNode", "builtins.list", several("TupleNode", "builtins.tuple", plain("split"), plain(1))),
        several("TupleNode", "builtins.tuple", table(a=plain(1)), table(b=plain(2))),
        node("SetNode", "builtins.set", content=[]),
    ],
)
def test_attributes_that_are_not_a_dictionary_are_unreadable(archive, state):
    fold = node("ObjectNode", "sklearn.model_selection._split.KFold", content=state)
    assert verdict(archive(fold)) is Verdict.UNREADABLE


def test_a_too_large_seed_pool_is_unreadable(tmp_path, archive):
    skops.io.dump(np.random.default_rng(3), tmp_path / "genuine.skops")
    with zipfile.ZipFile(tmp_path / "genuine.skops") as genuine:
        schema = json.loads(genuine.read("schema.json"))
    schema["content"]["seed_seq"]["content"]["pool_size"]["content"] = "60000"
    assert verdict(archive(schema)) is Verdict.UNREADABLE


def test_a_skops_file_may_not_call_a_trusted_function(archive, tmp_path, monkeypatch):
    (tmp_path / "mypackage_of_skops.py").write_text("def clean(path):\n    open(path, 'w').close()\n")
    monkeypatch.syspath_prepend(tmp_path)
    arguments = several("TupleNode", "builtins.tuple", plain(str(tmp_path / "marker")))
    path = archive(node("ConstructorFromReduceNode", "mypackage_of_skops.clean", content=arguments))
    with path.open("rb") as file, pytest.raises(UntrustedModel, match="may only be stored as values"):
        load_file(file, Trust("m", frozenset({("mypackage_of_skops", "clean")})))
    assert not (tmp_path / "marker").exists()


def test_a_model_with_memory_mapped_arrays_is_loaded(tmp_path):
    joblib.dump(LinearRegression().fit(DATA, DATA[:, 0]), tmp_path / "model.joblib")
    skops.io.dump(joblib.load(tmp_path / "model.joblib", mmap_mode="r"), tmp_path / "model.skops")
    assert verdict(tmp_path / "model.skops") is Verdict.SAFE
    assert type(loaded(tmp_path / "model.skops").coef_) is np.ndarray


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_compressed_archives_are_loaded(tmp_path, compression):
    skops.io.dump(LinearRegression().fit(DATA, DATA[:, 0]), tmp_path / "model.skops", compression=compression)
    assert recognise({"m": tmp_path / "model.skops"}, False).format == "skops"
    assert verdict(tmp_path / "model.skops") is Verdict.SAFE
    assert loaded(tmp_path / "model.skops").predict(DATA).shape == (6,)


def test_a_damaged_array_is_unreadable(archive):
    path = archive(node("NdArrayNode", "numpy.ndarray", type="numpy", file="a.npy"), a=npy(np.zeros(1000)))
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(path.with_name("m"), "w", zipfile.ZIP_DEFLATED) as packed:
        for name in whole.namelist():
            packed.writestr(name, whole.read(name))
    data = bytearray(path.with_name("m").read_bytes())
    begin = data.find(b"a.npy") + 5
    data[begin : begin + 8] = b"\xff" * 8
    path.with_name("m").write_bytes(data)
    assert verdict(path.with_name("m")) is Verdict.UNREADABLE
