"""Verdicts on formats other than plain pickles, and on code inside them."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pytest

from modelreg.analysis.scan import scan
from modelreg.domain.scans import Verdict
from modelreg.loading.flavors import recognise

FILES = Path(__file__).parents[1] / "loading" / "flavors" / "files"
UNKNOWN = b"\x80\x04\x8c\x09mypackage\x8c\x07Encoder\x93)\x81."
HOSTILE = b"cposix\nsystem\n(S'true'\ntR."


def scan_path(path: Path):
    if path.is_dir():
        files = {str(file.relative_to(path)): file for file in sorted(path.rglob("*")) if file.is_file()}
        return scan(files, True, recognise(files, True).format)
    return scan({path.name: path}, False, recognise({path.name: path}, False).format)


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        *((name, "safe") for name in ("arrays.safetensors", "catboost.cbm", "dense.keras", "legacy.pt", "state.pt")),
        *((name, "safe") for name in ("lightgbm.pickle", "lightgbm.txt", "logistic.joblib", "logistic.joblib.xz")),
        *((name, "safe") for name in ("logistic.onnx", "logistic.pickle", "logistic.skops", "xgboost.json")),
        *((name, "safe") for name in ("catboost.pickle", "xgboost.pickle", "xgboost.ubj", "mlflow")),
        *((name, "unknown") for name in ("by_value.cloudpickle", "module.pt")),
    ],
)
def test_files_of_every_library_have_the_expected_verdict(name, verdict):
    assert scan_path(FILES / name).verdict == verdict


@pytest.mark.parametrize("first_key", [b"learner", b"Config"], ids=["XGBoost", "XGBoost in skops"])
def test_ubjson_is_safe(first_key, tmp_path):
    (tmp_path / "model").write_bytes(b"{L" + len(first_key).to_bytes(8, "big") + first_key + b"{\0\xff}}")
    assert scan_path(tmp_path / "model").verdict == "safe"


def make_zip(compression: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return file.getvalue()


def make_keras_model(*layers: dict) -> bytes:
    config = {"class_name": "Sequential", "module": "keras", "config": {"layers": list(layers)}}
    return make_zip(
        config__json=json.dumps(config).encode(), metadata__json=b"{}", model__weights__h5=b"\x89HDF\r\n\x1a\n"
    )


DENSE_LAYER = {"class_name": "Dense", "module": "keras.layers", "config": {}}
LAMBDA_LAYER = {"class_name": "Lambda", "module": "keras.layers", "config": {"function": {"class_name": "__lambda__"}}}
OWN_LAYER = {"class_name": "Mine", "module": "mypackage.layers", "config": {}, "registered_name": "Mine"}


@pytest.mark.parametrize(
    ("layers", "verdict", "expected"),
    [
        ([DENSE_LAYER], "safe", ()),
        ([DENSE_LAYER, LAMBDA_LAYER], "dangerous", "Lambda"),
        ([OWN_LAYER], "unknown", "mypackage.layers.Mine"),
    ],
)
def test_the_verdict_on_a_keras_model_depends_on_its_layers(tmp_path, layers, verdict, expected):
    (tmp_path / "model").write_bytes(make_keras_model(*layers))
    result = scan_path(tmp_path / "model")
    assert result.verdict == verdict
    assert not expected or expected in result.findings[0]


def encode_field(number: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return bytes([number << 3, content])
    return (
        bytes([(number << 3 | 2) & 0x7F | 0x80 * (number > 15)])
        + (b"\x01" if number > 15 else b"")
        + (bytes([len(content) & 0x7F | 0x80, len(content) >> 7]) + content)
    )


def make_onnx_model(*graph: bytes, domain: bytes = b"") -> bytes:
    return (
        encode_field(1, 8)
        + encode_field(7, b"".join(graph))
        + encode_field(8, encode_field(1, domain) + encode_field(2, 17))
    )


def external_tensor(location: bytes) -> bytes:
    """A tensor with an external data file."""
    entries = encode_field(13, encode_field(1, b"location") + encode_field(2, location)) + encode_field(
        13, encode_field(1, b"length") + encode_field(2, b"9")
    )
    return encode_field(5, encode_field(8, b"weight") + entries + encode_field(14, 1))


def node_with_subgraph(tensor: bytes) -> bytes:
    """A node with a subgraph that contains the tensor."""
    return encode_field(
        1, encode_field(4, b"If") + encode_field(5, encode_field(1, b"then_branch") + encode_field(6, tensor))
    )


@pytest.mark.parametrize(
    ("content", "verdict", "expected"),
    [
        (make_onnx_model(encode_field(1, encode_field(4, b"Add"))), "safe", None),
        (make_onnx_model(domain=b"ai.onnx.ml"), "safe", None),
        (make_onnx_model(domain=b"com.example"), "unknown", "com.example"),
        (make_onnx_model(external_tensor(b"../../etc/passwd")), "dangerous", "../../etc/passwd"),
        (make_onnx_model(node_with_subgraph(external_tensor(b"/etc/passwd"))), "dangerous", "/etc/passwd"),
        (make_onnx_model(external_tensor(b"weights.bin")), "unknown", "weights.bin"),
        (
            make_onnx_model()
            + encode_field(25, encode_field(11, encode_field(5, external_tensor(b"/etc/passwd")[3:]))),
            "dangerous",
            "/etc/passwd",
        ),
        (
            make_onnx_model() + encode_field(20, encode_field(1, external_tensor(b"/etc/passwd"))),
            "dangerous",
            "/etc/passwd",
        ),
        (make_onnx_model(external_tensor(b"*/_ORT_MEM_ADDR_/*")), "dangerous", "memory address"),
        (make_onnx_model(encode_field(19, b"of a later release")), "unreadable", "unknown field"),
        (make_onnx_model(encode_field(1, encode_field(29, b"of a later release"))), "unreadable", "unknown field"),
        (b"\x32\x90\x80\x00" + b"ORTM" * 4 + make_onnx_model(), "unreadable", "ORT format"),
    ],
)
def test_the_verdict_on_an_onnx_model_depends_on_its_files_and_operators(tmp_path, content, verdict, expected):
    (tmp_path / "model").write_bytes(content)
    result = scan_path(tmp_path / "model")
    assert result.verdict == verdict
    assert expected is None or expected in result.reasons[0]


def test_an_onnx_field_number_beyond_32_bits_is_unreadable(tmp_path):
    """C++ protobuf truncates keys to 32 bits, and would read this field as a graph."""
    hidden = b"\xba\x80\x80\x80\x10" + encode_field(7, external_tensor(b"../../etc/passwd"))[1:]
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.onnx").write_bytes(make_onnx_model(encode_field(1, encode_field(4, b"Add"))) + hidden)
    assert scan_path(tmp_path / "m").verdict == "unreadable"


def test_a_file_named_onnx_is_scanned_as_onnx_even_if_it_resembles_safetensors(tmp_path):
    (tmp_path / "m").mkdir()
    like_safetensors = (
        encode_field(1, 8) + b"\x12\x86\x00" + b'abc{"x' + encode_field(7, external_tensor(b"/etc/passwd"))
    )
    assert like_safetensors[8:10] == b'{"'
    (tmp_path / "m" / "notes.txt").write_text("notes")
    for name, verdict in (("model.onnx", "dangerous"), ("model.ONNX", "dangerous"), ("model.bin", "unreadable")):
        (tmp_path / "m" / name).write_bytes(like_safetensors)
        assert scan_path(tmp_path / "m").verdict == verdict
        (tmp_path / "m" / name).unlink()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("padding", "verdict"), [(b"", "safe"), (b" " * (2 << 20), "safe"), (b"x", "unreadable")])
def test_safetensors_files_are_recognised_by_their_header(tmp_path, packed, padding, verdict):
    header = b'{"a": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]}}' + padding
    content = len(header).to_bytes(8, "little") + header + b"\xfe\xff\x00"
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "notes.txt").write_text("notes")
    (tmp_path / "m" / "model").write_bytes(make_zip(zipfile.ZIP_DEFLATED, inner=content) if packed else content)
    assert scan_path(tmp_path / "m").verdict == verdict


@pytest.mark.slow
@pytest.mark.parametrize("packed", [False, True])
def test_safetensors_catboost_and_csv_files_with_any_first_byte_are_not_taken_for_pickles(tmp_path, packed):
    tensors = {f"t{start}": {"dtype": "U8", "shape": [1], "data_offsets": [start, start + 1]} for start in range(99)}
    header = json.dumps(tensors).encode()
    (tmp_path / "m").mkdir()
    for low_byte in range(256):
        padded = header + b" " * (low_byte - len(header) % 256 + 256)
        tensor = len(padded).to_bytes(8, "little") + padded + b"\xfe" * 99
        core = b"\x14\0\xfe" * 2000 + b"\1" * low_byte
        catboost = b"CBM1" + len(core).to_bytes(4, "little") + core
        for content in (tensor, catboost, f"{chr(low_byte % 95 + 32)}1\nprice,goods\n".encode() * 50):
            (tmp_path / "m" / "model").write_bytes(make_zip(zipfile.ZIP_DEFLATED, inner=content) if packed else content)
            assert scan_path(tmp_path / "m").verdict is Verdict.SAFE, (low_byte, content[:9])


@pytest.mark.parametrize("data", [b"9 numbers", bytes(range(256))])
def test_an_onnx_model_with_its_external_data_in_the_same_folder_is_safe(tmp_path, data):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.onnx").write_bytes(make_onnx_model(external_tensor(b"weights.bin")))
    (tmp_path / "m" / "weights.bin").write_bytes(data)
    assert scan_path(tmp_path / "m").verdict is Verdict.SAFE


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("a: !!python/object/apply:os.system ['true']", "dangerous"),
        ("a: !!pyth%6Fn/object/apply:os.system ['true']", "dangerous"),
        ("a: !<tag:yaml.org,2002:python/object/apply:os.system> ['true']", "dangerous"),
        ("a: !<tag:yaml%2Eorg,2002:python/object/apply:os.system> ['true']", "dangerous"),
        ("%TAG !e! tag:yaml.org,2002:py\n---\na: !e!thon/object/apply:os.system ['true']", "unknown"),
        ("a: !custom 100%25", "safe"),
    ],
)
@pytest.mark.parametrize("comments", ["", "# a comment\n" * 200_000], ids=["short", "long"])
@pytest.mark.parametrize("packed", [False, True])
def test_the_verdict_on_yaml_depends_on_python_tags_at_any_position(tmp_path, text, verdict, comments, packed):
    with zipfile.ZipFile(tmp_path / "m.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m.yaml", comments + text)
    (tmp_path / "m.yaml").write_text(comments + text)
    assert scan_path(tmp_path / ("m.zip" if packed else "m.yaml")).verdict == verdict


@pytest.mark.parametrize(
    "text",
    [
        "import os\nos.system('true')\n",
        "catboost==1.2.8\nnumpy.os==1.26.0\n",
        "class,value\na.os.b b,1\n",
        "iris setosa\nbuiltins.eval(1)\n",
    ],
)
def test_text_that_begins_like_a_pickled_import_is_safe(tmp_path, text):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "notes.txt").write_text(text)
    assert scan_path(tmp_path / "m").verdict is Verdict.SAFE


def make_tar(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("inner/model.pkl")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def make_npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def compress(content: bytes, compression: str) -> bytes:
    import bz2
    import gzip
    import lzma
    import zlib

    from lz4 import frame

    compressors = {
        "zlib": zlib.compress,
        "gzip": gzip.compress,
        "bz2": bz2.compress,
        "xz": lzma.compress,
        "lz4": frame.compress,
    }
    return compressors[compression](content)


CONTAINERS = {
    "zip": lambda content: make_zip(inner__pkl=content),
    "zip in zip": lambda content: make_zip(inner__zip=make_zip(inner__pkl=content)),
    "tar": make_tar,
    **{
        compression: lambda content, compression=compression: compress(content, compression)
        for compression in ("zlib", "gzip", "bz2", "xz", "lz4")
    },
    "tar.gz": lambda content: compress(make_tar(content), "gzip"),
    "zip in gzip": lambda content: compress(make_zip(inner__pkl=content), "gzip"),
    "gzip in zip": lambda content: make_zip(inner=compress(content, "gzip")),
    "zip after other bytes": lambda content: b"\x00\x01\x02" * 100 + make_zip(inner__pkl=content),
    "zip after an array": lambda content: make_npy(np.zeros(3)) + make_zip(inner__pkl=content),
    "after an array": lambda content: make_npy(np.zeros(3)) + content,
    "two pickles": lambda content: pickle.dumps([1]) + content,
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(("content", "name"), [(HOSTILE, "posix.system"), (UNKNOWN, "mypackage.Encoder")])
@pytest.mark.parametrize("suffix", ["pkl", "onnx", "txt", "safetensors"])
def test_a_pickle_in_any_container_with_any_file_name_is_scanned(tmp_path, container, content, name, suffix):
    path = tmp_path / f"model.{suffix}"
    path.write_bytes(CONTAINERS[container](content))
    assert name in [imported.dotted for imported in scan_path(path).imports]
    assert scan_path(path).verdict is not Verdict.SAFE


class ModelWithCode:
    def __reduce__(self):
        import os

        return os.system, ("true",)


@pytest.mark.parametrize("compression", ["npy", "npz", "joblib"])
def test_arrays_of_objects_are_scanned(tmp_path, compression):
    array = np.array([ModelWithCode()], object)
    if compression == "joblib":
        joblib.dump([array], tmp_path / "m")
    else:
        (tmp_path / "m").write_bytes(make_npy(array) if compression == "npy" else make_zip(a__npy=make_npy(array)))
    assert scan_path(tmp_path / "m").verdict is Verdict.DANGEROUS


def make_npy_with_dtype(descr: str, content: bytes) -> bytes:
    """A ``.npy`` file with one element and this dtype description."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content


@pytest.mark.parametrize(
    "descr",
    ["'|O'", "'object'", "'object_'", r"'\x4f'", "'i4,O'", "'(2,)O'", "'i4,(1,)O'", "[('a', 'O')]", "('O', (1,))"],
)
def test_arrays_of_objects_are_scanned_for_every_spelling_of_the_dtype(tmp_path, descr):
    (tmp_path / "m").write_bytes(make_npy_with_dtype(descr, HOSTILE))
    assert scan_path(tmp_path / "m").verdict is Verdict.DANGEROUS


@pytest.mark.parametrize("descr", ["", "'f8'}", "(" * 100, "'float64'", "'f8', " * 20_000])
def test_an_array_with_an_invalid_header_is_unreadable(tmp_path, descr):
    (tmp_path / "m").write_bytes(make_npy_with_dtype(descr[:60_000], bytes(8)))
    assert scan_path(tmp_path / "m").verdict is Verdict.UNREADABLE


@pytest.mark.parametrize(
    "array", [np.zeros((3, 4)), np.zeros(2, [("a", "i4", (2,)), (("t", "b"), "M8[ns]"), ("c", [("d", "U3")])])]
)
def test_arrays_of_numbers_are_safe(tmp_path, array):
    (tmp_path / "m").write_bytes(make_npy(array))
    assert scan_path(tmp_path / "m").verdict is Verdict.SAFE


ARRAY_CONTAINERS = {
    "npy": lambda content: content,
    "npz": lambda content: make_zip(zipfile.ZIP_DEFLATED, a__npy=content),
    "stored in a zip": lambda content: make_zip(a__npy=content),
    "gzip": lambda content: compress(content, "gzip"),
}


@pytest.mark.parametrize("compression", ARRAY_CONTAINERS)
@pytest.mark.parametrize("array", [np.zeros((3, 4)), np.zeros((), "U3"), np.zeros((2, 0)), np.zeros(2, "i4,(2,3)f8")])
def test_an_array_file_of_another_size_than_its_header_states_is_not_safe(tmp_path, compression, array):
    def scan_content(content: bytes) -> Verdict:
        (tmp_path / "m").write_bytes(ARRAY_CONTAINERS[compression](content))
        return scan_path(tmp_path / "m").verdict

    assert scan_content(make_npy(array)) is Verdict.SAFE
    assert scan_content(make_npy(array)[:-1]) is Verdict.UNREADABLE
    assert scan_content(make_npy(array) + b"\0") is Verdict.UNREADABLE
    assert scan_content(make_npy(array) + HOSTILE) is Verdict.DANGEROUS


@pytest.mark.parametrize("length", [0, 1, 7, 300])
def test_unrecognised_bytes_are_unreadable_and_text_is_safe(tmp_path, length):
    (tmp_path / "m").write_bytes(b"\xfe\x00\xff" + bytes(range(256)) * length)
    assert scan_path(tmp_path / "m").verdict is Verdict.UNREADABLE
    (tmp_path / "m").write_text("catboost\nnumpy\nscikit-learn\n" * (length + 1))
    assert scan_path(tmp_path / "m").verdict is Verdict.SAFE
