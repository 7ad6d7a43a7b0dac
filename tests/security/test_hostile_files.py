"""Files that try to run something, in ways that have got past other scanners: each is named, and none is run."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import subprocess
import zipfile

import joblib
import numpy as np
import pytest

from modelreg.flavors import recognise
from modelreg.records.scan import Verdict
from modelreg.security.scan import scan


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


def name(module: str, qualified: str) -> bytes:
    return text(module) + text(qualified) + b"\x93"


def pickled(*operations: bytes) -> bytes:
    return b"\x80\x04" + b"".join(operations) + b"."


def call(function: bytes, *arguments: str) -> bytes:
    return function + b"(" + b"".join(map(text, arguments)) + b"tR"


SYSTEM = name("posix", "system")
PAYLOAD = pickled(call(SYSTEM, "touch ran"))
PLAIN = b"cposix\nsystem\n(S'touch ran'\ntR."
LOOKUP = name("builtins", "getattr")


def zipped(**how: object) -> bytes:
    """PyTorch's zip with the payload, and other bytes in a member, the directory or its end."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", PAYLOAD)
        archive.writestr("archive/version", b"3")
    data = bytearray(file.getvalue())
    directory, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    for place, (offset, content) in how.items():
        start = {"member": 0, "directory": directory, "end": end}[place]
        data[start + offset : start + offset + len(content)] = content
    return bytes(data)


def wrapped(**state: object) -> bytes:
    """joblib's file with an array, some of whose state is another one, and the payload behind it."""
    file = io.BytesIO()
    joblib.dump([np.arange(100.0), "end"], file)
    data = file.getvalue()
    for before, after in state.values():
        assert before in data
        data = data.replace(before, after, 1)
    return data


def array_in_joblib(content: bytes) -> bytes:
    """joblib's file with an array of bytes without a padding, as joblib up to 1.1 wrote it."""
    wrapper = name("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81}("
    kind = name("numpy", "dtype") + b"(" + text("u1") + b"\x89\x88tR(K\x03" + text("|") + b"NNNJ\xff\xff\xff\xffJ"
    kind += b"\xff\xff\xff\xffK\x00tb"
    shape = b"J" + struct.pack("<i", len(content)) + b"\x85"
    state = text("subclass") + name("numpy", "ndarray") + text("shape") + shape + text("dtype") + kind
    return b"\x80\x04" + wrapper + state + b"ub" + content + b"."


NAMED = {
    "a call": PAYLOAD,
    "protocol 0": PLAIN,
    "INST": b"(S'touch ran'\niposix\nsystem\n.",
    "OBJ": b"(cposix\nsystem\nS'touch ran'\no.",
    "NEWOBJ": pickled(SYSTEM, b"(", text("touch ran"), b"t\x81"),
    "escaped texts": b"S'p\\x6fsix'\nS'syst\\x65m'\n\x93(S'touch ran'\ntR.",
    "names from the memo": pickled(text("posix"), b"\x94", text("system"), b"\x940h\x00h\x01\x93", b")R"),
    "an overwritten memo": pickled(text("collections"), b"q\x05", SYSTEM, b"q\x050h\x05", b")R"),
    "a far memo": pickled(SYSTEM, b"r\xff\xff\xff\x7f0j\xff\xff\xff\x7f)R"),
    "Python 2's name": b"\x80\x02c__builtin__\neval\n(X\x01\x00\x00\x001tR.",
    "after the payload it is cut off": PAYLOAD[:-1],
    "after the payload it is broken": PAYLOAD[:-1] + b"\xff\xff",
    "behind another pickle": pickle.dumps({"a": 1}) + PAYLOAD,
    "behind joblib's arrays": wrapped() + PAYLOAD,
    "in a partial": pickled(call(name("functools", "partial"), "x")[:-2] + b"0" + SYSTEM + b"\x85R)R"),
    "through a frame's end": b"\x80\x04\x95" + struct.pack("<Q", 3) + b"cxxposix\nsystem\n(tR.",
    "behind texts of Python 2": b"S'\\xe9'\n0" + PLAIN,
    "behind texts of Python 2, like safetensors": b'\x80\x04U\x06\xe9123{"0' + PLAIN,
    "in an array, for whoever reads it as a pickle": array_in_joblib(b"0N" + PLAIN),
    "far in an array": array_in_joblib(b"N0" * 5000 + PLAIN),
    "gzip, cut off": gzip.compress(PAYLOAD)[:-4],
    "gzip, twice": gzip.compress(gzip.compress(PAYLOAD)),
    "gzip, the second member": gzip.compress(pickle.dumps([1])) + gzip.compress(PAYLOAD),
    "gzip, and something else": gzip.compress(PAYLOAD) + b"something else",
    "zip": zipped(),
    "zip, without a directory": zipped()[: zipped().index(b"PK\x01\x02")],
    "zip, with a directory elsewhere": zipped(end=(16, b"\xff\xff\0\0")),
    "zip, said to be encrypted": zipped(directory=(8, b"\x01")),
    "zip, member said to be encrypted": zipped(member=(6, b"\x01")),
    "zip, with a wrong checksum": zipped(directory=(16, bytes(4)), member=(14, bytes(4))),
    "zip, with an unknown compression": zipped(directory=(10, b"\x63\0")),
    "zip, with two compressions": zipped(member=(8, b"\0\0")),
    "zip, with two sizes": zipped(directory=(20, b"\x03\0\0\0")),
    "zip, behind a picture": b"GIF89a" + zipped(),
    "zip, before something else": zipped() + b"x" * 100,
}

SEEN = {
    "a dotted name": (pickled(name("sklearn.datasets._base", "os.getpid"), b")R"), "os.getpid"),
    "attributes of a class": (pickled(name("sklearn.svm._classes", "SVC"), b"}", text("predict"), b"NsbN"), "SVC"),
    "items of a dictionary of a module": (pickled(name("joblib.parallel", "BACKENDS"), text("a"), b"Ns"), "BACKENDS"),
    "globals of a class": (
        pickled(LOOKUP, name("sklearn.svm._classes", "SVC"), text("__init__"), b"\x86R"),
        "sklearn.svm._classes:SVC.__init__, which can run anything",
    ),
    "a looked up attribute is called": (
        pickled(LOOKUP, name("sklearn.svm._classes", "SVC"), b")\x81", text("fit"), b"\x86R)R"),
        "calls an attribute",
    ),
    "joblib's old wrapper": (pickled(name("joblib.numpy_pickle", "NDArrayWrapper"), b")\x81}b"), "NDArrayWrapper"),
    "joblib's wrapper by another name": (
        pickled(name("joblib", "numpy_pickle.NumpyArrayWrapper"), b")\x81}b"),
        "Wrapper",
    ),
    "a distribution that executes its state": (
        pickled(name("scipy.stats._continuous_distns", "norm_gen"), b")\x81}", text("_parse_arg_template"), b"Nsb"),
        "norm_gen",
    ),
}

DOUBTED = {
    "an extension code": b"\x80\x02\x82\x01)R.",
    "a computed name": pickled(call(name("builtins", "str"), "os"), text("system"), b"\x93)R"),
    "an array of another type": wrapped(dtype=(b"f8", b"f4")),
    "a second pickle that is none": pickle.dumps([1]) + b"\xff\xff\xff",
    "a persistent id": b"\x80\x02U\x01xQ.",
    "more marks than are followed": b"(" * 3_000_001 + PLAIN,
    "a line longer than is read": b"V" + b"a" * (65 << 20) + b"\n0" + PLAIN,
    "a place in the memo with thousands of digits": pickled(
        *(text("posix"), b"q\x050p", b"0" * 4096, b"5\n0"), *(b"h\x05", text("system"), b"\x93")
    ),
    "more pickles than are followed": b"N." * 1000 + PLAIN,
    "an import of Python's own, and nothing else": b"cthis\nx\n\n",
}


@pytest.fixture
def scanned(tmp_path):
    def scan_bytes(content: bytes):
        path = tmp_path / "model.pkl"
        path.write_bytes(content)
        return scan({"model.pkl": path}, False, recognise({"model.pkl": path}, False).format)

    return scan_bytes


@pytest.mark.parametrize("way", NAMED)
def test_what_would_run_is_named(scanned, way):
    found = scanned(NAMED[way])
    assert found.verdict is Verdict.DANGEROUS
    assert {"posix.system", "builtins.eval"} & {
        each.dotted for each in found.imports if each.verdict is Verdict.DANGEROUS
    }


@pytest.mark.parametrize("way", SEEN)
def test_what_leads_to_code_is_not_safe_and_is_said(scanned, way):
    content, said = SEEN[way]
    found = scanned(content)
    assert found.verdict is not Verdict.SAFE
    assert said in " ".join([*found.findings, *found.reasons])


@pytest.mark.parametrize("way", DOUBTED)
def test_what_is_not_understood_is_unreadable(scanned, way):
    assert scanned(DOUBTED[way]).verdict is Verdict.UNREADABLE


USUAL = ["a call", "behind joblib's arrays"]


@pytest.mark.parametrize(
    "way", [*USUAL, *(pytest.param(way, marks=pytest.mark.slow) for way in NAMED if way not in USUAL)]
)
def test_no_command_runs_a_hostile_file(tmp_path, way, modelreg):
    (tmp_path / "model.pkl").write_bytes(NAMED[way])
    (tmp_path / "x.csv").write_text("a\n1\n")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [modelreg, "--registry", "registry", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    refused = run("register", "model.pkl", "--name", "bad")
    assert (refused.returncode, "system" in refused.stderr or "eval" in refused.stderr) == (7, True), refused.stderr
    assert run("register", "model.pkl", "--name", "bad", "--allow-unsafe", "to test").returncode == 0
    for words in (["list"], ["versions", "bad"], ["verify"], ["load", "bad/1", "-o", "copy"]):
        assert run(*words).returncode == 0
    assert json.loads(run("show", "bad/1", "--json").stdout)["scan"] == "dangerous"
    assert run("predict", "bad/1", "-i", "x.csv", "-o", "y.csv").returncode in (2, 7)
    assert not (tmp_path / "ran").exists()
