"""Safe files run no code in other loaders either: pickle, or joblib of any release."""

from __future__ import annotations

import gzip
import pickle
import random
import struct
import zlib

import joblib
import numpy as np
import pytest

from modelreg.analysis.scan import scan
from modelreg.domain.scans import Verdict

MEMOISE = b"\x94"


def text(value: str, *, memoised: bool = False) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded + MEMOISE * memoised


def name(module: str, attribute: str) -> bytes:
    return text(module, memoised=True) + text(attribute, memoised=True) + b"\x93" + MEMOISE


def joblib_zfile_in_ascii(program: bytes) -> bytes:
    """A file in the format of joblib before 0.10, in ASCII only."""
    chooser = random.Random(0)
    length = 0xC341
    while True:
        data = program + bytes(chooser.choices(b"abcdefghijk lmnop\n", k=length - len(program)))
        total = zlib.adler32(data).to_bytes(4, "big")
        if all(0 < byte < 128 for byte in total):
            break
    block = b"\x78\x01\x01" + length.to_bytes(2, "little") + (length ^ 0xFFFF).to_bytes(2, "little")
    return b"ZF" + hex(length).encode().ljust(19) + block + data + total


def joblib_file_with_opcodes_as_elements(command: str) -> bytes:
    """A file in the format of joblib before 1.2, without a padding before the elements."""
    code = text("os") + text("system") + text("junk") + b"0\x93" + text(command) + b"\x85R\xff"
    code += b"\xff" * (-len(code) % 8)
    dtype = b"cnumpy\ndtype\n" + text("f8") + b"\x89\x88\x87R"
    dtype += b"(K\x03" + text("<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    state = text("subclass") + b"cnumpy\nndarray\n" + text("shape") + b"K" + bytes([len(code) // 8]) + b"\x85"
    state += text("order") + text("C") + text("dtype") + dtype + text("allow_mmap") + b"\x88"
    return b"\x80\x03cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(" + state + b"ub" + code + b"."


def joblib_file_with_names_of_another_memo(command: str) -> bytes:
    """A joblib file with an array of objects that reads other names if the memo of the whole file is used."""
    dtype = name("numpy", "dtype") + text("O8") + b"\x89\x88\x87" + MEMOISE + b"R" + MEMOISE
    dtype += b"(K\x03" + text("|", memoised=True) + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3ft" + MEMOISE + b"b"
    array = b"\x80\x04" + name("numpy._core.multiarray", "_reconstruct") + name("numpy", "ndarray")
    array += b"K\x00\x85" + MEMOISE + b"C\x01b" + MEMOISE + b"\x87" + MEMOISE + b"R" + MEMOISE
    array += b"(K\x01K\x02\x85" + MEMOISE + dtype
    number = array.count(MEMOISE)
    array += b"\x89]" + MEMOISE + b"(" + text("decimal", memoised=True) + text("Decimal", memoised=True) + b"\x93"
    array += text("1") + b"\x85Rh" + bytes([number + 1]) + b"h" + bytes([number + 2]) + b"\x93"
    array += text(command) + b"\x85Retb."
    before = b"".join(text(f"t{index}", memoised=True) for index in range(number + 1))
    before += text("os", memoised=True) + text("system", memoised=True)
    state = text("subclass") + name("numpy", "ndarray") + text("shape") + b"K\x01\x85" + MEMOISE
    state += text("order") + text("C") + text("dtype") + dtype + text("allow_mmap") + b"\x89"
    state += text("numpy_array_alignment_bytes") + b"K\x10"
    wrapper = name("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81" + MEMOISE + b"}" + MEMOISE
    return b"\x80\x04](" + before + wrapper + b"(" + state + b"ub" + array + b"e."


def call_with_hidden_name(command: str) -> bytes:
    return b"Vposix\nVsystem\nVa b\n0q\xc2\x93(V" + command.encode() + b"\ntR."


def call(command: str) -> bytes:
    return b"cposix\nsystem\n(V" + command.encode() + b"\ntR."


FILES = {
    "text": (call_with_hidden_name, pickle.load),
    "image": (lambda command: b"GIF89a\0\0\x010" + call_with_hidden_name(command), pickle.load),
    "text that begins with many opcodes": (lambda command: b"N0" * 100_001 + call(command), pickle.load),
    "compressed text": (lambda command: gzip.compress(call_with_hidden_name(command)), joblib.load),
    "long compressed text": (
        lambda command: gzip.compress(b"(N0" + text("x" * (2 << 20)) + b"0" + call(command)),
        joblib.load,
    ),
    "file of joblib before 0.10": (lambda command: joblib_zfile_in_ascii(call(command)), joblib.load),
    "array elements that are opcodes": (joblib_file_with_opcodes_as_elements, pickle.load),
    "array of objects with names of another memo": (joblib_file_with_names_of_another_memo, pickle.load),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("label", FILES)
def test_files_that_run_code_in_other_loaders_are_not_safe(label, tmp_path):
    make, load = FILES[label]
    path, marker = tmp_path / "model", tmp_path / "marker"
    path.write_bytes(make(f"touch {marker}"))
    assert scan({"model": path}, False, "file").verdict is not Verdict.SAFE
    with path.open("rb") as file:
        try:
            load(path if load is joblib.load else file)
        except Exception:  # the command runs before the error
            assert marker.exists()
    assert marker.exists(), "the loader did not run the command"


def test_an_import_followed_by_text_is_not_safe(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"cstrangers_module\nthing\n.\nsome text\n")
    assert scan({"model": path}, False, "file").verdict is not Verdict.SAFE


TEXTS = ["cat\ndog\nbird\n", "ZF,weight\n1,2\n", "V8\nV6\n", "0.5\n0.7\n", "(1, 2)\n", "N\n"]


@pytest.mark.parametrize("beginning", TEXTS)
def test_a_text_that_begins_like_opcodes_is_safe(beginning, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text(beginning + "and so on, line after line\n" * 20)
    assert scan({"notes.txt": path}, False, "file").verdict is Verdict.SAFE


@pytest.mark.parametrize("shape", [(1,), (0, 2), (300, 2), (70_000,)])
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: {"a": "b", "values": [value, value]}])
def test_joblib_arrays_of_objects_are_safe(shape, wrap, tmp_path):
    joblib.dump(wrap(np.full(shape, "a", object)), tmp_path / "model")
    assert scan({"model": tmp_path / "model"}, False, "joblib").verdict is Verdict.SAFE
