"""Verdicts on formats other than plain pickles, and on code inside of them."""

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


def scanned(path: Path):
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
    assert scanned(FILES / name).verdict == verdict


@pytest.mark.parametrize("first", [b"learner", b"Config"], ids=["of XGBoost", "of XGBoost in skops"])
def test_ubjson_is_safe(first, tmp_path):
    (tmp_path / "model").write_bytes(b"{L" + len(first).to_bytes(8, "big") + first + b"{\0\xff}}")
    assert scanned(tmp_path / "model").verdict == "safe"


def zipped(compression: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return file.getvalue()


def keras(*layers: dict) -> bytes:
    config = {"class_name": "Sequential", "module": "keras", "config": {"layers": list(layers)}}
    return zipped(
        config__json=json.dumps(config).encode(), metadata__json=b"{}", model__weights__h5=b"\x89HDF\r\n\x1a\n"
    )


DENSE = {"class_name": "Dense", "module": "keras.layers", "config": {}}
LAMBDA = {"class_name": "Lambda", "module": "keras.layers", "config": {"function": {"class_name": "__lambda__"}}}
OWN = {"class_name": "Mine", "module": "mypackage.layers", "config": {}, "registered_name": "Mine"}


@pytest.mark.parametrize(
    ("layers", "verdict", "expected"),
    [([DENSE], "safe", ()), ([DENSE, LAMBDA], "dangerous", "Lambda"), ([OWN], "unknown", "mypackage.layers.Mine")],
)
def test_the_verdict_on_a_keras_model_depends_on_its_layers(tmp_path, layers, verdict, expected):
    (tmp_path / "model").write_bytes(keras(*layers))
    result = scanned(tmp_path / "model")
    assert result.verdict == verdict
    assert not expected or expected in result.findings[0]


def field(number: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return bytes([number << 3, content])
    return (
        bytes([(number << 3 | 2) & 0x7F | 0x80 * (number > 15)])
        + (b"\x01" if number > 15 else b"")
        + (bytes([len(content) & 0x7F | 0x80, len(content) >> 7]) + content)
    )


def onnx(*graph: bytes, domain: bytes = b"") -> bytes:
    return field(1, 8) + field(7, b"".join(graph)) + field(8, field(1, domain) + field(2, 17))


def external(location: bytes) -> bytes:
    """A tensor with an external data file."""
    entries = field(13, field(1, b"location") + field(2, location)) + field(13, field(1, b"length") + field(2, b"9"))
    return field(5, field(8, b"weight") + entries + field(14, 1))


def inner(tensor: bytes) -> bytes:
    """A node with a subgraph that contains the tensor."""
    return field(1, field(4, b"If") + field(5, field(1, b"then_branch") + field(6, tensor)))


@pytest.mark.parametrize(
    ("content", "verdict", "expected"),
    [
        (onnx(field(1, field(4, b"Add"))), "safe", None),
        (onnx(domain=b"ai.onnx.ml"), "safe", None),
        (onnx(domain=b"com.example"), "unknown", "com.example"),
        (onnx(external(b"../../etc/passwd")), "dangerous", "../../etc/passwd"),
        (onnx(inner(external(b"/etc/passwd"))), "dangerous", "/etc/passwd"),
        (onnx(external(b"weights.bin")), "unknown", "weights.bin"),
        (onnx() + field(25, field(11, field(5, external(b"/etc/passwd")[3:]))), "dangerous", "/etc/passwd"),
        (onnx() + field(20, field(1, external(b"/etc/passwd"))), "dangerous", "/etc/passwd"),
        (onnx(external(b"*/_ORT_MEM_ADDR_/*")), "dangerous", "memory address"),
        (onnx(field(19, b"of a later release")), "unreadable", "unknown field"),
        (onnx(field(1, field(29, b"of a later release"))), "unreadable", "unknown field"),
        (b"\x32\x90\x80\x00" + b"ORTM" * 4 + onnx(), "unreadable", "ORT format"),
    ],
)
def test_the_verdict_on_an_onnx_model_depends_on_its_files_and_operators(tmp_path, content, verdict, expected):
    (tmp_path / "model").write_bytes(content)
    result = scanned(tmp_path / "model")
    assert result.verdict == verdict
    assert expected is None or expected in result.reasons[0]


def test_an_onnx_field_number_beyond_32_bits_is_unreadable(tmp_path):
    """C++ protobuf truncates keys to 32 bits, and would read this field as a graph."""
    hidden = b"\xba\x80\x80\x80\x10" + field(7, external(b"../../etc/passwd"))[1:]
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.onnx").write_bytes(onnx(field(1, field(4, b"Add"))) + hidden)
    assert scanned(tmp_path / "m").verdict == "unreadable"


def test_a_file_named_onnx_is_scanned_as_onnx_even_if_it_resembles_safetensors(tmp_path):
    (tmp_path / "m").mkdir()
    like_safetensors = field(1, 8) + b"\x12\x86\x00" + b'abc{"x' + field(7, external(b"/etc/passwd"))
    assert like_safetensors[8:10] == b'{"'
    (tmp_path / "m" / "notes.txt").write_text("notes")
    for name, verdict in (("model.onnx", "dangerous"), ("model.ONNX", "dangerous"), ("model.bin", "unreadable")):
        (tmp_path / "m" / name).write_bytes(like_safetensors)
        assert scanned(tmp_path / "m").verdict == verdict
        (tmp_path / "m" / name).unlink()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("padding", "verdict"), [(b"", "safe"), (b" " * (2 << 20), "safe"), (b"x", "unreadable")])
def test_safetensors_files_are_recognised_by_their_header(tmp_path, packed, padding, verdict):
    header = b'{"a": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]}}' + padding
    content = len(header).to_bytes(8, "little") + header + b"\xfe\xff\x00"
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "notes.txt").write_text("notes")
    (tmp_path / "m" / "model").write_bytes(zipped(zipfile.ZIP_DEFLATED, inner=content) if packed else content)
    assert scanned(tmp_path / "m").verdict == verdict


@pytest.mark.slow
@pytest.mark.parametrize("packed", [False, True])
def test_known_formats_are_no_pickles_whatever_length_they_begin_with(tmp_path, packed):
    tensors = {f"t{at}": {"dtype": "U8", "shape": [1], "data_offsets": [at, at + 1]} for at in range(99)}
    header = json.dumps(tensors).encode()
    (tmp_path / "m").mkdir()
    for low in range(256):
        padded = header + b" " * (low - len(header) % 256 + 256)
        tensor = len(padded).to_bytes(8, "little") + padded + b"\xfe" * 99
        core = b"\x14\0\xfe" * 2000 + b"\1" * low
        catboost = b"CBM1" + len(core).to_bytes(4, "little") + core
        for content in (tensor, catboost, f"{chr(low % 95 + 32)}1\nprice,goods\n".encode() * 50):
            (tmp_path / "m" / "model").write_bytes(zipped(zipfile.ZIP_DEFLATED, inner=content) if packed else content)
            assert scanned(tmp_path / "m").verdict is Verdict.SAFE, (low, content[:9])


@pytest.mark.parametrize("data", [b"9 numbers", bytes(range(256))])
def test_onnx_data_that_was_registered_with_its_model_is_no_reproach(tmp_path, data):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.onnx").write_bytes(onnx(external(b"weights.bin")))
    (tmp_path / "m" / "weights.bin").write_bytes(data)
    assert scanned(tmp_path / "m").verdict is Verdict.SAFE


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
@pytest.mark.parametrize("before", ["", "# a comment\n" * 200_000], ids=["short", "long"])
@pytest.mark.parametrize("packed", [False, True])
def test_yaml_that_calls_python_is_named_wherever_it_does(tmp_path, text, verdict, before, packed):
    with zipfile.ZipFile(tmp_path / "m.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m.yaml", before + text)
    (tmp_path / "m.yaml").write_text(before + text)
    assert scanned(tmp_path / ("m.zip" if packed else "m.yaml")).verdict == verdict


@pytest.mark.parametrize(
    "text",
    [
        "import os\nos.system('true')\n",
        "catboost==1.2.8\nnumpy.os==1.26.0\n",
        "class,value\na.os.b b,1\n",
        "iris setosa\nbuiltins.eval(1)\n",
    ],
)
def test_text_that_begins_as_an_import_does_is_text(tmp_path, text):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "notes.txt").write_text(text)
    assert scanned(tmp_path / "m").verdict is Verdict.SAFE


def tarred(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("inner/model.pkl")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def saved(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def compressed(content: bytes, compression: str) -> bytes:
    import bz2
    import gzip
    import lzma
    import zlib

    from lz4 import frame

    ways = {
        "zlib": zlib.compress,
        "gzip": gzip.compress,
        "bz2": bz2.compress,
        "xz": lzma.compress,
        "lz4": frame.compress,
    }
    return ways[compression](content)


CONTAINERS = {
    "zip": lambda content: zipped(inner__pkl=content),
    "zip in a zip": lambda content: zipped(inner__zip=zipped(inner__pkl=content)),
    "tar": tarred,
    **{
        compression: lambda content, compression=compression: compressed(content, compression)
        for compression in ("zlib", "gzip", "bz2", "xz", "lz4")
    },
    "tar.gz": lambda content: compressed(tarred(content), "gzip"),
    "zip in gzip": lambda content: compressed(zipped(inner__pkl=content), "gzip"),
    "gzip in a zip": lambda content: zipped(inner=compressed(content, "gzip")),
    "zip behind something": lambda content: b"\x00\x01\x02" * 100 + zipped(inner__pkl=content),
    "zip behind an array": lambda content: saved(np.zeros(3)) + zipped(inner__pkl=content),
    "behind an array": lambda content: saved(np.zeros(3)) + content,
    "two pickles": lambda content: pickle.dumps([1]) + content,
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(("content", "name"), [(HOSTILE, "posix.system"), (UNKNOWN, "mypackage.Encoder")])
@pytest.mark.parametrize("suffix", ["pkl", "onnx", "txt", "safetensors"])
def test_a_pickle_is_found_in_every_container_under_any_file_name(tmp_path, container, content, name, suffix):
    path = tmp_path / f"model.{suffix}"
    path.write_bytes(CONTAINERS[container](content))
    assert name in [imported.dotted for imported in scanned(path).imports]
    assert scanned(path).verdict is not Verdict.SAFE


class Hostile:
    def __reduce__(self):
        import os

        return os.system, ("true",)


@pytest.mark.parametrize("compression", ["npy", "npz", "joblib"])
def test_arrays_of_objects_are_scanned(tmp_path, compression):
    array = np.array([Hostile()], object)
    if compression == "joblib":
        joblib.dump([array], tmp_path / "m")
    else:
        (tmp_path / "m").write_bytes(saved(array) if compression == "npy" else zipped(a__npy=saved(array)))
    assert scanned(tmp_path / "m").verdict is Verdict.DANGEROUS


def npy(descr: str, content: bytes) -> bytes:
    """A ``.npy`` file with one element and this dtype description."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content


@pytest.mark.parametrize(
    "descr",
    ["'|O'", "'object'", "'object_'", r"'\x4f'", "'i4,O'", "'(2,)O'", "'i4,(1,)O'", "[('a', 'O')]", "('O', (1,))"],
)
def test_arrays_of_objects_are_scanned_for_every_spelling_of_the_dtype(tmp_path, descr):
    (tmp_path / "m").write_bytes(npy(descr, HOSTILE))
    assert scanned(tmp_path / "m").verdict is Verdict.DANGEROUS


@pytest.mark.parametrize("descr", ["", "'f8'}", "(" * 100, "'float64'", "'f8', " * 20_000])
def test_an_array_with_an_invalid_header_is_unreadable(tmp_path, descr):
    (tmp_path / "m").write_bytes(npy(descr[:60_000], bytes(8)))
    assert scanned(tmp_path / "m").verdict is Verdict.UNREADABLE


@pytest.mark.parametrize(
    "array", [np.zeros((3, 4)), np.zeros(2, [("a", "i4", (2,)), (("t", "b"), "M8[ns]"), ("c", [("d", "U3")])])]
)
def test_arrays_of_numbers_are_safe(tmp_path, array):
    (tmp_path / "m").write_bytes(saved(array))
    assert scanned(tmp_path / "m").verdict is Verdict.SAFE


PACKED = {
    "npy": lambda content: content,
    "npz": lambda content: zipped(zipfile.ZIP_DEFLATED, a__npy=content),
    "stored in a zip": lambda content: zipped(a__npy=content),
    "gzip": lambda content: compressed(content, "gzip"),
}


@pytest.mark.parametrize("compression", PACKED)
@pytest.mark.parametrize("array", [np.zeros((3, 4)), np.zeros((), "U3"), np.zeros((2, 0)), np.zeros(2, "i4,(2,3)f8")])
def test_an_array_of_another_size_than_its_shape_is_not_safe(tmp_path, compression, array):
    def verdict(content: bytes) -> Verdict:
        (tmp_path / "m").write_bytes(PACKED[compression](content))
        return scanned(tmp_path / "m").verdict

    assert verdict(saved(array)) is Verdict.SAFE
    assert verdict(saved(array)[:-1]) is Verdict.UNREADABLE
    assert verdict(saved(array) + b"\0") is Verdict.UNREADABLE
    assert verdict(saved(array) + HOSTILE) is Verdict.DANGEROUS


@pytest.mark.parametrize("length", [0, 1, 7, 300])
def test_unrecognised_bytes_are_unreadable_and_text_is_safe(tmp_path, length):
    (tmp_path / "m").write_bytes(b"\xfe\x00\xff" + bytes(range(256)) * length)
    assert scanned(tmp_path / "m").verdict is Verdict.UNREADABLE
    (tmp_path / "m").write_text("catboost\nnumpy\nscikit-learn\n" * (length + 1))
    assert scanned(tmp_path / "m").verdict is Verdict.SAFE
